//! The one binary, `kryten`: all services and tools.
//!
//! [`cli`] holds every option; [`commands`] has a file for each family of verbs; [`context`] finds the NATS server and
//! the channel that a client command means; [`screen`] draws tables and charts as wide as the terminal is; [`output`] is
//! the edge where errors become a sentence and an exit code.
#![warn(
    clippy::print_stderr,
    reason = "eprintln! panics when stderr has gone; output::aside does not"
)]

mod ask;
mod bus;
mod census;
mod chapters;
mod cli;
mod commands;
mod config_file;
mod connection_file;
mod context;
mod logging;
mod nats_users;
mod output;
mod paint;
mod progress;
mod recording;
mod screen;
mod size;
mod stop_signal;
mod supervisor;

use std::process::ExitCode;

use clap::FromArgMatches;

use crate::cli::Cli;

/// The C library's keeps what a burst needed, in each thread's heap by itself; this one gives it back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = cli::command().try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return output::misused(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return output::failed(
                &anyhow::Error::from(error).context("could not start the runtime"),
            );
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(error) => output::failed(&error),
    }
}

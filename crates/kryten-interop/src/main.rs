//! Checks, both ways, that we and the Python originals understand each other.
//!
//! `cargo run -p kryten-interop` makes a private Python environment with the real kryten-py from the user's package
//! index, starts a private nats-server, and has both sides write and read. The last line counts; a failure is exit
//! code 1. Then the real kryten-robot and python-socketio, in environments of their own, enter the simulator's channels
//! over https.
#![allow(clippy::print_stdout, reason = "its report is what it is run for")]

mod agent;
mod checks;
mod matrix;
mod names;
mod originals;
mod recorder;
mod table;

use std::process::ExitCode;

use kryten_client::{Client, NatsConfig};
use kryten_servers::{FindOptions, NatsServer, NatsServerOptions, find_nats_server};

use crate::agent::Agent;
use crate::checks::{Report, Sides};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    // Whoever is first wins; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let python = kryten_python::LIBRARY.python().await?;
    let binary = find_nats_server(&FindOptions::default()).await?;
    let folder = tempfile::tempdir()?;
    let mut server = NatsServer::start(NatsServerOptions::new(&binary, folder.path())).await?;
    let config = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
    let mut sides = Sides {
        rust: Client::connect(&config).await?,
        python: Agent::start(&python, &server).await?,
        config,
    };
    let mut report = Report::default();
    checks::run(&mut sides, &mut report).await;
    drop(sides);
    server.stop().await?;
    originals::run(&binary, &mut report).await;
    println!("{} passed, {} failed", report.passed, report.failed);
    Ok(match report.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

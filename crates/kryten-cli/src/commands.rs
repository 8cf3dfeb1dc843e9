//! One file for each verb.

pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod kv;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod robot;
pub(crate) mod sim;
pub(crate) mod stats;
pub(crate) mod tail;
pub(crate) mod up;
pub(crate) mod userstats;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::output;

/// Runs the verb.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // Whoever is first wins; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if cli.command.is_service() && cli.client.config.is_some() {
        return Ok(output::usage(
            "--config before the verb is for client commands; put it after the service's name",
        ));
    }
    match cli.command {
        Command::Up(args) => up::run(&cli.client, *args).await,
        Command::Sim(args) => sim::run(*args).await,
        Command::Kv(args) => kv::run(&cli.client, args).await,
        Command::Doctor(args) => doctor::run(&cli.client, args).await,
        Command::Record(args) => record::run(&cli.client, args).await,
        Command::Replay(args) => replay::run(&cli.client, args).await,
        Command::Tail(args) => tail::run(&cli.client, args).await,
        Command::Config(args) => config::run(&cli.client, args),
        Command::Health(args) => health::run(&cli.client, args).await,
        Command::Stats(args) => stats::run(&cli.client, args).await,
        Command::Userstats(args) => userstats::run(cli.client.nats.as_deref(), args).await,
        Command::Robot(args) => robot::run(cli.client.nats.as_deref(), args).await,
    }
}

//! Checks, both ways, that we and the Python originals understand each other.
//!
//! `cargo run -p kryten-interop` makes a private Python environment with the real kryten-py from the user's package
//! index, starts a private nats-server, and has both sides write and read. The last line counts; a failure is exit
//! code 1. Then the real kryten-robot and python-socketio, in environments of their own, enter the simulator's channels
//! over https. Then the real kryten-cli and kryten-userstats work with our robot.
#![allow(clippy::print_stdout, reason = "its report is what it is run for")]

mod agent;
mod checks;
mod clients;
mod matrix;
mod names;
mod originals;
mod recorder;
mod table;

use std::process::ExitCode;

use kryten_client::{Client, NatsConfig};
use kryten_servers::{FindOptions, NatsBinary, NatsServer, NatsServerOptions, find_nats_server};

use crate::agent::Agent;
use crate::checks::{Report, Sides};

/// What can be run alone, in the order in which all are run.
const PARTS: [&str; 3] = ["library", "originals", "clients"];

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|part| !PARTS.contains(&part.as_str())) {
        anyhow::bail!("there is no part {unknown:?}; name some of {PARTS:?}, or none for all");
    }
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    // Whoever is first wins; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let binary = find_nats_server(&FindOptions::default()).await?;
    let mut report = Report::default();
    if is_wanted("library") {
        library(&binary, &mut report).await?;
    }
    if is_wanted("originals") {
        originals::run(&binary, &mut report).await;
    }
    if is_wanted("clients") {
        clients::run(&mut report).await;
    }
    println!("{} passed, {} failed", report.passed, report.failed);
    Ok(match report.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// kryten-py and our library, on one server.
async fn library(binary: &NatsBinary, report: &mut Report) -> anyhow::Result<()> {
    let python = kryten_python::LIBRARY.python().await?;
    let folder = tempfile::tempdir()?;
    let mut server = NatsServer::start(NatsServerOptions::new(binary, folder.path())).await?;
    let config = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
    let mut sides = Sides {
        rust: Client::connect(&config).await?,
        python: Agent::start(&python, &server).await?,
        config,
    };
    checks::run(&mut sides, report).await;
    drop(sides);
    server.stop().await?;
    Ok(())
}

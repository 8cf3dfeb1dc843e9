//! The simulator before clients that are not ours: the real kryten-robot, and python-socketio of both protocols.

mod robot;
mod socketio;

use std::path::PathBuf;

use anyhow::Context;
use kryten_python::{OLD_SOCKETIO, ROBOT};
use kryten_servers::NatsBinary;
use kryten_sim::{ChannelConfig, ScriptConfig, Sim, SimConfig, SimHandle, TlsConfig};
use tempfile::TempDir;

use crate::checks::Report;

/// The channel that the robot is in; the others have [`ATTIC`].
const LOUNGE: &str = "Lounge";
const ATTIC: &str = "Attic";

/// A simulator with TLS and two channels, and where its authority's certificate is.
struct Stage {
    sim: SimHandle,
    ca_file: PathBuf,
    folder: TempDir,
}

impl Stage {
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let ca_file = folder.path().join("ca.pem");
        let furnished = ScriptConfig {
            users: 9,
            rate: 0.0,
            ..ScriptConfig::default()
        };
        let sim = Sim::start(SimConfig {
            tls: Some(TlsConfig {
                ca_file: Some(ca_file.clone()),
                ..TlsConfig::on_loopback()
            }),
            // python-socketio 4 counts characters beyond U+FFFF as one in a poll, CyTube as two; here are none.
            channels: vec![ChannelConfig::quiet(ATTIC)],
            flood_limits: false,
            ..SimConfig::lively(LOUNGE, furnished)
        })
        .await?;
        Ok(Self {
            sim,
            ca_file,
            folder,
        })
    }

    fn secure_url(&self) -> anyhow::Result<String> {
        self.sim.secure_url().context("the simulator has no TLS")
    }
}

/// Runs all checks.
pub(crate) async fn run(binary: &NatsBinary, report: &mut Report) {
    let stage = match Stage::start().await {
        Ok(stage) => stage,
        Err(error) => return report.add("the simulator serves TLS", Err(error)),
    };
    match ROBOT.python().await {
        Ok(python) => {
            robot::run(&python, binary, &stage, report).await;
            socketio::run("python-socketio 5 (Engine.IO 4)", &python, &stage, report).await;
        }
        Err(error) => report.add("kryten-robot 1.12.6 can be had", Err(error.into())),
    }
    match OLD_SOCKETIO.python().await {
        Ok(python) => {
            socketio::run("python-socketio 4 (Engine.IO 3)", &python, &stage, report).await;
        }
        Err(error) => report.add("python-socketio 4.6.1 can be had", Err(error.into())),
    }
    stage.sim.shutdown().await;
}

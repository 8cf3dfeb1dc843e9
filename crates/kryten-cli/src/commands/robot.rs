//! `kryten robot`: the bridge alone, on the original's configuration file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use kryten_robot::{Robot, RobotConfig};
use tokio::net::TcpListener;

use crate::config_file;
use crate::logging::{self, LogLevel};
use crate::output;
use crate::stop_signal::StopSignal;

/// Options of `kryten robot`.
#[derive(Debug, Args)]
pub(crate) struct RobotArgs {
    /// The configuration file; without it /etc/kryten/kryten-robot/config.json, then ./config.json
    #[arg(long = "config", short = 'c', value_name = "FILE", id = "robot_config")]
    pub(crate) config: Option<PathBuf>,
}

/// Runs until Ctrl-C, SIGTERM, or until the channel is given up.
pub(crate) async fn run(nats: Option<&str>, args: RobotArgs) -> anyhow::Result<ExitCode> {
    let mut stop = StopSignal::listen()?;
    let file = config_file::find(args.config.as_deref(), "kryten-robot")?;
    let mut config = kryten_robot::config::load(&file)
        .with_context(|| format!("cannot use {}", file.display()))?;
    if let Some(url) = nats {
        config.nats.servers = vec![url.to_owned()];
    }
    logging::start(level(&config.log_level), None)?;
    let listener = listen(&config).await?;
    let mut robot = tokio::select! {
        robot = Robot::bind(config) => robot?,
        () = stop.received() => return Ok(ExitCode::SUCCESS),
    };
    if let Some(listener) = listener {
        let router = kryten_robot::health::router(robot.reporter());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    let gave_up = tokio::select! {
        () = robot.join() => true,
        () = stop.received() => false,
    };
    robot.shutdown().await;
    Ok(if gave_up {
        ExitCode::from(output::FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

async fn listen(config: &RobotConfig) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = &config.health else {
        return Ok(None);
    };
    let listener = TcpListener::bind((address.host.as_str(), address.port))
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}:{} for /health; set health.port in the configuration",
                address.host, address.port
            )
        })?;
    Ok(Some(listener))
}

fn level(name: &str) -> LogLevel {
    match name {
        "DEBUG" => LogLevel::Debug,
        "WARNING" => LogLevel::Warn,
        "ERROR" | "CRITICAL" => LogLevel::Error,
        _ => LogLevel::Info,
    }
}

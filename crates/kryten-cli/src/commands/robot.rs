//! `kryten robot`: the bridge alone, on the original's configuration file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use kryten_client::log_levels::LogLevels;
use kryten_robot::{Guest, Robot, RobotConfig};
use tokio::net::TcpListener;

use crate::config_file;
use crate::logging::{self, LogArgs, LogFile, Logging};
use crate::output;
use crate::stop_signal::StopSignal;
use crate::supervisor::{self, Supervisor};

/// Options of `kryten robot`.
#[derive(Debug, Args)]
pub(crate) struct RobotArgs {
    /// The configuration file; without it /etc/kryten/kryten-robot/config.json, then ./config.json
    #[arg(long = "config", short = 'c', value_name = "FILE", id = "robot_config")]
    pub(crate) config: Option<PathBuf>,
    /// Log into this file too
    #[arg(
        long,
        value_name = "FILE",
        env = "KRYTEN_LOG_FILE",
        hide_env_values = true
    )]
    log_file: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
    /// The exit code when all channels are given up (banned, logged in twice, wrong password); a supervisor that knows
    /// it does not try again and again
    #[arg(long, value_name = "CODE", default_value_t = output::FAILED, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) given_up_code: u8,
}

/// Runs until Ctrl-C, SIGTERM, until somebody asks it to stop, or until the channel is given up.
pub(crate) async fn run(servers: Vec<String>, args: RobotArgs) -> anyhow::Result<ExitCode> {
    let mut stop = StopSignal::listen()?;
    let file = config_file::find(args.config.as_deref(), "kryten-robot")?;
    let mut config = kryten_robot::config::load(&file)
        .with_context(|| format!("cannot use {}", file.display()))?;
    if !servers.is_empty() {
        config.nats.servers = servers;
    }
    let levels = LogLevels::new(&config.log_level);
    let logging = logging::start(Logging {
        format: args.log.format(config.log_format),
        file: args.log_file.clone().map(|path| LogFile {
            path,
            levels: levels.clone(),
            rotation: args.log.rotation(),
        }),
        stderr: levels,
    })?;
    let listener = listen(&config).await?;
    if config.guest_mode {
        return look_on(config, listener, stop, args.given_up_code).await;
    }
    let mut robot = tokio::select! {
        robot = Robot::bind(config) => robot?,
        () = stop.received() => return Ok(ExitCode::SUCCESS),
    };
    if let Some(listener) = listener {
        let router = kryten_robot::health::router(robot.reporter());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    let mut wanted = robot.log_levels();
    tokio::spawn(async move {
        while wanted.changed().await.is_ok() {
            logging.set(&wanted.borrow_and_update());
        }
    });
    let reports = robot.reporter();
    let supervisor = Supervisor::start(robot.ready(), robot.silence(), move || {
        supervisor::robot_line(&reports())
    });
    let asked = robot.stop_asked();
    let ended = tokio::select! {
        () = robot.join() => Ok(true),
        asked = asked => supervisor::asked_to_stop(&asked).map(|()| false),
        () = stop.received() => Ok(false),
    };
    drop(supervisor);
    robot.shutdown().await;
    ended.map(|gave_up| exit_code(gave_up, args.given_up_code))
}

/// Guest mode: no login and no NATS.
async fn look_on(
    config: RobotConfig,
    listener: Option<TcpListener>,
    mut stop: StopSignal,
    given_up_code: u8,
) -> anyhow::Result<ExitCode> {
    let mut guest = Guest::start(config)?;
    if let Some(listener) = listener {
        let router = kryten_robot::health::router(guest.reporter());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    let reports = guest.reporter();
    let supervisor = Supervisor::start(std::future::ready(()), guest.silence(), move || {
        supervisor::robot_line(&reports())
    });
    let gave_up = tokio::select! {
        () = guest.join() => true,
        () = stop.received() => false,
    };
    drop(supervisor);
    guest.shutdown().await;
    Ok(exit_code(gave_up, given_up_code))
}

/// A channel that was given up is a failure, so that a supervisor notices.
fn exit_code(gave_up: bool, given_up_code: u8) -> ExitCode {
    match gave_up {
        true => ExitCode::from(given_up_code),
        false => ExitCode::SUCCESS,
    }
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

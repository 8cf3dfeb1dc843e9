//! `kryten up`: everything in one process.

pub(crate) mod file;
mod nats;
mod ready;
mod services;
pub(super) mod web;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kryten_client::log_levels::LogLevels;
use serde_json::json;

use crate::cli::ClientArgs;
use crate::connection_file;
use crate::logging::{self, LogArgs, LogFile, LogLevel, Logging};
use crate::output;
use crate::stop_signal::StopSignal;
use crate::supervisor::{self, Supervisor};
use services::Services;

/// Options of `kryten up`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  kryten up --demo                          a simulated channel, no account
  kryten up --config robot.json             the channels of a robot's file
  kryten up --domain cytu.be --channel X    a channel, entered as a guest")]
pub(crate) struct UpArgs {
    /// Play a simulated CyTube channel, so that something is to be seen without an account
    #[arg(long)]
    pub(crate) demo: bool,
    /// The robot's configuration file (JSON, TOML or YAML), perhaps with a section `web`; its section `nats` counts only
    /// with --nats
    #[arg(
        long = "config",
        value_name = "FILE",
        conflicts_with = "demo",
        id = "up_config"
    )]
    pub(crate) config: Option<PathBuf>,
    /// The CyTube host
    #[arg(long = "domain", value_name = "DOMAIN", id = "up_domain", conflicts_with_all = ["demo", "up_config"])]
    pub(crate) domain: Option<String>,
    /// The channel
    #[arg(
        long = "channel",
        value_name = "CHANNEL",
        id = "up_channel",
        conflicts_with = "up_config"
    )]
    pub(crate) channel: Option<String>,
    /// The bot's name; with KRYTEN_CYTUBE_PASSWORD in the environment an account, else a guest
    #[arg(long, value_name = "NAME", conflicts_with_all = ["demo", "up_config"])]
    pub(crate) user: Option<String>,
    /// The nats-server program to run
    #[arg(long, value_name = "PATH")]
    pub(crate) nats_server: Option<PathBuf>,
    /// The port of the private NATS server; 0 for any free one
    #[arg(long, value_name = "PORT", default_value_t = 4222)]
    pub(crate) nats_port: u16,
    /// When the private NATS server writes to the disk: `always`, or an interval such as `2m`
    #[arg(long, value_name = "WHEN", default_value = "always")]
    pub(crate) sync_interval: String,
    /// With --demo: what happens is decided by this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// With --demo: how many users there are
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) users: u64,
    /// With --demo: how many chat lines there are in a second
    #[arg(long, value_name = "LINES", default_value_t = 4.0)]
    pub(crate) rate: f64,
    /// What is logged to stderr; the log file has everything from `info` on
    #[arg(long, value_enum, ignore_case = true, default_value = "warn")]
    pub(crate) log_level: LogLevel,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) web: web::WebArgs,
}

/// Runs until Ctrl-C, SIGTERM, until somebody asks the robot to stop, or until the statistics end.
pub(crate) async fn run(client: &ClientArgs, args: UpArgs) -> anyhow::Result<ExitCode> {
    if let Some(problem) = usage_problem(&args) {
        return Ok(output::usage(problem));
    }
    let mut stop = StopSignal::listen()?;
    let data_dir = client
        .data_dir
        .clone()
        .unwrap_or_else(connection_file::default_data_dir);
    let data_dir = std::path::absolute(&data_dir).unwrap_or(data_dir);
    let log = data_dir.join("kryten.log");
    let logging = logging::start(Logging {
        stderr: stderr_levels(&args),
        format: args.log.format("text"),
        file: Some(LogFile {
            path: log.clone(),
            levels: LogLevels::new("info"),
            rotation: args.log.rotation(),
        }),
    })?;
    let services = tokio::select! {
        services = Services::start(client, &args, &data_dir) => services?,
        () = stop.received() => return Ok(ExitCode::SUCCESS),
    };
    for mut wanted in services.log_levels() {
        let logging = logging.clone();
        tokio::spawn(async move {
            while wanted.changed().await.is_ok() {
                logging.set_file(&wanted.borrow_and_update());
            }
        });
    }
    let connection = services.connection_file();
    connection.write(&data_dir)?;
    // Nobody has to read it.
    let _ = output::line(&ready::block(
        &services,
        &data_dir,
        &log,
        client.data_dir.is_some(),
    ));
    let supervisor = Supervisor::start(
        std::future::ready(()),
        services.silence(),
        services.status_line(),
    );
    let ended = tokio::select! {
        () = stop.received() => Ok(()),
        asked = services.stop_asked() => supervisor::asked_to_stop(&asked),
        why = services.statistics_ended() => Err(why),
    };
    drop(supervisor);
    output::aside("stopping …");
    connection.remove(&data_dir);
    let stopped = services.stop().await;
    ended.and(stopped)?;
    Ok(ExitCode::SUCCESS)
}

/// A demo that is started again begins where nobody spoke: that its chat has a gap there is for the file alone.
fn stderr_levels(args: &UpArgs) -> LogLevels {
    let mut levels = LogLevels::new(args.log_level.as_str());
    let quiet = json!({"module": "kryten_robot::bridge", "level": "error"});
    if let Some(fields) = quiet.as_object()
        && args.demo
        && matches!(args.log_level, LogLevel::Warn)
    {
        // A module and a level that are written here are known.
        let _ = levels.command(fields);
    }
    levels
}

fn usage_problem(args: &UpArgs) -> Option<&'static str> {
    if !(args.rate.is_finite() && (0.0..=100_000.0).contains(&args.rate)) {
        return Some("--rate takes a number of lines per second from 0 to 100000");
    }
    if args.demo || args.config.is_some() || (args.domain.is_some() && args.channel.is_some()) {
        return None;
    }
    Some("which channel? Give --demo, or --config FILE, or --domain and --channel")
}

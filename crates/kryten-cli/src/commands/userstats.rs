//! `kryten userstats`: the statistics service alone, on the original's configuration file; and `kryten userstats all`,
//! the verb of the Python command line, which prints a channel's statistics.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use kryten_client::log_levels::LogLevels;
use kryten_userstats::{Config, Userstats};

use super::report::{self, ReportArgs};
use crate::cli::ClientArgs;
use crate::config_file;
use crate::logging::{self, LogArgs, LogFile, LogLevel, Logging};
use crate::output;
use crate::stop_signal::StopSignal;
use crate::supervisor::{self, Supervisor};

/// Options of `kryten userstats`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  kryten userstats --config userstats.json   run the service
  kryten userstats all                       what it has counted in the channel")]
pub(crate) struct UserstatsArgs {
    #[command(subcommand)]
    pub(crate) report: Option<Report>,
    /// The configuration file; without it /etc/kryten/kryten-userstats/config.json, then ./config.json
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        id = "userstats_config"
    )]
    pub(crate) config: Option<PathBuf>,
    /// What is logged, whatever the configuration says
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) log_level: Option<LogLevel>,
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
}

#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// Print all statistics of a channel, as the Python command line does
    All(ReportArgs),
}

/// Runs until Ctrl-C or SIGTERM, or prints the report.
pub(crate) async fn run(client: &ClientArgs, args: UserstatsArgs) -> anyhow::Result<ExitCode> {
    match args.report {
        Some(Report::All(report)) => report::run(client, report).await,
        None => serve(client.servers(), args).await,
    }
}

async fn serve(servers: Vec<String>, args: UserstatsArgs) -> anyhow::Result<ExitCode> {
    let mut stop = StopSignal::listen()?;
    let file = config_file::find(args.config.as_deref(), "kryten-userstats")?;
    let mut config =
        Config::load(&file).with_context(|| format!("cannot use {}", file.display()))?;
    if !servers.is_empty() {
        config.nats.servers = servers;
    }
    let level = args.log_level.map_or(config.log_level, LogLevel::as_str);
    let levels = LogLevels::new(level);
    let logging = logging::start(Logging {
        format: args.log.format(config.log_format),
        file: args.log_file.clone().map(|path| LogFile {
            path,
            levels: levels.clone(),
            rotation: args.log.rotation(),
        }),
        stderr: levels,
    })?;
    tracing::info!(file = %file.display(), "the configuration is loaded");
    let service = Userstats::bind(config).await?;
    let mut wanted = service.log_levels();
    tokio::spawn(async move {
        while wanted.changed().await.is_ok() {
            logging.set(&wanted.borrow_and_update());
        }
    });
    let status = Arc::clone(service.status());
    let supervisor = Supervisor::start(service.ready(), service.silence(), move || {
        supervisor::userstats_line(&status.view())
    });
    let ended = tokio::select! {
        ended = service.join() => Some(ended),
        () = stop.received() => None,
    };
    drop(supervisor);
    let stopped = service.shutdown().await;
    match ended {
        None => {
            stopped.context("what was counted last is not stored; it is counted again")?;
            Ok(ExitCode::SUCCESS)
        }
        Some(ended) => {
            ended?;
            Ok(ExitCode::from(output::FAILED))
        }
    }
}

//! `kryten userstats`: the statistics alone, on the original's configuration file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use kryten_userstats::{Config, Userstats};

use crate::logging::{self, LogLevel};
use crate::stop_signal::StopSignal;

/// Options of `kryten userstats`.
#[derive(Debug, Args)]
pub(crate) struct UserstatsArgs {
    /// The configuration file; without it /etc/kryten/kryten-userstats/config.json, then ./config.json
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        id = "userstats_config"
    )]
    pub(crate) config: Option<PathBuf>,
}

/// Runs until Ctrl-C or SIGTERM.
pub(crate) async fn run(nats: Option<&str>, args: UserstatsArgs) -> anyhow::Result<ExitCode> {
    let mut stop = StopSignal::listen()?;
    let file = config_file(args.config.as_deref())?;
    let mut config =
        Config::load(&file).with_context(|| format!("cannot use {}", file.display()))?;
    if let Some(url) = nats {
        config.nats.servers = vec![url.to_owned()];
    }
    logging::start(level(config.log_level), None)?;
    let userstats = tokio::select! {
        userstats = Userstats::bind(config) => userstats?,
        () = stop.received() => return Ok(ExitCode::SUCCESS),
    };
    tokio::select! {
        ended = userstats.join() => ended?,
        () = stop.received() => {}
    }
    userstats.shutdown().await?;
    Ok(ExitCode::SUCCESS)
}

fn config_file(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(file) = named {
        anyhow::ensure!(
            file.is_file(),
            "{} is no file; name the configuration with --config",
            file.display()
        );
        return Ok(file.to_owned());
    }
    let usual = ["/etc/kryten/kryten-userstats/config.json", "config.json"];
    usual
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "no configuration: neither {} nor ./{} is there; name one with --config",
                usual[0], usual[1]
            )
        })
}

fn level(name: &str) -> LogLevel {
    match name {
        "debug" | "trace" => LogLevel::Debug,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        _ => LogLevel::Info,
    }
}

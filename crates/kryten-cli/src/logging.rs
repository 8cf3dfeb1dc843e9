//! Where log lines go: to stderr at the level that was asked for, and under `up` to a file.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// What a person should look at
    Error,
    /// And what went wrong but mends itself
    Warn,
    /// And what happens
    Info,
    /// And how
    Debug,
}

impl LogLevel {
    fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
        }
    }
}

/// Changes the level of stderr while the program runs.
#[derive(Debug, Clone)]
pub(crate) struct LevelSetter(reload::Handle<EnvFilter, Registry>);

impl LevelSetter {
    /// `RUST_LOG` goes on overriding it.
    pub(crate) fn set(&self, level: LogLevel) {
        // It fails only when logging has ended.
        let _ = self.0.reload(quiet(level, true));
    }
}

/// Starts logging. `RUST_LOG` overrides the level of stderr.
pub(crate) fn start(stderr: LogLevel, file: Option<&Path>) -> anyhow::Result<LevelSetter> {
    let (filter, setter) = reload::Layer::new(quiet(stderr, true));
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(
            std::io::IsTerminal::is_terminal(&std::io::stderr())
                && std::env::var_os("NO_COLOR").is_none(),
        )
        .with_filter(filter);
    let to_file = match file {
        None => None,
        Some(path) => {
            let file =
                open(path).with_context(|| format!("cannot write the log {}", path.display()))?;
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(Mutex::new(file))
                .with_ansi(false);
            Some(layer.with_filter(quiet(LogLevel::Info, false)))
        }
    };
    tracing_subscriber::registry()
        .with(to_stderr)
        .with(to_file)
        .init();
    Ok(LevelSetter(setter))
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().create(true).append(true).open(path)
}

/// Libraries report each failed attempt as an error, although we try again and say so ourselves.
fn quiet(level: LogLevel, from_env: bool) -> EnvFilter {
    let builder = EnvFilter::builder().with_default_directive(level.filter().into());
    let filter = if from_env {
        builder.from_env_lossy()
    } else {
        builder.parse_lossy("")
    };
    [
        "async_nats=off",
        "sqlx=warn",
        "hyper=warn",
        "tungstenite=warn",
    ]
    .into_iter()
    .fold(filter, |filter, directive| match directive.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    })
}

//! Where log lines go: to stderr, and into a file; as text for people, or as JSON for machines.

mod rotating;

use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::Context;
use clap::{Args, ValueEnum};
use kryten_client::log_levels::LogLevels;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use rotating::RotatingFile;
pub(crate) use rotating::Rotation;

/// How much is logged; the originals' words are taken too, in any case where the option says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    #[value(aliases = ["critical", "fatal"])]
    Error,
    #[value(alias = "warning")]
    Warn,
    Info,
    #[value(alias = "notset")]
    Debug,
    Trace,
}

impl LogLevel {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// For whom lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Options of all services about their log.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogArgs {
    /// Log for people, or one JSON object a line for machines
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        env = "KRYTEN_LOG_FORMAT",
        hide_env_values = true
    )]
    pub(crate) log_format: Option<LogFormat>,
    /// How many megabytes a log file grows to before it is put away; 0 for no end
    #[arg(
        long,
        value_name = "MB",
        default_value_t = 20,
        env = "KRYTEN_LOG_SIZE",
        hide_env_values = true
    )]
    log_size: u64,
    /// How many log files that were put away are kept
    #[arg(long, value_name = "N", default_value_t = 5, env = "KRYTEN_LOG_KEEP", hide_env_values = true, value_parser = clap::value_parser!(u32).range(0..=1000))]
    log_keep: u32,
}

impl LogArgs {
    pub(crate) fn rotation(&self) -> Rotation {
        Rotation {
            size: self.log_size.saturating_mul(1_000_000),
            keep: self.log_keep,
        }
    }

    /// The option, else the word of a configuration.
    pub(crate) fn format(&self, configured: &str) -> LogFormat {
        self.log_format.unwrap_or(match configured {
            "json" => LogFormat::Json,
            _ => LogFormat::Text,
        })
    }
}

/// Where log lines go, and which.
pub(crate) struct Logging {
    /// Of stderr.
    pub(crate) stderr: LogLevels,
    pub(crate) format: LogFormat,
    pub(crate) file: Option<LogFile>,
}

/// A log file.
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    pub(crate) levels: LogLevels,
    pub(crate) rotation: Rotation,
}

impl Logging {
    /// To stderr alone, for people.
    pub(crate) fn stderr(level: LogLevel) -> Self {
        Self {
            stderr: LogLevels::new(level.as_str()),
            format: LogFormat::Text,
            file: None,
        }
    }
}

type Filter = reload::Handle<EnvFilter, Registry>;

/// Changes levels while the program runs.
#[derive(Debug, Clone)]
pub(crate) struct LevelSetter {
    stderr: Filter,
    file: Option<Filter>,
}

impl LevelSetter {
    /// Of stderr, and of the file where there is one. `RUST_LOG` goes on overriding that of stderr.
    pub(crate) fn set(&self, levels: &LogLevels) {
        // It fails only when logging has ended.
        let _ = self.stderr.reload(filter(levels, true));
        self.set_file(levels);
    }

    /// Of the file alone.
    pub(crate) fn set_file(&self, levels: &LogLevels) {
        if let Some(file) = &self.file {
            let _ = file.reload(filter(levels, false));
        }
    }
}

/// Starts logging. `RUST_LOG` overrides the level of stderr.
pub(crate) fn start(logging: Logging) -> anyhow::Result<LevelSetter> {
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let has_colour = is_terminal && std::env::var_os("NO_COLOR").is_none();
    let (stderr_filter, stderr) = reload::Layer::new(filter(&logging.stderr, true));
    let to_stderr = layer(std::io::stderr, logging.format, has_colour);
    let mut layers = vec![to_stderr.with_filter(stderr_filter).boxed()];
    let mut file = None;
    if let Some(LogFile {
        path,
        levels,
        rotation,
    }) = logging.file
    {
        let opened = RotatingFile::open(&path, rotation);
        let opened = opened.with_context(|| format!("cannot write the log {}", path.display()))?;
        let (file_filter, handle) = reload::Layer::new(filter(&levels, false));
        let to_file = layer(Mutex::new(opened), logging.format, false);
        layers.push(to_file.with_filter(file_filter).boxed());
        file = Some(handle);
    }
    tracing_subscriber::registry().with(layers).init();
    Ok(LevelSetter { stderr, file })
}

fn layer<W>(
    writer: W,
    format: LogFormat,
    has_colour: bool,
) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // It would be told on stderr, with a panic when that has gone.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => layer.with_ansi(has_colour).boxed(),
        LogFormat::Json => layer
            .with_ansi(false)
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
    }
}

/// Ours at their levels, all others at `info` at most: what libraries say in detail may hold what is secret.
fn filter(levels: &LogLevels, from_env: bool) -> EnvFilter {
    const QUIET: [&str; 5] = [
        // Libraries report each failed attempt as an error, although we try again and say so ourselves.
        "async_nats=off",
        "sqlx=warn",
        "hyper=warn",
        "tungstenite=warn",
        "tokio_tungstenite=warn",
    ];
    let others = match levels.level() {
        "debug" | "trace" => "info",
        level => level,
    };
    let from_env = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| from_env && !text.is_empty());
    let ours: Vec<String> = match &from_env {
        Some(text) => text.split(',').map(str::to_owned).collect(),
        None => {
            let ours = format!("{others},kryten={}", levels.level());
            ours.split(',').map(str::to_owned).collect()
        }
    };
    let modules = levels
        .modules()
        .iter()
        .map(|(module, level)| format!("{module}={level}"));
    let directives = ours
        .into_iter()
        .chain(modules)
        .chain(QUIET.map(str::to_owned));
    directives.fold(EnvFilter::new(""), |filter, directive| {
        match directive.parse() {
            Ok(directive) => filter.add_directive(directive),
            Err(_) => filter,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn the_originals_words_for_levels_are_taken_in_any_case() {
        for (word, level) in [
            ("INFO", LogLevel::Info),
            ("info", LogLevel::Info),
            ("DEBUG", LogLevel::Debug),
            ("NotSet", LogLevel::Debug),
            ("WARN", LogLevel::Warn),
            ("WARNING", LogLevel::Warn),
            ("ERROR", LogLevel::Error),
            ("CRITICAL", LogLevel::Error),
            ("fatal", LogLevel::Error),
        ] {
            assert_eq!(LogLevel::from_str(word, true), Ok(level), "{word}");
            for arguments in [
                &["kryten", "userstats", "--log-level", word][..],
                &["kryten", "up", "--demo", "--log-level", word],
                &["kryten", "sim", "--log-level", word],
                &["kryten", "loglevel", "robot", word],
            ] {
                let parsed = Cli::try_parse_from(arguments);
                assert!(parsed.is_ok(), "{arguments:?}: {:?}", parsed.err());
            }
        }
        assert!(Cli::try_parse_from(["kryten", "userstats", "--log-level", "loud"]).is_err());
    }
}

//! `kryten config`: checks configuration files, prints their JSON Schemas, and writes that of a nats-server.

mod init;
mod nats;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use kryten_client::NatsConfig;
use kryten_client::config::{self, ClientConfig};
use serde_json::{Value, json};

use super::up;
use crate::cli::ClientArgs;
use crate::output;

/// Options of `kryten config`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten config init   asks, and writes robot.toml
  kryten config init userstats --channel lounge --out userstats.toml
  kryten config check /etc/kryten/kryten-robot/config.json
  kryten config check bot.toml --of client
  kryten config schema robot > robot.schema.json   for editors")]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Read a configuration file as its service would, and tell what is wrong; exit code 1 if anything is
    Check {
        /// The file (JSON, TOML or YAML)
        file: PathBuf,
        /// Whose configuration it is; without it the file's sections tell
        #[arg(long, value_enum, value_name = "SERVICE")]
        of: Option<Service>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a commented configuration file, from options or from answers to a few questions
    Init(Box<init::InitArgs>),
    /// Write the configuration of a nats-server in which each service has a user of its own, and no more than it needs
    Nats(Box<nats::NatsArgs>),
    /// Print the JSON Schema of a service's configuration
    Schema {
        /// Whose configuration
        #[arg(value_enum)]
        of: Service,
    },
}

/// Whose configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// A bot or service that uses the client library
    Client,
    /// The bridge
    Robot,
    /// The statistics
    Userstats,
    /// `kryten up`, which reads the robot's, and the page's beside it
    Up,
}

/// Runs the command.
pub(crate) fn run(client: &ClientArgs, args: ConfigArgs) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Schema { of } => {
            output::json(&of.schema())?;
            Ok(ExitCode::SUCCESS)
        }
        What::Check { file, of, json } => check(&file, of, json),
        What::Init(args) => init::run(client, *args),
        What::Nats(args) => nats::run(*args),
    }
}

/// What is to be said of a configuration file.
pub(crate) struct Looked {
    /// By whom it can be used.
    pub(crate) purpose: &'static str,
    /// Keys that nobody reads.
    pub(crate) warnings: Vec<String>,
    /// What keeps its service from using it.
    pub(crate) problems: Vec<String>,
}

/// Reads a file as its service would.
pub(crate) fn look(file: &Path, of: Option<Service>) -> Looked {
    let whole = match config::load(file) {
        Ok(whole) => whole,
        Err(error) => {
            return Looked {
                purpose: of.map_or("", Service::purpose),
                warnings: Vec::new(),
                problems: vec![sentence(&error)],
            };
        }
    };
    let service = of.unwrap_or_else(|| Service::of(&whole));
    let unknown = config::unknown_keys(&whole, &service.schema());
    Looked {
        purpose: service.purpose(),
        warnings: unknown.iter().map(ToString::to_string).collect(),
        problems: service.problems(&whole),
    }
}

fn check(file: &Path, of: Option<Service>, is_json: bool) -> anyhow::Result<ExitCode> {
    let looked = look(file, of);
    let printed = tell(file, &looked, is_json);
    output::verdict(looked.problems.is_empty(), printed)
}

fn tell(file: &Path, looked: &Looked, is_json: bool) -> Result<(), output::Unprinted> {
    if is_json {
        return output::json(&json!({
            "file": file.display().to_string(), "usable": looked.problems.is_empty(),
            "warnings": looked.warnings, "errors": looked.problems,
        }));
    }
    for warning in &looked.warnings {
        output::line(&format!("warning: {}", output::printable(warning)))?;
    }
    for problem in &looked.problems {
        output::line(&format!("error: {}", output::printable(problem)))?;
    }
    if looked.problems.is_empty() {
        output::line(&format!(
            "{} can be used {}",
            file.display(),
            looked.purpose
        ))?;
    }
    Ok(())
}

impl Service {
    /// Whose configuration a file looks like.
    fn of(whole: &Value) -> Self {
        let has = |section: &str| whole.get(section).is_some();
        if has("cytube") && has("web") {
            Self::Up
        } else if has("cytube") {
            Self::Robot
        } else if has("database") || has("snapshots") || has("kudos") {
            Self::Userstats
        } else {
            Self::Client
        }
    }

    fn purpose(self) -> &'static str {
        match self {
            Self::Client => "by a client",
            Self::Robot => "by the robot",
            Self::Userstats => "by the statistics",
            Self::Up => "by kryten up",
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Client => ClientConfig::schema(),
            Self::Robot => kryten_robot::config::schema(),
            Self::Userstats => kryten_userstats::Config::schema(),
            Self::Up => up::file::schema(),
        }
    }

    /// What keeps the service from using the file, one sentence each.
    fn problems(self, whole: &Value) -> Vec<String> {
        let mut problems = self.own_problems(whole);
        if self == Self::Up {
            problems.extend(up::file::web_problem(whole));
        }
        problems
    }

    fn own_problems(self, whole: &Value) -> Vec<String> {
        let environment = |name: &str| std::env::var(name).ok();
        let read: Result<NatsConfig, String> = match self {
            Self::Client => ClientConfig::read(whole.clone())
                .map(|config| config.nats)
                .map_err(|error| sentence(&error)),
            Self::Robot | Self::Up => kryten_robot::config::from_value(whole, environment)
                .map(|config| config.nats)
                .map_err(|error| sentence(&error)),
            Self::Userstats => kryten_userstats::Config::read(whole.clone())
                .map(|config| config.nats)
                .map_err(|error| sentence(&error)),
        };
        // What is wrong elsewhere hides nothing that is wrong with NATS.
        let nats = match read {
            Ok(nats) => {
                return nats
                    .check()
                    .err()
                    .map(|error| sentence(&error))
                    .into_iter()
                    .collect();
            }
            Err(problem) => (
                problem,
                whole.get("nats").cloned().map(config::read::<NatsConfig>),
            ),
        };
        let (problem, nats) = nats;
        let also = match nats {
            Some(Ok(nats)) if !nats.addresses().is_empty() => nats.check().err(),
            _ => None,
        };
        std::iter::once(problem)
            .chain(also.map(|error| sentence(&error)))
            .collect()
    }
}

/// An error as one sentence, its causes in it already.
fn sentence(error: &dyn std::error::Error) -> String {
    error.to_string()
}

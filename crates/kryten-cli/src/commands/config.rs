//! `kryten config`: checks configuration files, prints their JSON Schemas, and writes that of a nats-server.

mod nats;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use kryten_client::NatsConfig;
use kryten_client::config::{self, ClientConfig};
use serde_json::Value;

use crate::output;

/// Options of `kryten config`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten config check /etc/kryten/kryten-robot/config.json
  kryten config check bot.toml --of client
  kryten config schema robot > robot.schema.json    for editors that complete and check")]
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
    },
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
enum Service {
    /// A bot or service that uses the client library
    Client,
    /// The bridge
    Robot,
    /// The statistics
    Userstats,
    /// `kryten up`, which reads the robot's
    Up,
}

/// Runs the command.
pub(crate) fn run(args: ConfigArgs) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Schema { of } => {
            output::json(&of.schema());
            Ok(ExitCode::SUCCESS)
        }
        What::Check { file, of } => Ok(check(&file, of)),
        What::Nats(args) => nats::run(*args),
    }
}

fn check(file: &Path, of: Option<Service>) -> ExitCode {
    let whole = match config::load(file) {
        Ok(whole) => whole,
        Err(error) => {
            output::line(&format!("error: {}", sentence(&error)));
            return ExitCode::from(output::FAILED);
        }
    };
    let service = of.unwrap_or_else(|| Service::of(&whole));
    for unknown in config::unknown_keys(&whole, &service.schema()) {
        output::line(&format!(
            "warning: {}",
            output::printable(&unknown.to_string())
        ));
    }
    let problems = service.problems(&whole);
    for problem in &problems {
        output::line(&format!("error: {}", output::printable(problem)));
    }
    if problems.is_empty() {
        output::line(&format!(
            "{} can be used {}",
            file.display(),
            service.purpose()
        ));
        return ExitCode::SUCCESS;
    }
    ExitCode::from(output::FAILED)
}

impl Service {
    /// Whose configuration a file looks like.
    fn of(whole: &Value) -> Self {
        let has = |section: &str| whole.get(section).is_some();
        if has("cytube") {
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
            Self::Up => {
                let mut schema = kryten_robot::config::schema();
                schema["title"] = "The configuration of kryten up".into();
                schema["description"] =
                    "The robot's configuration; its section `nats` counts only with --nats.".into();
                schema
            }
        }
    }

    /// What keeps the service from using the file, one sentence each.
    fn problems(self, whole: &Value) -> Vec<String> {
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

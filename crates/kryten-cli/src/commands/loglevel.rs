//! `kryten loglevel`: how much a running service logs.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kryten_client::command::{self, CommandError};
use kryten_protocol::command::Request;
use serde_json::Value;

use crate::cli::ClientArgs;
use crate::context::Context;
use crate::logging::LogLevel;
use crate::output;

const PATIENCE: Duration = Duration::from_secs(5);

/// Options of `kryten loglevel`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten loglevel robot           how it is
  kryten loglevel userstats debug
  kryten loglevel robot debug --module kryten_robot::publisher
  kryten loglevel robot --reset   as all others

It lasts until the service ends; its configuration stays as it is. Under `kryten up` it changes \
kryten.log, not what is on the terminal. Where several robots share a server all of them do it.")]
pub(crate) struct LogLevelArgs {
    /// Which service
    #[arg(value_enum)]
    service: Service,
    /// The least level that is logged from now on; without it the levels are shown
    #[arg(value_enum, ignore_case = true)]
    level: Option<LogLevel>,
    /// Of this module alone, such as kryten_robot::publisher or kryten_userstats::counting
    #[arg(long, value_name = "MODULE")]
    module: Option<String>,
    /// Take away what modules have of their own; with --module that of this one
    #[arg(long, conflicts_with = "level")]
    reset: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Service {
    /// The bridge
    Robot,
    /// The statistics
    Userstats,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Robot => "robot",
            Self::Userstats => "userstats",
        }
    }
}

/// Asks the service, and prints its levels.
pub(crate) async fn run(client: &ClientArgs, args: LogLevelArgs) -> anyhow::Result<ExitCode> {
    if args.module.is_some() && args.level.is_none() && !args.reset {
        return Ok(output::usage(
            "which level for this module? Give one after the service's name, or --reset to take it away",
        ));
    }
    let client = Context::find(client)?.connect().await?;
    let service = args.service.name();
    let answered = command::request(&client, service, request(&args), PATIENCE).await;
    let data = match answered {
        Ok(reply) => reply.data.unwrap_or_default(),
        Err(CommandError::Refused { error, .. }) if error.starts_with("Unknown command") => {
            anyhow::bail!(
                "this {service} service cannot change its levels; it is the Python one, or set to be like it"
            )
        }
        Err(CommandError::Refused { error, .. }) => {
            anyhow::bail!("the {service} service refuses: {error}")
        }
        Err(error) => return Err(error.into()),
    };
    match args.json {
        true => output::json(&data),
        false => output::text(&shown(service, &data)),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn request(args: &LogLevelArgs) -> Request {
    let mut request = Request::new(args.service.name(), "system.loglevel");
    if let Some(module) = &args.module {
        request = request.with("module", module.as_str());
    }
    match (args.level, args.reset) {
        (Some(level), _) => request.with("level", level.as_str()),
        // Of one module: it has none any more.
        (None, true) if args.module.is_some() => request.with("level", Value::Null),
        (None, true) => request.with("reset", true),
        (None, false) => request,
    }
}

fn shown(service: &str, data: &Value) -> String {
    let word = |value: &Value| output::printable(value.as_str().unwrap_or("?"));
    let mut lines = vec![format!("{service} logs from {} on", word(&data["level"]))];
    for (module, level) in data["modules"].as_object().into_iter().flatten() {
        lines.push(format!(
            "  {} from {} on",
            output::printable(module),
            word(level)
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_are_a_line_each() {
        let data = json!({"level": "info", "modules": {"kryten_robot::publisher": "debug"}});
        insta::assert_snapshot!(shown("robot", &data), @r"
        robot logs from info on
          kryten_robot::publisher from debug on
        ");
    }
}

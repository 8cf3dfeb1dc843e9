//! The robot in the channel that a verb is about, and what became of a command to it.

use std::process::ExitCode;

use clap::CommandFactory;
use kryten_client::Client;
use kryten_client::command::CommandError;
use kryten_client::commands::Robot;
use kryten_protocol::robot::RobotCommand;
use serde_json::Value;

use crate::cli::ClientArgs;
use crate::connection_file::ChannelName;
use crate::context::Context;
use crate::output;

/// A channel and the robot in it.
pub(super) struct Target {
    pub(super) client: Client,
    pub(super) robot: Robot,
    pub(super) at: ChannelName,
}

impl Target {
    /// Connects, and finds the channel.
    pub(super) async fn find(args: &ClientArgs) -> anyhow::Result<Self> {
        let context = Context::find(args)?;
        let client = context.connect().await?;
        let at = context.find_channel(&client).await?;
        let robot = client
            .robot(at.domain.as_str(), at.channel.as_str())
            .as_source("kryten-cli");
        Ok(Self { client, robot, at })
    }

    pub(super) fn channel(&self) -> String {
        output::printable(&self.at.channel)
    }

    /// Sends a command; the reply's data.
    pub(super) async fn send(&self, command: RobotCommand) -> anyhow::Result<Value> {
        let answer = self.robot.send(command).await;
        answer.map_err(|error| self.explained(error))
    }

    /// Sends a command that changes something, and says that it is done.
    pub(super) async fn act(&self, command: RobotCommand, done: &str) -> anyhow::Result<ExitCode> {
        let data = self.send(command).await?;
        output::line(&format!("✓ {done}"))?;
        if data.get("confirmed") == Some(&Value::Bool(false)) {
            output::aside("note: CyTube does not say whether it has done it");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What went wrong, with what can be done about it here.
    pub(super) fn explained(&self, error: CommandError) -> anyhow::Error {
        match error {
            CommandError::TimedOut { timeout, .. } => anyhow::anyhow!(
                "no robot answered for the channel {} on {} within {} s; check --channel and --domain, and whether its \
                 robot runs",
                self.channel(),
                output::printable(&self.at.domain),
                timeout.as_secs_f64()
            ),
            CommandError::NoResponders { .. } => anyhow::anyhow!(
                "no robot is running; start it with `kryten up` or `kryten robot`, or name another NATS server with \
                 --nats"
            ),
            error => error.into(),
        }
    }
}

/// Prints the help of a group of verbs that was called without one of them, as the Python command line does.
pub(super) fn help_of(group: &[&str]) -> anyhow::Result<ExitCode> {
    fn print(command: &mut clap::Command, group: &[&str]) -> Result<(), output::Unprinted> {
        match group {
            [first, rest @ ..] => match command.find_subcommand_mut(first) {
                Some(inner) => print(inner, rest),
                None => Ok(()),
            },
            [] => output::text(&command.render_help().to_string()),
        }
    }
    let mut command = crate::cli::Cli::command();
    command.build();
    print(&mut command, group)?;
    Ok(ExitCode::SUCCESS)
}

/// A text for a user: one that looks like a mistyped option is refused, except after `--`.
pub(super) fn typed_text<'a>(what: &str, text: &'a str) -> Result<&'a str, ExitCode> {
    if text.trim().is_empty() {
        return Err(output::usage(&format!("{what} is empty; write a text")));
    }
    let is_number = || text.parse::<f64>().is_ok();
    let looks_like_an_option =
        text.len() > 1 && text.starts_with('-') && !text.contains(' ') && !is_number();
    if looks_like_an_option && !std::env::args_os().any(|argument| argument == "--") {
        return Err(output::usage(&format!(
            "there is no option {text}; to send it as a text, write -- before it; options such as --channel come before the verb"
        )));
    }
    Ok(text)
}

//! `kryten say` and `kryten pm`.

use std::process::ExitCode;

use clap::Args;

use super::target::{Target, typed_text};
use crate::cli::ClientArgs;
use crate::output;

/// Options of `kryten say`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten say 'Good evening!'
  kryten --channel Lounge say '/me waves'
  kryten say -- -1   a text that begins with a dash

A long text becomes several lines, at the pace that CyTube allows.")]
pub(crate) struct SayArgs {
    /// The text, in quotes; commands of CyTube such as /me work
    #[arg(allow_hyphen_values = true)]
    message: String,
}

/// Options of `kryten pm`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kryten pm alice 'The film begins in ten minutes'")]
pub(crate) struct PmArgs {
    /// The user
    username: String,
    /// The text, in quotes
    #[arg(allow_hyphen_values = true)]
    message: String,
}

/// Says a line.
pub(crate) async fn say(client: &ClientArgs, args: SayArgs) -> anyhow::Result<ExitCode> {
    let message = match typed_text("the message", &args.message) {
        Ok(message) => message,
        Err(code) => return Ok(code),
    };
    let target = Target::find(client).await?;
    let said = target.robot.say(message).await;
    said.map_err(|error| target.explained(error))?;
    output::line(&format!("✓ Sent chat message to {}", target.channel()))?;
    Ok(ExitCode::SUCCESS)
}

/// Sends a private message.
pub(crate) async fn pm(client: &ClientArgs, args: PmArgs) -> anyhow::Result<ExitCode> {
    let message = match typed_text("the message", &args.message) {
        Ok(message) => message,
        Err(code) => return Ok(code),
    };
    let target = Target::find(client).await?;
    let sent = target.robot.pm(&args.username, message).await;
    sent.map_err(|error| target.explained(error))?;
    output::line(&format!(
        "✓ Sent PM to {} in {}",
        output::printable(&args.username),
        target.channel()
    ))?;
    Ok(ExitCode::SUCCESS)
}

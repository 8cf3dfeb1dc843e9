//! `kryten kick`, `ban`, `unban`, `mute` and `unmute`: what CyTube itself does.

use std::process::ExitCode;

use clap::Args;
use kryten_protocol::robot::RobotCommand;

use super::target::{Target, typed_text};
use crate::cli::ClientArgs;
use crate::output;

/// Options of `kryten kick` and `kryten ban`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten kick bob
  kryten ban bob 'no spam here'

The robot needs a rank that allows it; what CyTube answers is told.")]
pub(crate) struct UserReasonArgs {
    /// The user
    username: String,
    /// Why; in quotes
    #[arg(allow_hyphen_values = true)]
    reason: Option<String>,
}

/// Options of `kryten unban` and `kryten unmute`.
#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    /// The user
    username: String,
}

/// Options of `kryten mute`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten mute bob
  kryten mute bob --shadow   bob does not notice it
  kryten unmute bob")]
pub(crate) struct MuteArgs {
    /// The user
    username: String,
    /// So that the user does not notice it
    #[arg(long)]
    shadow: bool,
}

/// Throws a user out.
pub(crate) async fn kick(client: &ClientArgs, args: UserReasonArgs) -> anyhow::Result<ExitCode> {
    with_reason(client, args, "Kicked", |username, reason| {
        RobotCommand::Kick { username, reason }
    })
    .await
}

/// Bans a name.
pub(crate) async fn ban(client: &ClientArgs, args: UserReasonArgs) -> anyhow::Result<ExitCode> {
    with_reason(client, args, "Banned", |username, reason| {
        RobotCommand::Ban { username, reason }
    })
    .await
}

/// Lifts all bans of a name.
pub(crate) async fn unban(client: &ClientArgs, args: UserArgs) -> anyhow::Result<ExitCode> {
    let username = args.username.clone();
    let command = RobotCommand::Unban { username, id: None };
    act(client, command, "Lifted all bans of", &args.username).await
}

/// Mutes a user.
pub(crate) async fn mute(client: &ClientArgs, args: MuteArgs) -> anyhow::Result<ExitCode> {
    let username = args.username.clone();
    let (command, done) = match args.shadow {
        true => (RobotCommand::ShadowMute { username }, "Shadow-muted"),
        false => (RobotCommand::Mute { username }, "Muted"),
    };
    act(client, command, done, &args.username).await
}

/// Ends a mute.
pub(crate) async fn unmute(client: &ClientArgs, args: UserArgs) -> anyhow::Result<ExitCode> {
    let username = args.username.clone();
    act(
        client,
        RobotCommand::Unmute { username },
        "Unmuted",
        &args.username,
    )
    .await
}

async fn with_reason(
    client: &ClientArgs,
    args: UserReasonArgs,
    done: &str,
    command: impl FnOnce(String, Option<String>) -> RobotCommand,
) -> anyhow::Result<ExitCode> {
    let reason = args.reason.filter(|reason| !reason.is_empty());
    if let Some(reason) = &reason
        && let Err(code) = typed_text("the reason", reason)
    {
        return Ok(code);
    }
    let username = args.username.clone();
    act(client, command(username, reason), done, &args.username).await
}

async fn act(
    client: &ClientArgs,
    command: RobotCommand,
    done: &str,
    username: &str,
) -> anyhow::Result<ExitCode> {
    let target = Target::find(client).await?;
    // The words of the Python command line.
    let place = match done {
        "Kicked" | "Banned" => "from",
        _ => "in",
    };
    let done = format!(
        "{done} {} {place} {}",
        output::printable(username),
        target.channel()
    );
    target.act(command, &done).await
}

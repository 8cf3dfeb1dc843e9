//! `kryten moderator`: commands to a kryten-moderator service, which is somebody else's program.

mod patterns;
mod show;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use kryten_client::command::{self, CommandError};
use kryten_protocol::command::Request;
use serde_json::Value;

use super::target::help_of;
use crate::cli::ClientArgs;
use crate::context::Context;
use crate::output;
use crate::screen::Screen;
use patterns::PatternsArgs;

const SERVICE: &str = "moderator";
/// As the Python command line waits.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who did it, in the service's lists.
const BY: &str = "cli";

/// Options of `kryten moderator`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten moderator ban troll 'spam'
  kryten moderator list --filter mute
  kryten moderator check troll
  kryten moderator patterns add '^spam' --regex --action ban

The lists are those of a kryten-moderator service, a program of its own that is not part of this one. To \
act on CyTube itself there are `kryten kick`, `ban`, `unban`, `mute` and `unmute`.")]
pub(crate) struct ModeratorArgs {
    #[command(subcommand)]
    command: Option<ModeratorCommand>,
}

#[derive(Debug, Subcommand)]
enum ModeratorCommand {
    /// Ban a name, and whoever comes with it
    Ban(WithReason),
    /// Lift a ban
    Unban(Name),
    /// Mute a name so that its user does not notice it
    Smute(WithReason),
    /// End such a mute
    Unsmute(Name),
    /// Mute a name
    Mute(WithReason),
    /// End a mute
    Unmute(Name),
    /// List the entries
    List {
        /// Only of this kind
        #[arg(long, value_enum)]
        filter: Option<Action>,
        #[command(flatten)]
        format: TableFormat,
    },
    /// Tell whether a name has an entry
    Check {
        /// The name
        username: String,
        /// For people, or for other programs
        #[arg(long, value_enum, default_value = "text")]
        format: TextOrJson,
        /// As --format json
        #[arg(long)]
        json: bool,
    },
    /// Patterns of names
    Patterns(PatternsArgs),
}

#[derive(Debug, Args)]
struct Name {
    /// The name
    username: String,
}

#[derive(Debug, Args)]
struct WithReason {
    /// The name
    username: String,
    /// Why; in quotes
    #[arg(allow_hyphen_values = true)]
    reason: Option<String>,
}

#[derive(Debug, Args)]
struct TableFormat {
    /// For people, or for other programs
    #[arg(long, value_enum, default_value = "table")]
    format: TableOrJson,
    /// As --format json
    #[arg(long)]
    json: bool,
}

impl TableFormat {
    fn is_json(&self) -> bool {
        self.json || self.format == TableOrJson::Json
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TableOrJson {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TextOrJson {
    Text,
    Json,
}

/// What is done to whom an entry or a pattern means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    Ban,
    Smute,
    Mute,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Ban => "ban",
            Self::Smute => "smute",
            Self::Mute => "mute",
        }
    }

    /// The Python command line's words.
    fn shown(self) -> &'static str {
        match self {
            Self::Ban => "ban",
            Self::Smute => "shadow mute",
            Self::Mute => "visible mute",
        }
    }
}

/// Asks the service and prints what it says.
pub(crate) async fn run(client: &ClientArgs, args: ModeratorArgs) -> anyhow::Result<ExitCode> {
    let Some(command) = args.command else {
        return help_of(&["moderator"]);
    };
    match command {
        ModeratorCommand::Ban(args) => add(client, Action::Ban, args).await,
        ModeratorCommand::Smute(args) => add(client, Action::Smute, args).await,
        ModeratorCommand::Mute(args) => add(client, Action::Mute, args).await,
        ModeratorCommand::Unban(name) => remove(client, Action::Ban, name).await,
        ModeratorCommand::Unsmute(name) => remove(client, Action::Smute, name).await,
        ModeratorCommand::Unmute(name) => remove(client, Action::Mute, name).await,
        ModeratorCommand::List { filter, format } => {
            let filter = filter.map(Action::word);
            let data = ask(client, "entry.list", &[("filter", filter.into())]).await?;
            print(format.is_json(), &data, show::entries)?;
            Ok(ExitCode::SUCCESS)
        }
        ModeratorCommand::Check {
            username,
            format,
            json,
        } => {
            let asked = [("username", username.as_str().into())];
            let data = ask(client, "entry.get", &asked).await?;
            print(json || format == TextOrJson::Json, &data, |screen, data| {
                show::entry(screen, &username, data)
            })?;
            Ok(ExitCode::SUCCESS)
        }
        ModeratorCommand::Patterns(args) => patterns::run(client, args).await,
    }
}

async fn add(client: &ClientArgs, action: Action, args: WithReason) -> anyhow::Result<ExitCode> {
    let entry = [
        ("username", args.username.as_str().into()),
        ("action", action.word().into()),
        ("reason", args.reason.as_deref().into()),
        ("moderator", BY.into()),
    ];
    ask(client, "entry.add", &entry).await?;
    let name = output::printable(&args.username);
    output::line(&format!("✓ Added {} for {name}", action.shown()))?;
    Ok(ExitCode::SUCCESS)
}

async fn remove(client: &ClientArgs, action: Action, name: Name) -> anyhow::Result<ExitCode> {
    let entry = [("username", name.username.as_str().into())];
    ask(client, "entry.remove", &entry).await?;
    let name = output::printable(&name.username);
    output::line(&format!("✓ Removed {} for {name}", action.shown()))?;
    Ok(ExitCode::SUCCESS)
}

fn print(
    is_json: bool,
    data: &Value,
    show: impl FnOnce(Screen, &Value) -> String,
) -> Result<(), output::Unprinted> {
    match is_json {
        true => output::json(data),
        false => output::text(&show(Screen::of_stdout(), data)),
    }
}

/// Sends a command; the reply's data. The service wants to know the channel, which the Python command line forgets.
async fn ask(client: &ClientArgs, name: &str, fields: &[(&str, Value)]) -> anyhow::Result<Value> {
    let context = Context::find(client)?;
    let client = context.connect().await?;
    let at = context.find_channel(&client).await?;
    let mut request = Request::new(SERVICE, name)
        .with("channel", at.channel)
        .with("domain", at.domain);
    for (field, value) in fields {
        request = request.with(field, value.clone());
    }
    match command::request(&client, SERVICE, request, PATIENCE).await {
        Ok(reply) => Ok(reply.data.unwrap_or_default()),
        Err(CommandError::NoResponders { .. }) => anyhow::bail!(
            "no moderator service is running; kryten-moderator is a program of its own, start it, or act on CyTube \
             itself with `kryten ban`, `kick` or `mute`"
        ),
        Err(error) => Err(error.into()),
    }
}

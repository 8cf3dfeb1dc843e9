//! `kryten stats`: what the statistics service knows.

mod asked;
mod backfill;
mod channel;
mod database;
mod names;
pub(super) mod show;
mod system;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use kryten_client::Client;
use kryten_client::command::CommandError;
use kryten_protocol::userstats::{OfUser, UserstatsCommand};
use serde_json::Value;

use crate::cli::{ClientArgs, at_least_one};
use crate::context::Context;
use crate::output;
use crate::screen::Screen;
use asked::Asked;
use channel::ChannelWhat;
use names::{AliasWhat, PhraseWhat};
use system::SystemWhat;

/// Options of `kryten stats`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Examples:
  kryten stats user alice                    what alice has said, got and used
  kryten stats leaderboard kudos --limit 5   who got most kudos
  kryten stats channel top Lounge --json     for other programs
  kryten stats channel hours --last 168      a week by weekday and hour
  kryten stats system health
  kryten stats backfill stream               what the stream has from before

The channel may be left out where only one is known. In a terminal there are bars and lines; a pipe gets \
the plain table, and with --json the reply's data.")]
pub(crate) struct StatsArgs {
    /// Print the reply's data as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(flatten)]
    Ask(Question),
    /// Count what happened before counting began; what is counted already stays as it is
    Backfill(backfill::BackfillArgs),
    /// Copy the database into a new file, while services go on with it
    #[command(after_help = "Examples:
  kryten stats backup saturday.db   of `kryten up`
  kryten stats backup saturday.db --service-config userstats.json")]
    Backup {
        /// The new file
        #[arg(value_name = "FILE")]
        copy: PathBuf,
        #[command(flatten)]
        which: database::Which,
    },
    /// Tell whether the database is sound
    #[command(after_help = "Examples:
  kryten stats check   of `kryten up`
  kryten stats check --database saturday.db
The exit code is 0 where it is sound, and 1 else.")]
    Check {
        #[command(flatten)]
        which: database::Which,
    },
    /// Copy a database file into an empty PostgreSQL database, and compare every total
    #[command(after_help = "Examples:
  kryten stats migrate --from userstats.db --to postgres://bob:secret@db/kryten
Stop the service before, and give it `database.url` afterwards. Whoever interrupts this begins again.")]
    Migrate {
        /// The file of SQLite
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The address: postgres://USER:PASSWORD@HOST:PORT/DATABASE
        #[arg(long, value_name = "URL")]
        to: String,
    },
}

/// What the service answers.
#[derive(Debug, Subcommand)]
enum Question {
    /// What is known of a user
    #[command(after_help = "Examples:
  kryten stats user alice
  kryten stats user alice activity
  kryten stats user alice --channel Lounge --json")]
    User {
        /// The user, in any case, or an alias
        name: String,
        /// Only a part of it
        #[arg(value_enum)]
        part: Option<Part>,
        #[command(flatten)]
        of: OfChannel,
    },
    /// Who leads
    #[command(after_help = "Examples:
  kryten stats leaderboard kudos
  kryten stats leaderboard emotes --limit 3 --channel Lounge

Kudos and emotes are those of all channels of the host, unless one is named.")]
    Leaderboard {
        /// In what
        #[arg(value_enum)]
        board: Board,
        #[command(flatten)]
        of: OfChannel,
        /// How many places
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one::<u64>)]
        limit: u64,
    },
    /// What is known of a channel
    #[command(subcommand)]
    Channel(ChannelWhat),
    /// How the service itself is
    #[command(subcommand)]
    System(SystemWhat),
    /// Other names of users, by which they can be thanked
    #[command(subcommand)]
    Alias(AliasWhat),
    /// Words that count as thanks to whoever is named beside them
    #[command(subcommand)]
    Phrase(PhraseWhat),
}

#[derive(Debug, Args)]
struct OfChannel {
    /// The channel; may be left out where only one is known
    #[arg(long = "channel", value_name = "CHANNEL", id = "stats_channel")]
    channel: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    /// Lines said
    Messages,
    /// Time spent
    Activity,
    /// Kudos received
    Kudos,
    /// The same as without a part, in the form that pages use
    Profile,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Board {
    /// Chat lines in a channel
    Messages,
    /// Kudos of both kinds
    Kudos,
    /// Uses of emotes
    Emotes,
}

/// Asks the service and prints what it says.
pub(crate) async fn run(args: &ClientArgs, stats: StatsArgs) -> anyhow::Result<ExitCode> {
    let as_json = stats.json;
    match &stats.what {
        What::Ask(question) => answer(args, question, as_json).await,
        What::Backfill(wanted) => backfill::run(args, wanted, as_json).await,
        What::Backup { copy, which } => database::backup(args, which, copy).await,
        What::Check { which } => database::check(args, which, as_json).await,
        What::Migrate { from, to } => database::migrate(from, to, as_json).await,
    }
}

async fn answer(args: &ClientArgs, question: &Question, as_json: bool) -> anyhow::Result<ExitCode> {
    let context = Context::find(args)?;
    let client = context.connect().await?;
    if let Question::User {
        name,
        part: Some(_),
        of,
    } = question
    {
        // A part of nobody would be zeros.
        let asked = Asked::of_user(&context, name, None, of);
        known(name, &ask(&client, asked.command).await?)?;
    }
    let asked = Asked::new(&context, &client, question).await?;
    let data = asked.data(&client).await?;
    if let Question::User { name, .. } = question {
        known(name, &data)?;
    }
    if let Question::Alias(what) = question
        && let Some(field) = what.done_field()
        && data[field] == false
    {
        // To the Python service a refused change is a success.
        anyhow::bail!("{}", data["message"].as_str().unwrap_or("refused"));
    }
    if let Some(channel) = asked.channel()
        && says_nothing(&data)
        && let Some(served) = context.served_instead(&client, channel).await
    {
        anyhow::bail!(
            "nothing is counted of a channel {}, and no robot serves it; served: {served}",
            output::printable(channel)
        );
    }
    if as_json {
        output::json(&data)?;
    } else {
        let shown = asked.show(Screen::of_stdout(), question, &data);
        output::text(&shown)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The Python service does not say whether it knows a user.
fn known(name: &str, data: &Value) -> anyhow::Result<()> {
    anyhow::ensure!(
        data.get("known") != Some(&Value::Bool(false)),
        "no user {} was ever seen; look at the spelling, or ask for another channel's host with --domain",
        output::printable(name)
    );
    Ok(())
}

/// Whether an answer has neither a number nor an entry.
fn says_nothing(data: &Value) -> bool {
    match data {
        Value::Array(entries) => entries.is_empty(),
        Value::Object(fields) => fields.values().all(says_nothing),
        Value::Number(_) => false,
        _ => true,
    }
}

/// Asks; what can be done about an error is in its sentence.
pub(super) async fn ask(client: &Client, command: UserstatsCommand) -> anyhow::Result<Value> {
    client.userstats().send(command).await.map_err(explained)
}

pub(super) fn explained(error: CommandError) -> anyhow::Error {
    match error {
        CommandError::Refused { error, service } => {
            anyhow::anyhow!("the {service} service refuses: {error}")
        }
        CommandError::NoResponders { .. } => anyhow::anyhow!(
            "no statistics service is running; start it with `kryten up` or `kryten userstats`, or name another NATS \
             server with --nats"
        ),
        error => error.into(),
    }
}

impl Part {
    fn command(self, of: OfUser) -> UserstatsCommand {
        match self {
            Self::Messages => UserstatsCommand::UserMessages(of),
            Self::Activity => UserstatsCommand::UserActivity(of),
            Self::Kudos => UserstatsCommand::UserKudos(of),
            Self::Profile => UserstatsCommand::UserProfile(of),
        }
    }
}

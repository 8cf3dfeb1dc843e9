//! `kryten stats`: what the statistics service knows.

mod database;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use kryten_client::Client;
use kryten_client::command::{self, CommandError};
use kryten_protocol::command::Request;
use serde_json::Value;

use crate::cli::ClientArgs;
use crate::context::Context;
use crate::output;

const SERVICE: &str = "userstats";
const PATIENCE: Duration = Duration::from_secs(10);

/// Options of `kryten stats`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten stats user alice                     what alice has said, got and used
  kryten stats leaderboard kudos --limit 5    who got most kudos
  kryten stats channel top Lounge --json      for other programs")]
pub(crate) struct StatsArgs {
    /// Print the reply's data as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What is known of a user
    User {
        /// The user's name as CyTube spells it
        name: String,
        #[command(flatten)]
        of: OfChannel,
    },
    /// Who leads
    Leaderboard {
        /// In what
        #[arg(value_enum)]
        board: Board,
        #[command(flatten)]
        of: OfChannel,
        /// How many places
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// What is known of a channel
    #[command(subcommand)]
    Channel(ChannelWhat),
    /// How the service itself is
    System {
        /// What to ask
        #[arg(value_enum)]
        ask: System,
    },
    /// Copy the database into a new file, while services go on with it
    Backup {
        /// The new file
        #[arg(value_name = "FILE")]
        copy: PathBuf,
        #[command(flatten)]
        which: database::Which,
    },
    /// Tell whether the database is sound
    Check {
        #[command(flatten)]
        which: database::Which,
    },
    /// Copy a database file into an empty PostgreSQL database, and compare every total
    Migrate {
        /// The file of SQLite
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The address: postgres://USER:PASSWORD@HOST:PORT/DATABASE
        #[arg(long, value_name = "URL")]
        to: String,
    },
}

#[derive(Debug, Subcommand)]
enum ChannelWhat {
    /// Who said most
    Top {
        /// The channel; may be left out where only one is known
        #[arg(value_name = "CHANNEL", id = "top_channel")]
        channel: Option<String>,
        /// How many places
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}

#[derive(Debug, Args)]
struct OfChannel {
    /// The channel; may be left out where only one is known
    #[arg(long = "channel", value_name = "CHANNEL", id = "stats_channel")]
    channel: Option<String>,
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum System {
    /// Whether it answers
    Ping,
    /// Whether it can do its work
    Health,
    /// What it has counted
    Stats,
}

/// Asks the service and prints what it says.
pub(crate) async fn run(args: &ClientArgs, stats: StatsArgs) -> anyhow::Result<ExitCode> {
    match &stats.what {
        What::Backup { copy, which } => return database::backup(args, which, copy).await,
        What::Check { which } => return database::check(args, which, stats.json).await,
        What::Migrate { from, to } => return database::migrate(from, to, stats.json).await,
        _ => {}
    }
    let context = Context::find(args)?;
    let asked = Asked::new(&context, &stats.what)?;
    let client = context.connect().await?;
    let data = ask(&client, asked.request.clone()).await?;
    if let What::User { name, .. } = &stats.what
        && data.get("known") == Some(&Value::Bool(false))
    {
        anyhow::bail!(
            "no user {name:?} was ever seen; names are compared exactly, upper and lower case included"
        );
    }
    if stats.json {
        output::json(&data);
    } else {
        asked.show(&stats.what, &data);
    }
    Ok(ExitCode::SUCCESS)
}

async fn ask(client: &Client, request: Request) -> anyhow::Result<Value> {
    let reply = match command::request(client, SERVICE, request, PATIENCE).await {
        Ok(reply) => reply,
        Err(CommandError::Refused { error, .. }) => {
            anyhow::bail!("the {SERVICE} service refuses: {error}")
        }
        Err(error) => return Err(error.into()),
    };
    Ok(reply.data.unwrap_or_default())
}

/// A request and the channel it is about.
struct Asked {
    request: Request,
    channel: Option<String>,
}

impl Asked {
    fn new(context: &Context, what: &What) -> anyhow::Result<Self> {
        let named = |own: &Option<String>| own.clone().or_else(|| context.named_channel());
        let only = || context.channel().ok();
        let (command, channel) = match what {
            What::User { of, .. } => ("user.stats", named(&of.channel).or_else(only)),
            What::Leaderboard { board, of, .. } => match board {
                Board::Messages => {
                    let channel = match named(&of.channel) {
                        Some(channel) => channel,
                        None => context.channel()?,
                    };
                    ("leaderboard.messages", Some(channel))
                }
                Board::Kudos => ("leaderboard.kudos", named(&of.channel)),
                Board::Emotes => ("leaderboard.emotes", named(&of.channel)),
            },
            What::Channel(ChannelWhat::Top { channel, .. }) => {
                let channel = match named(channel) {
                    Some(channel) => channel,
                    None => context.channel()?,
                };
                ("channel.top_users", Some(channel))
            }
            What::Backup { .. } | What::Check { .. } | What::Migrate { .. } => {
                anyhow::bail!("no service answers this")
            }
            What::System { ask } => (
                match ask {
                    System::Ping => "system.ping",
                    System::Health => "system.health",
                    System::Stats => "system.stats",
                },
                None,
            ),
        };
        let mut request = Request::new(SERVICE, command);
        if let Some(channel) = &channel {
            // Two leaderboards are over the whole domain unless they are told otherwise by this name.
            let parameter = match command {
                "leaderboard.kudos" | "leaderboard.emotes" => "only_channel",
                _ => "channel",
            };
            request = request.with(parameter, channel.as_str());
        }
        match what {
            What::User { name, .. } => request = request.with("username", name.as_str()),
            What::Leaderboard { limit, .. } | What::Channel(ChannelWhat::Top { limit, .. }) => {
                request = request.with("limit", *limit);
            }
            What::System { .. }
            | What::Backup { .. }
            | What::Check { .. }
            | What::Migrate { .. } => {}
        }
        if let Some(domain) = context.domain_of(channel.as_deref()) {
            request = request.with("domain", domain);
        }
        Ok(Self { request, channel })
    }

    fn show(&self, what: &What, data: &Value) {
        let channel = self.channel.as_deref();
        match what {
            What::User { .. } => show::user(channel, data),
            What::Leaderboard { board, .. } => match board {
                Board::Messages => show::places(data, "leaderboard", "username", "lines"),
                Board::Kudos => show::places(data, "leaderboard", "username", "kudos"),
                Board::Emotes => show::places(data, "leaderboard", "emote", "uses"),
            },
            What::Channel(_) => show::places(data, "top_users", "username", "lines"),
            What::System { .. } => show::fields(data),
            What::Backup { .. } | What::Check { .. } | What::Migrate { .. } => {}
        }
    }
}

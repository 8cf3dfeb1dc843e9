//! `kryten userstats all`: a channel's statistics, as the Python command line has it.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use kryten_protocol::userstats::{AllStatsLimits, UserstatsCommand};

use super::stats::{ask, show};
use crate::cli::ClientArgs;
use crate::context::Context;
use crate::output;
use crate::screen::Screen;

/// Options of `kryten userstats all`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten userstats all
  kryten --channel Lounge userstats all --top-users 5 --format json")]
pub(crate) struct ReportArgs {
    /// For people, or for other programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// As --format json
    #[arg(long)]
    json: bool,
    /// How many users; -1 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        allow_negative_numbers = true
    )]
    top_users: i64,
    /// How many films; -1 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 15,
        allow_negative_numbers = true
    )]
    media_history: i64,
    /// How many places of each leaderboard; -1 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        allow_negative_numbers = true
    )]
    leaderboards: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Asks the service and prints what it says.
pub(crate) async fn run(client: &ClientArgs, args: ReportArgs) -> anyhow::Result<ExitCode> {
    let context = Context::find(client)?;
    let client = context.connect().await?;
    // The service knows the channel as it is configured there, so a name alone is enough.
    let (channel, domain) = match context.named_channel() {
        Some(channel) => {
            let domain = context.domain_of(Some(&channel)).map(str::to_owned);
            (channel, domain)
        }
        None => {
            let found = context.find_channel(&client).await?;
            (found.channel, Some(found.domain))
        }
    };
    let place = output::printable(&channel);
    let command = UserstatsCommand::ChannelAllStats {
        channel: Some(channel),
        domain,
        limits: Some(AllStatsLimits {
            top_users: args.top_users,
            media_history: args.media_history,
            leaderboards: args.leaderboards,
        }),
    };
    let data = ask(&client, command).await?;
    if args.json || args.format == Format::Json {
        output::json(&data)?;
        return Ok(ExitCode::SUCCESS);
    }
    let screen = Screen::of_stdout();
    let title = screen.title(&format!("Userstats Channel Report: {place}"));
    let report = show::channel::everything(screen, &place, &data, Timestamp::now());
    output::text(&format!("{title}\n\n{report}"))?;
    Ok(ExitCode::SUCCESS)
}

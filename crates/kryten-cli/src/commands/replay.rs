//! `kryten replay`: a recording's events, published again.

mod publish;
mod survey;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use kryten_client::round_trip::round_trip;
use kryten_client::{Client, EventStream, StreamError};
use kryten_protocol::token;

use self::publish::Replay;
use self::survey::survey;
use crate::census;
use crate::cli::{ClientArgs, at_least_one};
use crate::context::Context;
use crate::output;
use crate::stop_signal::StopSignal;

/// Bad lines that are named.
const NAMED: usize = 5;
/// How long robots are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Options of `kryten replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten replay evening.jsonl               as fast as it was
  kryten replay evening.jsonl --speed 60    an hour in a minute
  kryten replay evening.jsonl --speed max   as fast as the stream takes it

Subjects, headers and bodies are those of the recording. An event that the stream still has (by its \
Nats-Msg-Id, within the stream's window for duplicates) is not stored again. Where a robot serves a \
channel of the recording nothing is replayed, since its events and these would be mixed, unless --force \
says so.")]
pub(crate) struct ReplayArgs {
    /// A file that `kryten record` has written
    file: PathBuf,
    /// How many times as fast as it was; or `max`
    #[arg(long, value_name = "N|max", default_value = "1", value_parser = speed)]
    speed: Speed,
    /// Also where a robot serves a channel of the recording
    #[arg(long)]
    force: bool,
    /// Also what is no event: announcements, and commands, which robots will do again
    #[arg(long)]
    all: bool,
    /// Leave out lines that cannot be read, instead of replaying nothing
    #[arg(long)]
    skip_bad: bool,
    /// Begin at this line
    #[arg(long, value_name = "LINE", default_value_t = 1, value_parser = at_least_one::<u64>)]
    from_line: u64,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Speed {
    Times(f64),
    Max,
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("give a number above 0, or max".to_owned()),
    }
}

/// Replays the whole file, or until Ctrl-C.
pub(crate) async fn run(client: &ClientArgs, args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let mut stop = StopSignal::listen()?;
    let survey = survey(&args)?;
    if !survey.bad.is_empty() {
        let shown = survey
            .bad
            .iter()
            .take(NAMED)
            .cloned()
            .collect::<Vec<_>>()
            .join("; ");
        let more = match survey.bad.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        if !args.skip_bad {
            anyhow::bail!("nothing was replayed: {shown}{more}; --skip-bad leaves such lines out");
        }
        output::aside(&format!("warning: left out: {shown}{more}"));
    }
    let client = Context::find(client)?.connect().await?;
    if !args.force {
        refuse_live_robots(&client, &survey.channels).await?;
    }
    let is_stored = match EventStream::open(&client).await {
        Ok(_) => true,
        Err(
            StreamError::Missing { .. }
            | StreamError::JetStreamOff
            | StreamError::NoPermission { .. },
        ) => {
            output::aside("note: no stream keeps the events; they are only published");
            false
        }
        Err(error) => return Err(error.into()),
    };
    let mut replay = Replay::new(client, is_stored);
    let ended = replay.all(&args, survey.replayed, &mut stop).await;
    let rest = replay.settle(0).await;
    if ended.is_ok() && rest.is_ok() {
        let arrived = round_trip(&replay.client.nats()).await;
        anyhow::ensure!(arrived, "the connection to NATS was lost");
    }
    let told = replay.done.tell(survey.left_out, args.json);
    ended.and(rest)?;
    told?;
    Ok(ExitCode::SUCCESS)
}

async fn refuse_live_robots(client: &Client, channels: &BTreeSet<String>) -> anyhow::Result<()> {
    for robot in census::ask_all(client, "robot", "system.health", PATIENCE).await? {
        for (_, channel) in census::channels(&robot) {
            if channels.contains(&token::normalize(&channel)) {
                anyhow::bail!(
                    "a robot serves {channel}; its events and those of the recording would be mixed; stop it, name another \
                     server with --nats, or give --force"
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_above_zero_or_max() {
        assert_eq!(speed("max"), Ok(Speed::Max));
        assert_eq!(speed("0.5"), Ok(Speed::Times(0.5)));
        for text in ["0", "-1", "NaN", "inf", "fast"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}

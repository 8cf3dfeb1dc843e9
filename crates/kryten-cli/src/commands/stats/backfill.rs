//! `kryten stats backfill`: the past is counted, once.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use kryten_client::command;
use kryten_protocol::command::Request;
use kryten_protocol::userstats::SERVICE;
use serde_json::Value;

use super::explained;
use crate::cli::ClientArgs;
use crate::context::Context;
use crate::output;
use crate::progress;
use crate::screen::text;

/// The service takes at most so long.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Options of `kryten stats backfill`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten stats backfill stream          what the stream has from before
  kryten stats backfill evening.jsonl   a recording of `kryten record`
  kryten stats backfill chat-messages.log --date 2026-11-22   the robot's log

Files are read by the service, from the folder `backfill.folder` of its configuration; of `kryten up` \
that is the folder `backfill` in its data folder. What is counted already is left out, so doing this \
again changes nothing.")]
pub(super) struct BackfillArgs {
    /// `stream`, or the name of a file in the service's folder: a log of chat where it ends in .log, else a recording
    source: String,
    /// The channel of a log or of bare frames; may be left out where the service counts only one
    #[arg(long = "channel", value_name = "CHANNEL", id = "backfill_channel")]
    channel: Option<String>,
    /// The day of a log's last line, such as 2026-11-22; without it the day when the file was changed last
    #[arg(long, value_name = "DAY")]
    date: Option<String>,
    /// The time zone of a log's clock, such as Europe/Berlin; without it the service's own
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

/// Asks the service, and waits until it is done.
pub(super) async fn run(
    args: &ClientArgs,
    wanted: &BackfillArgs,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let context = Context::find(args)?;
    let client = context.connect().await?;
    let channel = wanted.channel.clone().or_else(|| context.named_channel());
    let domain = context.domain_of(channel.as_deref()).map(str::to_owned);
    let mut request = Request::new(SERVICE, "backfill.run").with("source", wanted.source.as_str());
    for (name, value) in [
        ("channel", channel),
        ("domain", domain),
        ("date", wanted.date.clone()),
        ("timezone", wanted.timezone.clone()),
    ] {
        if let Some(value) = value {
            request = request.with(name, value);
        }
    }
    let spinner = progress::spinner("the service counts the past …");
    let reply = command::request(&client, SERVICE, request, PATIENCE).await;
    spinner.finish_and_clear();
    let data = reply.map_err(explained)?.data.unwrap_or_default();
    match as_json {
        true => output::json(&data),
        false => output::line(&told(&data)),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn told(data: &Value) -> String {
    let [events, lines, before] =
        ["events", "lines", "counted_before"].map(|field| text(&data[field]));
    match data["events"] == 0 {
        true => format!("Nothing was added; {before} events were counted before."),
        false => format!(
            "{events} events were added, {lines} of them chat lines; {before} were counted before."
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_added_is_a_sentence() {
        let done = json!({"source": "stream", "events": 1200, "lines": 1000, "counted_before": 3});
        insta::assert_snapshot!(told(&done), @"1,200 events were added, 1,000 of them chat lines; 3 were counted before.");
        let again = json!({"source": "stream", "events": 0, "lines": 0, "counted_before": 1203});
        insta::assert_snapshot!(told(&again), @"Nothing was added; 1,203 events were counted before.");
    }
}

//! `kryten replay`: a recording's events, published again.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::future::IntoFuture;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishAckFuture;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kryten_client::{Client, EventStream, StreamError};
use kryten_protocol::subject::{self, EVENTS_WILDCARD};
use kryten_protocol::token;
use serde_json::json;
use tokio::time::Instant;

use crate::bus::covers;
use crate::census;
use crate::cli::ClientArgs;
use crate::context::Context;
use crate::output;
use crate::recording::{self, Recorded};
use crate::stop_signal::StopSignal;

/// Events that the stream has not acknowledged yet.
const IN_FLIGHT: usize = 256;
/// Bad lines that are named.
const NAMED: usize = 5;
/// How long robots are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Options of `kryten replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten replay evening.jsonl                    as fast as it was
  kryten replay evening.jsonl --speed 60         an hour in a minute
  kryten replay evening.jsonl --speed max        as fast as the stream takes it

Subjects, headers and bodies are those of the recording. An event that the stream still has (by its Nats-Msg-Id, within the
stream's window for duplicates) is not stored again. Where a robot serves a channel of the recording nothing is replayed,
since its events and these would be mixed, unless --force says so.")]
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
    #[arg(long, value_name = "LINE", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
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
        eprintln!("warning: left out: {shown}{more}");
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
            eprintln!("note: no stream keeps the events; they are only published");
            false
        }
        Err(error) => return Err(error.into()),
    };
    let mut replay = Replay {
        client,
        is_stored,
        in_flight: VecDeque::new(),
        done: Done::default(),
    };
    let ended = replay.all(&args, survey.replayed, &mut stop).await;
    let rest = replay.settle(0).await;
    if ended.is_ok() && rest.is_ok() {
        replay
            .client
            .nats()
            .flush()
            .await
            .context("the connection to NATS was lost")?;
    }
    replay.done.tell(survey.left_out, args.json);
    ended.and(rest)?;
    Ok(ExitCode::SUCCESS)
}

/// What a look through the file has found.
#[derive(Default)]
struct Survey {
    replayed: u64,
    /// Lines that are no events.
    left_out: u64,
    bad: Vec<String>,
    /// The channels' tokens.
    channels: BTreeSet<String>,
}

fn survey(args: &ReplayArgs) -> anyhow::Result<Survey> {
    let mut survey = Survey::default();
    for line in lines(&args.file)? {
        let (number, line) = line?;
        if number < args.from_line || line.trim_ascii().is_empty() {
            continue;
        }
        match read(&line) {
            Err(why) => survey.bad.push(format!("line {number}: {why}")),
            Ok(recorded) => {
                let subject = &recorded.message.subject;
                if !is_wanted(subject, args.all) {
                    survey.left_out += 1;
                    continue;
                }
                survey.replayed += 1;
                if let Ok(event) = subject::parse_event(subject) {
                    survey.channels.insert(event.channel.to_owned());
                }
            }
        }
    }
    Ok(survey)
}

fn lines(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<(u64, Vec<u8>)>>> {
    let named = format!("cannot read {}", path.display());
    let file = File::open(path).with_context(|| named.clone())?;
    let lines = BufReader::with_capacity(1 << 16, file).split(b'\n');
    Ok((1..)
        .zip(lines)
        .map(move |(number, line)| Ok((number, line.with_context(|| named.clone())?))))
}

fn read(line: &[u8]) -> Result<Recorded, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is no text".to_owned())?;
    recording::read(text.trim())
}

fn is_wanted(subject: &str, all: bool) -> bool {
    all || covers(EVENTS_WILDCARD, subject)
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

#[derive(Default)]
struct Done {
    published: u64,
    duplicates: u64,
    last_line: u64,
}

impl Done {
    fn tell(&self, left_out: u64, is_json: bool) {
        if is_json {
            output::json(&json!({
                "published": self.published, "already_stored": self.duplicates, "left_out": left_out,
                "last_line": self.last_line,
            }));
            return;
        }
        let mut told = format!("{} published", self.published);
        if self.duplicates > 0 {
            told += &format!(", of which {} were in the stream already", self.duplicates);
        }
        if left_out > 0 {
            told += &format!("; {left_out} lines that are no events were left out");
        }
        output::line(&told);
    }
}

struct Replay {
    client: Client,
    is_stored: bool,
    in_flight: VecDeque<(u64, PublishAckFuture)>,
    done: Done,
}

impl Replay {
    async fn all(
        &mut self,
        args: &ReplayArgs,
        count: u64,
        stop: &mut StopSignal,
    ) -> anyhow::Result<()> {
        let progress = progress(count);
        let began = Instant::now();
        let mut clock = Clock::default();
        for line in lines(&args.file)? {
            let (number, line) = line?;
            if number < args.from_line {
                continue;
            }
            // What could not be read was told already.
            let Ok(recorded) = read(&line) else { continue };
            if !is_wanted(&recorded.message.subject, args.all) {
                continue;
            }
            if let Speed::Times(times) = args.speed {
                let due = began + clock.due(recorded.at, times);
                tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    () = stop.received() => return Ok(()),
                }
            } else if stop.is_received() {
                return Ok(());
            }
            let published = self.publish(number, recorded).await;
            published.with_context(|| {
                format!(
                    "the replay ended; --from-line {} goes on",
                    self.done.last_line + 1
                )
            })?;
            progress.inc(1);
        }
        progress.finish_and_clear();
        Ok(())
    }

    async fn publish(&mut self, number: u64, recorded: Recorded) -> anyhow::Result<()> {
        let message = recorded.message;
        let headers = without_conditions(&message.headers);
        if self.is_stored && covers(EVENTS_WILDCARD, &message.subject) {
            let jetstream = self.client.jetstream();
            let ack = jetstream
                .publish_with_headers(message.subject, headers, message.body)
                .await
                .context("the event could not be sent")?;
            self.in_flight.push_back((number, ack));
            return self.settle(IN_FLIGHT).await;
        }
        let nats = self.client.nats();
        let sent = nats
            .publish_with_headers(message.subject, headers, message.body)
            .await;
        sent.context("the message could not be sent")?;
        self.done.published += 1;
        self.done.last_line = number;
        Ok(())
    }

    /// Waits until no more than so many events are not acknowledged.
    async fn settle(&mut self, left: usize) -> anyhow::Result<()> {
        while self.in_flight.len() > left {
            let Some((number, ack)) = self.in_flight.pop_front() else {
                break;
            };
            let ack = ack.into_future().await;
            let ack = ack.with_context(|| format!("line {number} was not stored"))?;
            self.done.published += 1;
            self.done.duplicates += u64::from(ack.duplicate);
            self.done.last_line = number;
        }
        Ok(())
    }
}

/// The time of the replay, which never goes back: a recording that was gone on with begins at 0 again.
#[derive(Debug, Default)]
struct Clock {
    last: Option<f64>,
    passed: f64,
}

impl Clock {
    fn due(&mut self, at: f64, times: f64) -> Duration {
        let last = self.last.replace(at).unwrap_or(at);
        self.passed += (at - last).max(0.0);
        Duration::try_from_secs_f64(self.passed / times).unwrap_or(Duration::MAX / 4)
    }
}

/// Conditions were about the stream in which the event was stored first.
fn without_conditions(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in headers.iter() {
        let text: &str = name.as_ref();
        if text.to_ascii_lowercase().starts_with("nats-expected") {
            continue;
        }
        for value in values {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

fn progress(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len}, {eta} left");
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(count), target);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_that_was_gone_on_with_goes_on_without_a_pause() {
        let mut clock = Clock::default();
        let due: Vec<u64> = [5.0, 6.0, 8.0, 0.0, 1.0]
            .map(|at| u64::try_from(clock.due(at, 2.0).as_millis()).unwrap())
            .into();
        assert_eq!(due, [0, 500, 1500, 1500, 2000]);
    }

    #[test]
    fn a_speed_is_a_number_above_zero_or_max() {
        assert_eq!(speed("max"), Ok(Speed::Max));
        assert_eq!(speed("0.5"), Ok(Speed::Times(0.5)));
        for text in ["0", "-1", "NaN", "inf", "fast"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn conditions_are_not_replayed() {
        let mut headers = HeaderMap::new();
        headers.append("Nats-Msg-Id", "a");
        headers.append("Nats-Expected-Last-Subject-Sequence", "7");
        headers.append("Kryten-Epoch", "3");
        let kept = without_conditions(&headers);
        assert_eq!(kept.len(), 2);
        assert!(kept.get("Nats-Msg-Id").is_some());
    }
}

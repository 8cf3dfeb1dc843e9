//! `kryten record`: the event bus into a file.

mod file;
mod when;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use kryten_client::{Client, EventStream, StreamError};
use kryten_protocol::subject::EVENTS_WILDCARD;

use crate::bus::{Bus, Heard, Start, covers};
use crate::cli::{ClientArgs, at_least_one};
use crate::context::Context;
use crate::output;
use crate::recording;
use crate::stop_signal::StopSignal;
pub(super) use when::{When, when};

/// How often what was heard is written out, and the file looked after.
const TICK: Duration = Duration::from_millis(200);

/// Options of `kryten record`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten record events.jsonl                     until Ctrl-C
  kryten record - --since 2h --no-follow | gzip > evening.jsonl.gz
  kryten record all.jsonl --from 1 --no-follow   all that the stream has
  kryten record bus.jsonl --subject 'kryten.>'   commands, too

Events are read from the stream where there is one, so that none is missed while the connection is away; \
--live listens to the bus itself. A file that is moved away (logrotate) is begun anew under its name.
`kryten replay` publishes a recording again. docs/wire.md has the format.")]
pub(crate) struct RecordArgs {
    /// The file; - for standard output
    file: PathBuf,
    /// What is recorded; may be given several times
    #[arg(long, value_name = "SUBJECT", default_value = EVENTS_WILDCARD)]
    subject: Vec<String>,
    /// Begin with what was stored at this time (2026-11-29T20:00:00Z) or so long ago (90s, 30m, 2h, 7d)
    #[arg(long, value_name = "WHEN", value_parser = when, conflicts_with = "from")]
    since: Option<When>,
    /// Begin at this sequence of the stream; 1 is its start
    #[arg(long, value_name = "SEQUENCE")]
    from: Option<u64>,
    /// End when all is written that was there at the beginning
    #[arg(long)]
    no_follow: bool,
    /// Listen to the bus and not to the stream
    #[arg(long, conflicts_with_all = ["since", "from", "no_follow"])]
    live: bool,
    /// End after so many messages
    #[arg(long, value_name = "N", value_parser = at_least_one::<u64>)]
    count: Option<u64>,
    /// Go on at the end of a file that is there
    #[arg(long)]
    append: bool,
}

/// Records until Ctrl-C, SIGTERM or the end that was asked for.
pub(crate) async fn run(client: &ClientArgs, args: RecordArgs) -> anyhow::Result<ExitCode> {
    let mut stop = StopSignal::listen()?;
    let client = Context::find(client)?.connect().await?;
    let mut bus = open(&client, &args).await?;
    let mut file = file::Target::open(&args.file, args.append)?;
    let source = match &bus {
        Bus::Live { .. } => "the bus",
        Bus::Stream { .. } => "the stream",
    };
    output::aside(&format!(
        "recording {} from {source}",
        args.subject.join(", ")
    ));
    let mut began = None;
    let mut count = 0;
    let mut tick = tokio::time::interval(TICK);
    let recorded: anyhow::Result<()> = loop {
        if args.count == Some(count) || args.no_follow && bus.has_caught_up() {
            break Ok(());
        }
        let heard = tokio::select! {
            heard = bus.next() => heard,
            () = stop.received() => break Ok(()),
            _ = tick.tick() => match file.look_after() {
                Ok(()) => continue,
                Err(error) => break Err(error),
            },
        };
        match heard {
            Err(error) => break Err(error),
            Ok(Heard::CaughtUp) => {}
            Ok(Heard::Missing(sentence)) => output::aside(&format!("warning: {sentence}")),
            Ok(Heard::Message(message)) => {
                let began = *began.get_or_insert(message.time_nanos);
                let written = recording::line(&message, began)
                    .map_err(anyhow::Error::from)
                    .and_then(|line| file.write(&line));
                match written {
                    Ok(()) => count += 1,
                    Err(error) => break Err(error),
                }
            }
        }
    };
    let closed = file.close();
    bus.close().await;
    let messages = if count == 1 { "message" } else { "messages" };
    output::aside(&format!("{count} {messages} recorded"));
    recorded.and(closed)?;
    Ok(ExitCode::SUCCESS)
}

async fn open(client: &Client, args: &RecordArgs) -> anyhow::Result<Bus> {
    let start = match (args.from, args.since) {
        (Some(sequence), _) => Some(Start::Sequence(sequence)),
        (None, Some(when)) => Some(Start::Time(when.0)),
        (None, None) if args.no_follow => Some(Start::Sequence(1)),
        (None, None) => None,
    };
    let are_events = args
        .subject
        .iter()
        .all(|subject| covers(EVENTS_WILDCARD, subject));
    if let Some(start) = start {
        anyhow::ensure!(
            are_events,
            "the stream has kryten.events.> only; leave out --subject, or --since, --from and --no-follow"
        );
        return Bus::of_stream(client, &args.subject, start).await;
    }
    if args.live || !are_events {
        return Bus::live(client, &args.subject).await;
    }
    match EventStream::open(client).await {
        Ok(_) => Bus::of_stream(client, &args.subject, Start::Now).await,
        Err(
            StreamError::Missing { .. }
            | StreamError::JetStreamOff
            | StreamError::NoPermission { .. },
        ) => Bus::live(client, &args.subject).await,
        Err(error) => Err(error.into()),
    }
}

/// Whether the path means standard output.
fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

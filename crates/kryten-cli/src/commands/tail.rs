//! `kryten tail`: events as they come, readable or as JSON lines.

mod line;
mod plain;

use std::process::ExitCode;

use clap::Args;
use kryten_protocol::event::Event;
use kryten_protocol::gap::Gap;
use kryten_protocol::subject::{self, EVENTS_WILDCARD};
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use serde_json::value::RawValue;

use super::record::{When, when};
use crate::bus::{Bus, Heard, Start};
use crate::cli::{ClientArgs, at_least_one};
use crate::context::Context;
use crate::output;
use crate::paint::Paint;
use crate::recording::Message;
use crate::stop_signal::StopSignal;

/// Options of `kryten tail`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten tail                                    all channels
  kryten --channel lounge tail --event chatMsg   what is said
  kryten tail --user bob --since 1h              bob, from an hour ago on
  kryten tail --json | jq .payload               events as they were published
  kryten tail --grep 'movie(night)?' --count 1   until somebody says it

Readable lines leave out mediaUpdate, which comes every few seconds, unless --event names it or --all is \
given, and lines of shadow-muted users, which only moderators see, unless --shadow is given.")]
pub(crate) struct TailArgs {
    /// Only events of this name, such as chatMsg; may be given several times
    #[arg(long, value_name = "NAME")]
    event: Vec<String>,
    /// Only events about this user; may be given several times
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// Only what matches this regular expression; upper and lower case are the same
    #[arg(long, value_name = "REGEX", value_parser = pattern)]
    grep: Option<Regex>,
    /// First what was stored since this time (2026-11-29T20:00:00Z) or so long ago (90s, 30m, 2h, 7d)
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<When>,
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = at_least_one::<u64>)]
    count: Option<u64>,
    /// mediaUpdate too
    #[arg(long)]
    all: bool,
    /// Lines of shadow-muted users too
    #[arg(long)]
    shadow: bool,
    /// Print the envelopes as they came, one a line
    #[arg(long)]
    json: bool,
}

fn pattern(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).case_insensitive(true).build();
    built.map_err(|_| format!("{text:?} is no regular expression"))
}

/// Prints events until Ctrl-C, SIGTERM or the end that was asked for.
pub(crate) async fn run(client: &ClientArgs, args: TailArgs) -> anyhow::Result<ExitCode> {
    let mut stop = StopSignal::listen()?;
    let context = Context::find(client)?;
    let subjects = match context.named_channel() {
        Some(channel) => vec![subject::channel_events(&channel)?, subject::gap(&channel)?],
        None => vec![EVENTS_WILDCARD.to_owned()],
    };
    let domain = client.domain.clone();
    let client = context.connect().await?;
    let mut bus = match args.since {
        Some(when) => Bus::of_stream(&client, &subjects, Start::Time(when.0)).await?,
        None => Bus::live(&client, &subjects).await?,
    };
    let filter = Filter {
        names: args.event.iter().map(|name| name.to_lowercase()).collect(),
        users: args.user.iter().map(|name| name.to_lowercase()).collect(),
        grep: args.grep.clone(),
        domain,
        with_all: args.all || args.json,
        with_shadow: args.shadow,
    };
    let named = context.named_channel();
    let shows_channel = named.is_none();
    let asked = client.clone();
    tokio::spawn(async move {
        if let Some(named) = named
            && let Some(served) = context.served_instead(&asked, &named).await
        {
            output::remark(&format!(
                "note: no robot serves the channel {}; served: {served}",
                output::printable(&named)
            ));
        }
    });
    let paint = Paint::stdout();
    let mut left = args.count;
    while left != Some(0) {
        let heard = tokio::select! {
            heard = bus.next() => heard?,
            () = stop.received() => break,
        };
        let message = match heard {
            Heard::Message(message) => message,
            Heard::Missing(sentence) => {
                output::aside(&format!("warning: {sentence}"));
                continue;
            }
            Heard::CaughtUp => continue,
        };
        let Some(seen) = Seen::of(&message) else {
            output::aside(&format!(
                "warning: a message on {} is no event",
                output::printable(&message.subject)
            ));
            continue;
        };
        if !filter.lets_pass(&seen) {
            continue;
        }
        if args.json {
            output::line(&on_one_line(&message)?)?;
        } else {
            output::line(&seen.shown(paint, shows_channel))?;
        }
        left = left.map(|left| left - 1);
    }
    bus.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What came on the bus.
enum Seen {
    Event(Event),
    Gap(Gap),
}

impl Seen {
    fn of(message: &Message) -> Option<Self> {
        if message.subject.starts_with("kryten.events.robot.") {
            return serde_json::from_slice(&message.body).ok().map(Self::Gap);
        }
        Event::parse(&message.body).ok().map(Self::Event)
    }

    fn name(&self) -> &str {
        match self {
            Self::Event(event) => event.name(),
            Self::Gap(_) => "gap",
        }
    }

    fn domain(&self) -> &str {
        match self {
            Self::Event(event) => event.domain(),
            Self::Gap(gap) => &gap.domain,
        }
    }

    fn shown(&self, paint: Paint, with_channel: bool) -> String {
        match self {
            Self::Event(event) => line::event(event, paint, with_channel),
            Self::Gap(gap) => line::gap(gap, paint, with_channel),
        }
    }
}

struct Filter {
    names: Vec<String>,
    users: Vec<String>,
    grep: Option<Regex>,
    domain: Option<String>,
    with_all: bool,
    with_shadow: bool,
}

impl Filter {
    fn lets_pass(&self, seen: &Seen) -> bool {
        let name = seen.name().to_lowercase();
        let is_named = self.names.contains(&name);
        if !self.names.is_empty() && !is_named {
            return false;
        }
        if name == "mediaupdate" && !is_named && !self.with_all {
            return false;
        }
        if let Some(domain) = &self.domain
            && !domain.eq_ignore_ascii_case(seen.domain())
        {
            return false;
        }
        if let Seen::Event(Event::ChatMsg(line)) = seen
            && line.is_shadow()
            && !self.with_shadow
        {
            return false;
        }
        if !self.users.is_empty() && !is_about(seen, &self.users) {
            return false;
        }
        self.grep
            .as_ref()
            .is_none_or(|grep| grep.is_match(&seen.shown(Paint::plain(), false)))
    }
}

/// Whether one of these users, in lower case, is named where an event names its users.
fn is_about(seen: &Seen, users: &[String]) -> bool {
    const FIELDS: [&str; 9] = [
        "name",
        "username",
        "user",
        "to",
        "clearedBy",
        "initiator",
        "queueby",
        "bannedby",
        "from",
    ];
    let Seen::Event(event) = seen else {
        return false;
    };
    let Ok(payload) = serde_json::from_str::<Value>(event.envelope().payload.get()) else {
        return false;
    };
    let named = |value: &Value| {
        value
            .as_str()
            .is_some_and(|name| users.contains(&name.to_lowercase()))
    };
    named(&payload)
        || FIELDS
            .iter()
            .any(|field| named(&payload[*field]) || named(&payload["item"][*field]))
}

/// The body as it came; where it has line breaks, without them.
fn on_one_line(message: &Message) -> anyhow::Result<String> {
    let text = std::str::from_utf8(&message.body)?;
    if !text.contains(['\n', '\r']) {
        return Ok(text.to_owned());
    }
    let raw: &RawValue = serde_json::from_str(text)?;
    Ok(raw.get().replace(['\n', '\r'], " "))
}

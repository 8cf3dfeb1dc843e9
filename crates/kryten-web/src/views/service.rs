//! How the services are: what they can do now, how far behind, what was lost or mended.

use std::collections::BTreeMap;

use kryten_protocol::time::WireTime;
use kryten_userstats::status::Source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::channel::GapView;
use super::rows;
use crate::error::PageError;
use crate::sources::App;

const GAPS_SHOWN: i64 = 20;

/// How the services are.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ServiceView {
    pub(crate) version: &'static str,
    pub(crate) statistics: Statistics,
    /// What the robot of this process tells of its channels; empty where there is none.
    pub(crate) robot: Vec<RobotChannel>,
    /// Where the robot's state differed from what the events told.
    pub(crate) drift: Vec<ChannelDrift>,
    /// Times in which not everything could be seen.
    pub(crate) gaps: Vec<ChannelGaps>,
}

/// The statistics service.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Statistics {
    /// What is wrong, in a sentence.
    pub(crate) problem: Option<&'static str>,
    pub(crate) uptime_seconds: f64,
    pub(crate) ready: bool,
    pub(crate) nats_connected: bool,
    pub(crate) database_ok: bool,
    /// `waiting`, `stream` or `live only`.
    pub(crate) counting: &'static str,
    /// Events that are not counted yet.
    pub(crate) lag_events: u64,
    /// The last counted sequence of the stream.
    pub(crate) position: u64,
    #[schemars(with = "Option<String>")]
    pub(crate) last_event: Option<WireTime>,
    pub(crate) events: u64,
    /// Events that were no events.
    pub(crate) malformed: u64,
    /// Lines that were counted before.
    pub(crate) repeated: u64,
    /// Events of a robot that another one has relieved.
    pub(crate) stale: u64,
    /// Events without the robot's seal, where it seals.
    pub(crate) unsealed: u64,
    /// Sealed events that were counted before.
    pub(crate) repeated_events: u64,
    /// Names, emotes and films in which the robot's state differed from the events.
    pub(crate) drift: u64,
    pub(crate) commits: u64,
    pub(crate) failed_commits: u64,
    pub(crate) lost_channels: u64,
    /// How many instances share the database, this one included; 0 before the first look.
    pub(crate) instances: usize,
    /// Channels, by their tokens, that this instance counts.
    pub(crate) channels_here: Vec<String>,
    /// Channels of the configuration that other instances count, with their ids.
    pub(crate) channels_elsewhere: BTreeMap<String, String>,
    /// How many channels nobody counts now.
    pub(crate) channels_uncounted: usize,
    pub(crate) open_visits: u64,
    pub(crate) requests: u64,
    pub(crate) users: i64,
    pub(crate) messages: i64,
}

/// A channel of the robot; what a report lacks is nothing.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RobotChannel {
    pub(crate) domain: String,
    pub(crate) channel: String,
    pub(crate) in_channel: bool,
    pub(crate) standing_by: bool,
    pub(crate) stream_up: bool,
    pub(crate) kv_up: bool,
    pub(crate) stopped: Option<String>,
    pub(crate) trouble: Option<String>,
    pub(crate) events_received: u64,
    pub(crate) events_stored: u64,
    pub(crate) events_dropped: u64,
    pub(crate) gaps: u64,
    /// Entries of lists that a full frame mended although no event had announced it.
    pub(crate) drift_entries: u64,
    /// Values in KV that were missing or not the robot's own, and were put anew.
    pub(crate) kv_drift: u64,
    pub(crate) kv_writes: u64,
    pub(crate) connects: u64,
    pub(crate) last_event: Option<String>,
}

impl RobotChannel {
    /// How it is, in a word or a sentence.
    pub(crate) fn state(&self) -> &str {
        if let Some(why) = self.stopped.as_ref().or(self.trouble.as_ref()) {
            why
        } else if self.standing_by {
            "stands by"
        } else if !self.in_channel {
            "not in the channel yet"
        } else if !self.stream_up {
            "in the channel; events do not reach the stream"
        } else if !self.kv_up {
            "in the channel; its state does not reach KV"
        } else {
            "in the channel"
        }
    }

    pub(crate) fn is_well(&self) -> bool {
        self.standing_by || (self.in_channel && self.stream_up && self.kv_up)
    }
}

/// The drift of a channel.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ChannelDrift {
    pub(crate) domain: String,
    pub(crate) channel: String,
    /// By `users`, `afk`, `emotes` and `media`; null before the first comparison.
    pub(crate) kinds: BTreeMap<String, Option<KindDrift>>,
}

/// The last comparison of a kind.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct KindDrift {
    #[schemars(with = "String")]
    pub(crate) checked_at: WireTime,
    pub(crate) differences: u64,
    /// In the robot's state, and not told by the events; the first 50.
    pub(crate) missing: Vec<String>,
    /// Told by the events, and not in the robot's state; the first 50.
    pub(crate) surplus: Vec<String>,
    /// Whether the state was taken over.
    pub(crate) healed: bool,
    /// Differences since the service started.
    pub(crate) total: u64,
}

impl KindDrift {
    /// The first names, for a table.
    pub(crate) fn names(&self) -> String {
        const SHOWN: usize = 5;
        let all = self.missing.iter().chain(&self.surplus);
        let shown: Vec<&str> = all.take(SHOWN).map(String::as_str).collect();
        let rest = (self.missing.len() + self.surplus.len()).saturating_sub(SHOWN);
        match rest {
            0 => shown.join(", "),
            rest => format!("{} and {rest} more", shown.join(", ")),
        }
    }
}

/// The gaps of a channel, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ChannelGaps {
    pub(crate) domain: String,
    pub(crate) channel: String,
    pub(crate) gaps: Vec<GapView>,
}

pub(crate) async fn read(app: &App) -> Result<ServiceView, PageError> {
    let (store, view) = (&app.reads.store, app.reads.status.view());
    // The health page is shown above all when something is wrong.
    let totals = store.totals().await.ok();
    let mut gaps = Vec::new();
    for channel in app.channels() {
        let found = store
            .gaps(&channel.channel, &channel.domain, GAPS_SHOWN)
            .await;
        gaps.push(ChannelGaps {
            domain: channel.domain.clone(),
            channel: channel.channel.clone(),
            gaps: rows(found.unwrap_or_default()),
        });
    }
    let drift = app.reads.queries.drift().await;
    let drift = drift.map_or(Value::Null, |mut drift| drift["channels"].take());
    let reports = app.robot.as_ref().map_or(Value::Null, |robot| robot());
    Ok(ServiceView {
        version: env!("CARGO_PKG_VERSION"),
        statistics: Statistics {
            problem: match totals {
                Some(_) => view.problem(),
                None => view.problem().or(Some("the database does not answer")),
            },
            uptime_seconds: view.uptime_seconds,
            ready: view.ready,
            nats_connected: view.nats_connected,
            database_ok: view.database_ok && totals.is_some(),
            counting: match view.source {
                Source::Waiting => "waiting",
                Source::Stream => "stream",
                Source::LiveOnly => "live only",
            },
            lag_events: view.lag,
            position: view.sequence,
            last_event: (view.last_event_micros > 0)
                .then_some(WireTime::from_micros(view.last_event_micros)),
            events: view.counters.events,
            malformed: view.counters.malformed,
            repeated: view.counters.repeated,
            stale: view.counters.stale,
            unsealed: view.counters.unsealed,
            repeated_events: view.counters.repeated_events,
            drift: view.drift,
            commits: view.commits,
            failed_commits: view.failed_commits,
            lost_channels: view.lost_channels,
            instances: view.sharing.instances,
            channels_here: view.sharing.here.iter().cloned().collect(),
            channels_uncounted: view.sharing.uncounted(),
            channels_elsewhere: view.sharing.elsewhere,
            open_visits: view.open_visits,
            requests: view.commands,
            users: totals.as_ref().map_or(0, |totals| totals.users),
            messages: totals.as_ref().map_or(0, |totals| totals.messages),
        },
        robot: serde_json::from_value(reports).unwrap_or_default(),
        drift: serde_json::from_value(drift).unwrap_or_default(),
        gaps,
    })
}

//! The metrics text: the original's names, order and form, then ours.

pub(crate) mod channels;

use std::fmt::Write;

use crate::status::{Source, StatusView};
use crate::store::Totals;

enum Kind {
    Gauge,
    Counter,
}

use Kind::{Counter, Gauge};

/// The text of all metrics; without sums over the database where it does not answer.
pub(crate) fn render(view: &StatusView, totals: Option<&Totals>) -> String {
    let mut metrics = Vec::new();
    let mut add = |name: &str, kind: Kind, help: &str, value: String| {
        let kind = match kind {
            Gauge => "gauge",
            Counter => "counter",
        };
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP userstats_{name} {help}\n# TYPE userstats_{name} {kind}\nuserstats_{name} {value}\n"
        );
        metrics.push(text);
    };
    let flag = |set: bool| u8::from(set).to_string();
    add(
        "uptime_seconds",
        Gauge,
        "Service uptime in seconds",
        format!("{:.2}", view.uptime_seconds),
    );
    add(
        "service_status",
        Gauge,
        "Service health status (1=healthy, 0=unhealthy)",
        flag(view.is_healthy()),
    );
    add(
        "nats_connected",
        Gauge,
        "NATS connection status (1=connected, 0=disconnected)",
        flag(view.nats_connected),
    );
    add(
        "database_connected",
        Gauge,
        "Database connection status (1=connected, 0=disconnected)",
        flag(view.database_ok && totals.is_some()),
    );
    if let Some(totals) = totals {
        let both = totals.kudos_plusplus + totals.kudos_phrases;
        for (name, kind, help, value) in [
            (
                "total_users_tracked",
                Gauge,
                "Total number of unique users tracked",
                totals.users,
            ),
            (
                "total_messages",
                Counter,
                "Total messages across all channels",
                totals.messages,
            ),
            (
                "total_pms",
                Counter,
                "Total private messages sent",
                totals.pms,
            ),
            (
                "total_kudos",
                Counter,
                "Total kudos given (all types)",
                both,
            ),
            (
                "total_kudos_plusplus",
                Counter,
                "Total ++ kudos given",
                totals.kudos_plusplus,
            ),
            (
                "total_kudos_phrases",
                Counter,
                "Total phrase-based kudos given",
                totals.kudos_phrases,
            ),
            (
                "total_emote_usage",
                Counter,
                "Total emote uses",
                totals.emotes,
            ),
            (
                "total_media_changes",
                Counter,
                "Total media changes logged",
                totals.media_changes,
            ),
        ] {
            add(name, kind, help, value.to_string());
        }
    }
    add(
        "active_sessions",
        Gauge,
        "Currently active user sessions",
        view.open_visits.to_string(),
    );
    let counters = view.counters;
    for (name, kind, help, value) in [
        (
            "ready",
            Gauge,
            "Everything that was in the stream at the start is counted (1=yes, 0=no)",
            u64::from(view.ready),
        ),
        (
            "counting_from_stream",
            Gauge,
            "Events are counted from the stream (1) or only while connected (0)",
            u64::from(view.source == Source::Stream),
        ),
        (
            "stream_sequence",
            Gauge,
            "Last committed sequence of the event stream",
            view.sequence,
        ),
        (
            "lag_events",
            Gauge,
            "Sequences of the event stream after the last committed one",
            view.lag,
        ),
        (
            "events_total",
            Counter,
            "Events folded since the start",
            counters.events,
        ),
        (
            "malformed_events_total",
            Counter,
            "Messages and payloads that could not be read",
            counters.malformed,
        ),
        (
            "repeated_lines_total",
            Counter,
            "Chat lines that had been counted before",
            counters.repeated,
        ),
        (
            "backwards_times_total",
            Counter,
            "Events dated before the one before them",
            counters.backwards,
        ),
        (
            "stale_events_total",
            Counter,
            "Events of a robot that another one has replaced",
            counters.stale,
        ),
        (
            "unsealed_events_total",
            Counter,
            "Events without the robot's seal, where it seals; not counted",
            counters.unsealed,
        ),
        (
            "repeated_events_total",
            Counter,
            "Sealed events that had been counted before",
            counters.repeated_events,
        ),
        (
            "state_drift_total",
            Counter,
            "Differences between the state in KV and the events",
            view.drift,
        ),
        ("commits_total", Counter, "Committed batches", view.commits),
        (
            "batch_events",
            Gauge,
            "Messages in the last batch",
            view.batch_events,
        ),
        (
            "failed_commits_total",
            Counter,
            "Commits that failed and were tried again",
            view.failed_commits,
        ),
        (
            "commands_total",
            Counter,
            "Requests answered",
            view.commands,
        ),
        (
            "lost_channels",
            Gauge,
            "Channels of this instance whose counts the database refuses",
            view.lost_channels,
        ),
        (
            "instances",
            Gauge,
            "Instances that share the database, this one included",
            view.sharing.instances as u64,
        ),
        (
            "channels_here",
            Gauge,
            "Channels that this instance counts",
            view.sharing.here.len() as u64,
        ),
        (
            "channels_elsewhere",
            Gauge,
            "Channels of this instance's configuration that another one counts",
            view.sharing.elsewhere.len() as u64,
        ),
        (
            "channels_uncounted",
            Gauge,
            "Channels of this instance's configuration that nobody counts",
            view.sharing.uncounted() as u64,
        ),
        (
            "takeovers_total",
            Counter,
            "Channels taken over from dead instances",
            view.sharing.takeovers,
        ),
    ] {
        add(name, kind, help, value.to_string());
    }
    add(
        "database_seconds_total",
        Counter,
        "Time spent in commits",
        format!("{:.6}", view.database_seconds),
    );
    if let Some(totals) = totals {
        add(
            "gaps_total",
            Counter,
            "Gaps in what was seen of the channels",
            totals.gaps.to_string(),
        );
        add("votes", Gauge, "Votes for films", totals.votes.to_string());
    }
    metrics.join("\n")
}

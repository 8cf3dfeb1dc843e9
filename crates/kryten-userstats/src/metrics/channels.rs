//! Metrics of each channel, with labels; their names are ours.

use std::fmt::Write;

use crate::config::ChannelConfig;
use crate::store::ChannelTotals;

/// A label's value as Prometheus reads it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn labels(domain: &str, channel: &str) -> String {
    format!(
        "domain=\"{}\",channel=\"{}\"",
        escaped(domain),
        escaped(channel)
    )
}

/// The text of what is counted of each channel, and of what differed from the robot's state.
pub(crate) fn render(
    totals: &[ChannelTotals],
    drift: &[(ChannelConfig, &'static str, u64)],
) -> String {
    type Value = fn(&ChannelTotals) -> i64;
    let rows: [(&str, &str, &str, Value); 7] = [
        ("messages_total", "counter", "Chat lines", |t| t.messages),
        ("kudos_plusplus_total", "counter", "++ kudos", |t| {
            t.kudos_plusplus
        }),
        ("kudos_phrases_total", "counter", "Kudos by phrase", |t| {
            t.kudos_phrases
        }),
        ("emotes_total", "counter", "Uses of emotes", |t| t.emotes),
        ("votes", "gauge", "Votes for films", |t| t.votes),
        ("media_changes_total", "counter", "Logged films", |t| {
            t.media_changes
        }),
        ("users", "gauge", "Who is there", |t| t.present),
    ];
    let mut text = String::new();
    // Writing to a String cannot fail.
    for (name, kind, help, value) in rows {
        if totals.is_empty() {
            break;
        }
        let _ = write!(
            text,
            "\n# HELP userstats_channel_{name} {help}\n# TYPE userstats_channel_{name} {kind}\n"
        );
        for channel in totals {
            let labels = labels(&channel.domain, &channel.channel);
            let _ = writeln!(
                text,
                "userstats_channel_{name}{{{labels}}} {}",
                value(channel)
            );
        }
    }
    if !drift.is_empty() {
        let help = "Differences between the state in KV and the events";
        let _ = write!(
            text,
            "\n# HELP userstats_channel_drift_total {help}\n# TYPE userstats_channel_drift_total counter\n"
        );
    }
    for (channel, kind, total) in drift {
        let labels = labels(&channel.domain, &channel.channel);
        let _ = writeln!(
            text,
            "userstats_channel_drift_total{{{labels},kind=\"{kind}\"}} {total}"
        );
    }
    text
}

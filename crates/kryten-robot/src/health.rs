//! `/health` and `/metrics` of the robot.

use std::fmt::Write;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::status::ChannelReport;

/// A router that answers from what `reports` gives at the moment.
pub fn router<F>(reports: F) -> Router
where
    F: Fn() -> Vec<ChannelReport> + Clone + Send + Sync + 'static,
{
    let started = Instant::now();
    Router::new()
        .route("/health", get(health::<F>))
        .route("/metrics", get(metrics::<F>))
        .fallback(|| async {
            let body =
                json!({"error": "Not Found", "message": "Available endpoints: /health, /metrics"});
            (StatusCode::NOT_FOUND, axum::Json(body))
        })
        .with_state((reports, started))
}

async fn health<F: Fn() -> Vec<ChannelReport>>(
    State((reports, started)): State<(F, Instant)>,
) -> Response {
    let reports = reports();
    let (status, body) = health_of(&reports, started.elapsed().as_secs_f64());
    (status, axum::Json(body)).into_response()
}

fn health_of(reports: &[ChannelReport], uptime: f64) -> (StatusCode, serde_json::Value) {
    let in_channel = !reports.is_empty()
        && reports
            .iter()
            .all(|report| report.in_channel || report.standing_by);
    let stored = reports
        .iter()
        .all(|report| report.stream_up || report.standing_by);
    let is_healthy = in_channel && stored;
    let sum = |count: fn(&ChannelReport) -> u64| reports.iter().map(count).sum::<u64>();
    let word = |yes: bool, one: &'static str, other: &'static str| if yes { one } else { other };
    let body = json!({
        "status": word(is_healthy, "healthy", "unhealthy"),
        "uptime_seconds": uptime,
        "components": {
            "cytube_connector": word(in_channel, "connected", "disconnected"),
            "nats_client": word(stored, "connected", "disconnected"),
            "event_publisher": word(stored, "running", "stopped"),
            "command_subscriber": "running",
        },
        "metrics": {
            "events_received": sum(|report| report.events_received),
            "events_published": sum(|report| report.events_stored),
            "publish_errors": sum(|report| report.events_dropped + report.events_too_large),
            "nats_bytes_sent": sum(|report| report.bytes_published),
            "commands_processed": sum(|report| report.commands_done + report.commands_failed),
            "commands_failed": sum(|report| report.commands_failed),
        },
        "channels": reports,
    });
    (
        if is_healthy {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        body,
    )
}

async fn metrics<F: Fn() -> Vec<ChannelReport>>(
    State((reports, started)): State<(F, Instant)>,
) -> Response {
    let text = metrics_of(&reports(), started.elapsed().as_secs_f64());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

type Series = (
    &'static str,
    &'static str,
    &'static str,
    fn(&ChannelReport) -> f64,
);

/// The series of each channel: name, kind, help, value.
const SERIES: [Series; 25] = [
    (
        "kryten_channel_joined",
        "gauge",
        "1 while the bot is in the channel",
        |r| f64::from(u8::from(r.in_channel)),
    ),
    (
        "kryten_channel_given_up",
        "gauge",
        "1 when CyTube does not let the bot come back: banned, kicked, logged in twice, wrong password",
        |r| f64::from(u8::from(r.stopped.is_some())),
    ),
    (
        "kryten_channel_connections_total",
        "counter",
        "Connections made to CyTube",
        |r| r.connects as f64,
    ),
    (
        "kryten_channel_frames_unreadable_total",
        "counter",
        "Frames of CyTube that are no Socket.IO",
        |r| r.frames_unreadable as f64,
    ),
    (
        "kryten_channel_stream_up",
        "gauge",
        "1 while events reach the stream",
        |r| f64::from(u8::from(r.stream_up)),
    ),
    (
        "kryten_channel_kv_up",
        "gauge",
        "1 while the state reaches KV",
        |r| f64::from(u8::from(r.kv_up)),
    ),
    (
        "kryten_channel_stood_down",
        "gauge",
        "1 after another robot took over",
        |r| f64::from(u8::from(r.stood_down)),
    ),
    (
        "kryten_channel_standing_by",
        "gauge",
        "1 while another robot serves the channel",
        |r| f64::from(u8::from(r.standing_by)),
    ),
    (
        "kryten_channel_events_received_total",
        "counter",
        "Events from CyTube",
        |r| r.events_received as f64,
    ),
    (
        "kryten_channel_events_stored_total",
        "counter",
        "Events that the stream keeps",
        |r| r.events_stored as f64,
    ),
    (
        "kryten_channel_lines_known_total",
        "counter",
        "Replayed chat lines published before",
        |r| r.lines_known as f64,
    ),
    (
        "kryten_channel_events_dropped_total",
        "counter",
        "Events lost to a full outbox",
        |r| r.events_dropped as f64,
    ),
    (
        "kryten_channel_events_too_large_total",
        "counter",
        "Events over the server's limit",
        |r| r.events_too_large as f64,
    ),
    (
        "kryten_channel_outbox_entries",
        "gauge",
        "Events and values that wait to be stored",
        |r| r.outbox_entries as f64,
    ),
    (
        "kryten_channel_outbox_bytes",
        "gauge",
        "Their bytes; 64 MiB are kept",
        |r| r.outbox_bytes as f64,
    ),
    (
        "kryten_channel_stream_stalls_total",
        "counter",
        "Times that the stream took more than a second for an event",
        |r| r.stalls as f64,
    ),
    (
        "kryten_channel_stream_replaced_total",
        "counter",
        "Times that the stream was deleted and a new one taken",
        |r| r.streams_replaced as f64,
    ),
    (
        "kryten_channel_gaps_total",
        "counter",
        "Gaps reported",
        |r| r.gaps as f64,
    ),
    (
        "kryten_channel_drift_entries_total",
        "counter",
        "Entries mended by full lists",
        |r| r.drift_entries as f64,
    ),
    (
        "kryten_channel_users_drift_total",
        "counter",
        "Users mended by full lists",
        |r| r.users_drift as f64,
    ),
    (
        "kryten_channel_playlist_drift_total",
        "counter",
        "Playlist items mended by full lists",
        |r| r.playlist_drift as f64,
    ),
    (
        "kryten_channel_emotes_drift_total",
        "counter",
        "Emotes mended by full lists",
        |r| r.emotes_drift as f64,
    ),
    (
        "kryten_channel_kv_drift_total",
        "counter",
        "Values in KV that were missing or not ours, and were put anew",
        |r| r.kv_drift as f64,
    ),
    (
        "kryten_channel_kv_writes_total",
        "counter",
        "Values written to KV",
        |r| r.kv_writes as f64,
    ),
    (
        "kryten_channel_foreign_writes_total",
        "counter",
        "Writes of others over our state",
        |r| r.foreign_writes as f64,
    ),
];

fn metrics_of(reports: &[ChannelReport], uptime: f64) -> String {
    let mut text = String::new();
    let mut one = |name: &str, kind: &str, help: &str, value: f64| {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
        );
    };
    let all = |is: fn(&ChannelReport) -> bool| {
        f64::from(u8::from(!reports.is_empty() && reports.iter().all(is)))
    };
    let sum = |count: fn(&ChannelReport) -> u64| reports.iter().map(count).sum::<u64>() as f64;
    one("kryten_up", "gauge", "1 while the robot runs", 1.0);
    one(
        "kryten_uptime_seconds",
        "gauge",
        "Seconds since the robot started",
        uptime,
    );
    one(
        "kryten_cytube_connected",
        "gauge",
        "1 while all channels are joined",
        all(|report| report.in_channel),
    );
    one(
        "kryten_nats_connected",
        "gauge",
        "1 while events of all channels reach NATS",
        all(|report| report.stream_up),
    );
    one(
        "kryten_messages_published_total",
        "counter",
        "Events published",
        sum(|report| report.events_stored),
    );
    let errors = sum(|report| report.events_dropped + report.events_too_large);
    one(
        "kryten_publish_errors_total",
        "counter",
        "Events that could not be published",
        errors,
    );
    one(
        "kryten_commands_processed_total",
        "counter",
        "Commands that came to their end",
        sum(|report| report.commands_done + report.commands_failed),
    );
    one(
        "kryten_commands_failed_total",
        "counter",
        "Commands that were refused or not done",
        sum(|report| report.commands_failed),
    );
    for (name, kind, help, value) in SERIES {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for report in reports {
            let (domain, channel) = (label(&report.domain), label(&report.channel));
            let _ = writeln!(
                text,
                "{name}{{domain=\"{domain}\",channel=\"{channel}\"}} {}",
                value(report)
            );
        }
    }
    text
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::ChannelStatus;

    #[test]
    fn health_is_503_until_every_channel_is_joined_and_stored() {
        let status = ChannelStatus::default();
        let report = |status: &ChannelStatus| [status.report("cytu.be", "lounge")];
        assert_eq!(
            health_of(&report(&status), 1.0).0,
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(health_of(&[], 1.0).0, StatusCode::SERVICE_UNAVAILABLE);
        crate::status::set(&status.in_channel, true);
        crate::status::set(&status.stream_up, true);
        let (code, body) = health_of(&report(&status), 1.0);
        assert_eq!(
            (code, body["status"].as_str()),
            (StatusCode::OK, Some("healthy"))
        );
    }

    #[test]
    fn metrics_keep_the_originals_names_and_label_ours() {
        crate::status::add(&ChannelStatus::default().gaps, 1);
        let text = metrics_of(&[ChannelStatus::default().report("a\"b", "c")], 2.5);
        assert!(text.contains(
            "# TYPE kryten_messages_published_total counter\nkryten_messages_published_total 0\n"
        ));
        assert!(
            text.contains("kryten_channel_gaps_total{domain=\"a\\\"b\",channel=\"c\"} 0\n"),
            "{text}"
        );
    }
}

//! The text of `/metrics`, in the format of Prometheus.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::health::Findings;

/// A count that only grows; cheap to clone, and all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds to it.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

pub(super) struct Metric {
    name: String,
    kind: Kind,
    help: String,
    value: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl Metric {
    pub(super) fn new(
        name: &str,
        kind: Kind,
        help: &str,
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            help: help.to_owned(),
            value: Box::new(value),
        }
    }
}

/// The text while it is written.
pub(super) struct Text {
    prefix: String,
    text: String,
}

impl Text {
    /// What every service has: kryten-py's three, then ours.
    pub(super) fn of(findings: &Findings) -> Self {
        let mut text = Self {
            prefix: legal_name(&findings.service),
            text: String::new(),
        };
        let flag = |set: bool| u8::from(set).to_string();
        text.gauge(
            "uptime_seconds",
            "Seconds since the service started",
            &format!("{:.2}", findings.uptime_seconds),
        );
        text.gauge(
            "service_status",
            "1 while everything works",
            &flag(findings.is_healthy()),
        );
        text.gauge(
            "nats_connected",
            "1 while the connection to NATS stands",
            &flag(findings.nats_connected),
        );
        let readers = &findings.readers;
        text.labelled(
            "reader_lag_events",
            "Events that wait for the reader",
            "reader",
            readers
                .iter()
                .map(|(name, view)| (name, view.lag.to_string())),
        );
        text.labelled(
            "reader_last_event_age_seconds",
            "Seconds since the reader's last event",
            "reader",
            readers
                .iter()
                .filter_map(|(name, view)| Some((name, format!("{:.3}", view.age?.as_secs_f64())))),
        );
        text.labelled(
            "check_ok",
            "1 while the check finds nothing wrong",
            "check",
            findings
                .checks
                .iter()
                .map(|check| (&check.name, flag(check.found.is_ok()))),
        );
        text
    }

    pub(super) fn add(&mut self, metric: &Metric) {
        let value = (metric.value)().to_string();
        let name = self.head(&metric.name, metric.kind, &metric.help);
        self.line(&format!("{name} {value}"));
    }

    /// Lines of the service's own; the last one is ended.
    pub(super) fn add_lines(&mut self, lines: &str) {
        if !lines.is_empty() {
            self.line(lines.trim_end_matches('\n'));
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn gauge(&mut self, name: &str, help: &str, value: &str) {
        let name = self.head(name, Kind::Gauge, help);
        self.line(&format!("{name} {value}"));
    }

    fn labelled<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'a String, String)>,
    ) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        let name = self.head(name, Kind::Gauge, help);
        for (of, value) in values {
            self.line(&format!("{name}{{{label}=\"{}\"}} {value}", escaped(of)));
        }
    }

    /// Writes what stands above a metric; gives its whole name.
    fn head(&mut self, name: &str, kind: Kind, help: &str) -> String {
        let name = legal_name(&format!("{}_{name}", self.prefix));
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(&format!("# HELP {name} {help}\n# TYPE {name} {kind}"));
        name
    }

    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// A name that Prometheus takes: letters, digits and `_`, and no digit first. Anything else becomes `_`.
pub fn legal_name(name: &str) -> String {
    let legal = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let legal: String = legal.collect();
    match legal.chars().next() {
        Some(first) if !first.is_ascii_digit() => legal,
        _ => format!("_{legal}"),
    }
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Reading;

    #[test]
    fn names_are_made_legal() {
        for (name, legal) in [
            ("greeter", "greeter"),
            ("my-bot.v2", "my_bot_v2"),
            ("7up", "_7up"),
            ("größe", "gr__e"),
            ("", "_"),
        ] {
            assert_eq!(legal_name(name), legal);
        }
    }

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let reading = Reading::default();
        reading.set_lag(4);
        let findings = Findings {
            service: "my.bot".to_owned(),
            version: "1".to_owned(),
            uptime_seconds: 2.0,
            nats_connected: true,
            checks: Vec::new(),
            readers: vec![("a\"b".to_owned(), reading.view())],
            own: Default::default(),
        };
        let mut text = Text::of(&findings);
        text.add(&Metric::new(
            "chat.lines",
            Kind::Counter,
            "Lines\nread",
            || 3.0,
        ));
        text.add_lines("own 1");
        text.add_lines("");
        assert_eq!(
            text.finish(),
            "# HELP my_bot_uptime_seconds Seconds since the service started\n\
             # TYPE my_bot_uptime_seconds gauge\nmy_bot_uptime_seconds 2.00\n\
             # HELP my_bot_service_status 1 while everything works\n\
             # TYPE my_bot_service_status gauge\nmy_bot_service_status 1\n\
             # HELP my_bot_nats_connected 1 while the connection to NATS stands\n\
             # TYPE my_bot_nats_connected gauge\nmy_bot_nats_connected 1\n\
             # HELP my_bot_reader_lag_events Events that wait for the reader\n\
             # TYPE my_bot_reader_lag_events gauge\nmy_bot_reader_lag_events{reader=\"a\\\"b\"} 4\n\
             # HELP my_bot_chat_lines Lines\\nread\n# TYPE my_bot_chat_lines counter\nmy_bot_chat_lines 3\n\
             own 1\n"
        );
    }
}

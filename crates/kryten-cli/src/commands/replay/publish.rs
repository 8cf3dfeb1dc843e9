//! A recording's events on their way into the stream, at their pace.

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishAckFuture;
use kryten_client::Client;
use kryten_protocol::subject::EVENTS_WILDCARD;
use serde_json::json;
use tokio::time::Instant;

use super::survey::{is_wanted, lines, read};
use super::{ReplayArgs, Speed};
use crate::bus::covers;
use crate::output;
use crate::progress;
use crate::recording::Recorded;
use crate::stop_signal::StopSignal;

/// Events that the stream has not acknowledged yet.
const IN_FLIGHT: usize = 256;

/// What was done.
#[derive(Default)]
pub(super) struct Done {
    published: u64,
    duplicates: u64,
    last_line: u64,
}

impl Done {
    pub(super) fn tell(&self, left_out: u64, is_json: bool) -> Result<(), output::Unprinted> {
        if is_json {
            return output::json(&json!({
                "published": self.published, "already_stored": self.duplicates, "left_out": left_out,
                "last_line": self.last_line,
            }));
        }
        let mut told = format!("{} published", self.published);
        if self.duplicates > 0 {
            told += &format!(", of which {} were in the stream already", self.duplicates);
        }
        if left_out > 0 {
            told += &format!("; {left_out} lines that are no events were left out");
        }
        output::line(&told)
    }
}

/// A recording on its way.
pub(super) struct Replay {
    pub(super) client: Client,
    is_stored: bool,
    in_flight: VecDeque<(u64, PublishAckFuture)>,
    pub(super) done: Done,
}

impl Replay {
    pub(super) fn new(client: Client, is_stored: bool) -> Self {
        Self {
            client,
            is_stored,
            in_flight: VecDeque::new(),
            done: Done::default(),
        }
    }

    pub(super) async fn all(
        &mut self,
        args: &ReplayArgs,
        count: u64,
        stop: &mut StopSignal,
    ) -> anyhow::Result<()> {
        let bar = progress::bar(Some(count), "events");
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
            bar.inc(1);
        }
        bar.finish_and_clear();
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
    pub(super) async fn settle(&mut self, left: usize) -> anyhow::Result<()> {
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

//! Messages of the bus: as they come, or from the stream, where none is missed.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::SelectAll;
use jiff::Timestamp;
use kryten_client::connection::Subscription;
use kryten_client::{Client, EventReader, EventStream, ReaderItem, ReaderOptions, StreamError};

use crate::recording::Message;

/// Messages taken from the stream at once.
const BATCH: usize = 500;

/// Where the stream is read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Start {
    Now,
    Sequence(u64),
    Time(Timestamp),
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Heard {
    Message(Box<Message>),
    /// One sentence about what may be missing.
    Missing(String),
    /// All that was there when the reading began has been told.
    CaughtUp,
}

/// A running subscription.
#[derive(Debug)]
pub(crate) enum Bus {
    Live {
        client: Client,
        inbox: Box<SelectAll<Subscription>>,
        connection: u64,
        held: Option<Box<Message>>,
    },
    Stream {
        reader: Box<EventReader>,
        waiting: VecDeque<Message>,
        /// The last message that was there when the reading began.
        end: u64,
        has_caught_up: bool,
    },
}

impl Bus {
    /// What is published from now on.
    pub(crate) async fn live(client: &Client, subjects: &[String]) -> anyhow::Result<Self> {
        let connection = client.connections();
        let mut inbox = SelectAll::new();
        for subject in without_covered(subjects) {
            inbox.push(client.subscribe(&subject).await?);
        }
        Ok(Self::Live {
            client: client.clone(),
            inbox: Box::new(inbox),
            connection,
            held: None,
        })
    }

    /// What the stream has, and then what comes. Nothing is created on the server but a consumer.
    pub(crate) async fn of_stream(
        client: &Client,
        subjects: &[String],
        start: Start,
    ) -> anyhow::Result<Self> {
        let stream = match EventStream::open(client).await {
            Err(error @ StreamError::Missing { .. }) => anyhow::bail!(
                "{error}; start the robot, which makes it, or listen to the bus itself: `kryten record --live`, or \
                 `kryten tail` without --since"
            ),
            opened => opened?,
        };
        let filter_subjects = without_covered(subjects);
        let mut end = 0;
        for subject in &filter_subjects {
            let last = stream.last_for(subject).await?;
            end = last.map_or(0, |last| last.sequence).max(end);
        }
        let info = stream.info().await?;
        let options = |start_sequence| ReaderOptions {
            filter_subjects,
            start_sequence,
            expected_created_nanos: Some(info.created_nanos),
        };
        let reader = match start {
            Start::Now => EventReader::open(&stream, options(info.last_sequence + 1)).await?,
            // What was removed already is not missing for somebody who asks for all.
            Start::Sequence(sequence) => {
                EventReader::open(&stream, options(sequence.max(info.first_sequence))).await?
            }
            Start::Time(time) => EventReader::open_at(&stream, options(0), time).await?,
        };
        Ok(Self::Stream {
            reader: Box::new(reader),
            waiting: VecDeque::new(),
            end,
            has_caught_up: end == 0 || start == Start::Now,
        })
    }

    /// The next message; waits for ever where nothing comes. Cancel safe.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Heard> {
        match self {
            Self::Live {
                client,
                inbox,
                connection,
                held,
            } => {
                if let Some(message) = held.take() {
                    return Ok(Heard::Message(message));
                }
                let Some(message) = inbox.next().await else {
                    anyhow::bail!("the connection to NATS is closed");
                };
                let message = Box::new(received(message));
                let now = client.connections();
                // The first connection may be told of a moment after it stands.
                let before = std::mem::replace(connection, now).max(1);
                if now <= before {
                    return Ok(Heard::Message(message));
                }
                *held = Some(message);
                Ok(Heard::Missing(
                    "the connection to NATS was lost and came back; what was published meanwhile is missing".to_owned(),
                ))
            }
            Self::Stream {
                reader,
                waiting,
                end,
                has_caught_up,
            } => loop {
                if let Some(message) = waiting.pop_front() {
                    return Ok(Heard::Message(Box::new(message)));
                }
                if !*has_caught_up && reader.next_sequence() > *end {
                    *has_caught_up = true;
                    return Ok(Heard::CaughtUp);
                }
                match reader.next_batch(BATCH, Duration::ZERO).await? {
                    ReaderItem::Batch(batch) => waiting.extend(batch.into_iter().map(stored)),
                    ReaderItem::Idle if !*has_caught_up => {
                        *has_caught_up = true;
                        return Ok(Heard::CaughtUp);
                    }
                    ReaderItem::Idle => {}
                    ReaderItem::Replaced { new, .. } => {
                        reader.resume_at(new.first_sequence);
                        return Ok(Heard::Missing(
                            "the stream was made anew; events may be missing".to_owned(),
                        ));
                    }
                    ReaderItem::Truncated {
                        expected,
                        first_sequence,
                    } => {
                        reader.resume_at(first_sequence);
                        return Ok(Heard::Missing(format!(
                            "the stream has lost the events {expected} to {} before they were read",
                            first_sequence.saturating_sub(1)
                        )));
                    }
                }
            },
        }
    }

    /// Whether all that was there when the reading began has been told.
    pub(crate) fn has_caught_up(&self) -> bool {
        match self {
            Self::Live { .. } => true,
            Self::Stream {
                has_caught_up,
                waiting,
                ..
            } => *has_caught_up && waiting.is_empty(),
        }
    }

    /// Removes the consumer from the server.
    pub(crate) async fn close(self) {
        if let Self::Stream { reader, .. } = self {
            reader.close().await;
        }
    }
}

fn received(message: async_nats::Message) -> Message {
    Message {
        subject: message.subject.to_string(),
        reply: message.reply.map(|reply| reply.to_string()),
        headers: message.headers.unwrap_or_default(),
        body: message.payload,
        time_nanos: Timestamp::now().as_nanosecond(),
        sequence: None,
    }
}

fn stored(message: kryten_client::StoredMessage) -> Message {
    Message {
        subject: message.subject,
        reply: None,
        headers: message.headers,
        body: message.body,
        time_nanos: message.time_nanos,
        sequence: Some(message.sequence),
    }
}

/// A subject that another one covers would bring each message twice.
fn without_covered(subjects: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for subject in subjects {
        if kept.iter().any(|other| covers(other, subject)) {
            continue;
        }
        kept.retain(|other| !covers(subject, other));
        kept.push(subject.clone());
    }
    kept
}

/// Whether everything on `narrow` is on `wide` too.
pub(crate) fn covers(wide: &str, narrow: &str) -> bool {
    let mut narrow = narrow.split('.');
    for token in wide.split('.') {
        match (token, narrow.next()) {
            (">", Some(_)) => return true,
            (_, None) => return false,
            ("*", Some(other)) if other != ">" => {}
            (token, Some(other)) if token == other => {}
            _ => return false,
        }
    }
    narrow.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_that_another_one_covers_is_left_out() {
        for (wide, narrow, expected) in [
            ("kryten.>", "kryten.events.>", true),
            ("kryten.>", "kryten", false),
            ("kryten.*.b", "kryten.a.b", true),
            ("kryten.*", "kryten.>", false),
            ("kryten.a", "kryten.*", false),
            ("a.b", "a.b", true),
            ("a.b", "a.b.c", false),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
        let subjects = ["a.b", "a.*", "c.>", "c.d"].map(str::to_owned);
        assert_eq!(without_covered(&subjects), ["a.*", "c.>"]);
    }
}

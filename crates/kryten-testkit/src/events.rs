//! The events that the robot published, in order, as the stream keeps them.

use std::sync::Mutex;
use std::time::Duration;

use kryten_client::{Client, EventReader, EventStream, ReaderItem, ReaderOptions, StoredMessage};
use kryten_protocol::event::EnvelopeRef;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::until::{OrEndTest, PATIENCE};

/// The event by which the test kit learns that all before it has been published; no CyTube sends it.
pub const MARK: &str = "testkitMark";

/// An event as the stream keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenEvent {
    /// Its place in the stream.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// CyTube's name of the event, such as `chatMsg`; `gap` for a reported gap.
    pub name: String,
    /// What CyTube sent; of a gap the whole report.
    pub payload: Value,
}

impl SeenEvent {
    /// Whether this is a chat line of a user. CyTube tells moderators by chat lines, too, for example that somebody
    /// joined; the user of those is `[server]` or the like.
    pub fn is_said_by(&self, user: &str) -> bool {
        self.name == "chatMsg" && self.payload["username"] == user
    }
}

/// Follows the stream from its start.
#[derive(Debug)]
pub(crate) struct Events {
    seen: watch::Receiver<Vec<SeenEvent>>,
    /// Up to where [`Events::next`] has looked.
    looked: Mutex<usize>,
    task: JoinHandle<()>,
}

impl Events {
    pub(crate) async fn follow(client: &Client) -> Self {
        let stream = EventStream::open_or_create(client)
            .await
            .or_end_test("open the event stream");
        let mut reader = EventReader::open(&stream, ReaderOptions::default())
            .await
            .or_end_test("read the event stream");
        let (seen_tx, seen) = watch::channel(Vec::new());
        let task = tokio::spawn(async move {
            while let Ok(item) = reader.next_batch(1000, Duration::ZERO).await {
                match item {
                    ReaderItem::Batch(messages) => {
                        let events = messages.iter().filter_map(read);
                        seen_tx.send_modify(|seen| seen.extend(events));
                    }
                    ReaderItem::Idle => {}
                    // Those who wait are told that nothing more comes.
                    _ => return,
                }
            }
        });
        Self {
            seen,
            looked: Mutex::new(0),
            task,
        }
    }

    pub(crate) fn all(&self) -> Vec<SeenEvent> {
        let seen = self.seen.borrow();
        seen.iter()
            .filter(|event| event.name != MARK)
            .cloned()
            .collect()
    }

    /// The first event after the one that was returned last which matches.
    pub(crate) async fn next(&self, mut matches: impl FnMut(&SeenEvent) -> bool) -> SeenEvent {
        let mut seen = self.seen.clone();
        let mut looked = *self.looked();
        let mut find = |seen: &Vec<SeenEvent>| {
            while let Some(event) = seen.get(looked) {
                looked += 1;
                if event.name != MARK && matches(event) {
                    return true;
                }
            }
            false
        };
        let found = tokio::time::timeout(PATIENCE, seen.wait_for(|seen| find(seen))).await;
        let ended = matches!(found, Ok(Err(_)));
        drop(found);
        let all = self.seen.borrow();
        let event = looked.checked_sub(1).and_then(|at| all.get(at)).cloned();
        match event {
            Some(event) if event.name != MARK && matches(&event) => {
                *self.looked() = looked;
                event
            }
            _ if ended => panic!("the event stream has ended, and no event of it matches"),
            _ => panic!(
                "no event within {} s matches; the last ones were {}",
                PATIENCE.as_secs(),
                last_ones(&all)
            ),
        }
    }

    /// Whether a mark has been published.
    pub(crate) async fn marked(&self, number: u64, patience: Duration) -> bool {
        let mut seen = self.seen.clone();
        let mut looked = 0;
        let is_mark = |seen: &Vec<SeenEvent>| {
            let from = std::mem::replace(&mut looked, seen.len());
            seen[from..]
                .iter()
                .any(|event| event.name == MARK && event.payload == number)
        };
        let marked = tokio::time::timeout(patience, seen.wait_for(is_mark)).await;
        matches!(marked, Ok(Ok(_)))
    }

    fn looked(&self) -> std::sync::MutexGuard<'_, usize> {
        self.looked
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn read(message: &StoredMessage) -> Option<SeenEvent> {
    let event = |name: &str, payload: Value| SeenEvent {
        sequence: message.sequence,
        subject: message.subject.clone(),
        name: name.to_owned(),
        payload,
    };
    if let Ok(envelope) = EnvelopeRef::parse(&message.body) {
        let payload = serde_json::from_str(envelope.payload.get()).ok()?;
        return Some(event(&envelope.event_name, payload));
    }
    let body = serde_json::from_slice(&message.body).ok()?;
    let (_, name) = message.subject.rsplit_once('.')?;
    Some(event(name, body))
}

fn last_ones(events: &[SeenEvent]) -> String {
    const SHOWN: usize = 10;
    let from = events.len().saturating_sub(SHOWN);
    let shown: Vec<String> = events[from..]
        .iter()
        .map(|event| format!("{} {}", event.name, event.payload))
        .collect();
    shown.join(", ")
}

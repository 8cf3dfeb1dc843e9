//! Follows the event stream and tells the simulator which chat lines are safe.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kryten_client::reader::{EventReader, ReaderItem, ReaderOptions};
use kryten_client::stream::EventStream;
use kryten_client::{Client, NatsConfig, StoredMessage};
use kryten_protocol::gap::Gap;
use kryten_sim::SimHandle;
use serde_json::Value;
use tokio::task::JoinHandle;

/// What the stream holds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// Chat lines that CyTube would replay.
    pub(crate) chat: u64,
    /// Chat lines that it never replays.
    pub(crate) notices: u64,
    pub(crate) pms: u64,
    /// The last marker that the test sent through the simulator.
    pub(crate) marker: u64,
    pub(crate) gaps: Vec<Gap>,
    /// The highest epoch of a robot, and events of lower ones that came after it, chat left out.
    pub(crate) epoch: u64,
    pub(crate) stale: u64,
    /// (time, user, text) of each chat line.
    pub(crate) lines: Vec<(i64, String, String)>,
}

impl Seen {
    fn take(&mut self, message: &StoredMessage) {
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        if message.subject.ends_with(".gap") {
            self.gaps.push(serde_json::from_value(body).unwrap());
            return;
        }
        let payload = &body["payload"];
        let (name, epoch) = (body["event_name"].as_str(), message.epoch.unwrap_or(0));
        self.stale += u64::from(epoch < self.epoch && !matches!(name, Some("chatMsg" | "pm")));
        self.epoch = self.epoch.max(epoch);
        match body["event_name"].as_str().unwrap() {
            "chatMsg" => {
                let user = payload["username"].as_str().unwrap();
                let is_notice = user.starts_with('[') || payload["meta"]["shadow"] == true;
                *(if is_notice {
                    &mut self.notices
                } else {
                    &mut self.chat
                }) += 1;
                let text = payload["msg"].as_str().unwrap();
                self.lines.push((
                    payload["time"].as_i64().unwrap(),
                    user.to_owned(),
                    text.to_owned(),
                ));
            }
            "pm" => self.pms += 1,
            "marker" => self.marker = payload.as_u64().unwrap(),
            _ => {}
        }
    }
}

pub(crate) struct Watcher {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Starts to follow; with a simulator, tells it what has been seen.
    pub(crate) async fn start(nats: NatsConfig, sim: Option<Arc<SimHandle>>) -> Self {
        let client = Client::connect(&nats).await.unwrap();
        let stream = EventStream::open_or_create(&client).await.unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let ours = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut reader = EventReader::open(&stream, ReaderOptions::default())
                .await
                .unwrap();
            loop {
                match reader.next_batch(1000, Duration::ZERO).await {
                    Ok(ReaderItem::Batch(messages)) => {
                        let chat = {
                            let mut seen = ours.lock().unwrap();
                            messages.iter().for_each(|message| seen.take(message));
                            seen.chat
                        };
                        if let Some(sim) = &sim {
                            sim.seen(chat).await.unwrap();
                        }
                    }
                    Ok(ReaderItem::Idle) => {}
                    other => panic!("the stream changed underneath: {other:?}"),
                }
            }
        });
        Self { seen, task }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

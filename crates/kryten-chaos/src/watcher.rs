//! Follows the stream: how many lines and which mark of each channel are safe.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use kryten_client::reader::{EventReader, ReaderItem, ReaderOptions};
use kryten_client::stream::EventStream;
use kryten_client::{Client, NatsConfig, StoredMessage};
use kryten_sim::ChannelHandle;
use serde_json::Value;
use tokio::task::JoinHandle;

/// The event that we have the simulator send, to see how far the stream is.
pub(crate) const MARK: &str = "marker";

/// What the stream holds of a channel.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// Events of any kind.
    pub(crate) events: u64,
    /// Chat lines that CyTube would replay.
    pub(crate) chat: u64,
    /// Chat lines that it never replays.
    pub(crate) notices: u64,
    pub(crate) pms: u64,
    /// The newest mark.
    pub(crate) mark: u64,
    /// Gap reports.
    pub(crate) gaps: u64,
    /// Those that say that chat is missing.
    pub(crate) gaps_in_chat: u64,
    /// When the newest chat line was said, as CyTube tells it.
    said: i64,
    ids: HashSet<String>,
    /// The first event that is there twice or out of order.
    wrong: Option<String>,
}

type ByChannel = Arc<Mutex<BTreeMap<String, Seen>>>;

pub(crate) struct Watcher {
    seen: ByChannel,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Watcher {
    pub(crate) async fn start(
        nats: &NatsConfig,
        channels: Vec<ChannelHandle>,
    ) -> anyhow::Result<Self> {
        let client = Client::connect(nats).await?;
        let stream = open(&client).await?;
        let seen = ByChannel::default();
        let task = tokio::spawn(follow(stream, channels, Arc::clone(&seen)));
        Ok(Self { seen, task })
    }

    pub(crate) fn look(&self, channel: &str) -> Seen {
        let all = lock(&self.seen);
        let Some(seen) = all.get(channel) else {
            return Seen::default();
        };
        Seen {
            ids: HashSet::new(),
            wrong: None,
            ..*seen
        }
    }

    pub(crate) fn is_well(&self) -> anyhow::Result<()> {
        ensure!(
            !self.task.is_finished(),
            "the stream could not be read to its end"
        );
        match lock(&self.seen)
            .values()
            .find_map(|seen| seen.wrong.clone())
        {
            Some(wrong) => bail!("{wrong}"),
            None => Ok(()),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes the stream; waits for servers that have just come together, and elect.
async fn open(client: &Client) -> anyhow::Result<EventStream> {
    const PATIENCE: Duration = Duration::from_secs(60);
    const STEP: Duration = Duration::from_millis(100);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match EventStream::open_or_create(client).await {
            Err(error) if error.is_transient() && Instant::now() < deadline => {
                tokio::time::sleep(STEP).await;
            }
            opened => return Ok(opened?),
        }
    }
}

async fn follow(
    stream: EventStream,
    channels: Vec<ChannelHandle>,
    seen: ByChannel,
) -> anyhow::Result<()> {
    let mut reader = EventReader::open(&stream, ReaderOptions::default()).await?;
    loop {
        match reader.next_batch(1000, Duration::ZERO).await {
            Ok(ReaderItem::Batch(messages)) => {
                for message in &messages {
                    take(&seen, message)?;
                }
                for channel in &channels {
                    let chat = lock(&seen).get(channel.name()).map(|seen| seen.chat);
                    channel.seen(chat.unwrap_or_default()).await?;
                }
            }
            Ok(ReaderItem::Idle) => {}
            other => {
                println!("the stream has changed underneath: {other:?}");
                bail!("the stream has changed underneath");
            }
        }
    }
}

fn take(seen: &ByChannel, message: &StoredMessage) -> anyhow::Result<()> {
    let mut parts = message.subject.split('.').skip(3);
    let (Some(channel), Some(name)) = (parts.next(), parts.next()) else {
        bail!("{} is no subject of an event", message.subject);
    };
    let body: Value = serde_json::from_slice(&message.body)?;
    let mut all = lock(seen);
    let seen = all.entry(channel.to_owned()).or_default();
    seen.events += 1;
    let payload = &body["payload"];
    if let Some(id) = &message.message_id
        && !seen.ids.insert(id.clone())
    {
        let twice = format!("{name} of {channel} is there twice: {}", message.sequence);
        seen.wrong.get_or_insert(twice);
    }
    match (name, body["event_name"].as_str()) {
        ("gap", _) => {
            seen.gaps += 1;
            seen.gaps_in_chat += u64::from(body["chat_complete"] == false);
        }
        (_, Some("chatMsg")) => {
            let is_bracketed = payload["username"]
                .as_str()
                .is_some_and(|name| name.starts_with('['));
            match is_bracketed || payload["meta"]["shadow"] == true {
                true => seen.notices += 1,
                false => {
                    seen.chat += 1;
                    seen.hear_line(channel, message.sequence, payload);
                }
            }
        }
        (_, Some("pm")) => seen.pms += 1,
        (_, Some(MARK)) => seen.mark = payload.as_u64().unwrap_or(seen.mark),
        _ => {}
    }
    Ok(())
}

impl Seen {
    /// Lines are said one after the other, and stand so in the stream.
    fn hear_line(&mut self, channel: &str, sequence: u64, line: &Value) {
        let said = line["time"].as_i64().unwrap_or_default();
        if said < self.said {
            let before = self.said - said;
            let late = format!(
                "a line of {channel} at {sequence} is {before} ms older than the line before it"
            );
            self.wrong.get_or_insert(late);
        }
        self.said = self.said.max(said);
    }
}

/// Whoever panicked while holding it left no half-written number.
fn lock(seen: &ByChannel) -> MutexGuard<'_, BTreeMap<String, Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Follows the changes of a bucket.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::bucket::KvBucket;
use super::error::KvError;
use super::key;
use super::read::Entry;
use crate::jetstream::consumer::{Start, Wanted};
use crate::jetstream::laps::{Lap, Laps};
use crate::jetstream::ordered::{Holes, OrderedItem, OrderedReader};
use crate::jetstream::stored::Stored;

/// Entries taken at once.
const BATCH: usize = 500;

/// What a watch tells.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// A key's last revision (before [`WatchItem::Ready`]) or a change (after it).
    Entry(Entry),
    /// All that was in the bucket when the watch began has been told.
    Ready,
}

/// What one turn of a watch brought.
#[derive(Debug)]
pub(super) enum Turn {
    /// A revision, with the name under which it is stored.
    Entry(String, Entry),
    /// All that was there has been told.
    Ready,
    /// Nothing, for some two seconds.
    Idle,
}

/// A running watch.
#[derive(Debug)]
pub struct KvWatch {
    bucket: KvBucket,
    reader: OrderedReader,
    prefix: String,
    told: VecDeque<Turn>,
    pending: u64,
    is_ready: bool,
    laps: Laps,
    lap: Lap,
}

impl KvBucket {
    /// The last revision of every key, then [`Ready`](super::WatchItem::Ready), then every change as it comes. A key that
    /// is overwritten meanwhile may come with its new revision alone, but before `Ready`.
    ///
    /// Deletions are told too. When the server was away, the changes made meanwhile are told, of each key at least
    /// the last; before `Ready` a key may then be told twice.
    ///
    /// # Errors
    /// As [`KvBucket::keys`].
    pub async fn watch(&self) -> Result<KvWatch, KvError> {
        self.watch_prefix("").await
    }

    /// As [`KvBucket::watch`], only the keys that begin with a text. Up to its last dot the server compares, and sends
    /// nothing else; the rest is compared here.
    ///
    /// # Errors
    /// As [`KvBucket::keys`].
    pub async fn watch_prefix(&self, prefix: &str) -> Result<KvWatch, KvError> {
        let info = self.client.stream_info(&self.bucket.stream).await;
        let info = info.map_err(|error| self.error(error))?;
        let wanted = Wanted {
            stream: self.bucket.stream.clone(),
            filters: self.filters(prefix),
            start: Start::LastPerSubject,
            headers_only: false,
        };
        let created = info.created.unix_timestamp_nanos();
        Ok(KvWatch {
            reader: OrderedReader::new(&self.client, wanted, Holes::Expected, Some(created)),
            bucket: self.clone(),
            prefix: prefix.to_owned(),
            told: VecDeque::new(),
            pending: 0,
            is_ready: false,
            laps: Laps::new(info.state.last_sequence),
            lap: Lap::Running,
        })
    }
}

impl KvWatch {
    /// The next item; waits for ever where nothing changes, also over restarts of the server. Cancel safe.
    ///
    /// # Errors
    /// [`KvError`] for what waiting does not mend; [`KvError::BucketMissing`] when the bucket was deleted, even if
    /// there is a new one of that name.
    pub async fn next(&mut self) -> Result<WatchItem, KvError> {
        loop {
            match self.turn().await? {
                Turn::Entry(_, entry) => return Ok(WatchItem::Entry(entry)),
                Turn::Ready => return Ok(WatchItem::Ready),
                Turn::Idle => {}
            }
        }
    }

    /// What comes next, or that nothing came for a while. Cancel safe.
    pub(super) async fn turn(&mut self) -> Result<Turn, KvError> {
        /// Those who follow a bucket want to know at once.
        const NO_WAIT: Duration = Duration::ZERO;
        loop {
            if let Some(turn) = self.told.pop_front() {
                return Ok(turn);
            }
            if !self.is_ready && self.is_ready_now().await {
                self.is_ready = true;
                return Ok(Turn::Ready);
            }
            let item = self.reader.next(BATCH, NO_WAIT).await;
            match item.map_err(|error| self.bucket.error(error))? {
                OrderedItem::Batch(batch) => {
                    for received in batch {
                        self.pending = received.pending;
                        if !self.is_ready && self.lap == Lap::Running {
                            self.lap = self.laps.take(received.stored.sequence);
                        }
                        self.tell(received.stored);
                    }
                }
                OrderedItem::Idle if self.reader.is_missing() => return Err(self.is_gone()),
                OrderedItem::Idle => {
                    if self.is_ready || !self.reader.has_told_end() {
                        return Ok(Turn::Idle);
                    }
                }
                OrderedItem::Replaced { .. } => return Err(self.is_gone()),
                OrderedItem::Truncated { .. } => {}
            }
        }
    }

    /// When the server was last heard: by a message, or by its answer that nothing is missing.
    pub(super) fn heard(&self) -> Instant {
        self.reader.heard()
    }

    /// How many revisions were still to come when the last one was received.
    pub(super) fn lag(&self) -> u64 {
        self.pending + self.told.len() as u64
    }

    fn tell(&mut self, stored: Stored) {
        let name = stored.subject.strip_prefix(&self.bucket.bucket.prefix);
        let name = name.unwrap_or_default().to_owned();
        let key = key::decode(&name);
        if key.starts_with(&self.prefix) {
            self.told
                .push_back(Turn::Entry(name, Entry::new(key, stored)));
        }
    }

    /// Stops watching and removes the consumer from the server.
    pub async fn close(self) {
        self.reader.close().await;
    }

    /// Whether all that was there has been told. Cancel safe.
    async fn is_ready_now(&mut self) -> bool {
        if self.lap == Lap::Next {
            let info = self.bucket.client.stream_info(&self.bucket.bucket.stream);
            // Where the bucket or the server is gone the reader finds out, and waits or tells.
            if let Ok(info) = info.await {
                self.laps.begin(info.state.last_sequence);
            }
            self.lap = Lap::Running;
        }
        self.lap == Lap::Over || self.reader.has_told_end()
    }

    fn is_gone(&self) -> KvError {
        KvError::BucketMissing {
            bucket: self.bucket.name().to_owned(),
        }
    }
}

//! The task that feeds a cache from a watch.

use std::sync::Arc;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::CacheState;
use super::changes::CacheChange;
use super::contents::Contents;
use crate::kv::bucket::KvBucket;
use crate::kv::config::BucketInfo;
use crate::kv::error::KvError;
use crate::kv::watch::{KvWatch, Turn};

/// No mark of deletion and no value goes sooner than this after it was stored.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);
/// Before a bucket that is gone is looked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// Whether the server of such a bucket may drop a mark of deletion before we have read it.
pub(super) fn marks_expire(info: &BucketInfo) -> bool {
    info.ttl.is_some() || info.allows_key_ttl
}

/// What the task writes and the cache reads.
#[derive(Debug)]
pub(super) struct Fed {
    held: RwLock<Held>,
    state: watch::Sender<CacheState>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) contents: Contents,
    pub(super) heard: Instant,
    pub(super) lag: u64,
}

impl Fed {
    pub(super) fn new(contents: Contents) -> Self {
        let held = Held {
            contents,
            heard: Instant::now(),
            lag: 0,
        };
        Self {
            held: RwLock::new(held),
            state: watch::Sender::new(CacheState::Loading),
        }
    }

    pub(super) fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> watch::Receiver<CacheState> {
        self.state.subscribe()
    }

    fn change(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn become_state(&self, state: CacheState) {
        self.state.send_replace(state);
    }
}

/// Feeds a cache until its bucket cannot be read any more.
pub(super) struct Feeder {
    pub(super) bucket: KvBucket,
    pub(super) prefix: String,
    pub(super) watch: KvWatch,
    /// Whether the server may drop a mark of deletion before we have read it.
    pub(super) marks_expire: bool,
    /// On which connection the watch was begun.
    pub(super) connection: u64,
    /// When the server was last heard on that connection.
    pub(super) heard: Instant,
    /// Whether nothing can be read now, which was told.
    pub(super) is_waiting: bool,
    pub(super) fed: Arc<Fed>,
    pub(super) changes: broadcast::Sender<CacheChange>,
}

impl Feeder {
    pub(super) async fn run(mut self) {
        while let Err(error) = self.feed().await {
            match error {
                KvError::BucketMissing { .. } => self.miss(),
                // A server may switch JetStream off for a while, and a link to another's may be down.
                error if error.is_transient() || matches!(error, KvError::JetStreamOff) => {
                    self.wait_for(&error);
                }
                error => {
                    tracing::error!(bucket = self.bucket.name(), %error, "the cache ends");
                    self.fed.become_state(CacheState::Ended(Arc::new(error)));
                    return;
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The bucket is gone.
    fn miss(&self) {
        if self.is_missing() {
            return;
        }
        tracing::warn!(bucket = self.bucket.name(), "the cached bucket is gone");
        let lost = self.fed.change().contents.lose_all();
        self.tell(lost);
        self.fed.become_state(CacheState::Missing);
    }

    /// The bucket cannot be read now.
    fn wait_for(&mut self, error: &KvError) {
        if !self.is_waiting {
            tracing::warn!(bucket = self.bucket.name(), %error, "cannot read the cached bucket now");
            self.is_waiting = true;
        }
    }

    fn is_missing(&self) -> bool {
        matches!(*self.fed.state.borrow(), CacheState::Missing)
    }

    /// Feeds from one watch after the other; returns only with an error.
    async fn feed(&mut self) -> Result<(), KvError> {
        loop {
            if self.is_missing() || self.marks_expire && self.was_away_for_long() {
                self.begin_round().await?;
            }
            let turn = self.watch.turn().await?;
            self.is_waiting = false;
            self.take(turn);
        }
    }

    /// Whether the connection is another one, and a mark may have come and gone since we heard something on the last.
    fn was_away_for_long(&mut self) -> bool {
        let client = &self.bucket.client;
        if !client.is_connected() {
            return false;
        }
        let connection = client.connections();
        // The watch itself has mostly heard the new connection by now.
        let was_long = connection != self.connection && self.heard.elapsed() >= SHORTEST_LIFE;
        // A round notes them when it begins.
        if !was_long {
            (self.connection, self.heard) = (connection, self.watch.heard());
        }
        was_long
    }

    /// Reads all anew, while what is held stays.
    async fn begin_round(&mut self) -> Result<(), KvError> {
        let connection = self.bucket.client.connections();
        let watch = self.bucket.watch_prefix(&self.prefix).await?;
        // The bucket may be another one than before.
        let info = self.bucket.info().await?;
        self.heard = watch.heard();
        (self.watch, self.connection) = (watch, connection);
        self.marks_expire = marks_expire(&info);
        self.fed.change().contents.begin_round(info.ttl);
        self.fed.become_state(CacheState::Loading);
        Ok(())
    }

    fn take(&self, turn: Turn) {
        let (changes, is_round_over) = {
            let mut held = self.fed.change();
            (held.heard, held.lag) = (self.watch.heard(), self.watch.lag());
            match turn {
                Turn::Entry(name, entry) => {
                    let change = held.contents.take(name, entry);
                    (change.into_iter().collect(), false)
                }
                Turn::Ready => (held.contents.end_round(), true),
                Turn::Idle => (Vec::new(), false),
            }
        };
        self.tell(changes);
        let is_overfull = self.fed.held().contents.is_overfull();
        let was_overfull = matches!(*self.fed.state.borrow(), CacheState::TooLarge);
        if is_overfull && !was_overfull {
            tracing::warn!(bucket = self.bucket.name(), "the cache is full");
            self.fed.become_state(CacheState::TooLarge);
        } else if is_round_over && !is_overfull {
            self.fed.become_state(CacheState::Ready);
        }
    }

    fn tell(&self, changes: impl IntoIterator<Item = CacheChange>) {
        for change in changes {
            // Nobody may be listening.
            let _ = self.changes.send(change);
        }
    }
}

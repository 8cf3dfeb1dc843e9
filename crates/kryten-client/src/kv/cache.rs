//! A bucket held in memory, kept up to date by a watch.

mod changes;
mod contents;
mod feed;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio_util::task::AbortOnDropHandle;

use self::contents::Contents;
use self::feed::{Fed, Feeder, marks_expire};
use super::bucket::KvBucket;
use super::error::KvError;
use super::read::Entry;

pub use self::changes::{CacheChange, CacheChanges};

/// Changes that are kept for a slow reader.
const CHANGES: usize = 4096;

/// What a cache holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheOptions {
    /// Only the keys that begin with this text; empty for all. Up to its last dot the server compares, and sends
    /// nothing else.
    pub prefix: String,
    /// The most memory, counted as keys, values and some 200 bytes for each; 64 MiB by default.
    pub max_bytes: usize,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            max_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What a cache knows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CacheState {
    /// It is being filled; a key that is not in it may be in the bucket.
    Loading,
    /// It holds all of the bucket.
    Ready,
    /// The bucket holds more than [`CacheOptions::max_bytes`]. What is in the cache is kept up to date, but a key that
    /// is not in it may be in the bucket; ask the bucket for it.
    TooLarge,
    /// The bucket was deleted. The cache is empty, and fills again as soon as there is a bucket of that name.
    Missing,
    /// The bucket can no longer be read, for a reason that waiting does not mend.
    Ended(Arc<KvError>),
}

/// Why a cache does not become ready.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The bucket holds more than the cache may.
    #[error(
        "the bucket {bucket} does not fit into {max_bytes} bytes; raise max_bytes or take a prefix"
    )]
    TooLarge {
        /// The bucket.
        bucket: String,
        /// [`CacheOptions::max_bytes`].
        max_bytes: usize,
    },
    /// The bucket cannot be read.
    #[error("the bucket cannot be cached: {0}")]
    Ended(Arc<KvError>),
}

/// A bucket held in memory, kept up to date by one watch; cheap to clone, and closed with its last clone.
///
/// Reads take no round trip. Over a lost connection and a restart of the server the cache goes on at the revision after
/// the last it has, and reads all anew where marks of deletion may have expired meanwhile; what it holds stays readable,
/// and [`KvCache::age`] tells how old it may be.
///
/// Values that expire are gone from the cache at their time by the clock of this machine, also where the server leaves
/// no mark. What somebody removes from the bucket's stream by hand, past the key-value rules, leaves no trace that a
/// watch could see.
///
/// ```no_run
/// # async fn demo(client: &kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use kryten_client::kv::{CacheOptions, KvBucket, KvCache};
///
/// let bucket = KvBucket::open(client, "kryten_user_stats").await?;
/// let options = CacheOptions { prefix: "user.".into(), ..CacheOptions::default() };
/// let cache = KvCache::open(&bucket, options).await?;
/// cache.ready().await?;
/// if let Some(bob) = cache.get("user.bob") {
///     println!("{} bytes at revision {}", bob.value.len(), bob.revision);
/// }
/// println!("{} users, as of {:?} ago", cache.len(), cache.age());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct KvCache {
    bucket: KvBucket,
    options: Arc<CacheOptions>,
    fed: Arc<Fed>,
    /// Held weakly, so that those who listen are told when the task ends.
    changes: broadcast::WeakSender<CacheChange>,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl KvCache {
    /// Begins to fill a cache; [`KvCache::ready`] tells when it is full.
    ///
    /// # Errors
    /// As [`KvBucket::watch`].
    pub async fn open(bucket: &KvBucket, options: CacheOptions) -> Result<Self, KvError> {
        let connection = bucket.client.connections();
        let watch = bucket.watch_prefix(&options.prefix).await?;
        let info = bucket.info().await?;
        let contents = Contents::new(options.max_bytes, info.ttl);
        let fed = Arc::new(Fed::new(contents));
        let changes = broadcast::Sender::new(CHANGES);
        let weak_changes = changes.downgrade();
        let feeder = Feeder {
            bucket: bucket.clone(),
            prefix: options.prefix.clone(),
            heard: watch.heard(),
            watch,
            marks_expire: marks_expire(&info),
            connection,
            is_waiting: false,
            fed: Arc::clone(&fed),
            changes,
        };
        Ok(Self {
            bucket: bucket.clone(),
            options: Arc::new(options),
            fed,
            changes: weak_changes,
            _task: Arc::new(AbortOnDropHandle::new(tokio::spawn(feeder.run()))),
        })
    }

    /// Waits until the cache holds all of the bucket; at once where the bucket is empty or all in it was deleted.
    ///
    /// # Errors
    /// [`CacheError`] when that will not be.
    pub async fn ready(&self) -> Result<(), CacheError> {
        let mut state = self.fed.state();
        let settled =
            state.wait_for(|state| !matches!(state, CacheState::Loading | CacheState::Missing));
        match settled.await.as_deref() {
            Ok(CacheState::TooLarge) => Err(CacheError::TooLarge {
                bucket: self.bucket.name().to_owned(),
                max_bytes: self.options.max_bytes,
            }),
            Ok(CacheState::Ended(error)) => Err(CacheError::Ended(Arc::clone(error))),
            // The sender lives as long as this cache.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// What the cache knows now.
    pub fn state(&self) -> CacheState {
        self.fed.state().borrow().clone()
    }

    /// The state as it changes.
    pub fn states(&self) -> watch::Receiver<CacheState> {
        self.fed.state()
    }

    /// Whether a key that is not in the cache is not in the bucket either, as of [`KvCache::age`] ago.
    pub fn is_authoritative(&self) -> bool {
        matches!(*self.fed.state().borrow(), CacheState::Ready)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Arc<Entry>> {
        let held = self.fed.held();
        held.contents.get(&self.bucket.bucket.prefix, key, now())
    }

    /// All keys that have a value, with it.
    pub fn snapshot(&self) -> BTreeMap<String, Arc<Entry>> {
        self.fed.held().contents.snapshot(now())
    }

    /// How many keys have a value.
    pub fn len(&self) -> usize {
        self.fed.held().contents.len(now())
    }

    /// Whether no key has a value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory taken, counted as [`CacheOptions::max_bytes`] is.
    pub fn bytes(&self) -> usize {
        self.fed.held().contents.bytes()
    }

    /// How long ago the server was last heard; where nothing changes it is asked every few seconds, so that more than
    /// ten of them mean an absence.
    pub fn age(&self) -> Duration {
        self.fed.held().heard.elapsed()
    }

    /// How many revisions were still to come, as of [`KvCache::age`] ago.
    pub fn lag(&self) -> u64 {
        self.fed.held().lag
    }

    /// The last revision that the cache has taken; 0 for none.
    pub fn revision(&self) -> u64 {
        self.fed.held().contents.revision()
    }

    /// The changes from now on. A value that expired without a mark of the server is not told.
    pub fn changes(&self) -> CacheChanges {
        let receiver = match self.changes.upgrade() {
            Some(changes) => changes.subscribe(),
            // The task has ended: nothing will come.
            None => broadcast::Sender::new(1).subscribe(),
        };
        CacheChanges { receiver }
    }
}

fn now() -> i128 {
    jiff::Timestamp::now().as_nanosecond()
}

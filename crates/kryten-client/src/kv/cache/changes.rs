//! The changes of a cache, for those who want to know of each.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::kv::read::Entry;

/// What changed in a cache.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CacheChange {
    /// A value was put.
    Put(Arc<Entry>),
    /// A value is gone; [`Entry::operation`] and [`Entry::is_expired`] tell how.
    Removed(Arc<Entry>),
    /// The value of this key is gone, and nothing is left that says why: it went while the server was away, or the
    /// bucket was deleted.
    Lost(String),
    /// The reader was too slow, and this many changes were dropped; take a
    /// [`snapshot`](super::KvCache::snapshot).
    Missed(u64),
}

/// A subscription to the changes of a cache.
#[derive(Debug)]
pub struct CacheChanges {
    pub(super) receiver: broadcast::Receiver<CacheChange>,
}

impl CacheChanges {
    /// The next change; `None` when the cache is closed. Cancel safe.
    ///
    /// When a change is told, the cache has it already.
    pub async fn next(&mut self) -> Option<CacheChange> {
        match self.receiver.recv().await {
            Ok(change) => Some(change),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(CacheChange::Missed(count)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

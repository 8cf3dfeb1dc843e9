//! Follows the changes of a bucket.

use super::bucket::Entry;
use super::error::KvError;

/// What a watch tells.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchItem {
    /// A key's last revision (before [`WatchItem::Ready`]) or a change (after it).
    Entry(Entry),
    /// All that was in the bucket when the watch began has been told.
    Ready,
}

/// A running watch.
#[derive(Debug)]
pub struct KvWatch {}

impl KvWatch {
    /// The next item; waits for ever where nothing changes, also over restarts of the server.
    ///
    /// # Errors
    /// [`KvError`] for what waiting does not mend, such as a deleted bucket.
    pub async fn next(&mut self) -> Result<WatchItem, KvError> {
        unimplemented!()
    }
}

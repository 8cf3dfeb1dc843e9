//! Lets one task at a time change a key by compare-and-swap.
//!
//! A thousand tasks of one process that swap the same key would refuse each other half a million times; those of other
//! processes still may.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The keys that are being changed on one connection, by subject.
#[derive(Debug, Default)]
pub(crate) struct KeyLocks(Mutex<HashMap<String, Weak<AsyncMutex<()>>>>);

impl KeyLocks {
    /// Waits for one's turn with a key.
    pub(super) async fn lock(&self, subject: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            match locks.get(subject).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    let lock = Arc::default();
                    locks.insert(subject.to_owned(), Arc::downgrade(&lock));
                    lock
                }
            }
        };
        lock.lock_owned().await
    }
}

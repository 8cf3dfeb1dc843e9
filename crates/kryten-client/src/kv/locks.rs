//! Lets one task at a time change a key by compare-and-swap.
//!
//! A thousand tasks of one process that swap the same key would refuse each other half a million times; those of other
//! processes still may. Who is done hands what the key is now to the next in the queue, who need not read it again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::swapped::{Mark, Swapped};

/// A key as it was left by the last change.
#[derive(Debug)]
pub(super) struct Left {
    /// The name that it is stored under.
    pub(super) name: String,
    pub(super) revision: u64,
    pub(super) value: Option<Bytes>,
    pub(super) swapped: Swapped,
}

type Lock = AsyncMutex<Option<Left>>;

/// The keys that are being changed on one connection, by subject; nothing is kept of a key that nobody waits for.
#[derive(Debug)]
pub(crate) struct KeyLocks {
    locks: Mutex<HashMap<String, Weak<Lock>>>,
    writer: u64,
    swaps: AtomicU64,
}

impl Default for KeyLocks {
    fn default() -> Self {
        Self {
            locks: Mutex::default(),
            // Some 280 million millions are enough to tell writers apart.
            writer: rand::random::<u64>() >> 16,
            swaps: AtomicU64::new(0),
        }
    }
}

impl KeyLocks {
    /// Waits for one's turn with a key.
    pub(super) async fn lock(&self, subject: &str) -> OwnedMutexGuard<Option<Left>> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            if locks.len() == locks.capacity() {
                locks.retain(|_, lock| lock.strong_count() > 0);
            }
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

    /// A mark for the next change.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            writer: self.writer,
            number: self.swaps.fetch_add(1, Ordering::Relaxed),
        }
    }
}

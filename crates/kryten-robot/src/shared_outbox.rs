//! The outbox between the two tasks of a channel: the bridge fills it, the publisher empties it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::outbox::{Entry, Outbox};

#[derive(Debug)]
pub(crate) struct SharedOutbox {
    outbox: Mutex<Outbox>,
    filled: Notify,
    emptied: Notify,
}

impl SharedOutbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            outbox: Mutex::new(Outbox::new(limit)),
            filled: Notify::new(),
            emptied: Notify::new(),
        }
    }

    /// The line itself; never held across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, entry: Entry) {
        self.lock().push(entry);
        self.filled.notify_one();
    }

    /// Waits until something may have been pushed.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Tells those who wait in [`Self::wait_until_empty`]; called after acknowledgements.
    pub(crate) fn note_progress(&self) {
        if self.lock().is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Waits until all is acknowledged.
    pub(crate) async fn wait_until_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

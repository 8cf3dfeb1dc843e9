//! The outbox between the two tasks of a channel: the bridge fills it, the publisher empties it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kryten_protocol::time::WireTime;
use tokio::sync::Notify;

use crate::outbox::{Entry, Outbox};
use crate::status::ChannelStatus;

#[derive(Debug)]
pub(crate) struct SharedOutbox {
    outbox: Mutex<Outbox>,
    status: Arc<ChannelStatus>,
    filled: Notify,
    emptied: Notify,
}

impl SharedOutbox {
    pub(crate) fn new(limit: usize, status: Arc<ChannelStatus>) -> Self {
        Self {
            outbox: Mutex::new(Outbox::new(limit)),
            status,
            filled: Notify::new(),
            emptied: Notify::new(),
        }
    }

    /// The line itself; never held across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, entry: Entry) {
        let mut outbox = self.lock();
        outbox.push(entry);
        self.tell(&outbox);
        drop(outbox);
        self.filled.notify_one();
    }

    /// Waits until something may have been pushed.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Tells those who wait until nothing waits here; called after acknowledgements, and when the stream is up.
    pub(crate) fn note_progress(&self) {
        let outbox = self.lock();
        self.tell(&outbox);
        if outbox.is_empty() {
            self.status.attendance.all_stored();
            self.emptied.notify_waiters();
        }
    }

    /// CyTube gave a sign in the channel; what came before it is here, or stored.
    pub(crate) fn hear(&self, at: WireTime) {
        let outbox = self.lock();
        self.status.attendance.hear(at);
        if outbox.is_empty() {
            self.status.attendance.all_stored();
        }
    }

    fn tell(&self, outbox: &Outbox) {
        let (events, bytes) = (outbox.len() as u64, outbox.size() as u64);
        self.status.outbox_entries.store(events, Ordering::Relaxed);
        self.status.outbox_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Waits until all is acknowledged.
    pub(crate) async fn wait_until_empty(&self) {
        self.wait_until(|| true).await;
    }

    /// Waits until all is acknowledged, and there is a stream that takes what comes.
    pub(crate) async fn wait_until_kept(&self) {
        self.wait_until(|| self.status.stream_up.load(Ordering::Relaxed))
            .await;
    }

    async fn wait_until(&self, is_right: impl Fn() -> bool) {
        loop {
            let emptied = self.emptied.notified();
            if self.lock().is_empty() && is_right() {
                return;
            }
            emptied.await;
        }
    }
}

//! What the connection reports besides messages: that it came or went, and what the server refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::{Event, ServerError};
use tokio::sync::{Notify, broadcast, watch};

/// Refusals that nobody has looked at yet; who falls behind has a time-out instead.
const REFUSALS_KEPT: usize = 64;

#[derive(Debug)]
pub(crate) struct Events {
    connections: AtomicU64,
    losses: watch::Sender<u64>,
    changed: Notify,
    refusals: broadcast::Sender<String>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            connections: AtomicU64::new(0),
            losses: watch::Sender::new(0),
            changed: Notify::new(),
            refusals: broadcast::channel(REFUSALS_KEPT).0,
        }
    }
}

impl Events {
    pub(super) fn hear(&self, event: Event) {
        match event {
            Event::Connected => {
                self.connections.fetch_add(1, Ordering::Relaxed);
                tracing::debug!("connected to NATS");
            }
            // Whoever uses the connection says what that means; an orderly end looks the same from here.
            Event::Disconnected => {
                self.losses.send_modify(|losses| *losses += 1);
                tracing::info!("the connection to NATS has ended");
            }
            Event::ServerError(ServerError::Other(text)) => {
                tracing::debug!(%text, "the NATS server refused");
                // Nobody waits for an answer: nobody needs to know.
                let _ = self.refusals.send(text);
            }
            other => tracing::debug!(%other, "NATS connection event"),
        }
        self.changed.notify_waiters();
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Returns after the next event, or soon anyway: events come a little later than what they report.
    pub(super) async fn changed(&self) {
        const SOON: Duration = Duration::from_millis(20);
        let _ = tokio::time::timeout(SOON, self.changed.notified()).await;
    }

    /// Changes with each connection that is lost from now on.
    pub(super) fn losses(&self) -> watch::Receiver<u64> {
        self.losses.subscribe()
    }

    /// The server's refusals from now on.
    pub(crate) fn refusals(&self) -> broadcast::Receiver<String> {
        self.refusals.subscribe()
    }
}

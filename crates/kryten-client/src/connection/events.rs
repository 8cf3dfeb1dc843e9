//! What the connection reports besides messages: that it came or went, and what the server refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::{Event, ServerError};
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

/// Refusals that nobody has looked at yet; who falls behind has a time-out instead.
const REFUSALS_KEPT: usize = 64;

#[derive(Debug)]
pub(crate) struct Events {
    connections: AtomicU64,
    losses: watch::Sender<u64>,
    /// How many connections have died without a word.
    deaths: watch::Sender<u64>,
    is_alive: AtomicBool,
    /// Cancelled when the connection was closed for good, by whoever has it.
    closed: CancellationToken,
    changed: Notify,
    refusals: broadcast::Sender<String>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            connections: AtomicU64::new(0),
            losses: watch::Sender::new(0),
            deaths: watch::Sender::new(0),
            is_alive: AtomicBool::new(true),
            closed: CancellationToken::new(),
            changed: Notify::new(),
            refusals: broadcast::channel(REFUSALS_KEPT).0,
        }
    }
}

/// Hears what one connection reports. The library lets go of it when the connection's task has ended.
#[derive(Debug)]
pub(super) struct Ear {
    events: Arc<Events>,
    /// Cancelled with the first loss of a connection that is not to be made again.
    one_life: Option<CancellationToken>,
}

impl Ear {
    pub(super) fn new(events: &Arc<Events>, one_life: Option<CancellationToken>) -> Self {
        Self {
            events: Arc::clone(events),
            one_life,
        }
    }

    pub(super) fn hear(&self, event: Event) {
        match event {
            Event::Draining => self.events.closed.cancel(),
            Event::Closed => {
                self.events.closed.cancel();
                self.end_life();
            }
            Event::Disconnected => self.end_life(),
            _ => {}
        }
        self.events.hear(event);
    }

    fn end_life(&self) {
        if let Some(ended) = &self.one_life {
            ended.cancel();
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.end_life();
        if self.one_life.is_some() {
            self.events.closed.cancel();
        }
        if !self.events.closed.is_cancelled() {
            self.events.die();
        }
    }
}

impl Events {
    fn hear(&self, event: Event) {
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

    /// The connection's task has ended and nobody ended it.
    fn die(&self) {
        self.is_alive.store(false, Ordering::SeqCst);
        self.losses.send_modify(|losses| *losses += 1);
        self.deaths.send_modify(|deaths| *deaths += 1);
        self.changed.notify_waiters();
    }

    /// Another connection is there instead.
    pub(super) fn revive(&self) {
        self.is_alive.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub(super) fn is_alive(&self) -> bool {
        self.is_alive.load(Ordering::SeqCst)
    }

    /// Changes with each connection that dies from now on.
    pub(super) fn deaths(&self) -> watch::Receiver<u64> {
        self.deaths.subscribe()
    }

    /// Returns when the connection was closed for good.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
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

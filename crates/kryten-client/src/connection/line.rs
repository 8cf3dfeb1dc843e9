//! The connection below a [`Client`](super::Client): another one when the task that holds it has died.
//!
//! The library keeps a connection in one task and makes it anew for ever, but that task can die: the library panics
//! over a header whose value has a carriage return, which any program may send and every server delivers. What is left
//! of it then neither sends nor hears anything, and says that it stands.

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use tokio::sync::watch;
use tracing::{error, warn};

use super::events::Events;
use super::{ConnectError, LONGEST_DELAY, Wiring, reconnect_delay};

/// After so long in one piece the next death is the first again.
const WELL: Duration = Duration::from_secs(10);

/// The connection that is in use.
#[derive(Debug)]
pub(super) struct Line {
    current: RwLock<Current>,
    pub(super) events: Arc<Events>,
    /// How many connections were put here, the first one not counted.
    renewals: watch::Sender<u64>,
}

/// A connection of the library, and its JetStream.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) nats: Arc<async_nats::Client>,
    pub(super) jetstream: jetstream::Context,
}

impl Line {
    pub(super) fn new(current: Current, events: Arc<Events>) -> Arc<Self> {
        Arc::new(Self {
            current: RwLock::new(current),
            events,
            renewals: watch::Sender::new(0),
        })
    }

    pub(super) fn nats(&self) -> Arc<async_nats::Client> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.nats)
    }

    pub(super) fn jetstream(&self) -> jetstream::Context {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.jetstream.clone()
    }

    pub(super) fn renewals(&self) -> watch::Receiver<u64> {
        self.renewals.subscribe()
    }

    fn put(&self, current: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        self.events.revive();
        self.renewals.send_modify(|renewals| *renewals += 1);
    }
}

/// Makes a new connection whenever one has died, until nobody uses the line any more.
pub(super) async fn revive(line: Weak<Line>, wiring: Wiring, mut deaths: watch::Receiver<u64>) {
    let mut attempt = 0;
    let mut made = Instant::now();
    while deaths.changed().await.is_ok() {
        attempt = if made.elapsed() > WELL {
            1
        } else {
            attempt + 1
        };
        let Some(events) = line.upgrade().map(|line| Arc::clone(&line.events)) else {
            return;
        };
        error!(
            "the connection to NATS broke over something that was received; a new one takes its place"
        );
        let current = loop {
            tokio::time::sleep(reconnect_delay(attempt).min(LONGEST_DELAY)).await;
            match wiring.connect(&events).await {
                Ok(current) => break current,
                Err(error) => {
                    warn!(%error, "no new connection to NATS yet; trying again");
                    attempt += 1;
                }
            }
        };
        let Some(line) = line.upgrade() else { return };
        line.put(current);
        made = Instant::now();
    }
}

impl Wiring {
    /// A connection that comes to stand by itself, sooner or later.
    async fn connect(&self, events: &Arc<Events>) -> Result<Current, ConnectError> {
        let options = self.options(events).retry_on_initial_connect();
        self.settings.connect(options).await
    }
}

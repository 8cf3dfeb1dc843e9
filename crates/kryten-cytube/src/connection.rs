//! The tasks that hold the socket: attempts, waits between them, and one connection at a time.

mod dial;
mod socket;
pub(crate) mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kryten_protocol::clock::now;
use tokio::sync::mpsc;
use tracing::debug;

use crate::backoff::Backoff;
use crate::config::CytubeConfig;
use crate::handle::{CytubeHandle, EmitError, Order, Shared};
use crate::item::{ConnectError, CytubeItem, DisconnectReason};
use crate::socketconfig;

/// A client that stays in one channel.
#[derive(Debug)]
pub struct CytubeClient;

impl CytubeClient {
    /// Starts the client on the current tokio runtime; it stops when it is closed, when all handles or its items are
    /// dropped, or when another attempt makes no sense.
    ///
    /// The receiver is bounded: while it is full, the client does not read from the server. CyTube gives a silent
    /// client up after about 145 seconds.
    pub fn spawn(config: CytubeConfig) -> (CytubeHandle, mpsc::Receiver<CytubeItem>) {
        // An Err only says that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (orders, orders_rx) = mpsc::channel(config.send_capacity.max(1));
        let (items, items_rx) = mpsc::channel(config.item_capacity.max(1));
        let shared = Arc::new(Shared::new());
        let keeper = Keeper {
            backoff: Backoff::new(config.reconnect_base, config.reconnect_max),
            config,
            orders: orders_rx,
            items,
            shared: Arc::clone(&shared),
        };
        tokio::spawn(keeper.run());
        (CytubeHandle { orders, shared }, items_rx)
    }
}

/// CyTube refuses an address for ten seconds after too many connections.
const WAIT_AFTER_REFUSAL: Duration = Duration::from_secs(10);

/// Makes one attempt after the other.
struct Keeper {
    config: CytubeConfig,
    orders: mpsc::Receiver<Order>,
    items: mpsc::Sender<CytubeItem>,
    shared: Arc<Shared>,
    backoff: Backoff,
}

impl Keeper {
    async fn run(mut self) {
        let reason = loop {
            let started = Instant::now();
            let reason = self.attempt().await;
            if started.elapsed() >= self.config.stable_after {
                self.backoff.reset();
            }
            self.shared.set_own_rank(-1.0);
            let wait = self.wait_after(&reason);
            let item = CytubeItem::Disconnected {
                reason: reason.clone(),
                will_retry_in: wait,
                at: now(),
            };
            if !self.hand_on(item).await {
                return;
            }
            let Some(wait) = wait else {
                break reason;
            };
            // Whoever uses the client is told by its items, and tells what it means.
            debug!(channel = %self.config.channel, %reason, wait_ms = wait.as_millis() as u64, "CyTube: no connection, trying again later");
            if !self.idle(wait).await {
                break DisconnectReason::Closed;
            }
        };
        debug!(channel = %self.config.channel, %reason, "CyTube: stopped");
        self.hand_on(CytubeItem::Stopped { reason }).await;
    }

    async fn attempt(&mut self) -> DisconnectReason {
        tokio::select! {
            opened = open(&self.config) => match opened {
                Ok(websocket) => socket::hold(
                    websocket,
                    &self.config,
                    self.backoff.failures(),
                    &mut self.orders,
                    &self.items,
                    &self.shared,
                ).await,
                Err(error) => DisconnectReason::Connect(Arc::new(error)),
            },
            () = refuse_orders(&mut self.orders) => DisconnectReason::Closed,
            () = self.items.closed() => DisconnectReason::Closed,
        }
    }

    fn wait_after(&mut self, reason: &DisconnectReason) -> Option<Duration> {
        let again = match reason {
            DisconnectReason::Kicked { .. } => self.config.reconnect_after_kick,
            other => other.is_transient(),
        };
        let at_least = match reason {
            DisconnectReason::Refused { .. } => WAIT_AFTER_REFUSAL,
            _ => Duration::ZERO,
        };
        again.then(|| self.backoff.next_wait(rand::random(), at_least))
    }

    /// Waits; `false` when the client is closed meanwhile.
    async fn idle(&mut self, wait: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = refuse_orders(&mut self.orders) => false,
            () = self.items.closed() => false,
        }
    }

    /// `false` when nobody listens any more.
    async fn hand_on(&mut self, item: CytubeItem) -> bool {
        self.items.send(item).await.is_ok()
    }
}

/// Refuses what is to be sent while there is no connection; returns when the client is closed.
async fn refuse_orders(orders: &mut mpsc::Receiver<Order>) {
    while let Some(order) = orders.recv().await {
        match order {
            Order::Close => return,
            // An attempt is under way, or due.
            Order::Reconnect => {}
            Order::Send { written, .. } => {
                // The sender may have gone away; then nobody needs the answer.
                let _ = written.send(Err(EmitError::NotConnected));
            }
        }
    }
}

async fn open(config: &CytubeConfig) -> Result<socket::Websocket, ConnectError> {
    let tls = tls::client_config(config.ca_file.as_deref())?;
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        // The websocket cannot go through a proxy, so its address is not asked for through one.
        .no_proxy()
        .timeout(config.connect_timeout)
        .build()
        .map_err(ConnectError::HttpClient)?;
    let url = socketconfig::websocket_url(&http, config).await?;
    socket::open(url, config, tls).await
}

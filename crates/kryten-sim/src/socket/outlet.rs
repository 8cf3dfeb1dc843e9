//! The engine's end of a client's queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

/// How long data on its way may take to leave before a cut.
pub(super) const CUT_GRACE: Duration = Duration::from_secs(1);

/// Bytes a second that a client is served; `None` for as fast as it reads, 0 for neither reading nor writing.
pub(crate) type Rate = Option<u64>;

/// Gives frames and orders to one client's task.
#[derive(Debug)]
pub(crate) struct Outlet {
    orders: mpsc::UnboundedSender<Order>,
    queued: Arc<AtomicUsize>,
    rate: watch::Sender<Rate>,
    cut: CancellationToken,
}

/// The task's end.
#[derive(Debug)]
pub(super) struct Inlet {
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    queued: Arc<AtomicUsize>,
    pub(super) rate: watch::Receiver<Rate>,
    pub(super) cut: CancellationToken,
}

#[derive(Debug)]
pub(super) enum Order {
    Text(Utf8Bytes),
    /// Written between two frames, as they are.
    Bytes(Vec<u8>),
    /// End TCP once all before it is written, without a close frame.
    Cut,
    /// Nothing more comes; the client is to close.
    Abandon,
}

/// Both ends of a new queue.
pub(super) fn queue() -> (Outlet, Inlet) {
    let (orders, orders_rx) = mpsc::unbounded_channel();
    let (rate, rate_rx) = watch::channel(None);
    let outlet = Outlet {
        orders,
        queued: Arc::default(),
        rate,
        cut: CancellationToken::new(),
    };
    let inlet = Inlet {
        orders: orders_rx,
        queued: Arc::clone(&outlet.queued),
        rate: rate_rx,
        cut: outlet.cut.clone(),
    };
    (outlet, inlet)
}

impl Outlet {
    /// Queues a frame; one for a client that has gone is lost, as on a real network.
    pub(crate) fn send(&self, text: Utf8Bytes) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        let _ = self.orders.send(Order::Text(text));
    }

    /// Queues bytes that need not be a frame.
    pub(crate) fn send_bytes(&self, bytes: Vec<u8>) {
        let _ = self.orders.send(Order::Bytes(bytes));
    }

    /// Serves the client at another rate.
    pub(crate) fn slow(&self, rate: Rate) {
        self.rate.send_replace(rate);
    }

    /// Cuts the connection after what is queued, or after a while if the client does not take it.
    pub(crate) fn cut(self) {
        let _ = self.orders.send(Order::Cut);
        let cut = self.cut;
        tokio::spawn(async move {
            tokio::time::sleep(CUT_GRACE).await;
            cut.cancel();
        });
    }

    /// Sends no more, but leaves the transport open until the client closes it.
    pub(crate) fn abandon(self) {
        let _ = self.orders.send(Order::Abandon);
    }

    /// Cuts the connection at once when cancelled.
    pub(crate) fn cutter(&self) -> CancellationToken {
        self.cut.clone()
    }

    /// How many frames wait for the client to take them.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }
}

impl Inlet {
    /// A queued frame has been taken.
    pub(super) fn taken(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

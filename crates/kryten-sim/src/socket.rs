//! One client's websocket: handshake, heartbeat, and the queues to and from the engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use crate::engine::Input;
use crate::packet::{self, Packet};

/// The largest frame that the server takes from a client.
pub(crate) const MAX_PAYLOAD: usize = 1_048_576;

/// How long a client may take for `40`.
const CONNECT_DEADLINE: Duration = Duration::from_secs(45);

/// How long data on its way may take to leave before a cut.
const CUT_GRACE: Duration = Duration::from_secs(1);

pub(crate) struct SocketSettings {
    pub(crate) connection: u64,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) rate_limited: bool,
    pub(crate) frozen: watch::Receiver<bool>,
    pub(crate) stop: CancellationToken,
}

/// The engine's end of a client's queue.
#[derive(Debug)]
pub(crate) struct Outlet {
    orders: mpsc::UnboundedSender<Order>,
    queued: Arc<AtomicUsize>,
    cut: CancellationToken,
}

#[derive(Debug)]
enum Order {
    Text(Utf8Bytes),
    /// End TCP once all before it is written, without a close frame.
    Cut,
    /// Nothing more comes; the client is to close.
    Abandon,
}

impl Outlet {
    /// Queues a frame; one for a client that has gone is lost, as on a real network.
    pub(crate) fn send(&self, text: Utf8Bytes) {
        self.queued.fetch_add(1, Ordering::Relaxed);
        let _ = self.orders.send(Order::Text(text));
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

/// Serves a client until either side ends it.
pub(crate) async fn serve<S>(
    websocket: WebSocketStream<S>,
    settings: SocketSettings,
    input: mpsc::Sender<Input>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (orders, orders_rx) = mpsc::unbounded_channel();
    let cut = CancellationToken::new();
    let connection = settings.connection;
    let now = Instant::now();
    let mut client = Client {
        websocket,
        orders: orders_rx,
        queued: Arc::new(AtomicUsize::new(0)),
        input: input.clone(),
        ping_at: Some(now + settings.ping_interval),
        pong_by: None,
        connect_by: now + CONNECT_DEADLINE,
        outlet: Some((orders, cut.clone())),
        settings,
    };
    let stop = client.settings.stop.clone();
    tokio::select! {
        () = client.run() => {}
        () = cut.cancelled() => {}
        () = stop.cancelled() => {}
    }
    // The engine may have ended.
    let _ = input.send(Input::Gone { connection }).await;
}

struct Client<S> {
    websocket: WebSocketStream<S>,
    orders: mpsc::UnboundedReceiver<Order>,
    queued: Arc<AtomicUsize>,
    input: mpsc::Sender<Input>,
    /// When to ping next; not before the last one was answered.
    ping_at: Option<Instant>,
    /// When the client is given up for want of an answer to a ping.
    pong_by: Option<Instant>,
    /// When the client is given up for want of `40`.
    connect_by: Instant,
    /// What the engine gets when the namespace is granted.
    outlet: Option<(mpsc::UnboundedSender<Order>, CancellationToken)>,
    settings: SocketSettings,
}

/// The connection is over.
struct Over;

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn run(&mut self) {
        let open = json!({
            "sid": self.sid("t"),
            "upgrades": [],
            "pingInterval": self.settings.ping_interval.as_millis() as u64,
            "pingTimeout": self.settings.ping_timeout.as_millis() as u64,
            "maxPayload": MAX_PAYLOAD,
        });
        if self.write(format!("0{open}").into()).await.is_err() {
            return;
        }
        while self.step().await.is_ok() {}
    }

    async fn step(&mut self) -> Result<(), Over> {
        if *self.settings.frozen.borrow() {
            let thawed = self.settings.frozen.wait_for(|frozen| !frozen).await;
            return thawed.map(drop).map_err(|_| Over);
        }
        tokio::select! {
            changed = self.settings.frozen.changed() => changed.map_err(|_| Over),
            Some(order) = self.orders.recv() => self.obey(order).await,
            message = self.websocket.next() => self.receive(message).await,
            () = until(self.ping_at) => {
                self.ping_at = None;
                self.pong_by = Some(Instant::now() + self.settings.ping_timeout);
                self.write("2".into()).await
            }
            () = until(self.pong_by) => Err(Over),
            () = sleep_until(self.connect_by), if self.outlet.is_some() => Err(Over),
        }
    }

    async fn obey(&mut self, first: Order) -> Result<(), Over> {
        /// How many frames are written before the socket is read again.
        const BATCH: usize = 256;
        let mut next = Some(first);
        let mut left = BATCH;
        while let Some(order) = next.take() {
            match order {
                Order::Text(text) => {
                    self.queued.fetch_sub(1, Ordering::Relaxed);
                    let fed = self.websocket.feed(Message::Text(text));
                    fed.await.map_err(|_| Over)?;
                }
                Order::Cut => {
                    let _ = self.websocket.flush().await;
                    self.cut().await;
                    return Err(Over);
                }
                Order::Abandon => {}
            }
            left -= 1;
            if left > 0 {
                next = self.orders.try_recv().ok();
            }
        }
        self.websocket.flush().await.map_err(|_| Over)
    }

    /// Ends TCP without a close frame. What the client still sends is read away first: closing over unread data
    /// would make the kernel throw away what we have sent.
    async fn cut(&mut self) {
        let stream = self.websocket.get_mut();
        let _ = stream.shutdown().await;
        let mut rest = [0; 4096];
        let drained = async { while matches!(stream.read(&mut rest).await, Ok(n) if n > 0) {} };
        let _ = timeout(CUT_GRACE, drained).await;
    }

    async fn receive(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Over> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_))) => {
                // The answer to the close frame is written by the next poll.
                while let Some(Ok(_)) = self.websocket.next().await {}
                return Err(Over);
            }
            Some(Ok(Message::Binary(_))) | Some(Err(_)) | None => return Err(Over),
            Some(Ok(_)) => return Ok(()),
        };
        match packet::parse(text.as_str()).ok_or(Over)? {
            Packet::Pong => {
                self.pong_by = None;
                self.ping_at = Some(Instant::now() + self.settings.ping_interval);
                Ok(())
            }
            Packet::Ping(rest) => self.write(format!("3{rest}").into()).await,
            Packet::Connect => self.connect().await,
            Packet::Event { name, args, ack } => {
                if self.outlet.is_some() {
                    // CyTube drops a client that sends before its namespace is granted.
                    return Err(Over);
                }
                let connection = self.settings.connection;
                let event = Input::Event {
                    connection,
                    name,
                    args,
                    ack,
                };
                self.input.send(event).await.map_err(|_| Over)
            }
            Packet::Disconnect | Packet::Close => Err(Over),
            Packet::Other => Ok(()),
        }
    }

    async fn connect(&mut self) -> Result<(), Over> {
        if self.settings.rate_limited {
            // The engine connection stays open; closing it is the client's part.
            return self
                .write(r#"44{"message":"Rate limit exceeded"}"#.into())
                .await;
        }
        let Some((orders, cut)) = self.outlet.take() else {
            return Ok(());
        };
        let granted = json!({"sid": self.sid("s")});
        self.write(format!("40{granted}").into()).await?;
        let outlet = Outlet {
            orders,
            queued: Arc::clone(&self.queued),
            cut,
        };
        let connection = self.settings.connection;
        let opened = Input::Opened { connection, outlet };
        self.input.send(opened).await.map_err(|_| Over)
    }

    async fn write(&mut self, text: Utf8Bytes) -> Result<(), Over> {
        let sent = self.websocket.send(Message::Text(text)).await;
        sent.map_err(|_| Over)
    }

    fn sid(&self, kind: &str) -> String {
        format!("sim-{kind}-{:08}", self.settings.connection)
    }
}

/// Waits for a moment; without one, for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

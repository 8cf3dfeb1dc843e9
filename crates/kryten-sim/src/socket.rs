//! One client's task: handshake, heartbeat, upgrade, and the queues to and from the engine.

mod line;
mod outlet;

use std::net::IpAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::engine::Input;
use crate::engineio::Version;
use crate::packet::{self, Packet};
use line::Line;
pub(crate) use line::{Poll, Socket};
pub(crate) use outlet::Outlet;
use outlet::{Inlet, Order};

/// The largest frame that the server takes from a client.
pub(crate) const MAX_PAYLOAD: usize = 1_048_576;

/// How long a client may take for `40`.
const CONNECT_DEADLINE: Duration = Duration::from_secs(45);

/// How many frames are written before the socket is read again.
const BATCH: usize = 256;

pub(crate) struct SocketSettings {
    pub(crate) connection: u64,
    pub(crate) version: Version,
    pub(crate) sid: String,
    pub(crate) ip: IpAddr,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    pub(crate) rate_limited: bool,
    pub(crate) frozen: watch::Receiver<bool>,
    pub(crate) stop: CancellationToken,
}

/// What a request brings to a client's task.
pub(crate) enum Arrival {
    /// Asks for packets.
    Poll(Poll),
    /// Has packets.
    Post(Vec<String>, oneshot::Sender<()>),
    /// Wants to take over from the polls.
    Upgrade(Box<Socket>),
}

/// How a client begins.
pub(crate) enum Start {
    Websocket(Box<Socket>),
    Polling(Poll),
}

/// Serves a client until either side ends it.
pub(crate) async fn serve(
    start: Start,
    arrivals: mpsc::Receiver<Arrival>,
    settings: SocketSettings,
    input: mpsc::Sender<Input>,
) {
    let (outlet, inlet) = outlet::queue();
    let (cut, stop) = (inlet.cut.clone(), settings.stop.clone());
    let connection = settings.connection;
    let now = Instant::now();
    let mut client = Client {
        line: match start {
            Start::Websocket(socket) => Line::Websocket(socket),
            Start::Polling(poll) => Line::Polling {
                waiting: Some(poll),
                pending: Default::default(),
            },
        },
        candidate: None,
        is_probed: false,
        arrivals,
        inlet,
        input: input.clone(),
        ping_at: None,
        give_up_at: None,
        connect_by: now + CONNECT_DEADLINE,
        outlet: Some(outlet),
        settings,
    };
    tokio::select! {
        () = client.run() => {}
        () = cut.cancelled() => {}
        () = stop.cancelled() => {}
    }
    // The engine may have ended.
    let _ = input.send(Input::Gone { connection }).await;
}

struct Client {
    line: Line,
    /// A websocket that wants to take over from the polls.
    candidate: Option<Box<Socket>>,
    /// Whether it has shown that it works; polls are not kept waiting from then on.
    is_probed: bool,
    arrivals: mpsc::Receiver<Arrival>,
    inlet: Inlet,
    input: mpsc::Sender<Input>,
    /// When to ping next, where the server pings; not before the last one was answered.
    ping_at: Option<Instant>,
    /// When the client is given up for want of an answer to a ping, or of any packet.
    give_up_at: Option<Instant>,
    /// When the client is given up for want of `40`.
    connect_by: Instant,
    /// What the engine gets when the namespace is granted.
    outlet: Option<Outlet>,
    settings: SocketSettings,
}

/// The connection is over.
struct Over;

impl Client {
    async fn run(&mut self) {
        if self.open().await.is_err() {
            return;
        }
        while self.step().await.is_ok() {}
    }

    async fn open(&mut self) -> Result<(), Over> {
        let upgrades: &[&str] = match self.line {
            Line::Websocket(_) => &[],
            Line::Polling { .. } => &["websocket"],
        };
        let open = json!({
            "sid": self.settings.sid,
            "upgrades": upgrades,
            "pingInterval": self.settings.ping_interval.as_millis() as u64,
            "pingTimeout": self.settings.ping_timeout.as_millis() as u64,
            "maxPayload": MAX_PAYLOAD,
        });
        self.write(format!("0{open}").into()).await?;
        self.hear();
        match self.settings.version {
            // The namespace is granted without being asked for.
            Version::Three => self.connect().await,
            Version::Four => Ok(()),
        }
    }

    /// Starts the clock of the heartbeat anew.
    fn hear(&mut self) {
        let now = Instant::now();
        let (interval, timeout) = (self.settings.ping_interval, self.settings.ping_timeout);
        match self.settings.version {
            Version::Three => self.give_up_at = Some(now + interval + timeout),
            Version::Four => {
                self.give_up_at = None;
                self.ping_at = Some(now + interval);
            }
        }
    }

    async fn step(&mut self) -> Result<(), Over> {
        if *self.settings.frozen.borrow() {
            let thawed = self.settings.frozen.wait_for(|frozen| !frozen).await;
            return thawed.map(drop).map_err(|_| Over);
        }
        if *self.inlet.rate.borrow() == Some(0) {
            let faster = self.inlet.rate.wait_for(|rate| *rate != Some(0)).await;
            // The engine lets go of a client that it has abandoned.
            return faster.map(drop).map_err(|_| Over);
        }
        tokio::select! {
            changed = self.settings.frozen.changed() => changed.map_err(|_| Over),
            Ok(()) = self.inlet.rate.changed() => Ok(()),
            Some(order) = self.inlet.orders.recv(), if self.line.takes() => self.obey(order).await,
            message = self.line.next() => self.receive_message(message).await,
            message = next_of(&mut self.candidate) => self.probe(message).await,
            Some(arrival) = self.arrivals.recv() => self.arrive(arrival).await,
            () = until(self.ping_at) => {
                self.ping_at = None;
                self.give_up_at = Some(Instant::now() + self.settings.ping_timeout);
                self.write("2".into()).await
            }
            () = until(self.give_up_at) => Err(Over),
            () = sleep_until(self.connect_by), if self.awaits_connect() => Err(Over),
        }
    }

    /// Engine.IO 3 has no `40` of the client's to wait for.
    fn awaits_connect(&self) -> bool {
        self.outlet.is_some() && self.settings.version == Version::Four
    }

    async fn obey(&mut self, first: Order) -> Result<(), Over> {
        let mut next = Some(first);
        let mut left = BATCH;
        while let Some(order) = next.take() {
            match order {
                Order::Text(text) => {
                    self.inlet.taken();
                    let length = text.as_str().len();
                    self.line.feed(text).await?;
                    self.pace(length).await?;
                }
                Order::Bytes(bytes) => self.line.write_bytes(&bytes).await?,
                Order::Cut => {
                    self.line.flush().await?;
                    self.line.cut().await;
                    return Err(Over);
                }
                Order::Abandon => {}
            }
            left -= 1;
            if left > 0 {
                next = self.inlet.orders.try_recv().ok();
            }
        }
        self.line.flush().await
    }

    /// A slow line takes its time for a frame.
    async fn pace(&mut self, length: usize) -> Result<(), Over> {
        let rate = *self.inlet.rate.borrow();
        if let Some(rate) = rate.filter(|rate| *rate > 0) {
            self.line.flush().await?;
            sleep(Duration::from_secs_f64(length as f64 / rate as f64)).await;
        }
        Ok(())
    }

    /// A request of a client that polls.
    async fn arrive(&mut self, arrival: Arrival) -> Result<(), Over> {
        match arrival {
            Arrival::Poll(poll) => match &mut self.line {
                Line::Polling { waiting, .. } if waiting.is_none() => {
                    *waiting = Some(poll);
                    self.line.flush().await?;
                    if self.is_probed {
                        self.end_poll();
                    }
                    Ok(())
                }
                // Two polls at once end a session.
                Line::Polling { .. } => Err(Over),
                // The poll was on its way during the upgrade.
                Line::Websocket(_) => {
                    let _ = poll.send(vec!["6".into()]);
                    Ok(())
                }
            },
            Arrival::Post(packets, done) => {
                for packet in packets {
                    self.receive(&packet).await?;
                }
                let _ = done.send(());
                Ok(())
            }
            Arrival::Upgrade(socket) => {
                self.candidate = Some(socket);
                Ok(())
            }
        }
    }

    /// A message of the websocket that wants to take over: first `2probe`, then `5`.
    async fn probe(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Over> {
        let text = match &message {
            Some(Ok(Message::Text(text))) => text.as_str(),
            _ => {
                self.candidate = None;
                self.is_probed = false;
                return Ok(());
            }
        };
        let Some(mut socket) = self.candidate.take() else {
            return Ok(());
        };
        match text {
            "2probe" => {
                let answered = socket.send(Message::text("3probe")).await;
                self.is_probed = answered.is_ok();
                self.candidate = self.is_probed.then_some(socket);
                // The client waits for its poll to end before it goes on.
                self.end_poll();
                Ok(())
            }
            "5" => {
                self.end_poll();
                let pending = match std::mem::replace(&mut self.line, Line::Websocket(socket)) {
                    Line::Polling { pending, .. } => pending,
                    Line::Websocket(_) => Default::default(),
                };
                for text in pending {
                    self.line.feed(text).await?;
                }
                self.line.flush().await
            }
            _ => Ok(()),
        }
    }

    fn end_poll(&mut self) {
        if let Line::Polling { waiting, .. } = &mut self.line
            && let Some(poll) = waiting.take()
        {
            let _ = poll.send(vec!["6".into()]);
        }
    }

    async fn receive_message(
        &mut self,
        message: Option<Result<Message, Error>>,
    ) -> Result<(), Over> {
        match message {
            Some(Ok(Message::Text(text))) => self.receive(text.as_str()).await,
            Some(Ok(Message::Close(_))) => {
                // The answer to the close frame is written by the next poll.
                while let Some(Ok(_)) = self.line.next().await {}
                Err(Over)
            }
            Some(Err(error)) => {
                debug!(connection = self.settings.connection, %error, "a client's connection broke");
                Err(Over)
            }
            Some(Ok(Message::Binary(_))) | None => Err(Over),
            Some(Ok(_)) => Ok(()),
        }
    }

    async fn receive(&mut self, text: &str) -> Result<(), Over> {
        if self.settings.version == Version::Three {
            self.hear();
        }
        match packet::parse(text).ok_or(Over)? {
            Packet::Pong => {
                self.hear();
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
            let refusal = match self.settings.version {
                Version::Three => r#"44"Rate limit exceeded""#,
                Version::Four => r#"44{"message":"Rate limit exceeded"}"#,
            };
            return self.write(refusal.into()).await;
        }
        let Some(outlet) = self.outlet.take() else {
            return Ok(());
        };
        let granted = match self.settings.version {
            Version::Three => "40".to_owned(),
            Version::Four => format!("40{}", json!({"sid": self.namespace_sid()})),
        };
        self.write(granted.into()).await?;
        let opened = Input::Opened {
            connection: self.settings.connection,
            ip: self.settings.ip,
            outlet,
        };
        self.input.send(opened).await.map_err(|_| Over)
    }

    async fn write(&mut self, text: Utf8Bytes) -> Result<(), Over> {
        self.line.feed(text).await?;
        self.line.flush().await
    }

    fn namespace_sid(&self) -> String {
        format!("sim-s-{:08}", self.settings.connection)
    }
}

async fn next_of(socket: &mut Option<Box<Socket>>) -> Option<Result<Message, Error>> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

/// Waits for a moment; without one, for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

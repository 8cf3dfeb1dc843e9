//! One connection: the websocket, its timers, and the queues to both sides.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use futures_util::{SinkExt, StreamExt, stream};
use kryten_protocol::time::WireTime;
use rustls::ClientConfig;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use tracing::{debug, warn};

use super::dial::dial;
use super::now;
use super::tls::refused_certificate;
use crate::config::CytubeConfig;
use crate::frame::Frame;
use crate::handle::{EmitError, Order, Shared};
use crate::item::{ConnectError, CytubeItem, DisconnectReason};
use crate::session::{Action, Session};

pub(super) type Websocket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Answers = HashMap<u64, oneshot::Sender<Vec<Box<RawValue>>>>;

/// What TLS gives at once. The buffer is cleared before each read, so one that is larger costs more than it saves.
const READ_BUFFER: usize = 16 * 1024;

pub(super) async fn open(
    url: String,
    config: &CytubeConfig,
    tls: ClientConfig,
) -> Result<Websocket, ConnectError> {
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(config.max_frame_bytes))
        .max_frame_size(Some(config.max_frame_bytes));
    let connector = Connector::Rustls(Arc::new(tls));
    let opening = connect(&url, limits, connector);
    match timeout(config.connect_timeout, opening).await {
        Ok(Ok(websocket)) => Ok(websocket),
        Ok(Err(error)) => Err(match refused_certificate(&error) {
            Some(source) => ConnectError::Untrusted { url, source },
            None => ConnectError::Websocket { url, source: error },
        }),
        Err(_) => Err(ConnectError::Timeout { url }),
    }
}

async fn connect(
    url: &str,
    limits: WebSocketConfig,
    connector: Connector,
) -> Result<Websocket, tungstenite::Error> {
    let request = url.into_client_request()?;
    let stream = dial(request.uri()).await?;
    stream.set_nodelay(true)?;
    let opening = client_async_tls_with_config(request, stream, Some(limits), Some(connector));
    let (websocket, _) = opening.await?;
    Ok(websocket)
}

/// What waits to be written, and who wants to know that it was.
struct Outgoing {
    text: String,
    written: Option<oneshot::Sender<Result<(), EmitError>>>,
}

/// Holds the connection until it ends and says why it did.
pub(super) async fn hold(
    websocket: Websocket,
    config: &CytubeConfig,
    attempt: u32,
    orders: &mut mpsc::Receiver<Order>,
    items: &mpsc::Sender<CytubeItem>,
    shared: &Shared,
) -> DisconnectReason {
    let (sink, stream) = websocket.split();
    let (outgoing, outgoing_rx) = mpsc::channel(config.send_capacity.max(1));
    // Writing has a task of its own, so that a server that reads slowly does not keep us from reading.
    let mut writer = tokio::spawn(write(sink, outgoing_rx, config.write_timeout));
    let mut link = Link {
        session: Session::new(config, Instant::now()),
        stream,
        outgoing,
        items,
        shared,
        attempt,
        waiting: VecDeque::new(),
        stalled: None,
        answers: HashMap::new(),
        end: None,
    };
    let reason = link.run(orders, &mut writer).await;
    drop(link);
    // The writer ends by itself when its queue is closed and written, and its own time-outs bound that.
    if !writer.is_finished() {
        let _ = writer.await;
    }
    reason
}

struct Link<'a> {
    session: Session,
    stream: stream::SplitStream<Websocket>,
    outgoing: mpsc::Sender<Outgoing>,
    items: &'a mpsc::Sender<CytubeItem>,
    shared: &'a Shared,
    attempt: u32,
    /// Items of the frame just read for which the reader has no room yet.
    waiting: VecDeque<CytubeItem>,
    /// Since when we have not read because the reader has no room.
    stalled: Option<Instant>,
    answers: Answers,
    end: Option<DisconnectReason>,
}

impl Link<'_> {
    async fn run(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        writer: &mut tokio::task::JoinHandle<Option<DisconnectReason>>,
    ) -> DisconnectReason {
        loop {
            self.hand_on_without_waiting();
            if self.waiting.is_empty()
                && let Some(reason) = self.end.take()
            {
                return reason;
            }
            let is_reading = self.waiting.is_empty();
            let deadline = self.session.next_deadline();
            tokio::select! {
                room = self.items.reserve(), if !is_reading => match room {
                    Ok(room) => {
                        if let Some(item) = self.waiting.pop_front() {
                            room.send(item);
                        }
                    }
                    Err(_) => return DisconnectReason::Closed,
                },
                message = self.stream.next(), if is_reading => self.receive(message).await,
                order = orders.recv(), if self.outgoing.capacity() > 0 => match order {
                    Some(Order::Send { text, answer, written }) => self.send(text, answer, written).await,
                    Some(Order::Reconnect) => {
                        self.say_goodbye().await;
                        return DisconnectReason::Reconnecting;
                    }
                    Some(Order::Close) | None => {
                        self.say_goodbye().await;
                        return DisconnectReason::Closed;
                    }
                },
                () = sleep_until(deadline.into()), if is_reading => {
                    let actions = self.session.tick(Instant::now());
                    self.act(actions, now()).await;
                }
                ended = &mut *writer => {
                    let reason = ended.ok().flatten().unwrap_or(DisconnectReason::ClosedByServer);
                    return self.session.reason_for_end(reason);
                }
                () = self.items.closed() => {
                    self.say_goodbye().await;
                    return DisconnectReason::Closed;
                }
            }
        }
    }

    fn hand_on_without_waiting(&mut self) {
        while !self.waiting.is_empty()
            && let Ok(room) = self.items.try_reserve()
        {
            if let Some(item) = self.waiting.pop_front() {
                room.send(item);
            }
        }
        if !self.waiting.is_empty() {
            self.stalled.get_or_insert_with(Instant::now);
        } else if let Some(since) = self.stalled.take() {
            self.session.excuse(since.elapsed());
        }
    }

    async fn receive(&mut self, message: Option<Result<Message, tungstenite::Error>>) {
        let at = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => {
                let received = now();
                let actions = self.session.receive(text.as_str(), at);
                self.act(actions, received).await;
            }
            Some(Ok(Message::Binary(bytes))) => {
                // The originals read binary messages as text.
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let actions = self.session.receive(&text, at);
                self.act(actions, now()).await;
            }
            Some(Ok(Message::Close(_))) | None => self.end_for(DisconnectReason::ClosedByServer),
            Some(Ok(_)) => self.session.sign_of_life(at),
            Some(Err(error)) => self.end_for(DisconnectReason::Lost(Arc::new(error))),
        }
    }

    async fn act(&mut self, actions: Vec<Action>, received: WireTime) {
        for action in actions {
            match action {
                Action::Send(text) => self.put(text, None).await,
                Action::Connected => self.waiting.push_back(CytubeItem::Connected {
                    attempt: self.attempt,
                    at: received,
                }),
                Action::Deliver { name, payload, ack } => {
                    self.waiting.push_back(CytubeItem::Event {
                        name,
                        payload,
                        ack,
                        received,
                    });
                }
                Action::Joined { name, guest } => self.waiting.push_back(CytubeItem::Joined {
                    name,
                    guest,
                    at: received,
                }),
                Action::Answered { id, args } => {
                    if let Some(answer) = self.answers.remove(&id) {
                        // The asker may have given up.
                        let _ = answer.send(args);
                    } else {
                        debug!(id, "CyTube answered an event that nobody waits for");
                    }
                }
                Action::SignOfLife => {
                    let at = received;
                    self.waiting.push_back(CytubeItem::SignOfLife { at });
                }
                Action::OwnRank(rank) => self.shared.set_own_rank(rank),
                Action::Unreadable(error) => {
                    warn!(%error, "CyTube sent a frame that cannot be read; skipped");
                    self.waiting
                        .push_back(CytubeItem::Unreadable { error, received });
                }
                Action::Close(reason) => self.end = Some(reason),
            }
        }
    }

    fn end_for(&mut self, reason: DisconnectReason) {
        self.end = Some(self.session.reason_for_end(reason));
    }

    async fn send(
        &mut self,
        text: String,
        answer: Option<(u64, oneshot::Sender<Vec<Box<RawValue>>>)>,
        written: oneshot::Sender<Result<(), EmitError>>,
    ) {
        if !self.session.is_connected() {
            let _ = written.send(Err(EmitError::NotConnected));
            return;
        }
        if let Some((id, answer)) = answer {
            self.answers.retain(|_, answer| !answer.is_closed());
            self.answers.insert(id, answer);
        }
        self.put(text, Some(written)).await;
    }

    async fn put(&mut self, text: String, written: Option<oneshot::Sender<Result<(), EmitError>>>) {
        // A closed queue means that the writer has ended, which the main loop notices.
        let _ = self.outgoing.send(Outgoing { text, written }).await;
    }

    async fn say_goodbye(&mut self) {
        self.put(Frame::Disconnect.encode(), None).await;
    }
}

/// Writes until the queue is closed, then closes the websocket; tells what went wrong, if something did.
async fn write(
    mut sink: stream::SplitSink<Websocket, Message>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    limit: std::time::Duration,
) -> Option<DisconnectReason> {
    while let Some(Outgoing { text, written }) = outgoing.recv().await {
        let result = timeout(limit, sink.send(Message::text(text))).await;
        let (told, failure) = match result {
            Ok(Ok(())) => (Ok(()), None),
            Ok(Err(error)) => (
                Err(EmitError::Interrupted),
                Some(DisconnectReason::Lost(Arc::new(error))),
            ),
            Err(_) => (
                Err(EmitError::Interrupted),
                Some(DisconnectReason::WriteTimeout),
            ),
        };
        if let Some(written) = written {
            let _ = written.send(told);
        }
        if failure.is_some() {
            return failure;
        }
    }
    // The peer may be gone already; closing is a courtesy.
    let _ = timeout(limit, sink.close()).await;
    None
}

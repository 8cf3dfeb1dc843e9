//! What carries a client's packets: a websocket, or polls, which a websocket may take over from.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::Over;
use super::outlet::CUT_GRACE;

pub(crate) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Where a poll's packets go.
pub(crate) type Poll = oneshot::Sender<Vec<Utf8Bytes>>;

/// One websocket, or polls.
pub(super) enum Line {
    Websocket(Box<Socket>),
    Polling {
        /// The poll that waits for packets.
        waiting: Option<Poll>,
        /// Packets that wait for a poll.
        pending: VecDeque<Utf8Bytes>,
    },
}

impl Line {
    /// Whether a packet would leave now.
    pub(super) fn takes(&self) -> bool {
        match self {
            Self::Websocket(_) => true,
            Self::Polling { waiting, .. } => waiting.is_some(),
        }
    }

    /// Hands a packet over, to leave with the next [`Line::flush`].
    pub(super) async fn feed(&mut self, text: Utf8Bytes) -> Result<(), Over> {
        match self {
            Self::Websocket(socket) => {
                let fed = socket.feed(Message::Text(text)).await;
                fed.map_err(|_| Over)
            }
            Self::Polling { pending, .. } => {
                pending.push_back(text);
                Ok(())
            }
        }
    }

    pub(super) async fn flush(&mut self) -> Result<(), Over> {
        match self {
            Self::Websocket(socket) => socket.flush().await.map_err(|_| Over),
            Self::Polling { waiting, pending } => {
                if !pending.is_empty()
                    && let Some(poll) = waiting.take()
                    // A poll that has gone takes nothing with it.
                    && let Err(back) = poll.send(pending.drain(..).collect())
                {
                    pending.extend(back);
                }
                Ok(())
            }
        }
    }

    /// The next message of the websocket; polls bring theirs otherwise.
    pub(super) async fn next(&mut self) -> Option<Result<Message, Error>> {
        match self {
            Self::Websocket(socket) => socket.next().await,
            Self::Polling { .. } => std::future::pending().await,
        }
    }

    /// Writes what need not be a frame; polls cannot carry it.
    pub(super) async fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let Self::Websocket(socket) = self else {
            return Ok(());
        };
        socket.flush().await.map_err(|_| Over)?;
        let stream = socket.get_mut();
        stream.write_all(bytes).await.map_err(|_| Over)?;
        stream.flush().await.map_err(|_| Over)
    }

    /// Ends TCP without a close frame. What the client still sends is read away first: closing over unread data
    /// would make the kernel throw away what we have sent.
    pub(super) async fn cut(&mut self) {
        let Self::Websocket(socket) = self else {
            return;
        };
        let _ = socket.flush().await;
        let stream = socket.get_mut();
        let _ = stream.shutdown().await;
        let mut rest = [0; 4096];
        let drained = async { while matches!(stream.read(&mut rest).await, Ok(n) if n > 0) {} };
        let _ = timeout(CUT_GRACE, drained).await;
    }
}

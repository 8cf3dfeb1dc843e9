//! Sending events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::frame::Frame;

/// Sends events over the client's connection; cheap to clone.
#[derive(Debug, Clone)]
pub struct CytubeHandle {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) shared: Arc<Shared>,
}

/// What the handle asks of the connection's task.
#[derive(Debug)]
pub(crate) enum Order {
    Send {
        text: String,
        answer: Option<(u64, oneshot::Sender<Vec<Box<RawValue>>>)>,
        written: oneshot::Sender<Result<(), EmitError>>,
    },
    /// Make the connection anew.
    Reconnect,
    Close,
}

/// What the connection's task tells the handle.
#[derive(Debug)]
pub(crate) struct Shared {
    next_ack: AtomicU64,
    own_rank: AtomicU64,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            next_ack: AtomicU64::new(0),
            own_rank: AtomicU64::new((-1.0_f64).to_bits()),
        }
    }

    pub(crate) fn set_own_rank(&self, rank: f64) {
        self.own_rank.store(rank.to_bits(), Ordering::Relaxed);
    }
}

/// An event was not sent, or not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// There is no connection now.
    #[error("not connected to CyTube; try again when the connection is back")]
    NotConnected,
    /// The connection broke while sending; the event may or may not have arrived.
    #[error(
        "the connection to CyTube was lost while sending; it is not known whether the event arrived"
    )]
    Interrupted,
    /// The payload cannot be written as JSON.
    #[error("the payload cannot be written as JSON: {0}")]
    Payload(String),
    /// The answer did not come in time.
    #[error("CyTube did not answer in time")]
    AnswerTimeout,
    /// The client has stopped.
    #[error("the CyTube client has stopped")]
    Stopped,
}

impl CytubeHandle {
    /// Sends an event with one argument; returns when it is written to the socket.
    ///
    /// # Errors
    /// When there is no connection or it breaks; events are not kept for a later connection.
    pub async fn emit<T: Serialize + ?Sized>(
        &self,
        name: &str,
        payload: &T,
    ) -> Result<(), EmitError> {
        self.send(name, payload, None).await
    }

    /// Sends an event and waits for CyTube's answer to it (`newPoll` is the only event that CyTube answers so).
    ///
    /// # Errors
    /// As [`CytubeHandle::emit`], and when the answer does not come in time.
    pub async fn emit_with_ack<T: Serialize + ?Sized>(
        &self,
        name: &str,
        payload: &T,
        timeout: Duration,
    ) -> Result<Vec<Box<RawValue>>, EmitError> {
        let id = self.shared.next_ack.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.send(name, payload, Some((id, answer))).await?;
        match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(args)) => Ok(args),
            Ok(Err(_)) => Err(EmitError::Interrupted),
            Err(_) => Err(EmitError::AnswerTimeout),
        }
    }

    /// Answers an event that came with an `ack` id.
    ///
    /// # Errors
    /// As [`CytubeHandle::emit`].
    pub async fn acknowledge<T: Serialize + ?Sized>(
        &self,
        id: u64,
        payload: &T,
    ) -> Result<(), EmitError> {
        let args = vec![raw(payload)?];
        self.write(Frame::Ack { id, args }.encode(), None).await
    }

    /// Our rank as CyTube last told us; -1 before it did.
    pub fn own_rank(&self) -> f64 {
        f64::from_bits(self.shared.own_rank.load(Ordering::Relaxed))
    }

    /// Ends the connection and makes a new one after the usual first wait; does nothing while there is none.
    pub async fn reconnect(&self) {
        // A send fails only when the client has stopped already.
        let _ = self.orders.send(Order::Reconnect).await;
    }

    /// Leaves the channel and stops the client; its last item is `Stopped`.
    pub async fn close(&self) {
        // A send fails only when the client has stopped already.
        let _ = self.orders.send(Order::Close).await;
    }

    async fn send<T: Serialize + ?Sized>(
        &self,
        name: &str,
        payload: &T,
        answer: Option<(u64, oneshot::Sender<Vec<Box<RawValue>>>)>,
    ) -> Result<(), EmitError> {
        let frame = Frame::Event {
            name: name.to_owned(),
            args: vec![raw(payload)?],
            ack: answer.as_ref().map(|(id, _)| *id),
        };
        self.write(frame.encode(), answer).await
    }

    async fn write(
        &self,
        text: String,
        answer: Option<(u64, oneshot::Sender<Vec<Box<RawValue>>>)>,
    ) -> Result<(), EmitError> {
        let (written, done) = oneshot::channel();
        let order = Order::Send {
            text,
            answer,
            written,
        };
        if self.orders.send(order).await.is_err() {
            return Err(EmitError::Stopped);
        }
        done.await.unwrap_or(Err(EmitError::Interrupted))
    }
}

fn raw<T: Serialize + ?Sized>(payload: &T) -> Result<Box<RawValue>, EmitError> {
    serde_json::value::to_raw_value(payload).map_err(|error| EmitError::Payload(error.to_string()))
}

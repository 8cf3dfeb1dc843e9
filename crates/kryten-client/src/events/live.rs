//! Events as they come, over plain NATS.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_nats::Message;
use async_nats::client::SubscribeErrorKind;
use futures_util::stream::{BoxStream, unfold};
use futures_util::{Stream, StreamExt};
use kryten_protocol::event::Event;
use kryten_protocol::subject;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{BadMessage, ChannelEvents, SubscribeError};
use crate::connection::{Client, Subscription};
use crate::round_trip::round_trip;

/// What a live subscription has to tell.
#[derive(Debug)]
#[non_exhaustive]
pub enum LiveItem {
    /// The next event.
    Event(Event),
    /// The reader was too slow: so many messages before the next item were dropped.
    Lagged(u64),
    /// The connection was lost and made again; what was published between is missing here. Told with the first
    /// events that come after it.
    Interrupted,
    /// A message on the channel's subjects that is no event.
    BadMessage(BadMessage),
}

/// Events as they come; a [`Stream`] of [`LiveItem`]. Ends when the connection is closed for good.
///
/// Between the network and the reader is a buffer. When it is full the oldest messages are dropped, so that a reader
/// that stood still goes on with what is recent; [`LiveItem::Lagged`] says how many are missing.
pub struct LiveEvents {
    items: BoxStream<'static, LiveItem>,
    // Ends the subscription.
    _stop: DropGuard,
}

impl LiveEvents {
    /// The next item; `None` when the connection is closed for good. Cancel safe.
    pub async fn next(&mut self) -> Option<LiveItem> {
        self.items.next().await
    }
}

impl fmt::Debug for LiveEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveEvents").finish_non_exhaustive()
    }
}

impl Stream for LiveEvents {
    type Item = LiveItem;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<LiveItem>> {
        self.items.poll_next_unpin(context)
    }
}

#[derive(Clone)]
enum Received {
    Message(Message),
    Interrupted,
}

pub(super) async fn open(wanted: ChannelEvents) -> Result<LiveEvents, SubscribeError> {
    let subjects = wanted.subjects()?;
    // Several subscriptions would come out of order among each other.
    let subject = match subjects.as_slice() {
        [one] => one.clone(),
        _ => subject::channel_events(&wanted.channel)?,
    };
    let client = wanted.client.clone();
    let inbox = client.subscribe(&subject).await?;
    let connection = client.connections();
    let (buffer, received) = broadcast::channel(wanted.buffer.clamp(1, 1 << 20));
    let stop = CancellationToken::new();
    tokio::spawn(pump(client, connection, inbox, buffer, stop.clone()));
    let items = unfold((received, wanted, subjects), |mut state| async move {
        let item = next(&mut state.0, &state.1, &state.2).await?;
        Some((item, state))
    });
    Ok(LiveEvents {
        items: items.boxed(),
        _stop: stop.drop_guard(),
    })
}

impl Client {
    /// Subscribes to any subject; what is published after this has returned is heard.
    ///
    /// # Errors
    /// [`SubscribeError`]: what is no subject, no permission, no answer, connection closed.
    pub async fn subscribe(&self, subject: &str) -> Result<Subscription, SubscribeError> {
        let mut refusals = self.connection_events().refusals();
        let inbox = self.listen(subject, None).await;
        let inbox = inbox.map_err(|error| match error.kind() {
            SubscribeErrorKind::InvalidSubject => SubscribeError::BadSubject {
                subject: subject.to_owned(),
            },
            _ => SubscribeError::Closed(Box::new(error)),
        })?;
        if !round_trip(&self.nats()).await {
            return Err(SubscribeError::TimedOut);
        }
        while let Ok(refusal) = refusals.try_recv() {
            if refusal.contains("ubscription to") && refusal.contains(&format!("\"{subject}\"")) {
                return Err(SubscribeError::NoPermission {
                    subject: subject.to_owned(),
                });
            }
        }
        Ok(inbox)
    }
}

/// Takes messages off the connection at once, so that only our own buffer can overflow.
async fn pump(
    client: Client,
    mut connection: u64,
    mut inbox: Subscription,
    buffer: broadcast::Sender<Received>,
    stop: CancellationToken,
) {
    loop {
        let message = tokio::select! {
            message = inbox.next() => message,
            () = stop.cancelled() => None,
        };
        let Some(message) = message else { break };
        let now = client.connections();
        let interrupted = (now != connection).then_some(Received::Interrupted);
        connection = now;
        for received in interrupted.into_iter().chain([Received::Message(message)]) {
            // Fails only when the reader is gone, and then we are stopped.
            let _ = buffer.send(received);
        }
    }
    let _ = inbox.unsubscribe().await;
}

async fn next(
    received: &mut broadcast::Receiver<Received>,
    wanted: &ChannelEvents,
    subjects: &[String],
) -> Option<LiveItem> {
    loop {
        let message = match received.recv().await {
            Ok(Received::Message(message)) => message,
            Ok(Received::Interrupted) => return Some(LiveItem::Interrupted),
            Err(RecvError::Lagged(count)) => return Some(LiveItem::Lagged(count)),
            Err(RecvError::Closed) => return None,
        };
        let subject = message.subject.as_str();
        if subjects.len() > 1 && !subjects.iter().any(|wanted| wanted == subject) {
            continue;
        }
        match Event::parse(&message.payload) {
            Ok(event) if wanted.is_wanted(&event) => return Some(LiveItem::Event(event)),
            Ok(_) => {}
            Err(error) => {
                return Some(LiveItem::BadMessage(BadMessage {
                    subject: subject.to_owned(),
                    body: message.payload,
                    error,
                }));
            }
        }
    }
}

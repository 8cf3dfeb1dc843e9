//! A subscription that outlives the connection it was made on.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_nats::{Message, SubscribeError, Subscriber, UnsubscribeError};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt};

use super::Client;

/// Messages on a subject; a [`Stream`] that ends when it is unsubscribed or the connection is closed for good.
///
/// Over losses of the connection the library keeps it; when the library's own task has died, it is made anew. What was
/// published between is missing.
pub struct Subscription {
    wanted: Wanted,
    inner: Subscriber,
    /// On which of the client's connections.
    made_on: u64,
    renewing: Option<BoxFuture<'static, Option<(Subscriber, u64)>>>,
    /// Nothing is made anew any more.
    is_leaving: bool,
}

#[derive(Debug, Clone)]
struct Wanted {
    client: Client,
    subject: String,
    /// Of the members of a group each message goes to one.
    group: Option<String>,
}

impl Client {
    /// Subscribes without waiting for the server to know of it: see [`round_trip`](crate::round_trip::round_trip).
    ///
    /// # Errors
    /// A subject that is none; a connection that was closed for good.
    pub async fn listen(
        &self,
        subject: impl Into<String>,
        group: Option<String>,
    ) -> Result<Subscription, SubscribeError> {
        let wanted = Wanted {
            client: self.clone(),
            subject: subject.into(),
            group,
        };
        let made_on = *self.line.renewals().borrow();
        Ok(Subscription {
            inner: wanted.subscribe().await?,
            wanted,
            made_on,
            renewing: None,
            is_leaving: false,
        })
    }
}

impl Wanted {
    async fn subscribe(&self) -> Result<Subscriber, SubscribeError> {
        let nats = self.client.nats();
        match &self.group {
            Some(group) => {
                nats.queue_subscribe(self.subject.clone(), group.clone())
                    .await
            }
            None => nats.subscribe(self.subject.clone()).await,
        }
    }

    /// The same on a later connection; `None` when there will be none.
    async fn after(self, mut made_on: u64) -> Option<(Subscriber, u64)> {
        let mut renewals = self.client.line.renewals();
        loop {
            tokio::select! {
                biased;
                renewed = renewals.wait_for(|renewals| *renewals != made_on) => made_on = *renewed.ok()?,
                () = self.client.line.events.closed() => return None,
            }
            // Where that one has died already, the next one is waited for.
            if let Ok(subscriber) = self.subscribe().await {
                return Some((subscriber, made_on));
            }
        }
    }
}

impl Subscription {
    /// Ends it; what is here already still comes.
    ///
    /// # Errors
    /// When the connection was closed for good.
    pub async fn unsubscribe(&mut self) -> Result<(), UnsubscribeError> {
        self.is_leaving = true;
        self.renewing = None;
        self.inner.unsubscribe().await
    }

    /// Ends it when everything that the server has sent until now has come.
    ///
    /// # Errors
    /// When the connection was closed for good.
    pub async fn drain(&mut self) -> Result<(), UnsubscribeError> {
        self.is_leaving = true;
        self.renewing = None;
        self.inner.drain().await
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            if let Some(renewing) = &mut self.renewing {
                match ready!(renewing.poll_unpin(context)) {
                    Some((inner, made_on)) => {
                        self.inner = inner;
                        self.made_on = made_on;
                    }
                    None => self.is_leaving = true,
                }
                self.renewing = None;
            }
            match ready!(self.inner.poll_next_unpin(context)) {
                None if !self.is_leaving => {
                    let wanted = self.wanted.clone();
                    self.renewing = Some(wanted.after(self.made_on).boxed());
                }
                message => return Poll::Ready(message),
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("subject", &self.wanted.subject)
            .field("group", &self.wanted.group)
            .finish_non_exhaustive()
    }
}

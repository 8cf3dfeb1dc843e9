//! The events of a channel, typed: live as they come, or from the stream, where none is missed.
//!
//! | | [`live`](ChannelEvents::live) | [`from_now`](ChannelEvents::from_now), [`from_time`](ChannelEvents::from_time), [`from_sequence`](ChannelEvents::from_sequence), [`from_where_stopped`](ChannelEvents::from_where_stopped) |
//! |---|---|---|
//! | needs | NATS | JetStream |
//! | while you are away | events are gone | they wait in the stream |
//! | while you are slow | the oldest are dropped, and [`LiveItem::Lagged`] says how many | the stream waits, nothing is dropped |
//! | the robot sends again what it is not sure of | comes twice | the stream keeps one |
//! | order | that of the channel | that of the channel |
//!
//! Both are a [`Stream`](futures_util::Stream) with a `next` of their own.
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_client::events::LiveItem;
//! use kryten_protocol::event::Event;
//!
//! let mut events = client.events("420Grindhouse").only(["chatMsg"]).live().await?;
//! while let Some(item) = events.next().await {
//!     match item {
//!         LiveItem::Event(Event::ChatMsg(line)) => println!("{}: {}", line.username, line.msg),
//!         LiveItem::Lagged(count) => println!("too slow: {count} events were dropped"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod durable;
mod live;
mod position;

use bytes::Bytes;
use jiff::Timestamp;
use kryten_protocol::event::{EnvelopeError, Event};
use kryten_protocol::subject::{self, SubjectError};
use kryten_protocol::token;

use crate::connection::Client;
use crate::jetstream::consumer::Start;
use crate::kv::KvError;
use crate::stream::{EventStream, StreamError};
pub use durable::{DurableEvents, DurableItem, StoredEvent};
pub use live::{LiveEvents, LiveItem};
pub use position::{CONSUMERS_BUCKET, PositionError};

/// How many events a live subscription keeps for a slow reader.
pub const DEFAULT_BUFFER: usize = 4096;

/// Why events cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The channel or an event name leaves no subject.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// NATS does not take the subject.
    #[error(
        "{subject:?} is no NATS subject; write words without white space, with a dot between two"
    )]
    BadSubject {
        /// The subject as given.
        subject: String,
    },
    /// The connection was closed for good.
    #[error("the connection to NATS is closed")]
    Closed(#[source] Box<async_nats::SubscribeError>),
    /// The server did not confirm the subscription.
    #[error("the NATS server did not confirm the subscription in time")]
    TimedOut,
    /// The account may not subscribe.
    #[error("this NATS user may not subscribe to {subject}; give it the permission")]
    NoPermission {
        /// The subject that was refused.
        subject: String,
    },
    /// The stream cannot be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The consumer's position cannot be read.
    #[error("cannot read where the consumer stopped: {0}")]
    Position(#[from] KvError),
}

/// A message on an event subject that is no event.
#[derive(Debug)]
pub struct BadMessage {
    /// The subject that it came on.
    pub subject: String,
    /// The body as it came.
    pub body: Bytes,
    /// What is wrong with it.
    pub error: EnvelopeError,
}

/// Which events of a channel are wanted; see [`Client::events`].
#[derive(Debug, Clone)]
pub struct ChannelEvents {
    client: Client,
    channel: String,
    domain: Option<String>,
    names: Vec<String>,
    buffer: usize,
}

impl Client {
    /// The events of a channel; say next from where.
    ///
    /// See [`events`](crate::events) for an example.
    pub fn events(&self, channel: impl Into<String>) -> ChannelEvents {
        ChannelEvents {
            client: self.clone(),
            channel: channel.into(),
            domain: None,
            names: Vec::new(),
            buffer: DEFAULT_BUFFER,
        }
    }
}

impl ChannelEvents {
    /// Only events of these names, such as `chatMsg`; upper and lower case are the same.
    #[must_use]
    pub fn only<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names.extend(names.into_iter().map(Into::into));
        self
    }

    /// Only events of this CyTube host. Subjects do not tell channels of the same name on two hosts apart.
    #[must_use]
    pub fn on_domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How many events [`ChannelEvents::live`] keeps for a slow reader, rounded up to a power of two; by default
    /// [`DEFAULT_BUFFER`].
    #[must_use]
    pub fn buffer(mut self, events: usize) -> Self {
        self.buffer = events;
        self
    }

    /// Events as they come, from the moment when this returns.
    ///
    /// # Errors
    /// [`SubscribeError`]: a channel name that cannot be, no permission, no answer, connection closed.
    pub async fn live(self) -> Result<LiveEvents, SubscribeError> {
        live::open(self).await
    }

    /// Events of the stream from now on; those that come while the server or the connection is away are not missed.
    ///
    /// # Errors
    /// [`SubscribeError`]: a channel name that cannot be, or the stream cannot be read.
    pub async fn from_now(self) -> Result<DurableEvents, SubscribeError> {
        let stream = self.stream().await?;
        let last = stream.info().await?.last_sequence;
        durable::open(self, &stream, Start::Sequence(last + 1), None).await
    }

    /// Events of the stream that were stored at this moment or later.
    ///
    /// # Errors
    /// As [`ChannelEvents::from_now`].
    pub async fn from_time(self, time: Timestamp) -> Result<DurableEvents, SubscribeError> {
        let stream = self.stream().await?;
        durable::open(self, &stream, Start::Time(time), None).await
    }

    /// Events of the stream from this sequence on; 0 and 1 are its start.
    ///
    /// # Errors
    /// As [`ChannelEvents::from_now`].
    pub async fn from_sequence(self, sequence: u64) -> Result<DurableEvents, SubscribeError> {
        let stream = self.stream().await?;
        durable::open(self, &stream, Start::Sequence(sequence), None).await
    }

    /// Events of the stream from where the consumer of this name stopped; the first time, from now on.
    ///
    /// Where it stopped is what was last said to be [done](StoredEvent::done), kept in the bucket
    /// [`CONSUMERS_BUCKET`] under `{name}:{channel}`. An event that was worked on but not said to be done when the
    /// program ended comes again: each event comes **at least once**. To have the effect of each exactly once, store
    /// [`StoredEvent::sequence`] together with the effect, in one transaction of your own database, and start with
    /// [`ChannelEvents::from_sequence`]; no order of two separate writes can do it.
    ///
    /// One program at a time reads under one name. A second one is noticed when both say
    /// [done](StoredEvent::done): one of them gets [`PositionError::TakenOver`].
    ///
    /// ```no_run
    /// # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use kryten_client::events::DurableItem;
    ///
    /// let mut events = client.events("420Grindhouse").from_where_stopped("greeter").await?;
    /// while let Some(item) = events.next().await {
    ///     if let DurableItem::Event(stored) = item? {
    ///         println!("{}", stored.event.name());
    ///         stored.done().await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`ChannelEvents::from_now`], and [`SubscribeError::Position`].
    pub async fn from_where_stopped(self, name: &str) -> Result<DurableEvents, SubscribeError> {
        let stream = self.stream().await?;
        let key = format!("{name}:{}", token::normalize(&self.channel));
        let position = position::open(&self.client, &stream, key).await?;
        durable::open(self, &stream, Start::Sequence(0), Some(position)).await
    }

    async fn stream(&self) -> Result<EventStream, SubscribeError> {
        // A bad name is told before anything is made on the server.
        self.subjects()?;
        Ok(EventStream::open_or_create(&self.client).await?)
    }

    /// The subjects of the wanted events, which do not overlap.
    fn subjects(&self) -> Result<Vec<String>, SubjectError> {
        if self.names.is_empty() {
            return Ok(vec![subject::channel_events(&self.channel)?]);
        }
        let mut subjects = Vec::new();
        for name in &self.names {
            let subject = subject::event(&self.channel, name)?;
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        Ok(subjects)
    }

    /// Whether it is of the wanted host.
    fn is_wanted(&self, event: &Event) -> bool {
        let domain = self.domain.as_deref();
        domain.is_none_or(|domain| domain.eq_ignore_ascii_case(event.domain()))
    }
}

//! The JetStream stream that keeps all events.

use std::time::Duration;

use bytes::Bytes;

use crate::connection::Client;

/// Why the event stream cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The server or the account has no JetStream.
    #[error("JetStream is off on this NATS server; start it with JetStream (nats-server -js)")]
    JetStreamOff,
    /// No connection to a server.
    #[error("the NATS server is away")]
    ServerAway,
    /// No answer in time.
    #[error("the NATS server did not answer in time")]
    TimedOut,
    /// The account may not do this.
    #[error("this NATS user may not use {subject}; give it the permission")]
    NoPermission {
        /// The subject that was refused.
        subject: String,
    },
    /// The stream is not there (any more).
    #[error("the stream {name} does not exist")]
    Missing {
        /// The stream's name.
        name: String,
    },
    /// The server refused for another reason.
    #[error("the NATS server refused: {description}")]
    Refused {
        /// JetStream's error code.
        code: u64,
        /// The server's words.
        description: String,
    },
}

/// What the event stream should be like when we create it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventStreamConfig {
    /// How long events are kept.
    pub max_age: Duration,
    /// How many bytes of events are kept; `None` for as many as fit.
    pub max_bytes: Option<u64>,
    /// On how many servers of a cluster it is kept.
    pub replicas: usize,
}

impl Default for EventStreamConfig {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(30 * 24 * 60 * 60),
            max_bytes: None,
            replicas: 1,
        }
    }
}

/// Which stream this is, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    /// When it was created, in nanoseconds since the Unix epoch; another value is another stream.
    pub created_nanos: i128,
    /// The first sequence that is still there; one more than the last in an empty stream.
    pub first_sequence: u64,
    /// The last sequence that was given out.
    pub last_sequence: u64,
    /// How many messages it holds.
    pub messages: u64,
}

/// Which stream this is, whatever is in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamIdentity {
    /// The stream's name.
    pub name: String,
    /// When it was created, in nanoseconds since the Unix epoch.
    pub created_nanos: i128,
}

/// A message as the stream keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its place in the stream.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// The publisher's `Nats-Msg-Id`.
    pub message_id: Option<String>,
    /// The epoch of the robot that published it, from the header `Kryten-Epoch`.
    pub epoch: Option<u64>,
    /// When the server stored it, in nanoseconds since the Unix epoch.
    pub time_nanos: i128,
    /// The body.
    pub body: Bytes,
}

/// The stream that keeps all events.
#[derive(Debug, Clone)]
pub struct EventStream {}

impl EventStream {
    /// Opens the event stream: ours, else any that already covers the subjects, else creates it.
    ///
    /// # Errors
    /// [`StreamError`], which tells apart: JetStream off, server away, no permission.
    pub async fn open_or_create(client: &Client) -> Result<Self, StreamError> {
        Self::open_or_create_with(client, EventStreamConfig::default()).await
    }

    /// As [`EventStream::open_or_create`], with limits of one's own for a new stream.
    ///
    /// # Errors
    /// As there.
    pub async fn open_or_create_with(
        client: &Client,
        config: EventStreamConfig,
    ) -> Result<Self, StreamError> {
        let _ = (client, config);
        unimplemented!()
    }

    /// The stream's name; not ours where another stream already covers the subjects.
    pub fn name(&self) -> &str {
        unimplemented!()
    }

    /// The connection that it was opened on.
    pub fn client(&self) -> &Client {
        unimplemented!()
    }

    /// Which stream this was when it was opened.
    pub fn identity(&self) -> StreamIdentity {
        unimplemented!()
    }

    /// How the stream differs from the one that we would create, one sentence each; empty for our own.
    pub fn differences(&self) -> &[String] {
        unimplemented!()
    }

    /// What the stream is like now, asked from the server.
    ///
    /// # Errors
    /// [`StreamError`]; [`StreamError::Missing`] when it was deleted.
    pub async fn info(&self) -> Result<StreamInfo, StreamError> {
        unimplemented!()
    }

    /// The last message on a subject; wildcards are allowed.
    ///
    /// # Errors
    /// [`StreamError`]; no such message is `Ok(None)`.
    pub async fn last_for(
        &self,
        subject_filter: &str,
    ) -> Result<Option<StoredMessage>, StreamError> {
        let _ = subject_filter;
        unimplemented!()
    }

    /// The message at a sequence.
    ///
    /// # Errors
    /// [`StreamError`]; no such message is `Ok(None)`.
    pub async fn get(&self, sequence: u64) -> Result<Option<StoredMessage>, StreamError> {
        let _ = sequence;
        unimplemented!()
    }

    /// The last messages that match a filter, at most `count`, in stream order.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn tail(
        &self,
        subject_filter: &str,
        count: usize,
    ) -> Result<Vec<StoredMessage>, StreamError> {
        let _ = (subject_filter, count);
        unimplemented!()
    }
}

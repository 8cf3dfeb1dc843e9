//! The JetStream stream that keeps all events.

mod open;

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream;
use bytes::Bytes;
use kryten_protocol::seal::{EventParts, SEAL_HEADER, SealKey, SealPlace};
use kryten_protocol::state::EPOCH_HEADER;
use tokio::time::Instant;

use crate::connection::{Client, REQUEST_TIMEOUT};
use crate::jetstream::api::{ApiError, code, is_clustered};
use crate::jetstream::consumer::{Start, Wanted};
use crate::jetstream::pass::{Until, pass};
use crate::jetstream::stored::{From as ReadFrom, Stored, Which};

/// How long a replica that is behind is given before it is asked again.
const BEHIND: Duration = Duration::from_millis(50);
/// How long a cluster's new leader may have less than its predecessor told before it is believed.
pub(crate) const LEADER_BEHIND: Duration = Duration::from_secs(10);

/// Why the event stream cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The server or the account has no JetStream.
    #[error(
        "JetStream is off on this NATS server; start it with JetStream (nats-server -js), or correct \
         nats.jetstream_domain or nats.jetstream_prefix where one is configured"
    )]
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
    /// Other streams take a part of the subjects, so that none can take all of them.
    #[error(
        "the streams {streams} take a part of kryten.events.>; take those subjects from them, or let one of them take \
         all of kryten.events.>"
    )]
    Overlap {
        /// Their names.
        streams: String,
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
    /// On how many servers of a cluster it is kept; `None` for what the configuration's `nats.replicas` says, else 1.
    pub replicas: Option<usize>,
}

impl Default for EventStreamConfig {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(30 * 24 * 60 * 60),
            max_bytes: None,
            replicas: None,
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
    /// All headers that it was published with.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl StoredMessage {
    /// Which of the robot's events it is; `None` where the robot did not seal it with this key.
    pub fn seal(&self, key: &SealKey) -> Option<SealPlace> {
        let seal = self.headers.get_last(SEAL_HEADER)?;
        let parts = EventParts {
            subject: &self.subject,
            message_id: self.message_id.as_deref().unwrap_or_default(),
            epoch: self.epoch.unwrap_or_default(),
            body: &self.body,
        };
        key.open_event(seal.as_str(), &parts)
    }
}

impl From<Stored> for StoredMessage {
    fn from(stored: Stored) -> Self {
        Self {
            sequence: stored.sequence,
            message_id: stored.header("Nats-Msg-Id").map(str::to_owned),
            epoch: stored
                .header(EPOCH_HEADER)
                .and_then(|epoch| epoch.parse().ok()),
            time_nanos: stored.time_nanos,
            headers: stored.headers,
            subject: stored.subject,
            body: stored.body,
        }
    }
}

impl From<&stream::Info> for StreamInfo {
    fn from(info: &stream::Info) -> Self {
        Self {
            created_nanos: info.created.unix_timestamp_nanos(),
            first_sequence: info.state.first_sequence,
            last_sequence: info.state.last_sequence,
            messages: info.state.messages,
        }
    }
}

impl StreamError {
    pub(crate) fn new(name: &str, error: ApiError) -> Self {
        match error {
            ApiError::JetStreamOff => Self::JetStreamOff,
            ApiError::Away => Self::ServerAway,
            ApiError::TimedOut => Self::TimedOut,
            ApiError::NoPermission { subject } => Self::NoPermission { subject },
            ApiError::Refused {
                code: code::STREAM_NOT_FOUND,
                ..
            } => Self::Missing {
                name: name.to_owned(),
            },
            ApiError::Refused { code, description } => Self::Refused { code, description },
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::ServerAway | Self::TimedOut => true,
            Self::Refused { code, .. } => code::passes(*code),
            _ => false,
        }
    }
}

/// The stream that keeps all events.
#[derive(Debug, Clone)]
pub struct EventStream {
    client: Client,
    identity: StreamIdentity,
    read_from: ReadFrom,
    is_elsewhere: bool,
    max_message_size: Option<usize>,
    differences: Vec<String>,
}

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
        mut config: EventStreamConfig,
    ) -> Result<Self, StreamError> {
        config.replicas = config.replicas.or_else(|| client.replicas());
        let wants_replicas = config.replicas.is_some();
        let config = open::config_of(&config);
        let info = match open::open_or_create(client, &config).await {
            Ok(info) => info,
            Err(error) if error.is(code::SUBJECTS_OVERLAP) => {
                let streams = open::overlapping(client).await;
                let streams = streams.map_err(|error| StreamError::new(&config.name, error))?;
                let streams = streams.join(", ");
                return Err(StreamError::Overlap { streams });
            }
            Err(error) => return Err(StreamError::new(&config.name, error)),
        };
        let stream = Self::new(client, &config, wants_replicas, info);
        for difference in stream.differences() {
            tracing::warn!(stream = stream.name(), "the event stream {difference}");
        }
        Ok(stream)
    }

    /// Opens the event stream where there is one: ours, else any that covers the subjects. Creates nothing.
    ///
    /// # Errors
    /// [`StreamError`]; [`StreamError::Missing`] where no stream keeps the events.
    pub async fn open(client: &Client) -> Result<Self, StreamError> {
        let config = open::config_of(&EventStreamConfig {
            replicas: client.replicas(),
            ..EventStreamConfig::default()
        });
        let info = open::open(client, &config).await;
        let info = info.map_err(|error| StreamError::new(&config.name, error))?;
        let wants_replicas = client.replicas().is_some();
        Ok(Self::new(client, &config, wants_replicas, info))
    }

    fn new(
        client: &Client,
        wanted: &stream::Config,
        wants_replicas: bool,
        info: stream::Info,
    ) -> Self {
        let mut wanted = wanted.clone();
        if !wants_replicas {
            // Nobody has said how many, so none is wrong.
            wanted.num_replicas = info.config.num_replicas;
        }
        let is_clustered = is_clustered(&info);
        Self {
            client: client.clone(),
            differences: open::differences(&wanted, &info.config),
            max_message_size: open::max_message_size(&info.config),
            identity: StreamIdentity {
                created_nanos: info.created.unix_timestamp_nanos(),
                name: info.config.name,
            },
            // With replicas any of them may be a moment behind.
            read_from: match info.config.allow_direct && info.config.num_replicas <= 1 {
                true => ReadFrom::AnyReplica,
                false => ReadFrom::Leader,
            },
            is_elsewhere: is_clustered || client.has_jetstream_elsewhere(),
        }
    }

    /// Whether another server may keep the stream than the one that we are connected to: what is sent may then be lost
    /// between the two while the connection stands, and what is sent later may not.
    pub fn is_elsewhere(&self) -> bool {
        self.is_elsewhere
    }

    /// The stream's name; not ours where another stream already covers the subjects.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// The connection that it was opened on.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Which stream this was when it was opened.
    pub fn identity(&self) -> StreamIdentity {
        self.identity.clone()
    }

    /// How the stream differs from the one that we would create, one sentence each; empty for our own.
    pub fn differences(&self) -> &[String] {
        &self.differences
    }

    /// How many bytes a message may have with its headers when the stream was opened; `None` where only the server's
    /// `max_payload` says so.
    pub fn max_message_size(&self) -> Option<usize> {
        self.max_message_size
    }

    /// What the stream is like now, asked from the server.
    ///
    /// # Errors
    /// [`StreamError`]; [`StreamError::Missing`] when it was deleted.
    pub async fn info(&self) -> Result<StreamInfo, StreamError> {
        let info = self.client.stream_info(self.name()).await;
        let info = info.map_err(|error| self.error(error))?;
        Ok(StreamInfo::from(&info))
    }

    /// The same, where the stream is known to have been that long: after an election a cluster's new leader may have less
    /// for a moment. What it still says after ten seconds is given.
    ///
    /// # Errors
    /// As [`EventStream::info`].
    pub async fn info_up_to(
        &self,
        created_nanos: i128,
        sequence: u64,
    ) -> Result<StreamInfo, StreamError> {
        let deadline = Instant::now() + LEADER_BEHIND;
        loop {
            let info = self.info().await?;
            let is_behind = info.created_nanos == created_nanos && info.last_sequence < sequence;
            if !is_behind || !self.is_elsewhere || Instant::now() >= deadline {
                return Ok(info);
            }
            tokio::time::sleep(BEHIND).await;
        }
    }

    /// The last message on a subject; wildcards are allowed.
    ///
    /// # Errors
    /// [`StreamError`]; no such message is `Ok(None)`.
    pub async fn last_for(
        &self,
        subject_filter: &str,
    ) -> Result<Option<StoredMessage>, StreamError> {
        self.read(ReadFrom::Leader, Which::LastFor(subject_filter))
            .await
    }

    /// The message at a sequence.
    ///
    /// # Errors
    /// [`StreamError`]; no such message is `Ok(None)`.
    pub async fn get(&self, sequence: u64) -> Result<Option<StoredMessage>, StreamError> {
        self.read(self.read_from, Which::Sequence(sequence)).await
    }

    /// As [`EventStream::get`], also where others have stored headers that cannot be read.
    pub(crate) async fn get_from_leader(
        &self,
        sequence: u64,
    ) -> Result<Option<StoredMessage>, StreamError> {
        self.read(ReadFrom::Leader, Which::Sequence(sequence)).await
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
        let Some(last) = self.last_for(subject_filter).await? else {
            return Ok(Vec::new());
        };
        let first_sequence = self.info().await?.first_sequence;
        let mut window = u64::try_from(count).unwrap_or(u64::MAX).max(64);
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        loop {
            let start = last.sequence.saturating_sub(window).max(first_sequence);
            let mut found = self.messages_from(subject_filter, start).await?;
            // A replica that has been away reads from what it has.
            let reached = found.last().map_or(0, |message| message.sequence);
            if reached < last.sequence && self.is_elsewhere {
                if Instant::now() > deadline {
                    return Err(StreamError::TimedOut);
                }
                tokio::time::sleep(BEHIND).await;
                continue;
            }
            if found.len() >= count || start <= first_sequence {
                found.drain(..found.len().saturating_sub(count));
                return Ok(found);
            }
            window = window.saturating_mul(4);
        }
    }

    /// All messages that match a filter, from a sequence to what is the last one now, in stream order.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn messages_from(
        &self,
        subject_filter: &str,
        start_sequence: u64,
    ) -> Result<Vec<StoredMessage>, StreamError> {
        let wanted = Wanted {
            stream: self.name().to_owned(),
            filters: vec![subject_filter.to_owned()],
            start: Start::Sequence(start_sequence),
            headers_only: false,
        };
        let found = pass(
            &self.client,
            &wanted,
            Until::Counted,
            Vec::new,
            |found: &mut Vec<StoredMessage>, stored| found.push(stored.into()),
        );
        found.await.map_err(|error| self.error(error))
    }

    async fn read(
        &self,
        from: ReadFrom,
        which: Which<'_>,
    ) -> Result<Option<StoredMessage>, StreamError> {
        let stored = self.client.read_stored(self.name(), from, which).await;
        let stored = stored.map_err(|error| self.error(error))?;
        Ok(stored.map(StoredMessage::from))
    }

    pub(crate) fn error(&self, error: ApiError) -> StreamError {
        StreamError::new(self.name(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::KvError;

    #[test]
    fn what_a_cluster_says_during_an_election_passes() {
        let passes = |code| {
            let description = String::new();
            let of_the_stream = StreamError::Refused { code, description };
            let description = String::new();
            let of_a_bucket = KvError::Refused { code, description };
            assert_eq!(of_the_stream.is_transient(), of_a_bucket.is_transient());
            of_the_stream.is_transient()
        };
        assert!([10005, 10008, 10009, 10118].into_iter().all(passes));
        assert!(![10059, 10065, 10023].into_iter().any(passes));
    }
}

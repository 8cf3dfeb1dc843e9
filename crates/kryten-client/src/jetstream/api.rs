//! Requests to JetStream's API, and what can go wrong with them.

use async_nats::HeaderMap;
use async_nats::jetstream::stream;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::connection::Client;
use crate::exchange::ExchangeError;

/// Why a request to JetStream brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// The server or the account has no JetStream.
    JetStreamOff,
    /// No connection; nothing was sent.
    Away,
    /// Sent, but no answer came.
    TimedOut,
    /// The account may not do this.
    NoPermission { subject: String },
    /// The server refused.
    Refused { code: u64, description: String },
}

/// Whether servers of a cluster keep the stream. A server alone names itself as the leader too, but no cluster.
pub(crate) fn is_clustered(info: &stream::Info) -> bool {
    let cluster = info.cluster.as_ref();
    let name = cluster.and_then(|cluster| cluster.name.as_deref());
    name.is_some_and(|name| !name.is_empty())
}

/// JetStream's error codes that we act on.
pub(crate) mod code {
    pub(crate) const NOT_ENABLED_FOR_ACCOUNT: u64 = 10039;
    pub(crate) const NOT_ENABLED: u64 = 10076;
    pub(crate) const STREAM_NOT_FOUND: u64 = 10059;
    pub(crate) const STREAM_NAME_IN_USE: u64 = 10058;
    pub(crate) const SUBJECTS_OVERLAP: u64 = 10065;
    pub(crate) const NO_MESSAGE: u64 = 10037;
    pub(crate) const WRONG_LAST_SEQUENCE: u64 = 10071;
    pub(crate) const WRONG_LAST_SEQUENCE_CONSTANT: u64 = 10164;
    pub(crate) const MESSAGE_TOO_LARGE: u64 = 10054;
    pub(crate) const MESSAGE_TTL_DISABLED: u64 = 10166;
    pub(crate) const CONSUMER_NOT_FOUND: u64 = 10014;

    /// Whether it is said during an election, or while most servers of a cluster are away.
    pub(crate) fn passes(code: u64) -> bool {
        const NO_PEERS: u64 = 10005;
        const TEMPORARILY_UNAVAILABLE: u64 = 10008;
        const NOT_LEADER: u64 = 10009;
        const STREAM_OFFLINE: u64 = 10118;
        [
            NO_PEERS,
            TEMPORARILY_UNAVAILABLE,
            NOT_LEADER,
            STREAM_OFFLINE,
        ]
        .contains(&code)
    }
}

#[derive(Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl From<ErrorBody> for ApiError {
    fn from(body: ErrorBody) -> Self {
        match body.err_code {
            code::NOT_ENABLED | code::NOT_ENABLED_FOR_ACCOUNT => Self::JetStreamOff,
            code => Self::Refused {
                code,
                description: body.description,
            },
        }
    }
}

impl ApiError {
    pub(crate) fn is(&self, wanted: u64) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == wanted)
    }

    /// Whether a consumer's filters are what the server refuses.
    pub(crate) fn is_about_filters(&self) -> bool {
        const NOT_A_SUBSET: u64 = 10093;
        const DUPLICATE: u64 = 10136;
        const OVERLAPPING: u64 = 10138;
        const EMPTY: u64 = 10139;
        [NOT_A_SUBSET, DUPLICATE, OVERLAPPING, EMPTY]
            .iter()
            .any(|code| self.is(*code))
    }

    /// For requests whose subject JetStream itself answers.
    fn from_exchange(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Away => Self::Away,
            ExchangeError::NoResponders => Self::JetStreamOff,
            ExchangeError::TimedOut | ExchangeError::ConnectionLost => Self::TimedOut,
            ExchangeError::NoPermission { subject } => Self::NoPermission { subject },
            ExchangeError::TooLarge { limit } => Self::Refused {
                code: 0,
                description: format!("the request is larger than {limit} bytes"),
            },
            ExchangeError::BadSubject { .. } => Self::Refused {
                code: 0,
                description: "the name cannot be part of a subject".to_owned(),
            },
        }
    }

    fn unreadable(error: &serde_json::Error) -> Self {
        Self::Refused {
            code: 0,
            description: format!("its answer cannot be read: {error}"),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Error { error: ErrorBody },
    Done(T),
}

impl Client {
    /// Sends a request to `$JS.API.<endpoint>`, or under the prefix that is configured.
    pub(crate) async fn api<T: DeserializeOwned>(
        &self,
        endpoint: &str,
        request: &impl Serialize,
    ) -> Result<T, ApiError> {
        let body = serde_json::to_vec(request).map_err(|error| ApiError::unreadable(&error))?;
        self.api_with_body(endpoint, body.into()).await
    }

    /// Sends a request that says all in its subject; the server refuses some of these with a body.
    pub(crate) async fn api_bare<T: DeserializeOwned>(
        &self,
        endpoint: &str,
    ) -> Result<T, ApiError> {
        self.api_with_body(endpoint, Bytes::new()).await
    }

    async fn api_with_body<T: DeserializeOwned>(
        &self,
        endpoint: &str,
        body: Bytes,
    ) -> Result<T, ApiError> {
        let subject = self.api_subject(endpoint);
        let answer = self
            .exchange(&subject, HeaderMap::new(), body)
            .await
            .map_err(ApiError::from_exchange)?;
        read_answer(&answer.payload)
    }

    /// What a stream is like now.
    pub(crate) async fn stream_info(&self, stream: &str) -> Result<stream::Info, ApiError> {
        self.api_bare(&format!("STREAM.INFO.{stream}")).await
    }

    /// Creates a stream; one that exists with the very same configuration is as good.
    pub(crate) async fn create_stream(
        &self,
        config: &stream::Config,
    ) -> Result<stream::Info, ApiError> {
        self.api(&format!("STREAM.CREATE.{}", config.name), config)
            .await
    }
}

/// Reads an answer that is either an error or what was asked for.
pub(crate) fn read_answer<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Answer::Done(answer)) => Ok(answer),
        Ok(Answer::Error { error }) => Err(error.into()),
        Err(error) => Err(ApiError::unreadable(&error)),
    }
}

//! Reads one key.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::bucket::KvBucket;
use super::error::KvError;
use super::key;
use super::ttl::{self, TTL};
use crate::jetstream::consumer::{Start, Wanted};
use crate::jetstream::pass::{Until, pass};
use crate::jetstream::stored::{From as ReadFrom, Stored, Which};

/// The header that says what happened to a key (NATS ADR-8).
pub(super) const OPERATION: &str = "KV-Operation";

/// The header by which the server tells of what it has removed itself (NATS ADR-43).
const MARKER_REASON: &str = "Nats-Marker-Reason";

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A value was put.
    Put,
    /// The key was deleted; its history may remain.
    Delete,
    /// The key and its history were removed, or it expired; see [`Entry::is_expired`].
    Purge,
}

/// One revision of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value; empty where the key was deleted.
    pub value: Bytes,
    /// The revision; rises with every change in the bucket.
    pub revision: u64,
    /// When the server stored it, in nanoseconds since the Unix epoch.
    pub created_nanos: i128,
    /// What happened.
    pub operation: Operation,
    /// The headers it was put with.
    pub headers: HeaderMap,
}

impl Operation {
    /// What a message of a bucket's stream means; the server marks expiry with a header of its own (NATS ADR-48).
    pub(super) fn of(stored: &Stored) -> Self {
        match stored.header(OPERATION) {
            Some("DEL") => Self::Delete,
            Some("PURGE") => Self::Purge,
            _ if stored.header(MARKER_REASON).is_some() => Self::Purge,
            _ => Self::Put,
        }
    }
}

impl Entry {
    /// Whether this is the mark that the server left when the value's life ended; it leaves one where the bucket has a
    /// [`marker_ttl`](super::BucketConfig::marker_ttl).
    pub fn is_expired(&self) -> bool {
        let reason = self.headers.get_last(MARKER_REASON);
        reason.is_some_and(|reason| reason.as_str() == "MaxAge")
    }

    /// How long it was to live when it was put, where it has a life of its own.
    pub fn life(&self) -> Option<Duration> {
        ttl::read(self.headers.get_last(TTL)?.as_str())?
    }

    pub(super) fn new(key: String, stored: Stored) -> Self {
        Self {
            key,
            operation: Operation::of(&stored),
            value: stored.body,
            revision: stored.sequence,
            created_nanos: stored.time_nanos,
            headers: stored.headers,
        }
    }
}

/// A key's last revision and the name it is stored under.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) last: Option<Stored>,
}

impl KvBucket {
    /// The value of a key.
    ///
    /// # Errors
    /// [`KvError`] when it could not be read; a missing key is `Ok(None)`.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, KvError> {
        let last = self.find(key, self.bucket.read_from).await?.last;
        let value = last.filter(|stored| Operation::of(stored) == Operation::Put);
        Ok(value.map(|stored| stored.body))
    }

    /// The value of a key as text.
    ///
    /// # Errors
    /// As [`KvBucket::get`]; [`KvError::WrongKind`] when it is not UTF-8.
    pub async fn get_text(&self, key: &str) -> Result<Option<String>, KvError> {
        let Some(value) = self.get(key).await? else {
            return Ok(None);
        };
        match String::from_utf8(value.into()) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(KvError::wrong_kind(key, "text in UTF-8", error)),
        }
    }

    /// The value of a key, read as JSON.
    ///
    /// # Errors
    /// As [`KvBucket::get`]; [`KvError::WrongKind`] when it is not JSON of that shape.
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, KvError> {
        let Some(value) = self.get(key).await? else {
            return Ok(None);
        };
        match serde_json::from_slice(&value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(KvError::wrong_kind(
                key,
                "JSON of the expected shape",
                error,
            )),
        }
    }

    /// The last revision of a key, also where that is a deletion.
    ///
    /// # Errors
    /// As [`KvBucket::get`].
    pub async fn entry(&self, key: &str) -> Result<Option<Entry>, KvError> {
        let last = self.find(key, self.bucket.read_from).await?.last;
        Ok(last.map(|stored| Entry::new(key.to_owned(), stored)))
    }

    /// What the bucket still knows of a key's past, the oldest first.
    ///
    /// # Errors
    /// As [`KvBucket::get`].
    pub async fn history(&self, key: &str) -> Result<Vec<Entry>, KvError> {
        let name = self.find(key, self.bucket.read_from).await?.name;
        let wanted = Wanted {
            stream: self.bucket.stream.clone(),
            filters: vec![self.subject(&name)],
            start: Start::Sequence(1),
            headers_only: false,
        };
        let read = pass(
            &self.client,
            &wanted,
            Until::CaughtUp,
            Vec::new,
            |entries: &mut Vec<Entry>, stored| entries.push(Entry::new(key.to_owned(), stored)),
        );
        read.await.map_err(|error| self.error(error))
    }

    /// Looks under the name that we write, then under the key as it is, where another program may have put it.
    pub(super) async fn find(&self, key: &str, from: ReadFrom) -> Result<Found, KvError> {
        let name = self.encoded(key)?;
        let last = self.last(&name, from).await?;
        if last.is_none()
            && let Some(literal) = key::literal(&self.bucket.prefix, key, &name)
            && let Some(found) = self.last(literal, from).await?
        {
            return Ok(Found {
                name: literal.to_owned(),
                last: Some(found),
            });
        }
        Ok(Found { name, last })
    }

    async fn last(&self, name: &str, from: ReadFrom) -> Result<Option<Stored>, KvError> {
        let subject = self.subject(name);
        self.client
            .read_stored(&self.bucket.stream, from, Which::LastFor(&subject))
            .await
            .map_err(|error| self.error(error))
    }
}

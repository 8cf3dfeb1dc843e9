//! Changes one key.

use std::time::Duration;

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::bucket::KvBucket;
use super::error::KvError;
use super::read::{OPERATION, Operation};
use super::ttl::{self, TTL};
use crate::connection::REQUEST_TIMEOUT;
use crate::exchange::ExchangeError;
use crate::jetstream::api::{ApiError, code, is_clustered, read_answer};
use crate::jetstream::stored::From as ReadFrom;

/// The header by which the server compares before it stores.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// How long servers are given to know a bucket, or to elect its leader, before it is asked again.
const NO_LEADER: Duration = Duration::from_millis(50);

/// Conditions and headers of a put.
#[derive(Debug, Clone, Default)]
pub struct PutOptions {
    /// Only if the key's last revision is this one; 0 for "never written".
    pub expected_revision: Option<u64>,
    /// Headers to store with the value.
    pub headers: HeaderMap,
}

#[derive(Deserialize)]
struct Ack {
    seq: u64,
}

impl KvBucket {
    /// Puts bytes; returns the revision.
    ///
    /// # Errors
    /// [`KvError`]; [`KvError::OutcomeUnknown`] when it was sent and no answer came.
    pub async fn put(&self, key: &str, value: impl Into<Bytes>) -> Result<u64, KvError> {
        self.put_at(key, value, PutOptions::default()).await
    }

    /// Puts text; returns the revision.
    ///
    /// # Errors
    /// As [`KvBucket::put`].
    pub async fn put_text(&self, key: &str, text: &str) -> Result<u64, KvError> {
        self.put(key, text.to_owned()).await
    }

    /// Puts a value as JSON; returns the revision.
    ///
    /// # Errors
    /// As [`KvBucket::put`]; [`KvError::WrongKind`] when it has no JSON form.
    pub async fn put_json<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
    ) -> Result<u64, KvError> {
        match serde_json::to_vec(value) {
            Ok(json) => self.put(key, json).await,
            Err(error) => Err(KvError::wrong_kind(key, "writable as JSON", error)),
        }
    }

    /// Puts under a condition, or with headers; returns the revision.
    ///
    /// # Errors
    /// As [`KvBucket::put`]; [`KvError::WrongRevision`] when the condition does not hold.
    pub async fn put_at(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        options: PutOptions,
    ) -> Result<u64, KvError> {
        let name = self.encoded(key)?;
        self.write(key, &name, value.into(), options).await
    }

    /// Puts only where the key is not there, or was deleted; returns the revision.
    ///
    /// # Errors
    /// As [`KvBucket::put`]; [`KvError::WrongRevision`] when the key is there.
    pub async fn create(&self, key: &str, value: impl Into<Bytes>) -> Result<u64, KvError> {
        self.create_at(key, value.into(), HeaderMap::new()).await
    }

    /// As [`KvBucket::create`], for a life of its own: in whole seconds, at least one.
    ///
    /// # Errors
    /// As [`KvBucket::create`]; [`KvError::NoKeyTtl`] where the bucket has no
    /// [`marker_ttl`](super::BucketConfig::marker_ttl).
    pub async fn create_with_ttl(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        life: Duration,
    ) -> Result<u64, KvError> {
        self.create_at(key, value.into(), life_of(life)).await
    }

    /// As [`KvBucket::put`], for a life of its own: in whole seconds, at least one. The next put without one ends it.
    ///
    /// # Errors
    /// As [`KvBucket::put`]; [`KvError::NoKeyTtl`] where the bucket has no
    /// [`marker_ttl`](super::BucketConfig::marker_ttl).
    pub async fn put_with_ttl(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        life: Duration,
    ) -> Result<u64, KvError> {
        let options = PutOptions {
            headers: life_of(life),
            ..PutOptions::default()
        };
        self.put_at(key, value, options).await
    }

    /// Puts only where the key's last revision is this one, as [`KvBucket::entry`] has told it; returns the new revision.
    ///
    /// # Errors
    /// As [`KvBucket::put`]; [`KvError::WrongRevision`] when somebody has changed the key since.
    pub async fn replace(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        revision: u64,
    ) -> Result<u64, KvError> {
        let name = self.find(key, ReadFrom::Leader).await?.name;
        let options = PutOptions {
            expected_revision: Some(revision),
            ..PutOptions::default()
        };
        self.write(key, &name, value.into(), options).await
    }

    /// As [`KvBucket::create`], with headers to store with the value.
    ///
    /// # Errors
    /// As [`KvBucket::create`].
    pub async fn create_with_headers(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        headers: HeaderMap,
    ) -> Result<u64, KvError> {
        self.create_at(key, value.into(), headers).await
    }

    async fn create_at(&self, key: &str, value: Bytes, headers: HeaderMap) -> Result<u64, KvError> {
        let found = self.find(key, ReadFrom::Leader).await?;
        let expected_revision = match &found.last {
            Some(last) if Operation::of(last) == Operation::Put => {
                return Err(KvError::WrongRevision {
                    key: key.to_owned(),
                    expected: 0,
                });
            }
            last => last.as_ref().map_or(0, |tombstone| tombstone.sequence),
        };
        let options = PutOptions {
            expected_revision: Some(expected_revision),
            headers,
        };
        self.write(key, &found.name, value, options).await
    }

    /// Deletes a key; its history may remain.
    ///
    /// # Errors
    /// As [`KvBucket::put`].
    pub async fn delete(&self, key: &str) -> Result<(), KvError> {
        self.remove(key, &[(OPERATION, "DEL")]).await
    }

    /// Removes a key and its history.
    ///
    /// # Errors
    /// As [`KvBucket::put`].
    pub async fn purge(&self, key: &str) -> Result<(), KvError> {
        self.remove(key, &[(OPERATION, "PURGE"), ("Nats-Rollup", "sub")])
            .await
    }

    async fn remove(&self, key: &str, headers: &[(&str, &str)]) -> Result<(), KvError> {
        let name = self.find(key, ReadFrom::Leader).await?.name;
        let mut options = PutOptions::default();
        for (header, value) in headers {
            options.headers.insert(*header, *value);
        }
        self.write(key, &name, Bytes::new(), options).await?;
        Ok(())
    }

    pub(super) async fn write(
        &self,
        key: &str,
        name: &str,
        value: Bytes,
        options: PutOptions,
    ) -> Result<u64, KvError> {
        let mut headers = options.headers;
        if let Some(revision) = options.expected_revision {
            headers.insert(EXPECTED, revision.to_string().as_str());
        }
        self.check_size(key, &headers, value.len())?;
        let size = value.len();
        let subject = self.subject(name);
        let subject = self.client.put_subject(&subject);
        let answer = match self.exchange(&subject, headers, value).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.write_error(key, size, error).await),
        };
        match read_answer::<Ack>(&answer.payload) {
            Ok(ack) => Ok(ack.seq),
            Err(error)
                if error.is(code::WRONG_LAST_SEQUENCE)
                    || error.is(code::WRONG_LAST_SEQUENCE_CONSTANT) =>
            {
                Err(KvError::WrongRevision {
                    key: key.to_owned(),
                    expected: options.expected_revision.unwrap_or_default(),
                })
            }
            Err(error) if error.is(code::MESSAGE_TOO_LARGE) => Err(KvError::TooLarge {
                key: key.to_owned(),
                size,
                limit: self.bucket.max_value_size.unwrap_or_default(),
                limited_by: "the bucket",
            }),
            Err(error) if error.is(code::MESSAGE_TTL_DISABLED) => Err(KvError::NoKeyTtl {
                bucket: self.name().to_owned(),
            }),
            Err(error) => Err(self.error(error)),
        }
    }

    /// Asks the bucket's stream to store something. In a cluster nobody listens for a moment on the subjects of a bucket
    /// that was just created or whose leader has died: nothing is stored then, so it is asked again.
    async fn exchange(
        &self,
        subject: &str,
        headers: HeaderMap,
        value: Bytes,
    ) -> Result<Message, ExchangeError> {
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        loop {
            let asked = self
                .client
                .exchange(subject, headers.clone(), value.clone());
            match asked.await {
                Err(ExchangeError::NoResponders) if Instant::now() < deadline => {
                    let is_there = match self.client.stream_info(&self.bucket.stream).await {
                        Ok(info) => is_clustered(&info),
                        // Whether it is there is what a bucket without a leader cannot tell.
                        Err(error) => error == ApiError::TimedOut,
                    };
                    if !is_there {
                        return Err(ExchangeError::NoResponders);
                    }
                    tokio::time::sleep(NO_LEADER).await;
                }
                answer => return answer,
            }
        }
    }

    /// Both limits count headers too.
    fn check_size(&self, key: &str, headers: &HeaderMap, value: usize) -> Result<(), KvError> {
        let size = value + wire_size(headers);
        let bucket = self
            .bucket
            .max_value_size
            .map(|limit| (limit, "the bucket"));
        let server = Some((self.client.max_payload(), "the NATS server"));
        for (limit, limited_by) in [bucket, server].into_iter().flatten() {
            if size > limit {
                return Err(KvError::TooLarge {
                    key: key.to_owned(),
                    size,
                    limit,
                    limited_by,
                });
            }
        }
        Ok(())
    }

    async fn write_error(&self, key: &str, size: usize, error: ExchangeError) -> KvError {
        match error {
            ExchangeError::Away => KvError::ServerAway,
            ExchangeError::TimedOut | ExchangeError::ConnectionLost => KvError::OutcomeUnknown {
                key: key.to_owned(),
            },
            ExchangeError::NoPermission { subject } => KvError::NoPermission { subject },
            ExchangeError::TooLarge { limit } => KvError::TooLarge {
                key: key.to_owned(),
                size,
                limit,
                limited_by: "the NATS server",
            },
            ExchangeError::BadSubject { .. } => KvError::BadKey {
                bucket: self.name().to_owned(),
                key: key.to_owned(),
                reason: "NATS does not take it",
            },
            // Nobody keeps this subject: the bucket is gone, or JetStream is.
            ExchangeError::NoResponders => {
                match self.client.stream_info(&self.bucket.stream).await {
                    Ok(_) => self.error(ApiError::Away),
                    Err(error) => self.error(error),
                }
            }
        }
    }
}

fn life_of(life: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(TTL, ttl::write(life).as_str());
    headers
}

/// The bytes that headers take in a message.
fn wire_size(headers: &HeaderMap) -> usize {
    if headers.is_empty() {
        return 0;
    }
    let frame = "NATS/1.0\r\n\r\n".len();
    let line = |name: &str, value: &str| name.len() + ": \r\n".len() + value.len();
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        values.iter().map(move |value| line(name, value.as_str()))
    });
    frame + lines.sum::<usize>()
}

//! A bucket and its strict methods.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::KvError;
use super::watch::KvWatch;
use crate::connection::Client;

/// Where a bucket keeps its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// On disk.
    #[default]
    File,
    /// In memory; gone when the server stops.
    Memory,
}

/// What a bucket is created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketConfig {
    /// The bucket's name: letters, digits, `-` and `_`.
    pub name: String,
    /// A sentence for people; empty becomes `Kryten <name>`.
    pub description: String,
    /// The largest value in bytes; `None` for no limit.
    pub max_value_size: Option<i32>,
    /// How many values of each key are kept, 1 to 64.
    pub history: i64,
    /// Where values are kept.
    pub storage: Storage,
    /// On how many servers of a cluster they are kept.
    pub replicas: usize,
    /// How long a value lives; `None` for ever.
    pub ttl: Option<Duration>,
}

impl BucketConfig {
    /// The originals' configuration: values up to 1 MiB, no history, on disk, kept for ever.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            max_value_size: Some(1024 * 1024),
            history: 1,
            storage: Storage::File,
            replicas: 1,
            ttl: None,
        }
    }
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A value was put.
    Put,
    /// The key was deleted; its history may remain.
    Delete,
    /// The key and its history were removed, or it expired.
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

/// Conditions and headers of a put.
#[derive(Debug, Clone, Default)]
pub struct PutOptions {
    /// Only if the key's last revision is this one; 0 for "never written".
    pub expected_revision: Option<u64>,
    /// Headers to store with the value.
    pub headers: HeaderMap,
}

/// A key-value bucket.
#[derive(Debug, Clone)]
pub struct KvBucket {}

#[allow(unused_variables)]
impl KvBucket {
    /// Opens a bucket that exists; never creates one.
    ///
    /// # Errors
    /// [`KvError`], which tells apart: no such bucket, JetStream off, server away, no permission, not a bucket.
    pub async fn open(client: &Client, name: &str) -> Result<Self, KvError> {
        unimplemented!()
    }

    /// Opens a bucket, or creates it where it does not exist. An existing one is taken as it is; see
    /// [`KvBucket::differences`].
    ///
    /// # Errors
    /// As [`KvBucket::open`].
    pub async fn open_or_create(client: &Client, config: BucketConfig) -> Result<Self, KvError> {
        unimplemented!()
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        unimplemented!()
    }

    /// How an existing bucket differs from the configuration given to [`KvBucket::open_or_create`], one sentence
    /// each.
    pub fn differences(&self) -> &[String] {
        unimplemented!()
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`KvError`] when it could not be read; a missing key is `Ok(None)`.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, KvError> {
        unimplemented!()
    }

    /// The value of a key as text.
    ///
    /// # Errors
    /// As [`KvBucket::get`]; [`KvError::WrongKind`] when it is not UTF-8.
    pub async fn get_text(&self, key: &str) -> Result<Option<String>, KvError> {
        unimplemented!()
    }

    /// The value of a key, read as JSON.
    ///
    /// # Errors
    /// As [`KvBucket::get`]; [`KvError::WrongKind`] when it is not JSON of that shape.
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, KvError> {
        unimplemented!()
    }

    /// The last revision of a key, also where that is a deletion.
    ///
    /// # Errors
    /// As [`KvBucket::get`].
    pub async fn entry(&self, key: &str) -> Result<Option<Entry>, KvError> {
        unimplemented!()
    }

    /// Puts bytes; returns the revision.
    ///
    /// # Errors
    /// [`KvError`]; [`KvError::OutcomeUnknown`] when it was sent and no answer came.
    pub async fn put(&self, key: &str, value: impl Into<Bytes>) -> Result<u64, KvError> {
        unimplemented!()
    }

    /// Puts text; returns the revision.
    ///
    /// # Errors
    /// As [`KvBucket::put`].
    pub async fn put_text(&self, key: &str, text: &str) -> Result<u64, KvError> {
        unimplemented!()
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
        unimplemented!()
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
        unimplemented!()
    }

    /// Puts only where the key is not there, or was deleted; returns the revision.
    ///
    /// # Errors
    /// As [`KvBucket::put`]; [`KvError::WrongRevision`] when the key is there.
    pub async fn create(&self, key: &str, value: impl Into<Bytes>) -> Result<u64, KvError> {
        unimplemented!()
    }

    /// Deletes a key; its history may remain.
    ///
    /// # Errors
    /// As [`KvBucket::put`].
    pub async fn delete(&self, key: &str) -> Result<(), KvError> {
        unimplemented!()
    }

    /// Removes a key and its history.
    ///
    /// # Errors
    /// As [`KvBucket::put`].
    pub async fn purge(&self, key: &str) -> Result<(), KvError> {
        unimplemented!()
    }

    /// All keys that have a value, sorted.
    ///
    /// # Errors
    /// [`KvError`] when they could not be read.
    pub async fn keys(&self) -> Result<Vec<String>, KvError> {
        unimplemented!()
    }

    /// All keys that have a value and begin with a text, sorted.
    ///
    /// # Errors
    /// As [`KvBucket::keys`].
    pub async fn keys_with_prefix(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        unimplemented!()
    }

    /// All keys and values.
    ///
    /// # Errors
    /// As [`KvBucket::keys`].
    pub async fn get_all(&self) -> Result<BTreeMap<String, Bytes>, KvError> {
        unimplemented!()
    }

    /// What the bucket still knows of a key's past, the oldest first.
    ///
    /// # Errors
    /// As [`KvBucket::get`].
    pub async fn history(&self, key: &str) -> Result<Vec<Entry>, KvError> {
        unimplemented!()
    }

    /// All values, then [`Ready`](super::WatchItem::Ready), then every change as it comes.
    ///
    /// # Errors
    /// As [`KvBucket::keys`].
    pub async fn watch(&self) -> Result<KvWatch, KvError> {
        unimplemented!()
    }

    /// Changes a JSON value by compare-and-swap: `change` gets the value (`None` where there is none) and gives the
    /// new one; it is called again when somebody else was faster. Returns the value that was put.
    ///
    /// # Errors
    /// As [`KvBucket::put`]; [`KvError::Contended`] when others were faster for 30 s.
    pub async fn update<F>(&self, key: &str, change: F) -> Result<Value, KvError>
    where
        F: FnMut(Option<Value>) -> Value,
    {
        unimplemented!()
    }

    /// Adds to a number by compare-and-swap (a missing one counts as 0); returns the sum.
    ///
    /// # Errors
    /// As [`KvBucket::update`]; [`KvError::WrongKind`] when the value is not a whole number.
    pub async fn incr(&self, key: &str, by: i64) -> Result<i64, KvError> {
        unimplemented!()
    }
}

//! A bucket whose values are all of one type.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bucket::KvBucket;
use super::error::KvError;
use super::read::{Entry, Operation};
use super::write::PutOptions;

/// A bucket whose values are all of one type, stored as JSON; cheap to clone.
///
/// ```no_run
/// # async fn demo(bucket: &kryten_client::KvBucket) -> Result<(), kryten_client::KvError> {
/// use kryten_client::kv::TypedBucket;
///
/// #[derive(Default, serde::Serialize, serde::Deserialize)]
/// struct Points { given: u32, taken: u32 }
///
/// let points: TypedBucket<Points> = TypedBucket::new(bucket);
/// let bob = points.update("user.bob", |old| {
///     let mut points = old.unwrap_or_default();
///     points.given += 1;
///     points
/// });
/// println!("bob gave {}", bob.await?.given);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TypedBucket<T> {
    bucket: KvBucket,
    values: PhantomData<fn() -> T>,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedEntry<T> {
    /// The value.
    pub value: T,
    /// The revision, for [`TypedBucket::replace`].
    pub revision: u64,
    /// When the server stored it, in nanoseconds since the Unix epoch.
    pub created_nanos: i128,
}

/// All values of a bucket.
#[derive(Debug)]
pub struct TypedValues<T> {
    /// The values that could be read.
    pub values: BTreeMap<String, T>,
    /// The keys whose values are of another type, and why; [`KvError::WrongKind`].
    pub unreadable: BTreeMap<String, KvError>,
}

impl<T> Clone for TypedBucket<T> {
    fn clone(&self) -> Self {
        Self::new(&self.bucket)
    }
}

impl<T> TypedBucket<T> {
    /// Takes the values of a bucket to be of one type.
    pub fn new(bucket: &KvBucket) -> Self {
        Self {
            bucket: bucket.clone(),
            values: PhantomData,
        }
    }

    /// The bucket itself, for what does not depend on the type.
    pub fn bucket(&self) -> &KvBucket {
        &self.bucket
    }
}

impl<T: Serialize + DeserializeOwned> TypedBucket<T> {
    /// The value of a key.
    ///
    /// # Errors
    /// As [`KvBucket::get_json`].
    pub async fn get(&self, key: &str) -> Result<Option<T>, KvError> {
        self.bucket.get_json(key).await
    }

    /// The value of a key with its revision.
    ///
    /// # Errors
    /// As [`KvBucket::get_json`].
    pub async fn entry(&self, key: &str) -> Result<Option<TypedEntry<T>>, KvError> {
        let entry = self.bucket.entry(key).await?;
        let put = entry.filter(|entry| entry.operation == Operation::Put);
        put.map(|entry| TypedEntry::of(&entry)).transpose()
    }

    /// Puts a value; returns the revision.
    ///
    /// # Errors
    /// As [`KvBucket::put_json`].
    pub async fn put(&self, key: &str, value: &T) -> Result<u64, KvError> {
        self.bucket.put_json(key, value).await
    }

    /// Puts only where the key is not there, or was deleted; returns the revision.
    ///
    /// # Errors
    /// As [`KvBucket::create`].
    pub async fn create(&self, key: &str, value: &T) -> Result<u64, KvError> {
        self.bucket.create(key, write(key, value)?).await
    }

    /// Puts only where the key still has the revision that was read; returns the new one.
    ///
    /// # Errors
    /// As [`KvBucket::put_at`].
    pub async fn replace(&self, key: &str, value: &T, revision: u64) -> Result<u64, KvError> {
        let options = PutOptions {
            expected_revision: Some(revision),
            ..PutOptions::default()
        };
        self.bucket.put_at(key, write(key, value)?, options).await
    }

    /// Changes a value by compare-and-swap, over restarts of the server too: `change` gets the value (`None` where
    /// there is none, or an empty one) and is called again when somebody else was faster. Returns what was put.
    ///
    /// # Errors
    /// As [`KvBucket::update`].
    pub async fn update(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> T,
    ) -> Result<T, KvError> {
        let swap = self.bucket.swap(key, |old| {
            let old = old.map(|old| read(key, &old)).transpose()?;
            let new = change(old);
            Ok((write(key, &new)?, new))
        });
        swap.await
    }

    /// All values, in one pass; one that is of another type keeps none of the others back.
    ///
    /// # Errors
    /// As [`KvBucket::get_all`].
    pub async fn entries(&self) -> Result<TypedValues<T>, KvError> {
        self.entries_with_prefix("").await
    }

    /// The values of all keys that begin with a text.
    ///
    /// # Errors
    /// As [`KvBucket::get_all_with_prefix`].
    pub async fn entries_with_prefix(&self, prefix: &str) -> Result<TypedValues<T>, KvError> {
        let mut all = TypedValues {
            values: BTreeMap::new(),
            unreadable: BTreeMap::new(),
        };
        for (key, value) in self.bucket.get_all_with_prefix(prefix).await? {
            match read(&key, &value) {
                Ok(value) => drop(all.values.insert(key, value)),
                Err(error) => drop(all.unreadable.insert(key, error)),
            }
        }
        Ok(all)
    }
}

impl<T: DeserializeOwned> TypedEntry<T> {
    /// Reads an entry, such as a cache or a watch gives it, as a value of this type.
    ///
    /// # Errors
    /// [`KvError::WrongKind`] when it is of another type.
    pub fn of(entry: &Entry) -> Result<Self, KvError> {
        Ok(Self {
            value: read(&entry.key, &entry.value)?,
            revision: entry.revision,
            created_nanos: entry.created_nanos,
        })
    }
}

fn read<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, KvError> {
    serde_json::from_slice(value)
        .map_err(|error| KvError::wrong_kind(key, "JSON of the expected shape", error))
}

fn write<T: Serialize>(key: &str, value: &T) -> Result<Bytes, KvError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| KvError::wrong_kind(key, "writable as JSON", error))
}

//! Takes keys out of a bucket without leaving a marker behind.

use serde::{Deserialize, Serialize};

use super::bucket::KvBucket;
use super::error::KvError;

#[derive(Serialize)]
struct Purge {
    filter: String,
}

#[derive(Deserialize)]
struct Purged {
    purged: u64,
}

impl KvBucket {
    /// Takes a key, its history and its marker out of the bucket; returns how many stored values went.
    ///
    /// [`KvBucket::delete`] and [`KvBucket::purge`] leave a marker for ever, by which those who watch see the key go. Here
    /// nothing stays and nobody is told: for keys with ever new names, which would otherwise fill the bucket.
    ///
    /// # Errors
    /// As [`KvBucket::put`].
    pub async fn erase(&self, key: &str) -> Result<u64, KvError> {
        let filter = self.subject(&self.encoded(key)?);
        self.purge_subjects(filter).await
    }

    /// As [`KvBucket::erase`], for all keys that begin with `prefix` and a dot.
    ///
    /// # Errors
    /// As [`KvBucket::put`].
    pub async fn erase_below(&self, prefix: &str) -> Result<u64, KvError> {
        let filter = self.subject(&format!("{}.>", self.encoded(prefix)?));
        self.purge_subjects(filter).await
    }

    /// Takes all keys, their history and their markers out of the bucket; returns how many stored values went.
    ///
    /// # Errors
    /// As [`KvBucket::put`].
    pub async fn erase_all(&self) -> Result<u64, KvError> {
        self.purge_subjects(self.subject(">")).await
    }

    async fn purge_subjects(&self, filter: String) -> Result<u64, KvError> {
        let endpoint = format!("STREAM.PURGE.{}", self.bucket.stream);
        let purged: Purged = self
            .client
            .api(&endpoint, &Purge { filter })
            .await
            .map_err(|error| self.error(error))?;
        Ok(purged.purged)
    }
}

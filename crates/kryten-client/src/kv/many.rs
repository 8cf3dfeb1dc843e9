//! Reads and changes many keys at once: the requests are on their way together, so that the time is that of a few round
//! trips and not of one for each key.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::bucket::KvBucket;
use super::error::KvError;

/// Requests on their way at once; the server drops what comes much faster than it stores.
const AT_ONCE: usize = 256;

impl KvBucket {
    /// The values of many keys; a key that has none is not in the result.
    ///
    /// They are read one by one on the server's side: what others change meanwhile may be seen in one and not in
    /// another.
    ///
    /// ```no_run
    /// # async fn demo(bucket: &kryten_client::KvBucket) -> Result<(), kryten_client::KvError> {
    /// let values = bucket.get_many(&["user.ann", "user.bob"]).await?;
    /// println!("{} of 2 are known", values.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`KvBucket::get`], for the first key that could not be read.
    pub async fn get_many<K: AsRef<str>>(
        &self,
        keys: &[K],
    ) -> Result<BTreeMap<String, Bytes>, KvError> {
        let gets = keys.iter().map(|key| {
            let key = key.as_ref().to_owned();
            async move {
                let value = self.get(&key).await?;
                Ok::<_, KvError>(value.map(|value| (key, value)))
            }
        });
        let read = stream::iter(gets.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        let found: Vec<_> = read.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Puts many values; the revision of each, or why it was not put, in the order given.
    ///
    /// Each is put for itself: some may fail and others not. Of a key that is given twice either value may be the one
    /// that stays.
    ///
    /// ```no_run
    /// # async fn demo(bucket: &kryten_client::KvBucket) -> Result<(), kryten_client::KvError> {
    /// for put in bucket.put_many([("user.ann", "1"), ("user.bob", "2")]).await {
    ///     println!("put at revision {}", put?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn put_many<K, V>(
        &self,
        values: impl IntoIterator<Item = (K, V)>,
    ) -> Vec<Result<u64, KvError>>
    where
        K: Into<String>,
        V: Into<Bytes>,
    {
        let puts = values.into_iter().map(|(key, value)| {
            let (key, value): (String, Bytes) = (key.into(), value.into());
            async move { self.put(&key, value).await }
        });
        let puts: Vec<_> = puts.collect();
        stream::iter(puts).buffered(AT_ONCE).collect().await
    }
}

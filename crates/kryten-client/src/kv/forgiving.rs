//! The helpers of the originals: they log what goes wrong and never fail.
//!
//! ```no_run
//! # async fn demo(client: &kryten_client::Client) -> Result<(), kryten_client::KvError> {
//! use kryten_client::KvBucket;
//! use kryten_client::kv::forgiving::{kv_get_json, kv_put_json};
//! use serde_json::json;
//!
//! let bucket = KvBucket::open(client, "kryten_user_stats").await?;
//! if !kv_put_json(&bucket, "user:bob", &json!({"rank": 2, "points": 500})).await {
//!     println!("not stored; the log says why");
//! }
//! let data = kv_get_json(&bucket, "user:bob", json!({"rank": 0})).await;
//! println!("rank {}", data["rank"]);
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::bucket::KvBucket;
use super::error::KvError;

/// The value of a key, or `None` when it is missing, deleted, empty or cannot be read.
pub async fn kv_get(bucket: &KvBucket, key: &str) -> Option<Bytes> {
    let value = bucket.get(key).await;
    logged("read", bucket, key, value)
        .flatten()
        .filter(|value| !value.is_empty())
}

/// The value of a key, or the default when it is missing, deleted, empty or cannot be read.
pub async fn kv_get_or(bucket: &KvBucket, key: &str, default: impl Into<Bytes>) -> Bytes {
    match kv_get(bucket, key).await {
        Some(value) => value,
        None => default.into(),
    }
}

/// The JSON value of a key, or the default when it is missing, deleted, empty, not JSON or cannot be read.
///
/// A stored `null` is a value: the default is not taken.
pub async fn kv_get_json(bucket: &KvBucket, key: &str, default: Value) -> Value {
    let Some(value) = kv_get(bucket, key).await else {
        return default;
    };
    let parsed = serde_json::from_slice(&value);
    let parsed = parsed.map_err(|error| KvError::wrong_kind(key, "JSON", error));
    logged("read", bucket, key, parsed).unwrap_or(default)
}

/// Puts bytes or text; whether that was done.
pub async fn kv_put(bucket: &KvBucket, key: &str, value: impl Into<Bytes>) -> bool {
    let put = bucket.put(key, value).await;
    logged("put", bucket, key, put).is_some()
}

/// Puts a value as JSON; whether that was done.
pub async fn kv_put_json<T: Serialize + ?Sized>(bucket: &KvBucket, key: &str, value: &T) -> bool {
    let put = bucket.put_json(key, value).await;
    logged("put", bucket, key, put).is_some()
}

/// Deletes a key; whether that was done.
pub async fn kv_delete(bucket: &KvBucket, key: &str) -> bool {
    let deleted = bucket.delete(key).await;
    logged("delete", bucket, key, deleted).is_some()
}

/// All keys; none when they cannot be read.
pub async fn kv_keys(bucket: &KvBucket) -> Vec<String> {
    let keys = bucket.keys().await;
    logged("list", bucket, "", keys).unwrap_or_default()
}

/// All keys and values; none when they cannot be read.
pub async fn kv_get_all(bucket: &KvBucket) -> BTreeMap<String, Bytes> {
    let values = bucket.get_all().await;
    logged("list", bucket, "", values).unwrap_or_default()
}

/// All keys whose values are JSON, with those values; the others are logged.
pub async fn kv_get_all_json(bucket: &KvBucket) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    for (key, value) in kv_get_all(bucket).await {
        let parsed = serde_json::from_slice(&value);
        let parsed = parsed.map_err(|error| KvError::wrong_kind(&key, "JSON", error));
        if let Some(parsed) = logged("read", bucket, &key, parsed) {
            values.insert(key, parsed);
        }
    }
    values
}

fn logged<T>(what: &str, bucket: &KvBucket, key: &str, result: Result<T, KvError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(
                bucket = bucket.name(),
                key,
                cause,
                "could not {what}: {error}"
            );
            None
        }
    }
}

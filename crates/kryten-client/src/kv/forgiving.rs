//! The helpers of the originals: they log what goes wrong and never fail.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::bucket::KvBucket;

/// The value of a key, or `None` when it is missing, deleted, empty or cannot be read.
pub async fn kv_get(bucket: &KvBucket, key: &str) -> Option<Bytes> {
    let _ = (bucket, key);
    unimplemented!()
}

/// The JSON value of a key, or the default when it is missing, deleted, empty, not JSON or cannot be read.
pub async fn kv_get_json(bucket: &KvBucket, key: &str, default: Value) -> Value {
    let _ = (bucket, key, default);
    unimplemented!()
}

/// Puts bytes or text; whether that was done.
pub async fn kv_put(bucket: &KvBucket, key: &str, value: impl Into<Bytes>) -> bool {
    let _ = (bucket, key, value.into());
    unimplemented!()
}

/// Puts a value as JSON; whether that was done.
pub async fn kv_put_json<T: Serialize + ?Sized>(bucket: &KvBucket, key: &str, value: &T) -> bool {
    let _ = (bucket, key, value);
    unimplemented!()
}

/// Deletes a key; whether that was done.
pub async fn kv_delete(bucket: &KvBucket, key: &str) -> bool {
    let _ = (bucket, key);
    unimplemented!()
}

/// All keys; none when they cannot be read.
pub async fn kv_keys(bucket: &KvBucket) -> Vec<String> {
    let _ = bucket;
    unimplemented!()
}

/// All keys and values; none when they cannot be read.
pub async fn kv_get_all(bucket: &KvBucket) -> BTreeMap<String, Bytes> {
    let _ = bucket;
    unimplemented!()
}

/// All keys whose values are JSON, with those values.
pub async fn kv_get_all_json(bucket: &KvBucket) -> BTreeMap<String, Value> {
    let _ = bucket;
    unimplemented!()
}

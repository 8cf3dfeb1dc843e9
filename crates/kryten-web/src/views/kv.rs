//! What stands in the key-value buckets; nothing is changed here.

use kryten_client::kv::{Entry, KvBucket, Operation};
use kryten_protocol::time::WireTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::PageError;
use crate::sources::App;

/// So many keys are on a page.
pub(crate) const KEYS_SHOWN: usize = 200;
/// More of a value is not shown.
const VALUE_SHOWN: usize = 64 * 1024;
/// So many revisions are shown.
const REVISIONS_SHOWN: usize = 20;

/// Which keys.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WhichKeys {
    pub(crate) prefix: String,
    pub(crate) after: String,
}

/// Which key.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WhichKey {
    #[serde(default)]
    pub(crate) key: String,
}

/// All buckets.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Buckets {
    pub(crate) buckets: Vec<Bucket>,
}

/// A bucket.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Revisions that are kept, deletions included.
    pub(crate) values: u64,
    pub(crate) bytes: u64,
    pub(crate) last_revision: u64,
    /// How many revisions of each key are kept.
    pub(crate) history: i64,
    /// How long a value lives.
    pub(crate) ttl_seconds: Option<u64>,
}

/// Keys of a bucket.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Keys {
    pub(crate) bucket: Bucket,
    pub(crate) prefix: String,
    /// How many keys begin so.
    pub(crate) count: usize,
    /// Sorted; at most 200 after the one that was given.
    pub(crate) keys: Vec<String>,
    /// Whether more follow the last one.
    pub(crate) more: bool,
}

/// A key with its value.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeyValue {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) value: Value,
    /// The last revisions, newest first, without their values.
    pub(crate) history: Vec<Revision>,
}

/// What stands under a key.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Value {
    /// `json`, `text` or `bytes`.
    pub(crate) kind: &'static str,
    /// JSON and text as they are, bytes as hexadecimal digits; cut after 64 KiB.
    pub(crate) text: String,
    pub(crate) bytes: usize,
    pub(crate) is_cut: bool,
}

/// A revision of a key.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Revision {
    pub(crate) revision: u64,
    #[schemars(with = "String")]
    pub(crate) at: WireTime,
    /// `put`, `delete` or `purge`.
    pub(crate) operation: &'static str,
    pub(crate) bytes: usize,
}

impl Bucket {
    fn new(info: kryten_client::kv::BucketInfo) -> Self {
        Self {
            name: info.name,
            description: info.description,
            values: info.values,
            bytes: info.bytes,
            last_revision: info.last_revision,
            history: info.history,
            ttl_seconds: info.ttl.map(|ttl| ttl.as_secs()),
        }
    }
}

impl Value {
    fn new(bytes: &[u8]) -> Self {
        let (kind, whole) = match std::str::from_utf8(bytes) {
            Ok(text) => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(json) => (
                    "json",
                    serde_json::to_string_pretty(&json).unwrap_or_else(|_| text.to_owned()),
                ),
                Err(_) => ("text", text.to_owned()),
            },
            Err(_) => {
                let shown = &bytes[..bytes.len().min(VALUE_SHOWN / 2)];
                ("bytes", hex::encode(shown))
            }
        };
        let end = whole.floor_char_boundary(VALUE_SHOWN);
        Self {
            kind,
            is_cut: end < whole.len() || (kind == "bytes" && bytes.len() > VALUE_SHOWN / 2),
            text: whole[..end].to_owned(),
            bytes: bytes.len(),
        }
    }
}

impl Revision {
    fn new(entry: &Entry) -> Self {
        Self {
            revision: entry.revision,
            at: WireTime::from_micros(
                i64::try_from(entry.created_nanos / 1000).unwrap_or_default(),
            ),
            operation: match entry.operation {
                Operation::Put => "put",
                Operation::Delete => "delete",
                Operation::Purge => "purge",
            },
            bytes: entry.value.len(),
        }
    }
}

pub(crate) async fn buckets(app: &App) -> Result<Buckets, PageError> {
    let client = app.nats().ok_or(PageError::NatsAway)?;
    let mut names = KvBucket::names(client).await?;
    names.sort();
    let infos = names.iter().map(|name| async {
        let bucket = KvBucket::open(client, name).await.ok()?;
        // One that has gone meanwhile is not there.
        bucket.info().await.ok()
    });
    let infos = futures_util::future::join_all(infos).await;
    Ok(Buckets {
        buckets: infos.into_iter().flatten().map(Bucket::new).collect(),
    })
}

pub(crate) async fn keys(app: &App, bucket: &str, which: &WhichKeys) -> Result<Keys, PageError> {
    let client = app.nats().ok_or(PageError::NatsAway)?;
    let bucket = KvBucket::open(client, bucket).await?;
    let info = bucket.info().await?;
    let all = bucket.keys_with_prefix(&which.prefix).await?;
    let begin = all.partition_point(|key| which.after >= *key && !which.after.is_empty());
    let end = all.len().min(begin + KEYS_SHOWN);
    Ok(Keys {
        bucket: Bucket::new(info),
        prefix: which.prefix.clone(),
        count: all.len(),
        keys: all[begin..end].to_vec(),
        more: end < all.len(),
    })
}

pub(crate) async fn value(
    app: &App,
    bucket: &str,
    which: &WhichKey,
) -> Result<KeyValue, PageError> {
    let client = app.nats().ok_or(PageError::NatsAway)?;
    let bucket = KvBucket::open(client, bucket).await?;
    let value = bucket.get(&which.key).await?.ok_or(PageError::NoKey)?;
    let history = bucket.history(&which.key).await?;
    Ok(KeyValue {
        bucket: bucket.name().to_owned(),
        key: which.key.clone(),
        value: Value::new(&value),
        history: history
            .iter()
            .rev()
            .take(REVISIONS_SHOWN)
            .map(Revision::new)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_as_what_it_is() {
        let shown = |bytes: &[u8]| {
            let value = Value::new(bytes);
            (value.kind, value.text, value.is_cut)
        };
        assert_eq!(
            shown(b"{\"a\":1}"),
            ("json", "{\n  \"a\": 1\n}".to_owned(), false)
        );
        assert_eq!(shown("<b>ü".as_bytes()), ("text", "<b>ü".to_owned(), false));
        assert_eq!(shown(&[0xff, 0]), ("bytes", "ff00".to_owned(), false));
        let long = "ü".repeat(VALUE_SHOWN);
        let (kind, text, is_cut) = shown(long.as_bytes());
        assert!(kind == "text" && is_cut && text.len() <= VALUE_SHOWN);
    }
}

//! A bucket as JSON lines: a first line about the bucket, then one for each key. Any bytes, any key. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kryten_client::kv::{BucketConfig, BucketInfo, Entry, Storage};
use serde::{Deserialize, Serialize};

/// The number of this format.
const FORMAT: u32 = 1;

/// What the first line says of the bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    kryten_kv: u32,
    bucket: String,
    config: Config,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Config {
    description: String,
    max_value_size: Option<i32>,
    history: i64,
    ttl_seconds: Option<f64>,
    marker_ttl_seconds: Option<f64>,
    storage: String,
    replicas: usize,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) key: String,
    /// A value that is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// Any other value.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// How long the value still lives, where it has a life of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ttl_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<String>,
}

/// A line that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    Head(Head),
    Record(Record, Vec<u8>),
    Blank,
}

impl Head {
    pub(super) fn of(info: &BucketInfo) -> Self {
        let seconds = |life: Option<Duration>| life.map(|life| life.as_secs_f64());
        Self {
            kryten_kv: FORMAT,
            bucket: info.name.clone(),
            config: Config {
                description: info.description.clone(),
                max_value_size: info
                    .max_value_size
                    .and_then(|size| i32::try_from(size).ok()),
                history: info.history,
                ttl_seconds: seconds(info.ttl),
                marker_ttl_seconds: seconds(info.marker_ttl),
                storage: match info.storage {
                    Storage::File => "file".to_owned(),
                    Storage::Memory => "memory".to_owned(),
                },
                replicas: info.replicas,
            },
        }
    }

    /// The configuration of a bucket like it, under another name perhaps.
    pub(super) fn config(&self, name: &str) -> BucketConfig {
        let config = &self.config;
        let life = |seconds: Option<f64>| {
            seconds
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .filter(|life| !life.is_zero())
        };
        BucketConfig {
            description: config.description.clone(),
            max_value_size: config.max_value_size.filter(|size| *size > 0),
            history: config.history,
            ttl: life(config.ttl_seconds),
            marker_ttl: life(config.marker_ttl_seconds),
            storage: match config.storage.as_str() {
                "memory" => Storage::Memory,
                _ => Storage::File,
            },
            replicas: Some(config.replicas.max(1)),
            ..BucketConfig::new(name)
        }
    }
}

impl Record {
    /// `now_nanos` is the time by which the rest of a life is counted.
    pub(super) fn of(entry: &Entry, now_nanos: i128, created: String) -> Self {
        let (value, base64) = match std::str::from_utf8(&entry.value) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(STANDARD.encode(&entry.value))),
        };
        let mut headers = BTreeMap::new();
        for (name, values) in entry.headers.iter() {
            let name: &str = name.as_ref();
            if is_carried(name) {
                let values = values.iter().map(|value| value.as_str().to_owned());
                headers.insert(name.to_owned(), values.collect());
            }
        }
        Self {
            key: entry.key.clone(),
            value,
            base64,
            ttl_seconds: entry
                .life()
                .map(|life| rest_of(life, entry.created_nanos, now_nanos)),
            headers,
            revision: Some(entry.revision),
            created: Some(created),
        }
    }
}

/// Whole seconds, at least one: what has not expired yet is not made to live for ever.
fn rest_of(life: Duration, created_nanos: i128, now_nanos: i128) -> u64 {
    let age = u64::try_from((now_nanos - created_nanos) / 1_000_000_000).unwrap_or(0);
    life.as_secs().saturating_sub(age).max(1)
}

/// Headers of the server, and those that are only true in the bucket where they were written, are not taken along.
fn is_carried(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    !["nats-", "kv-", "kryten-swap"]
        .iter()
        .any(|prefix| header.starts_with(prefix))
}

/// Reads a line, or says what is wrong with it.
pub(super) fn read(line: &str) -> Result<Line, String> {
    if line.trim().is_empty() {
        return Ok(Line::Blank);
    }
    let value: serde_json::Value =
        serde_json::from_str(line).map_err(|error| format!("it is no JSON: {error}"))?;
    if let Some(format) = value.get("kryten_kv") {
        if *format != FORMAT {
            return Err(format!(
                "it is of format {format}, and this program reads format {FORMAT}"
            ));
        }
        let head = serde_json::from_value(value);
        return head
            .map(Line::Head)
            .map_err(|error| format!("it is no line about a bucket: {error}"));
    }
    let record: Record = serde_json::from_value(value)
        .map_err(|error| format!("it is no key with its value: {error}"))?;
    if record.key.is_empty() {
        return Err("its key is empty".to_owned());
    }
    let value = match (&record.value, &record.base64) {
        (Some(text), None) => text.clone().into_bytes(),
        (None, Some(base64)) => STANDARD
            .decode(base64)
            .map_err(|error| format!("its base64 cannot be read: {error}"))?,
        _ => return Err("it needs either `value` or `base64`".to_owned()),
    };
    for (name, values) in &record.headers {
        let is_fit = name.parse::<async_nats::HeaderName>().is_ok()
            && values
                .iter()
                .all(|value| value.parse::<async_nats::HeaderValue>().is_ok());
        if !is_fit || !is_carried(name) {
            return Err(format!("its header {name:?} cannot be put"));
        }
    }
    Ok(Line::Record(record, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_none_say_why() {
        for (line, why) in [
            ("{", "it is no JSON"),
            ("7", "it is no key with its value"),
            (r#"{"key":""}"#, "its key is empty"),
            (r#"{"key":"a"}"#, "either `value` or `base64`"),
            (
                r#"{"key":"a","value":"1","base64":"MQ=="}"#,
                "either `value` or `base64`",
            ),
            (r#"{"key":"a","base64":"?"}"#, "its base64 cannot be read"),
            (
                r#"{"key":"a","value":"","headers":{"Nats-Rollup":["all"]}}"#,
                "cannot be put",
            ),
            (
                r#"{"key":"a","value":"","headers":{"a\nb":[]}}"#,
                "cannot be put",
            ),
            (r#"{"kryten_kv":2}"#, "it is of format 2"),
            (r#"{"kryten_kv":1}"#, "it is no line about a bucket"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
        assert_eq!(read("  "), Ok(Line::Blank));
    }

    #[test]
    fn a_life_goes_on_from_where_it_is() {
        let life = Duration::from_secs(60);
        assert_eq!(rest_of(life, 0, 0), 60);
        assert_eq!(rest_of(life, 0, 10_500_000_000), 50);
        assert_eq!(rest_of(life, 0, 900_000_000_000), 1);
        assert_eq!(rest_of(life, 5_000_000_000, 0), 60);
    }
}

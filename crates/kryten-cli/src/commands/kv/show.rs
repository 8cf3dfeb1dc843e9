//! Buckets, keys and values as text or JSON.

use std::collections::BTreeMap;

use kryten_client::kv::{BucketInfo, Entry, Operation};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::output;

/// Names, one a line, or a JSON array.
pub(super) fn names(names: &[String], is_json: bool) {
    if is_json {
        output::json(&json!(names));
    } else {
        for name in names {
            output::line(&output::printable(name));
        }
    }
}

/// Keys and values, one a line with a tab between, or a JSON object.
pub(super) fn values<V: AsRef<[u8]>>(
    values: &BTreeMap<String, V>,
    is_json: bool,
) -> anyhow::Result<()> {
    if is_json {
        let mut shown = BTreeMap::new();
        for (key, value) in values {
            shown.insert(key, as_json(value.as_ref())?);
        }
        output::line(&serde_json::to_string_pretty(&shown)?);
    } else {
        for (key, value) in values {
            output::line(&format!(
                "{}\t{}",
                output::printable(key),
                as_text(value.as_ref())
            ));
        }
    }
    Ok(())
}

/// A key's past, the oldest first.
pub(super) fn history(entries: &[Entry], is_json: bool) -> anyhow::Result<()> {
    if is_json {
        let shown: Result<Vec<_>, _> = entries.iter().map(entry_as_json).collect();
        output::line(&serde_json::to_string_pretty(&shown?)?);
        return Ok(());
    }
    for entry in entries {
        output::line(&format!(
            "{}\t{}\t{}",
            entry.revision,
            operation(entry),
            as_text(&entry.value)
        ));
    }
    Ok(())
}

/// One change, on one line.
pub(super) fn entry(entry: &Entry, is_json: bool) -> anyhow::Result<()> {
    if is_json {
        output::line(&serde_json::to_string(&entry_as_json(entry)?)?);
    } else {
        let key = output::printable(&entry.key);
        output::line(&format!(
            "{}\t{key}\t{}",
            operation(entry),
            as_text(&entry.value)
        ));
    }
    Ok(())
}

/// A bucket's configuration and size.
pub(super) fn info(info: &BucketInfo, is_json: bool) {
    let limit = info.max_value_size.map_or(json!(null), |size| json!(size));
    let ttl = info.ttl.map_or(json!(null), |ttl| json!(ttl.as_secs_f64()));
    let shown = json!({
        "bucket": info.name,
        "description": info.description,
        "values": info.values,
        "bytes": info.bytes,
        "last_revision": info.last_revision,
        "max_value_size": limit,
        "history": info.history,
        "ttl_seconds": ttl,
        "storage": match info.storage {
            kryten_client::kv::Storage::File => "file",
            kryten_client::kv::Storage::Memory => "memory",
        },
        "replicas": info.replicas,
    });
    if is_json {
        output::json(&shown);
        return;
    }
    for (name, value) in shown.as_object().into_iter().flatten() {
        let value = match value {
            serde_json::Value::String(text) => output::printable(text),
            serde_json::Value::Null => "unlimited".to_owned(),
            other => other.to_string(),
        };
        output::line(&format!("{name:15} {value}"));
    }
}

#[derive(Serialize)]
struct ShownEntry<'a> {
    operation: &'static str,
    key: &'a str,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
}

fn entry_as_json(entry: &Entry) -> anyhow::Result<ShownEntry<'_>> {
    Ok(ShownEntry {
        operation: operation(entry),
        key: &entry.key,
        revision: entry.revision,
        value: match entry.operation {
            Operation::Put => Some(as_json(&entry.value)?),
            Operation::Delete | Operation::Purge => None,
        },
    })
}

fn operation(entry: &Entry) -> &'static str {
    match entry.operation {
        Operation::Put => "put",
        Operation::Delete => "delete",
        Operation::Purge => "purge",
    }
}

/// A value that is JSON as it is, to the last digit; other text as a string; other bytes in base64.
pub(super) fn as_json(value: &[u8]) -> anyhow::Result<Box<RawValue>> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Ok(to_raw_value(&json!({"base64": base64(value)}))?);
    };
    // A value with line breaks inside would break a line of JSON in two.
    match serde_json::from_str::<Box<RawValue>>(text) {
        Ok(raw) if !text.contains(['\n', '\r']) => Ok(raw),
        Ok(_) => Ok(to_raw_value(&serde_json::from_str::<serde_json::Value>(
            text,
        )?)?),
        Err(_) => Ok(to_raw_value(text)?),
    }
}

fn as_text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => output::printable(text),
        Err(_) => value.iter().map(|byte| format!("\\x{byte:02X}")).collect(),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_what_they_are() {
        for (value, shown) in [
            (
                &br#"{"a": 123456789012345678901234567890, "b":1.0}"#[..],
                r#"{"a": 123456789012345678901234567890, "b":1.0}"#,
            ),
            (b"41", "41"),
            (b"hello", "\"hello\""),
            (b"", "\"\""),
            (b"NaN", "\"NaN\""),
            (b"{\n\"a\": 1\n}", r#"{"a":1}"#),
            (b"\xff\x00", r#"{"base64":"/wA="}"#),
        ] {
            assert_eq!(as_json(value).unwrap().get(), shown);
        }
        assert_eq!(as_text(b"a\nb"), "a\\x0Ab");
        assert_eq!(as_text(b"\xffa"), "\\xFF\\x61");
    }
}

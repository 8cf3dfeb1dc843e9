//! Buckets, keys and values as text or JSON.

use std::collections::BTreeMap;

use kryten_client::kv::{BucketInfo, Entry, Operation};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::diff;
use crate::output;
use crate::paint::Paint;
use crate::screen::{Grid, Screen, column};
use crate::size;

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
pub(super) fn history(entries: &[Entry], with_diffs: bool, is_json: bool) -> anyhow::Result<()> {
    if is_json {
        let shown: Result<Vec<_>, _> = entries.iter().map(entry_as_json).collect();
        output::line(&serde_json::to_string_pretty(&shown?)?);
        return Ok(());
    }
    if with_diffs {
        changes(entries, Paint::stdout());
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

/// Each revision with what it changed.
fn changes(entries: &[Entry], paint: Paint) {
    let mut before: &[u8] = b"";
    for (at, entry) in entries.iter().enumerate() {
        let what = operation_painted(entry, paint);
        let revision = paint.strong(&format!("revision {}", entry.revision));
        let time = paint.faint(&time(entry));
        output::line(&format!("{revision}  {what}  {time}"));
        if at == 0 && entry.revision > 1 {
            output::line(&paint.faint("  (the oldest that the bucket still has)"));
        }
        if entry.operation == Operation::Put {
            for line in diff::between(before, &entry.value) {
                output::line(&match line {
                    diff::Line::Same(text) => format!("  {}", output::printable(&text)),
                    diff::Line::Gone(text) => paint.bad(&format!("- {}", output::printable(&text))),
                    diff::Line::New(text) => paint.good(&format!("+ {}", output::printable(&text))),
                    diff::Line::Skipped(1) => paint.faint("  … 1 equal line"),
                    diff::Line::Skipped(count) => paint.faint(&format!("  … {count} equal lines")),
                    diff::Line::Note(text) => paint.faint(&format!("  {text}")),
                });
            }
        }
        before = &entry.value;
    }
}

/// One change, on one line.
pub(super) fn entry(entry: &Entry, paint: Paint, is_json: bool) -> anyhow::Result<()> {
    if is_json {
        output::line(&serde_json::to_string(&entry_as_json(entry)?)?);
    } else {
        let key = output::printable(&entry.key);
        output::line(&format!(
            "{}\t{}\t{}",
            operation_painted(entry, paint),
            paint.name(&key),
            as_text(&entry.value)
        ));
    }
    Ok(())
}

/// Buckets with their sizes, one a line.
pub(super) fn buckets(buckets: &[BucketInfo], is_json: bool) {
    if is_json {
        let shown: Vec<_> = buckets.iter().map(info_as_json).collect();
        output::json(&json!(shown));
        return;
    }
    if buckets.is_empty() {
        return;
    }
    let mut grid = Grid::new([
        column("bucket"),
        column("values").right(),
        column("bytes").right(),
        column("history").right(),
        column("description").cut(),
    ]);
    for bucket in buckets {
        grid.row([
            output::printable(&bucket.name),
            bucket.values.to_string(),
            size::shown(bucket.bytes),
            bucket.history.to_string(),
            output::printable(&bucket.description),
        ]);
    }
    output::text(&grid.draw(Screen::of_stdout()));
}

/// A bucket's configuration and size.
pub(super) fn info(info: &BucketInfo, is_json: bool) {
    let shown = info_as_json(info);
    if is_json {
        output::json(&shown);
        return;
    }
    for (name, value) in shown.as_object().into_iter().flatten() {
        let value = match value {
            serde_json::Value::String(text) => output::printable(text),
            serde_json::Value::Null if name == "marker_ttl_seconds" => "off".to_owned(),
            serde_json::Value::Null => "unlimited".to_owned(),
            other => other.to_string(),
        };
        output::line(&format!("{name:18} {value}"));
    }
}

fn info_as_json(info: &BucketInfo) -> serde_json::Value {
    let seconds = |life: Option<std::time::Duration>| {
        life.map_or(json!(null), |life| json!(life.as_secs_f64()))
    };
    let limit = info.max_value_size.map_or(json!(null), |size| json!(size));
    json!({
        "bucket": info.name,
        "description": info.description,
        "values": info.values,
        "bytes": info.bytes,
        "last_revision": info.last_revision,
        "max_value_size": limit,
        "history": info.history,
        "ttl_seconds": seconds(info.ttl),
        "marker_ttl_seconds": seconds(info.marker_ttl),
        "storage": match info.storage {
            kryten_client::kv::Storage::File => "file",
            kryten_client::kv::Storage::Memory => "memory",
        },
        "replicas": info.replicas,
    })
}

#[derive(Serialize)]
struct ShownEntry<'a> {
    operation: &'static str,
    key: &'a str,
    revision: u64,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
}

fn entry_as_json(entry: &Entry) -> anyhow::Result<ShownEntry<'_>> {
    Ok(ShownEntry {
        operation: operation(entry),
        key: &entry.key,
        revision: entry.revision,
        created: time(entry),
        value: match entry.operation {
            Operation::Put => Some(as_json(&entry.value)?),
            Operation::Delete | Operation::Purge => None,
        },
    })
}

/// When the server stored it, in UTC.
pub(super) fn time(entry: &Entry) -> String {
    let time = jiff::Timestamp::from_nanosecond(entry.created_nanos).unwrap_or_default();
    format!("{time:.3}")
}

fn operation_painted(entry: &Entry, paint: Paint) -> String {
    match entry.operation {
        Operation::Put => paint.good(operation(entry)),
        Operation::Delete | Operation::Purge => paint.bad(operation(entry)),
    }
}

fn operation(entry: &Entry) -> &'static str {
    match entry.operation {
        _ if entry.is_expired() => "expired",
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

pub(super) fn base64(bytes: &[u8]) -> String {
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

//! Buckets, keys and values as text or JSON.

use std::collections::BTreeMap;

use kryten_client::kv::{BucketInfo, Entry, Operation};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use unicode_width::UnicodeWidthStr;

use super::diff;
use crate::output::{self, Unprinted};
use crate::paint::Paint;
use crate::screen::{Grid, Screen, column, cut, duration};
use crate::size;

/// Names, one a line, or a JSON array.
pub(super) fn names(names: &[String], is_json: bool) -> Result<(), Unprinted> {
    if is_json {
        return output::json(&json!(names));
    }
    names
        .iter()
        .try_for_each(|name| output::line(&output::printable(name)))
}

/// Keys and values, one a line with a tab between, below each other in a terminal; or a JSON object.
pub(super) fn values<V: AsRef<[u8]>>(
    values: &BTreeMap<String, V>,
    is_json: bool,
) -> anyhow::Result<()> {
    if is_json {
        let mut shown = BTreeMap::new();
        for (key, value) in values {
            shown.insert(key, as_json(value.as_ref())?);
        }
        output::line(&serde_json::to_string_pretty(&shown)?)?;
    } else {
        let shown = values
            .iter()
            .map(|(key, value)| (output::printable(key), as_text(value.as_ref())));
        output::text(&listed(&shown.collect::<Vec<_>>(), Screen::of_stdout()))?;
    }
    Ok(())
}

fn listed(values: &[(String, String)], screen: Screen) -> String {
    /// Longer keys do not push all values away.
    const WIDEST: usize = 40;
    let widths = values.iter().map(|(key, _)| key.width());
    let widest = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let line = |(key, value): &(String, String)| match screen.width() {
        Some(_) => {
            let blanks = " ".repeat(widest.saturating_sub(key.width()));
            format!("{key}{blanks}  {value}")
        }
        None => format!("{key}\t{value}"),
    };
    values.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A key's past, the oldest first.
pub(super) fn history(entries: &[Entry], with_diffs: bool, is_json: bool) -> anyhow::Result<()> {
    if is_json {
        let shown: Result<Vec<_>, _> = entries.iter().map(entry_as_json).collect();
        output::line(&serde_json::to_string_pretty(&shown?)?)?;
        return Ok(());
    }
    if with_diffs {
        changes(entries, Paint::stdout())?;
        return Ok(());
    }
    for entry in entries {
        output::line(&format!(
            "{}\t{}\t{}",
            entry.revision,
            operation(entry),
            as_text(&entry.value)
        ))?;
    }
    Ok(())
}

/// Each revision with what it changed.
fn changes(entries: &[Entry], paint: Paint) -> Result<(), Unprinted> {
    let mut before: &[u8] = b"";
    for (at, entry) in entries.iter().enumerate() {
        let what = operation_painted(entry, paint);
        let revision = paint.strong(&format!("revision {}", entry.revision));
        let time = paint.faint(&time(entry));
        output::line(&format!("{revision}  {what}  {time}"))?;
        if at == 0 && entry.revision > 1 {
            output::line(&paint.faint("  (the oldest that the bucket still has)"))?;
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
                })?;
            }
        }
        before = &entry.value;
    }
    Ok(())
}

/// One change, on one line; in a terminal as much of the value as the line has place for.
pub(super) fn entry(entry: &Entry, paint: Paint, is_json: bool) -> anyhow::Result<()> {
    /// Of a value, however long its key is.
    const LEAST: usize = 20;
    if is_json {
        output::line(&serde_json::to_string(&entry_as_json(entry)?)?)?;
        return Ok(());
    }
    let key = output::printable(&entry.key);
    let (what, value) = (operation(entry), as_text(&entry.value));
    let painted = operation_painted(entry, paint);
    output::line(&match Screen::of_stdout().width() {
        Some(width) => {
            let blanks = " ".repeat("expired".len().saturating_sub(what.len()));
            let before = what.len() + blanks.len() + key.width() + 4;
            let value = cut(&value, width.saturating_sub(before).max(LEAST));
            format!("{painted}{blanks}  {}  {value}", paint.name(&key))
        }
        None => format!("{painted}\t{}\t{value}", paint.name(&key)),
    })?;
    Ok(())
}

/// Buckets with their sizes, one a line.
pub(super) fn buckets(buckets: &[BucketInfo], is_json: bool) -> Result<(), Unprinted> {
    if is_json {
        let shown: Vec<_> = buckets.iter().map(info_as_json).collect();
        return output::json(&json!(shown));
    }
    if buckets.is_empty() {
        return Ok(());
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
    output::text(&grid.draw(Screen::of_stdout()))
}

/// A bucket's configuration and size.
pub(super) fn info(info: &BucketInfo, is_json: bool) -> Result<(), Unprinted> {
    match is_json {
        true => output::json(&info_as_json(info)),
        false => output::text(&info_shown(info)),
    }
}

fn info_shown(info: &BucketInfo) -> String {
    let seconds = |life: std::time::Duration| duration(life.as_secs_f64());
    let mut grid = Grid::new([column(""), column("")]);
    let mut row = |name: &str, value: String| grid.row([name.to_owned(), value]);
    row("bucket", output::printable(&info.name));
    row("description", output::printable(&info.description));
    row("values", info.values.to_string());
    row("size", size::shown(info.bytes));
    row("newest revision", info.last_revision.to_string());
    row(
        "a value is at most",
        info.max_value_size.map_or_else(
            || "as large as the server takes".to_owned(),
            |size| size::shown(u64::try_from(size).unwrap_or(u64::MAX)),
        ),
    );
    row("revisions kept", info.history.to_string());
    row(
        "a value lives",
        info.ttl.map_or_else(|| "without end".to_owned(), seconds),
    );
    row(
        "keys may expire",
        match info.marker_ttl {
            Some(life) => format!("yes; markers stay {}", seconds(life)),
            None => "no".to_owned(),
        },
    );
    row(
        "kept",
        match info.storage {
            kryten_client::kv::Storage::File => "on the disk".to_owned(),
            kryten_client::kv::Storage::Memory => "in memory".to_owned(),
        },
    );
    row("replicas", info.replicas.to_string());
    grid.draw(Screen::of_stdout())
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

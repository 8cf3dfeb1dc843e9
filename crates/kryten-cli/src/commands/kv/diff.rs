//! What changed from one value of a key to the next: JSON by its fields, other text by lines. Pure.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Equal lines that are shown around a change.
const AROUND: usize = 3;

/// A line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// In both.
    Same(String),
    /// Only in the old value.
    Gone(String),
    /// Only in the new value.
    New(String),
    /// So many equal lines are left out.
    Skipped(usize),
    /// A sentence about both.
    Note(String),
}

/// Compares two values; what was not there is empty.
pub(super) fn between(old: &[u8], new: &[u8]) -> Vec<Line> {
    if old == new {
        return vec![Line::Note("the same value again".to_owned())];
    }
    let (Ok(old_text), Ok(new_text)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else {
        let note = format!("no text: {} bytes before, {} now", old.len(), new.len());
        return vec![Line::Note(note)];
    };
    match (spread(old_text), spread(new_text)) {
        (Some(old), Some(new)) if old != new => lines(&old, &new),
        // Written differently, or different only in what a number of 64 bits cannot hold.
        _ => lines(old_text, new_text),
    }
}

/// JSON over several lines with sorted fields; nothing is the empty text.
fn spread(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let value: Value = serde_json::from_str(text).ok()?;
    Some(format!("{:#}", sorted(value)))
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| (name, sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn lines(old: &str, new: &str) -> Vec<Line> {
    let diff = TextDiff::from_lines(old, new);
    let all: Vec<(ChangeTag, String)> = diff
        .iter_all_changes()
        .map(|change| {
            let text = change.value();
            (
                change.tag(),
                text.strip_suffix('\n').unwrap_or(text).to_owned(),
            )
        })
        .collect();
    let is_near = |at: usize| {
        let from = at.saturating_sub(AROUND);
        let to = (at + AROUND + 1).min(all.len());
        all[from..to]
            .iter()
            .any(|(tag, _)| *tag != ChangeTag::Equal)
    };
    let mut shown = Vec::new();
    let mut far = Vec::new();
    for (at, (tag, text)) in all.iter().enumerate() {
        if !is_near(at) {
            far.push(text.as_str());
            continue;
        }
        skip(&mut far, &mut shown);
        shown.push(match tag {
            ChangeTag::Equal => Line::Same(text.clone()),
            ChangeTag::Delete => Line::Gone(text.clone()),
            ChangeTag::Insert => Line::New(text.clone()),
        });
    }
    skip(&mut far, &mut shown);
    shown
}

/// Leaves equal lines out, where that saves some.
fn skip(far: &mut Vec<&str>, shown: &mut Vec<Line>) {
    const FEW: usize = 2;
    match far.len() {
        0..=FEW => shown.extend(far.drain(..).map(|text| Line::Same(text.to_owned()))),
        many => {
            far.clear();
            shown.push(Line::Skipped(many));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &[u8], new: &[u8]) -> String {
        let line = |line: &Line| match line {
            Line::Same(text) => format!("  {text}"),
            Line::Gone(text) => format!("- {text}"),
            Line::New(text) => format!("+ {text}"),
            Line::Skipped(count) => format!("… {count}"),
            Line::Note(text) => format!("! {text}"),
        };
        between(old, new)
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn json_is_compared_by_its_fields_in_whatever_order() {
        insta::assert_snapshot!(shown(
            br#"{"name":"bob","rank":1,"meta":{"afk":false}}"#,
            br#"{"rank":2,"meta":{"afk":false},"name":"bob"}"#,
        ), @r#"
          {
            "meta": {
              "afk": false
            },
            "name": "bob",
        -   "rank": 1
        +   "rank": 2
          }
        "#);
        let list: Vec<u32> = (0..40).collect();
        let mut other = list.clone();
        other[20] = 99;
        let json = |list: &[u32]| serde_json::to_vec(list).unwrap();
        insta::assert_snapshot!(shown(&json(&list), &json(&other)), @r"
        … 18
            17,
            18,
            19,
        -   20,
        +   99,
            21,
            22,
            23,
        … 17
        ");
    }

    #[test]
    fn what_is_no_json_is_compared_by_lines_and_bytes_by_their_number() {
        assert_eq!(shown(b"one\ntwo", b"one\n2"), "  one\n- two\n+ 2");
        assert_eq!(shown(b"", b"text"), "+ text");
        assert_eq!(shown(b"", b"[1]"), "+ [\n+   1\n+ ]");
        assert_eq!(shown(b"same", b"same"), "! the same value again");
        assert_eq!(shown(b"\xff", b"ab"), "! no text: 1 bytes before, 2 now");
        assert_eq!(
            shown(br#"{"a":1}"#, br#"{"a": 1}"#),
            "- {\"a\":1}\n+ {\"a\": 1}"
        );
        assert_eq!(
            shown(b"123456789012345678901", b"123456789012345678902"),
            "- 123456789012345678901\n+ 123456789012345678902"
        );
    }
}

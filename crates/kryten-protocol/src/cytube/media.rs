//! Media: `changeMedia`, playlist items, and the form in which titles are stored.

use std::fmt;

use serde_json::Value;

use super::whole_number;

/// What plays, as far as Kryten reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// The title as CyTube has it.
    pub title: String,
    /// The kind of source, such as `yt`.
    pub kind: String,
    /// The id at that source.
    pub id: String,
    /// Length in seconds; 0 for a live stream.
    pub seconds: f64,
    /// The position at the time of the event, in seconds; negative during the lead-in.
    pub current_time: f64,
    /// The playlist uid, where known; 0 is a real one.
    pub uid: Option<i64>,
}

impl Media {
    /// Reads a media object; `None` when it is no object. Numbers in the place of texts are taken as texts.
    pub fn read(object: &Value) -> Option<Self> {
        object.as_object()?;
        Some(Self {
            title: lenient_text(object.get("title")),
            kind: lenient_text(object.get("type")),
            id: lenient_text(object.get("id")),
            seconds: object.get("seconds").and_then(Value::as_f64).unwrap_or(0.0),
            current_time: object
                .get("currentTime")
                .and_then(Value::as_f64)
                .unwrap_or(0.0),
            uid: object.get("uid").and_then(whole_number),
        })
    }
}

/// The media object of a playlist item: nested under `media` on the wire, at the top level in older documents.
pub fn media_of_item(item: &Value) -> &Value {
    item.get("media")
        .filter(|media| media.is_object())
        .unwrap_or(item)
}

fn lenient_text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// A title in the form in which statistics store it: no file ending, no dots or underscores, single spaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CleanTitle(String);

impl CleanTitle {
    const ENDINGS: [&'static str; 10] = [
        ".mp4", ".mkv", ".avi", ".webm", ".flv", ".mov", ".wmv", ".m4v", ".mpg", ".mpeg",
    ];

    /// Cleans a title by the original's rules; nothing left gives `Unknown`.
    pub fn new(title: &str) -> Self {
        let mut rest = title;
        for ending in Self::ENDINGS {
            let at = rest.len().wrapping_sub(ending.len());
            if rest
                .get(at..)
                .is_some_and(|end| end.eq_ignore_ascii_case(ending))
            {
                rest = &rest[..at];
                break;
            }
        }
        let spaced: String = rest
            .chars()
            .map(|c| if c == '.' || c == '_' { ' ' } else { c })
            .collect();
        let words: Vec<&str> = spaced
            .split(is_python_space)
            .filter(|word| !word.is_empty())
            .collect();
        let clean = words.join(" ");
        Self(if clean.is_empty() {
            "Unknown".to_owned()
        } else {
            clean
        })
    }

    /// The cleaned title.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cleaned title.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for CleanTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// White space as the originals split at it: Unicode's, and the four separators U+001C to U+001F.
pub(crate) fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

//! Polls, voteskip and drinks.

use serde_json::Value;

use super::fields::{Fields, Payload};

/// A poll, as it was opened or stands now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Poll {
    /// The question.
    pub title: String,
    /// The choices, HTML-escaped.
    pub options: Vec<String>,
    /// The votes for each choice.
    pub counts: Vec<Votes>,
    /// Who opened it.
    pub initiator: String,
    /// When it was opened, in milliseconds since the Unix epoch.
    pub timestamp: i64,
}

impl Payload for Poll {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            title: fields.read("title")?,
            options: fields.read("options")?,
            counts: fields.read("counts")?,
            initiator: fields.read("initiator")?,
            timestamp: fields.read("timestamp")?,
        })
    }
}

/// The votes for one choice of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Votes {
    /// So many.
    Open(i64),
    /// A hidden poll, whose number only rank 1.5 and above are told.
    Hidden(Option<i64>),
}

impl Payload for Votes {
    fn read(payload: &Value) -> Option<Self> {
        match payload {
            Value::String(text) => match text.strip_suffix('?') {
                Some("") => Some(Self::Hidden(None)),
                Some(number) => Some(Self::Hidden(Some(number.parse().ok()?))),
                None => i64::read(payload).map(Self::Open),
            },
            _ => i64::read(payload).map(Self::Open),
        }
    }
}

/// How many want to skip the film; only told to rank 1.5 and above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Voteskip {
    /// So many do.
    pub count: i64,
    /// So many are needed.
    pub need: i64,
}

impl Payload for Voteskip {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            count: fields.read("count")?,
            need: fields.read("need")?,
        })
    }
}

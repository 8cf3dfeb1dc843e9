//! The report of what may be missing: nothing is lost silently.

use serde::{Deserialize, Serialize};

use crate::time::WireTime;

/// A span of time from which events of a channel may be missing, published on [`crate::subject::gap`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The CyTube host as configured.
    pub domain: String,
    /// The channel as configured.
    pub channel: String,
    /// Why.
    pub reason: GapReason,
    /// The last sign of the channel before the gap.
    pub from: WireTime,
    /// The first sign of the channel after it.
    pub to: WireTime,
    /// Whether the chat lines of the span are all there, because CyTube's replay overlapped with known lines.
    pub chat_complete: bool,
    /// Where chat is missing, by CyTube's clock, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatSpan>,
    /// How many events were dropped, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
}

/// Two chat lines between which others may be missing, by CyTube's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatSpan {
    /// The last line that is there, perhaps long before the gap.
    pub from: WireTime,
    /// The first line after it that is there.
    pub to: WireTime,
}

/// Why events may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GapReason {
    /// The robot was not in the channel.
    Absent,
    /// The outbox was full, and the oldest events were dropped.
    OutboxFull,
    /// An event was larger than the NATS server takes.
    TooLarge,
    /// There was no stream: who listened then heard the events, and nobody can read them any more.
    NotKept,
    /// The stream lost events that had been counted, or was made anew.
    StreamTruncated,
    /// A reason that a newer robot reports.
    #[serde(other)]
    Unknown,
}

impl GapReason {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::OutboxFull => "outbox_full",
            Self::TooLarge => "too_large",
            Self::NotKept => "not_kept",
            Self::StreamTruncated => "stream_truncated",
            Self::Unknown => "unknown",
        }
    }
}

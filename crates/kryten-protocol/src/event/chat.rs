//! Chat lines and private messages.

use serde_json::{Map, Value};

use super::fields::{Fields, Payload};
use crate::cytube::is_truthy;

/// A chat line; sent to everybody in the channel.
///
/// `[server]` and `[voteskip]` are CyTube's own notices, not users.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatMsg {
    /// The sender.
    pub username: String,
    /// The text: HTML with `<`, `>` and `&` escaped, filters applied.
    pub msg: String,
    /// CyTube's clock when it was said, in milliseconds since the Unix epoch; `None` where it is missing or 0.
    pub time: Option<i64>,
    /// The sender's rank, which CyTube itself does not send with a line.
    pub rank: Option<f64>,
    /// How the line is shown, and to whom; as CyTube sent it.
    pub meta: Map<String, Value>,
}

impl ChatMsg {
    /// Whether the sender is shadow-muted, so that only moderators see the line; a bot must not answer it.
    pub fn is_shadow(&self) -> bool {
        self.meta.get("shadow").is_some_and(is_truthy)
    }

    /// The class that CyTube gives to the line, such as `greentext`, `action`, `spoiler`, `shout`, `drink`.
    pub fn class(&self) -> Option<&str> {
        self.meta.get("addClass")?.as_str()
    }

    /// Whether a user said it: not CyTube itself.
    pub fn is_from_user(&self) -> bool {
        !self.username.is_empty() && !self.username.starts_with('[')
    }
}

impl Payload for ChatMsg {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        // Older publishers nest the sender.
        let (username, rank) = match fields.get("user").and_then(Fields::of) {
            Some(user) => (user.read("name")?, user.read_if_any("rank")?),
            None => (fields.read("username")?, fields.read_if_any("rank")?),
        };
        let text = if fields.has("msg") { "msg" } else { "message" };
        let time: Option<i64> = match fields.get("time") {
            Some(Value::String(text)) if text.is_empty() => None,
            _ => fields.read_if_any("time")?,
        };
        Some(Self {
            username,
            rank,
            msg: fields.read(text)?,
            time: time.filter(|time| *time != 0),
            meta: fields.object("meta"),
        })
    }
}

/// A private message; sent to its receiver and, as an echo, to its sender.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pm {
    /// Sender, text and time, as in a chat line.
    pub line: ChatMsg,
    /// The receiver; empty where it is missing.
    pub to: String,
}

impl Payload for Pm {
    fn read(payload: &Value) -> Option<Self> {
        Some(Self {
            line: ChatMsg::read(payload)?,
            to: Fields::of(payload)?.read("to")?,
        })
    }
}

/// The chat was cleared by a moderator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClearChat {
    /// Who did it; empty where it is missing.
    pub cleared_by: String,
}

impl Payload for ClearChat {
    fn read(payload: &Value) -> Option<Self> {
        // An older CyTube says only that it happened.
        if payload.is_null() {
            return Some(Self::default());
        }
        Some(Self {
            cleared_by: Fields::of(payload)?.read("clearedBy")?,
        })
    }
}

//! `chatMsg` and `pm`.

use serde_json::Value;

use super::{is_truthy, text, whole_number};

/// A chat line or a private message, as far as Kryten reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMsg {
    /// The sender; `[server]` and `[voteskip]` are CyTube's own notices.
    pub username: String,
    /// The text: HTML with `<`, `>` and `&` escaped and filters applied.
    pub message: String,
    /// CyTube's clock when it was said, in milliseconds since the Unix epoch; 0 when missing.
    pub time: i64,
    /// Whether the sender is shadow-muted and only moderators see the line.
    pub shadow: bool,
    /// The receiver of a private message.
    pub to: Option<String>,
}

impl ChatMsg {
    /// Reads a payload; `None` when it is no object, or the name or the text is no text.
    pub fn read(payload: &Value) -> Option<Self> {
        if !payload.is_object() {
            return None;
        }
        let username = match payload.get("user") {
            Some(user) if user.is_object() => user.get("name"),
            _ => payload.get("username"),
        };
        let message = payload.get("msg").or_else(|| payload.get("message"));
        Some(Self {
            username: text_or_empty(username)?,
            message: text_or_empty(message)?,
            time: payload.get("time").and_then(whole_number).unwrap_or(0),
            shadow: payload
                .get("meta")
                .and_then(|meta| meta.get("shadow"))
                .is_some_and(is_truthy),
            to: text(payload, "to").map(str::to_owned),
        })
    }

    /// Whether CyTube keeps the line and replays it on a join: its own notices to moderators and shadow-muted lines
    /// are not kept.
    pub fn is_replayed(&self) -> bool {
        !self.shadow && self.username != "[server]"
    }
}

fn text_or_empty(value: Option<&Value>) -> Option<String> {
    match value {
        None => Some(String::new()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_known_shape_is_read() {
        let line = ChatMsg::read(
            &json!({"username": "bob", "msg": "hi", "meta": {"shadow": true}, "time": 5.0}),
        )
        .unwrap();
        assert_eq!(
            (
                line.username.as_str(),
                line.message.as_str(),
                line.time,
                line.shadow
            ),
            ("bob", "hi", 5, true)
        );
        let nested = ChatMsg::read(&json!({"user": {"name": "Nested"}, "message": "old"})).unwrap();
        assert_eq!(
            (nested.username.as_str(), nested.message.as_str()),
            ("Nested", "old")
        );
        assert_eq!(ChatMsg::read(&json!({"username": null, "msg": "x"})), None);
        assert_eq!(ChatMsg::read(&json!("text")), None);
    }
}

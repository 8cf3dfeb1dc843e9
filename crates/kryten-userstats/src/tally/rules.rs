//! What counts, where that can be chosen.

use kryten_protocol::cytube::ChatMsg;
use serde_json::Value;

use super::event::Kind;

/// What counts. By default the detectors find what the original's find, and its defects are mended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// Counts and answers as the original does, defects included that change a number or a reply.
    pub as_original: bool,
    /// Emotes whose names have `-` or `.` in them count, too.
    pub marked_emotes: bool,
    /// Emotes that are listed without `#` count where they are typed so, as a word of their own.
    pub bare_emotes: bool,
    /// Kudos reach only whole names of users, once in a line, and a user of that name before the owner of an alias.
    pub real_names: bool,
    /// CyTube's HTML escapes are undone first.
    pub decode_entities: bool,
    /// Lines of those who are shadow-muted do not count.
    pub leave_out_muted: bool,
    /// Lines of `[server]` and other names in brackets do not count.
    pub leave_out_server: bool,
}

impl Rules {
    /// Whether a line of this sender counts.
    pub(crate) fn counts(self, line: &ChatMsg) -> bool {
        let muted = self.leave_out_muted && line.shadow;
        let server = self.leave_out_server && line.username.starts_with('[');
        !muted && !server
    }

    /// Whether the original hears of this kind of event.
    pub(crate) fn hear(self, kind: Kind) -> bool {
        !self.as_original
            || matches!(
                kind,
                Kind::ChatMsg
                    | Kind::Pm
                    | Kind::AddUser
                    | Kind::UserLeave
                    | Kind::SetAfk
                    | Kind::ChangeMedia
                    | Kind::EmoteList
            )
    }

    /// Whether the original's types take the payload; what they do not take is lost there.
    pub(crate) fn take(self, kind: Kind, payload: &Value) -> bool {
        if !self.as_original {
            return true;
        }
        let missing_or = |name: &str, fits: fn(&Value) -> bool| payload.get(name).is_none_or(fits);
        match kind {
            Kind::ChatMsg => missing_or("rank", is_whole) && missing_or("time", is_number),
            Kind::AddUser => missing_or("rank", is_whole),
            Kind::ChangeMedia => {
                ["type", "id", "title"]
                    .iter()
                    .all(|name| missing_or(name, Value::is_string))
                    && ["seconds", "uid"]
                        .iter()
                        .all(|name| missing_or(name, is_whole))
            }
            _ => true,
        }
    }
}

fn is_whole(value: &Value) -> bool {
    match value {
        Value::Bool(_) => true,
        Value::Number(number) => number.as_f64().is_some_and(|float| float.fract() == 0.0),
        Value::String(text) => text.trim().parse::<i64>().is_ok(),
        _ => false,
    }
}

fn is_number(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().parse::<f64>().is_ok(),
        other => other.is_number() || other.is_boolean(),
    }
}

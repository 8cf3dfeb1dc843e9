//! What services tell of themselves on `kryten.lifecycle.{service}.…`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::WireTime;

/// The body of every lifecycle message; extra fields follow the base ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// The service's name, such as `robot`.
    pub service: String,
    /// Its version.
    pub version: String,
    /// The host it runs on.
    pub hostname: String,
    /// When this was sent.
    pub timestamp: WireTime,
    /// Seconds since the service started.
    pub uptime_seconds: f64,
    /// `metadata`, `reason`, `target` and whatever else belongs to the message.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The delay of a [`RestartNotice`] that names none.
pub const DEFAULT_RESTART_DELAY: f64 = 5.0;

/// The body of the broadcast on [`GROUP_RESTART`](crate::subject::GROUP_RESTART).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestartNotice {
    /// Who asks, by its own word: anybody who may publish can write any name here.
    pub initiator: String,
    /// Why.
    pub reason: String,
    /// How many seconds to wait before the restart.
    pub delay_seconds: f64,
    /// When it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<WireTime>,
}

impl RestartNotice {
    /// Reads a notice; `None` for what is no JSON object, or has a delay that is no number.
    pub fn read(body: &[u8]) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        Some(Self {
            initiator: text("initiator").unwrap_or_default().to_owned(),
            reason: text("reason").unwrap_or_default().to_owned(),
            delay_seconds: match fields.get("delay_seconds") {
                None => DEFAULT_RESTART_DELAY,
                Some(delay) => delay.as_f64()?,
            },
            timestamp: text("timestamp").and_then(WireTime::parse),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_notice_needs_a_delay_that_is_a_number() {
        let read = |body: &str| RestartNotice::read(body.as_bytes());
        let notice =
            read(r#"{"initiator":"ops","reason":"new version","delay_seconds":2}"#).unwrap();
        assert_eq!(
            (notice.initiator.as_str(), notice.delay_seconds),
            ("ops", 2.0)
        );
        let least = read(r#"{"initiator":7}"#).unwrap();
        assert_eq!((least.initiator.as_str(), least.delay_seconds), ("", 5.0));
        for nonsense in [
            "",
            "[]",
            "7",
            r#"{"delay_seconds":"soon"}"#,
            r#"{"delay_seconds":null}"#,
        ] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}

//! The envelope in which the robot publishes a CyTube event.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::time::WireTime;

/// A CyTube event as the robot publishes it: exactly the originals' six fields, in their order.
#[derive(Debug, Clone, Serialize)]
pub struct Envelope {
    /// CyTube's event name in CyTube's spelling, such as `chatMsg`.
    pub event_name: String,
    /// The first argument of the Socket.IO event, byte for byte; `null` where there was none.
    pub payload: Box<RawValue>,
    /// The channel as configured.
    pub channel: String,
    /// The CyTube host as configured.
    pub domain: String,
    /// When the robot received the frame.
    pub timestamp: WireTime,
    /// A random UUID, one per event.
    pub correlation_id: String,
}

/// A received envelope, borrowed from the message body.
///
/// Unknown fields are ignored; `timestamp` and `correlation_id` may be missing.
#[derive(Debug, Clone, Deserialize)]
pub struct EnvelopeRef<'a> {
    /// CyTube's event name; it decides, not the subject.
    #[serde(borrow)]
    pub event_name: Cow<'a, str>,
    /// The payload as it came, unparsed.
    #[serde(borrow)]
    pub payload: &'a RawValue,
    /// The channel as the publisher wrote it.
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    /// The CyTube host as the publisher wrote it.
    #[serde(borrow)]
    pub domain: Cow<'a, str>,
    /// When the robot received the frame (the Python robot: when it published it).
    #[serde(default)]
    pub timestamp: Option<WireTime>,
    /// An identifier of this event, unique per publication.
    #[serde(borrow, default)]
    pub correlation_id: Option<Cow<'a, str>>,
}

/// Why a message is no event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not a JSON object with the required fields in their types.
    #[error("the message is not an event envelope: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl<'a> EnvelopeRef<'a> {
    /// Reads a message body.
    ///
    /// # Errors
    /// [`EnvelopeError::Malformed`] when it is not a JSON object with text `event_name`, `channel`, `domain` and a
    /// `payload`.
    pub fn parse(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        Ok(serde_json::from_slice(body)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_goes_through_byte_for_byte() {
        let payload = RawValue::from_string(
            r#"{"currentTime":15.007999999999996,"paused":false}"#.to_owned(),
        )
        .unwrap();
        let envelope = Envelope {
            event_name: "mediaUpdate".into(),
            payload,
            channel: "Grindhouse420".into(),
            domain: "cytu.be".into(),
            timestamp: WireTime::from_micros(1_795_363_003_465_284),
            correlation_id: "4bb3f715-c4a1-43f9-896a-373ee96da207".into(),
        };
        assert_eq!(
            serde_json::to_string(&envelope).unwrap(),
            r#"{"event_name":"mediaUpdate","payload":{"currentTime":15.007999999999996,"paused":false},"channel":"Grindhouse420","domain":"cytu.be","timestamp":"2026-11-22T15:56:43.465284+00:00","correlation_id":"4bb3f715-c4a1-43f9-896a-373ee96da207"}"#
        );
    }

    #[test]
    fn what_is_missing_or_mistyped_is_refused() {
        for body in [
            r#"[1]"#,
            r#"{"event_name":"x","channel":"c","domain":"d"}"#,
            r#"{"event_name":7,"payload":null,"channel":"c","domain":"d"}"#,
            r#"{"event_name":"x","payload":null,"channel":"c","domain":"d","timestamp":"soon"}"#,
        ] {
            assert!(EnvelopeRef::parse(body.as_bytes()).is_err(), "{body}");
        }
        let least = br#"{"event_name":"x","payload":null,"channel":"c","domain":"d","extra":1}"#;
        let envelope = EnvelopeRef::parse(least).unwrap();
        assert_eq!(envelope.payload.get(), "null");
        assert!(envelope.timestamp.is_none());
    }
}

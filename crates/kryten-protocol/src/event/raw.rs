//! The envelope of a received event, owned.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use super::envelope::{EnvelopeError, EnvelopeRef};
use crate::time::WireTime;

/// The envelope of a received event: what [`EnvelopeRef`] borrows, owned.
#[derive(Clone, Serialize)]
pub struct RawEvent {
    /// CyTube's event name in CyTube's spelling, such as `chatMsg`.
    pub event_name: String,
    /// The payload as it came, byte for byte.
    pub payload: Box<RawValue>,
    /// The channel as the publisher wrote it.
    pub channel: String,
    /// The CyTube host as the publisher wrote it.
    pub domain: String,
    /// When the robot received the frame; `None` where the publisher did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<WireTime>,
    /// An identifier of this publication; `None` where the publisher gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl RawEvent {
    /// Reads a message body.
    ///
    /// # Errors
    /// As [`EnvelopeRef::parse`].
    pub fn parse(body: &[u8]) -> Result<Self, EnvelopeError> {
        Ok(EnvelopeRef::parse(body)?.into())
    }
}

impl From<EnvelopeRef<'_>> for RawEvent {
    fn from(envelope: EnvelopeRef<'_>) -> Self {
        Self {
            event_name: envelope.event_name.into_owned(),
            payload: envelope.payload.to_owned(),
            channel: envelope.channel.into_owned(),
            domain: envelope.domain.into_owned(),
            timestamp: envelope.timestamp,
            correlation_id: envelope.correlation_id.map(std::borrow::Cow::into_owned),
        }
    }
}

impl fmt::Debug for RawEvent {
    /// The payload of `channelOpts` is left out: another robot publishes the channel's password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RawEvent");
        shown.field("event_name", &self.event_name);
        if !self.event_name.eq_ignore_ascii_case("channelOpts") {
            shown.field("payload", &self.payload.get());
        }
        shown
            .field("channel", &self.channel)
            .field("domain", &self.domain)
            .field("timestamp", &self.timestamp)
            .field("correlation_id", &self.correlation_id)
            .finish()
    }
}

impl PartialEq for RawEvent {
    fn eq(&self, other: &Self) -> bool {
        self.event_name == other.event_name
            && self.payload.get() == other.payload.get()
            && self.channel == other.channel
            && self.domain == other.domain
            && self.timestamp == other.timestamp
            && self.correlation_id == other.correlation_id
    }
}

//! One line in the log for each event that is counted, by which it is followed from the robot to here.

use kryten_client::StoredMessage;
use kryten_protocol::event::EnvelopeRef;
use tracing::{Level, debug, enabled};

/// Nothing is read anew unless somebody wants to know.
pub(super) fn batch(messages: &[StoredMessage]) {
    if !enabled!(Level::DEBUG) {
        return;
    }
    for message in messages {
        let Ok(envelope) = EnvelopeRef::parse(&message.body) else {
            continue;
        };
        debug!(
            channel = %envelope.channel,
            event = %envelope.event_name,
            correlation_id = envelope.correlation_id.as_deref(),
            sequence = message.sequence,
            "an event is counted"
        );
    }
}

//! Envelopes and typed events: what is written again is the same, and nothing of an envelope is lost.

use kryten_protocol::event::{EnvelopeRef, Event, RawEvent};
use rand::rngs::StdRng;
use serde_json::Value;

use super::must;
use crate::corpus::ENVELOPES;
use crate::mutate;

pub(super) fn make(random: &mut StdRng) -> Vec<u8> {
    mutate::message(random, &ENVELOPES)
}

pub(super) fn check(input: &[u8]) -> Result<(), String> {
    let raw = RawEvent::parse(input);
    let event = Event::parse(input);
    let by_reference = EnvelopeRef::parse(input);
    must(
        raw.is_ok() == event.is_ok() && raw.is_ok() == by_reference.is_ok(),
        || {
            format!(
                "only one of them reads it: {:?} {:?}",
                raw.as_ref().err(),
                event.as_ref().err()
            )
        },
    )?;
    let (Ok(raw), Ok(event)) = (raw, event) else {
        return Ok(());
    };
    must(event.envelope() == &raw, || {
        "the event has another envelope".to_owned()
    })?;
    // Read as whoever looks at an event reads it.
    let shown = format!(
        "{event:?} {:?} {} {}",
        event.time(),
        event.name(),
        event.channel()
    );
    drop(shown);
    let written =
        serde_json::to_vec(&event).map_err(|error| format!("cannot be written: {error}"))?;
    let again =
        RawEvent::parse(&written).map_err(|error| format!("cannot be read again: {error}"))?;
    must(again == raw, || {
        format!("another one is read again: {again:?} instead of {raw:?}")
    })?;
    let event_again = Event::parse(&written).map_err(|error| error.to_string())?;
    must(event_again == event, || {
        format!("another type is read again: {event_again:?}")
    })?;
    // The payload is in it as it came.
    if let Ok(whole) = serde_json::from_slice::<Value>(input)
        && let Some(payload) = whole.get("payload")
    {
        let kept: Value =
            serde_json::from_str(raw.payload.get()).map_err(|error| error.to_string())?;
        must(&kept == payload, || "the payload is another one".to_owned())?;
    }
    Ok(())
}

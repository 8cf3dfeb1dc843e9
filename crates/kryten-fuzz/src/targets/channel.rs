//! The robot's channel state, fed with mangled events: its values stay readable whatever CyTube says.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kryten_robot::channel::{ChannelState, StateKey};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::must;
use crate::corpus::ENVELOPES;
use crate::mutate;

/// The events of each name, so that rare ones come as often as chat lines.
static BY_NAME: LazyLock<Vec<Vec<Value>>> = LazyLock::new(|| {
    let mut by_name: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in ENVELOPES.iter() {
        let name = event["event_name"].to_string();
        by_name.entry(name).or_default().push(event.clone());
    }
    by_name.into_values().collect()
});

/// Events, a line for each: `["name",payload]`.
pub(super) fn make(random: &mut StdRng) -> Vec<u8> {
    let mut events = String::new();
    for _ in 0..random.random_range(1..16) {
        let of_name = BY_NAME
            .choose(random)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let event = mutate::one_json(random, of_name);
        let mut payload = event.get("payload").cloned().unwrap_or_default();
        for _ in 0..random.random_range(0..4) {
            mutate::mangle(random, &mut payload, &ENVELOPES);
        }
        events += &format!("{}\n", json!([event.get("event_name"), payload]));
    }
    events.into_bytes()
}

pub(super) fn check(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let mut state = ChannelState::default();
    state.begin_session();
    for line in text.lines() {
        let Ok((name, payload)) = serde_json::from_str::<(String, Box<RawValue>)>(line) else {
            continue;
        };
        let changes = state.apply(&name, &payload);
        for key in changes.dirty {
            let value = state.value(key);
            let is_text = matches!(key, StateKey::Motd | StateKey::Css | StateKey::Js);
            // What is nested deeper than a `Value` may be is CyTube's own, and passes as it came.
            let is_json = || serde_json::from_str::<&RawValue>(&value).is_ok();
            must(is_text || is_json(), || {
                format!("{key:?} is no JSON after {name}: {value}")
            })?;
        }
        let _ = (state.counts(), state.own_rank());
    }
    Ok(())
}

//! Subjects: from any name either an error or a subject that can be sent, which reads back.

use kryten_protocol::{subject, token};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{is_legal, must};
use crate::corpus::NAMES;
use crate::{generate, mutate};

/// Two names, a line feed between them: of a channel and of an event.
pub(super) fn make(random: &mut StdRng) -> Vec<u8> {
    let mut name = || match random.random_range(0..4) {
        0 => generate::text(random),
        1 => mutate::odd_text(random),
        _ => {
            let name = NAMES.choose(random).cloned().unwrap_or_default();
            let mut name = name.into_bytes();
            if random.random_bool(0.5) {
                mutate::bytes(random, &mut name);
            }
            String::from_utf8_lossy(&name).into_owned()
        }
    };
    format!("{}\n{}", name(), name()).into_bytes()
}

pub(super) fn check(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let (one, other) = text.split_once('\n').unwrap_or((&text, "x"));
    // Whatever a message's subject is, reading it is safe.
    let _ = subject::parse_event(&text);
    let _ = subject::parse_event(&format!("kryten.events.{text}"));
    let built = [
        subject::event(one, other),
        subject::gap(one),
        subject::command(one),
        subject::lifecycle(one, "startup"),
        subject::user_level(one, other),
        subject::user_level_of_python(one, other),
    ];
    for built in built.into_iter().flatten() {
        must(is_legal(&built), || format!("{built:?} cannot be sent"))?;
    }
    for wildcard in [subject::channel_events(one), subject::legacy_commands(one)]
        .into_iter()
        .flatten()
    {
        let before = wildcard.strip_suffix(".>").unwrap_or(&wildcard);
        must(is_legal(before), || {
            format!("{wildcard:?} cannot be subscribed")
        })?;
    }
    let token = token::normalize(one);
    must(token.chars().count() <= token::MAX_TOKEN_CHARS, || {
        format!("{token:?} is too long")
    })?;
    if let Ok(event) = subject::event(one, other) {
        // The originals take these for the second half of a domain.
        const TLDS: [&str; 9] = ["com", "be", "org", "net", "io", "tv", "gg", "me", "co"];
        if !TLDS.contains(&token.as_str()) {
            let parts = subject::parse_event(&event).map_err(|error| error.to_string())?;
            let is_same = parts.channel == token && parts.event == token::normalize(other);
            must(is_same, || format!("{event:?} is read as {parts:?}"))?;
        }
    }
    Ok(())
}

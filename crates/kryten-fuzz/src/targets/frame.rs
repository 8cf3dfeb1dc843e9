//! Texts of CyTube's socket: what is written again is the same, and no order of them is too much for a session.

use std::time::{Duration, Instant};

use kryten_cytube::CytubeConfig;
use kryten_cytube::frame::{Frame, payload};
use kryten_cytube::session::Session;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::Value;

use super::must;
use crate::corpus::SOCKET;
use crate::{generate, mutate};

/// Several texts, a line feed after each; JSON has none of its own.
pub(super) fn make(random: &mut StdRng) -> Vec<u8> {
    let mut texts = Vec::new();
    for _ in 0..random.random_range(1..8) {
        let text = match random.random_range(0..10) {
            0 => generate::text(random),
            _ => one(random),
        };
        texts.extend(text.replace('\n', " ").into_bytes());
        texts.push(b'\n');
    }
    texts
}

fn one(random: &mut StdRng) -> String {
    let text = SOCKET.choose(random).cloned().unwrap_or_default();
    let json_at = text.find(['[', '{']).unwrap_or(text.len());
    let (kind, rest) = text.split_at(json_at);
    let mut text = match serde_json::from_str::<Value>(rest) {
        Ok(mut value) => {
            for _ in 0..random.random_range(0..3) {
                mutate::mangle(random, &mut value, &[]);
            }
            format!("{kind}{value}").into_bytes()
        }
        Err(_) => text.into_bytes(),
    };
    if random.random_ratio(1, 4) {
        mutate::bytes(random, &mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

pub(super) fn check(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let mut now = Instant::now();
    let mut session = Session::new(&CytubeConfig::new("cytu.be", "Lounge"), now);
    for text in text.split('\n') {
        let actions = session.receive(text, now);
        drop(format!("{actions:?}"));
        // To the deadline, as the connection's task does, but not to the end of time.
        now = session.next_deadline().min(now + Duration::from_secs(60));
        let _ = session.tick(now);
        let Ok(frame) = Frame::parse(text) else {
            continue;
        };
        let written = frame.encode();
        let again = Frame::parse(&written)
            .map_err(|error| format!("{written:?} cannot be read again: {error}"))?;
        must(again.encode() == written, || {
            format!("{written:?} is read as {again:?}")
        })?;
        if let Frame::Event { args, .. } = frame {
            let whole = payload(args);
            let read = serde_json::from_str::<&serde_json::value::RawValue>(whole.get());
            must(read.is_ok(), || format!("the payload {whole} is no JSON"))?;
        }
    }
    Ok(())
}

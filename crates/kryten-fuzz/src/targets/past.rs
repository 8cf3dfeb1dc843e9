//! Recordings and logs of chat that are counted later: what is read can be counted, and nothing is read out of order.

use jiff::civil::date;
use jiff::tz::TimeZone;
use kryten_userstats::backfill::{Channel, ChatLogDates, PastEvent, read_chat_log, read_recording};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::json;
use serde_json::value::RawValue;

use super::must;
use crate::corpus::{ENVELOPES, NAMES, SOCKET};
use crate::mutate;

/// Lines of a recording: what was heard on the bus, bare envelopes, CyTube's frames.
pub(super) fn make_recording(random: &mut StdRng) -> Vec<u8> {
    let envelope = ENVELOPES.choose(random).cloned().unwrap_or_default();
    let frame = SOCKET.choose(random).cloned().unwrap_or_default();
    let corpus = [
        json!({"t": 1.5, "ts": 1_795_364_422.994, "subject": "kryten.events.cytube.lounge.chatmsg",
            "headers": {"Nats-Msg-Id": "line:1"}, "json": envelope}),
        envelope,
        json!({"ts": 1_795_364_422.994, "conn": 2, "dir": "s2c", "raw": frame}),
    ];
    mutate::message(random, &corpus)
}

pub(super) fn check_recording(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let event = read_recording(&text, &channel());
    must(event == read_recording(&text, &channel()), || {
        "read again, it is another event".to_owned()
    })?;
    event.iter().try_for_each(can_be_counted)
}

/// A log as the robot writes it, with lines of another hand.
pub(super) fn make_log(random: &mut StdRng) -> Vec<u8> {
    let mut log = Vec::new();
    for _ in 0..random.random_range(0..40) {
        let (hour, minute, second) = (
            random.random_range(0..25),
            random.random_range(0..61),
            random.random_range(0..61),
        );
        let user = NAMES.choose(random).cloned().unwrap_or_default();
        let text = mutate::odd_text(random);
        let mut line = format!("{hour:02}:{minute:02}:{second:02} <{user}>: {text}\n").into_bytes();
        if random.random_ratio(1, 8) {
            mutate::bytes(random, &mut line);
        }
        log.extend(line);
    }
    log
}

pub(super) fn check_log(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    let dates = ChatLogDates {
        last_day: date(2026, 11, 29),
        // A zone that sets its clocks back.
        zone: TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC),
    };
    let events = read_chat_log(&text, &channel(), &dates);
    must(events.len() <= text.lines().count(), || {
        format!("{} events of {} lines", events.len(), text.lines().count())
    })?;
    events.iter().try_for_each(can_be_counted)
}

fn can_be_counted(event: &PastEvent) -> Result<(), String> {
    let payload = serde_json::from_str::<&RawValue>(&event.payload);
    must(payload.is_ok(), || {
        format!("the payload {:?} is no JSON", event.payload)
    })?;
    // It must be possible to write the time down.
    let written = event.time.to_string();
    must(!written.is_empty() && event.precision_micros >= 0, || {
        format!(
            "the time {written:?} to {} microseconds",
            event.precision_micros
        )
    })
}

fn channel() -> Channel {
    Channel {
        domain: "cytu.be".to_owned(),
        channel: "Lounge".to_owned(),
    }
}

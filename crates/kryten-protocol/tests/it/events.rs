//! Events against what kryten-py 0.17.5 makes of the same bodies, and against a recording of the real robot.

use kryten_protocol::event::Event;
use kryten_protocol::time::WireTime;
use serde_json::Value;

/// Cases that kryten-py hands out untyped or drops, and we type: it knows whole numbers only and no defaults for
/// `null`, we take a number for a text and a text for a number.
const BETTER: [(&str, &str); 11] = [
    (
        "chatMsg msg null -> fallback raw",
        "null is the default text",
    ),
    (
        "chatMsg time string -> fallback raw",
        "a number may be written as text",
    ),
    (
        "chatMsg time absurdly large -> fallback raw",
        "the line is a line whatever its time",
    ),
    (
        "chatMsg rank 1.5 (leader) -> fallback raw",
        "ranks are fractional",
    ),
    (
        "chatMsg rank null -> fallback raw",
        "null is a missing rank",
    ),
    (
        "chatMsg username number -> fallback raw",
        "a text may be written as a number",
    ),
    (
        "addUser rank 1.5 (leader) -> fallback raw",
        "ranks are fractional",
    ),
    (
        "changeMedia seconds float -> fallback raw",
        "seconds are fractional",
    ),
    (
        "changeMedia title null -> fallback raw",
        "null is the default text",
    ),
    (
        "envelope: timestamp null -> dropped",
        "null is a missing time",
    ),
    (
        "playlist real CyTube shape (array) -> raw",
        "the shape that CyTube sends has a type",
    ),
];

/// Cases that kryten-py types and we hand out raw.
const RAW_HERE: [&str; 3] = [
    // CyTube never sends an object here; kryten-py types what no server says.
    "playlist synthetic object",
    "playlist object without uid",
    "playlist object empty",
];

/// Events that kryten-py has no type for and we have: raw there, typed here.
const NO_TYPE_THERE: [&str; 11] = [
    "queue -> raw",
    "delete -> raw",
    "moveVideo -> raw",
    "setCurrent (number payload) -> raw",
    "userlist (array) -> raw",
    "setAFK -> raw",
    "setUserRank -> raw",
    "emoteList -> raw",
    "mediaUpdate -> raw",
    "usercount -> raw",
    "rank -> raw",
];

fn vectors() -> Value {
    serde_json::from_str(include_str!("../fixtures/event_vectors.json")).unwrap()
}

fn recording() -> Vec<Value> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/recordings/robot_nats.jsonl"
    );
    let lines = std::fs::read_to_string(path).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| {
            line["subject"]
                .as_str()
                .unwrap()
                .starts_with("kryten.events.")
        })
        .map(|line| line["json"].clone())
        .collect()
}

fn parse(raw: &Value) -> Option<Event> {
    Event::parse(&serde_json::to_vec(raw).unwrap()).ok()
}

fn is_typed(event: &Event) -> bool {
    !matches!(event, Event::Raw(_))
}

#[test]
fn every_body_is_delivered_as_the_original_does_or_better() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 87);
    for case in cases {
        let name = case["case"].as_str().unwrap();
        let event = parse(&case["raw"]);
        let better = BETTER.iter().any(|(better, _)| *better == name);
        let expected = match case["delivered_as"].as_str() {
            _ if better => Some(true),
            None => None,
            Some("RawEvent") => Some(NO_TYPE_THERE.contains(&name)),
            Some(_) => Some(!RAW_HERE.contains(&name)),
        };
        assert_eq!(event.as_ref().map(is_typed), expected, "{name}");
    }
}

#[test]
fn typed_fields_are_those_of_the_original() {
    for case in vectors()["cases"].as_array().unwrap() {
        let name = case["case"].as_str().unwrap();
        let typed = &case["typed"];
        let Some(event) = parse(&case["raw"]) else {
            continue;
        };
        let envelope = event.envelope();
        assert_eq!(envelope.event_name, case["raw"]["event_name"], "{name}");
        assert_eq!(envelope.channel, case["raw"]["channel"], "{name}");
        assert_eq!(envelope.domain, case["raw"]["domain"], "{name}");
        if case["delivered_as"] == "RawEvent" || case["delivered_as"].is_null() {
            continue;
        }
        match &event {
            Event::ChatMsg(line) => {
                assert_eq!(typed["username"], line.username, "{name}");
                assert_eq!(typed["message"], line.msg, "{name}");
                assert_eq!(typed["shadow"], line.is_shadow(), "{name}");
                assert_eq!(typed["rank"].as_f64(), line.rank.or(Some(0.0)), "{name}");
            }
            Event::Pm(pm) => {
                assert_eq!(typed["username"], pm.line.username, "{name}");
                assert_eq!(typed["message"], pm.line.msg, "{name}");
                assert_eq!(typed["shadow"], pm.line.is_shadow(), "{name}");
            }
            Event::AddUser(user) => {
                assert_eq!(typed["username"], user.name, "{name}");
                assert_eq!(typed["rank"].as_f64(), Some(user.rank), "{name}");
            }
            Event::UserLeave(user) => assert_eq!(typed["username"], user.name, "{name}"),
            Event::ChangeMedia(change) => {
                assert_eq!(typed["media_type"], change.media.kind, "{name}");
                assert_eq!(typed["media_id"], change.media.id, "{name}");
                assert_eq!(typed["title"], change.media.title, "{name}");
                assert_eq!(
                    typed["duration"].as_f64(),
                    Some(change.media.seconds),
                    "{name}"
                );
                assert_eq!(typed["uid"], change.uid.unwrap_or(0), "{name}");
            }
            Event::Raw(_) => assert!(RAW_HERE.contains(&name), "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        let is_line = matches!(event, Event::ChatMsg(_) | Event::Pm(_));
        // CyTube dates nothing but lines, so a time elsewhere is not looked at.
        if case["non_deterministic_fields"].is_null()
            && (is_line || case["raw"]["payload"]["time"].is_null())
        {
            let theirs = WireTime::parse(typed["timestamp"].as_str().unwrap()).unwrap();
            assert_eq!(event.time().unwrap().millis(), theirs.millis(), "{name}");
        }
    }
}

#[test]
fn what_is_no_event_is_an_error() {
    let vectors = vectors();
    let messages = vectors["undecodable_messages"].as_array().unwrap();
    assert_eq!(messages.len(), 8);
    for message in messages {
        let hex = message["bytes_hex"].as_str().unwrap();
        let hex = hex.trim_end_matches('.');
        let body: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        assert!(Event::parse(&body).is_err(), "{message}");
    }
    // The vector for the byte order mark is cut short; here is a whole one.
    let whole =
        "\u{feff}{\"event_name\":\"rank\",\"payload\":1,\"channel\":\"c\",\"domain\":\"d\"}";
    assert!(Event::parse(whole.as_bytes()).is_err());
}

/// Events of the recording that have no type, because all there is to them is their name or rarely of use.
const UNTYPED: [&str; 8] = [
    "addFilterSuccess",
    "clearVoteskipVote",
    "deleteChatFilter",
    "login",
    "readChanLog",
    "searchResults",
    "updateChatFilter",
    "validationPassed",
];

#[test]
fn every_recorded_event_is_typed_and_written_again_as_it_was() {
    let bodies = recording();
    assert_eq!(bodies.len(), 1403);
    for body in bodies {
        let event = parse(&body).unwrap();
        assert_eq!(serde_json::to_value(&event).unwrap(), body);
        assert_eq!(is_typed(&event), !UNTYPED.contains(&event.name()), "{body}");
    }
}

#[test]
fn the_options_of_a_channel_are_not_shown() {
    let body = br#"{"event_name":"channelOpts","payload":{"password":"hunter2"},"channel":"c","domain":"d"}"#;
    let event = Event::parse(body).unwrap();
    assert!(!format!("{event:?}").contains("hunter2"));
    let Event::ChannelOpts(options) = event else {
        panic!("channelOpts has a type");
    };
    assert_eq!(options.options["password"], "hunter2");
}

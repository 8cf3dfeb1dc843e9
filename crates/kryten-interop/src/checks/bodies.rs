//! Every body of the vectors and of the recording, given to the typed models of both.
//!
//! A body goes over the server to a real `KrytenClient`, and through [`Event::parse`]. Then our event goes the same way,
//! written again by us, and must arrive as the first one did.

use std::path::Path;

use anyhow::{Context, ensure};
use kryten_client::round_trip::round_trip;
use kryten_protocol::event::Event;
use kryten_protocol::time::WireTime;
use serde_json::{Value, json};

use super::{Report, Sides, same};

const DOMAIN: &str = "cytu.be";
const CHANNEL: &str = "bodies";
const MARK: &str = "interopMark";
/// What kryten-py has a type for and sends as an object where CyTube sends an array.
const NOT_OF_CYTUBE: &str = "PlaylistUpdateEvent";

/// What became of all bodies.
#[derive(Debug, Default)]
struct Tally {
    bodies: u32,
    typed_by_both: u32,
    typed_only_here: u32,
    read_only_here: u32,
}

pub(crate) async fn run(sides: &mut Sides, report: &mut Report) {
    for (what, bodies) in [("vector", vectors()), ("recorded body", recording())] {
        let name =
            format!("every {what} has the same type and fields on both sides, or better ones here");
        let result = match bodies {
            Ok(bodies) => all(sides, &bodies).await,
            Err(error) => Err(error),
        };
        report.add(
            &match &result {
                Ok(tally) => format!(
                    "{name} ({} bodies; typed by both {}, only here {}; read only here {})",
                    tally.bodies, tally.typed_by_both, tally.typed_only_here, tally.read_only_here
                ),
                Err(_) => name,
            },
            result.map(drop),
        );
    }
}

fn fixture(path: &str) -> anyhow::Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn vectors() -> anyhow::Result<Vec<Vec<u8>>> {
    let text = fixture("crates/kryten-protocol/tests/fixtures/event_vectors.json")?;
    let vectors: Value = serde_json::from_str(&text)?;
    let cases = vectors["cases"].as_array().context("cases")?;
    let mut bodies: Vec<_> = cases
        .iter()
        .map(|case| case["raw"].to_string().into_bytes())
        .collect();
    let whole = br#"{"event_name":"rank","payload":1,"channel":"c","domain":"d"}"#;
    for broken in [
        &b"hello"[..],
        b"\xff\xfe",
        b"",
        b"[1]",
        b"\"text\"",
        b"null",
        &[b"\xef\xbb\xbf", &whole[..]].concat(),
    ] {
        bodies.push(broken.to_vec());
    }
    Ok(bodies)
}

fn recording() -> anyhow::Result<Vec<Vec<u8>>> {
    let text = fixture("fixtures/recordings/robot_nats.jsonl")?;
    let mut bodies = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line)?;
        let subject = line["subject"].as_str().unwrap_or_default();
        if subject.starts_with("kryten.events.") {
            bodies.push(line["json"].to_string().into_bytes());
        }
    }
    Ok(bodies)
}

async fn all(sides: &mut Sides, bodies: &[Vec<u8>]) -> anyhow::Result<Tally> {
    let names = bodies.iter().filter_map(|body| {
        let body: Value = serde_json::from_slice(body).ok()?;
        Some(body["event_name"].as_str()?.to_lowercase())
    });
    let mut names: Vec<String> = names.chain([MARK.to_lowercase()]).collect();
    names.sort();
    names.dedup();
    let listen = json!({"do": "listen", "domain": DOMAIN, "channel": CHANNEL, "names": names});
    sides.python.ask(listen).await?;
    let heard = hear(sides, bodies.iter().map(|body| Some(body.clone()))).await?;
    let ours: Vec<Option<Event>> = bodies.iter().map(|body| Event::parse(body).ok()).collect();
    let again = ours
        .iter()
        .map(|event| serde_json::to_vec(event.as_ref()?).ok());
    let heard_again = hear(sides, again).await?;
    let mut tally = Tally::default();
    for (((body, theirs), ours), again) in bodies.iter().zip(&heard).zip(&ours).zip(&heard_again) {
        tally.bodies += 1;
        let compared = compare(theirs.as_ref(), ours.as_ref(), &mut tally);
        let compared = compared.and_then(|()| match theirs {
            Some(theirs) => as_before(body, theirs, again.as_ref()),
            // What kryten-py could not read it may be able to when we have written it.
            None => Ok(()),
        });
        compared.with_context(|| String::from_utf8_lossy(body).into_owned())?;
    }
    Ok(tally)
}

/// What the original client's handlers are given for each body; nothing where it drops one.
async fn hear(
    sides: &mut Sides,
    bodies: impl Iterator<Item = Option<Vec<u8>>>,
) -> anyhow::Result<Vec<Option<Value>>> {
    let nats = sides.rust.nats().clone();
    let subject = format!("kryten.events.cytube.{CHANNEL}.any");
    let mark = |payload: usize| {
        json!({"event_name": MARK, "payload": payload, "channel": CHANNEL, "domain": DOMAIN})
            .to_string()
    };
    let mut count = 0;
    for body in bodies {
        if let Some(body) = body {
            nats.publish(subject.clone(), body.into()).await?;
        }
        nats.publish(subject.clone(), mark(count).into()).await?;
        count += 1;
    }
    let end = format!("{MARK}End");
    let body = json!({"event_name": MARK, "payload": end, "channel": CHANNEL, "domain": DOMAIN});
    nats.publish(subject, body.to_string().into()).await?;
    ensure!(round_trip(&nats).await, "no round trip");
    let ask = json!({"do": "heard_until", "mark": MARK, "payload": end});
    let events = sides.python.ask(ask).await?;
    let mut heard = Vec::new();
    let mut last = None;
    for event in events.as_array().context("events")? {
        if event["event_name"] == MARK {
            heard.push(last.take());
        } else {
            ensure!(last.replace(event.clone()).is_none(), "one body came twice");
        }
    }
    same(heard.len(), count)?;
    Ok(heard)
}

/// Whether ours is what theirs is, or more.
fn compare(theirs: Option<&Value>, ours: Option<&Event>, tally: &mut Tally) -> anyhow::Result<()> {
    let Some(theirs) = theirs else {
        // A time of `null` is a missing one to us.
        tally.read_only_here += u32::from(ours.is_some());
        return Ok(());
    };
    let event = ours.context("kryten-py reads it and we do not")?;
    let envelope = event.envelope();
    same(&theirs["channel"], &json!(envelope.channel))?;
    same(&theirs["domain"], &json!(envelope.domain))?;
    if let Some(id) = &envelope.correlation_id {
        same(&theirs["correlation_id"], &json!(id))?;
    }
    let kind = theirs["type"].as_str().unwrap_or_default();
    if kind == "RawEvent" {
        let payload: Value = serde_json::from_str(envelope.payload.get())?;
        ensure!(same_json(&theirs["payload"], &payload), "the payload");
        same(&theirs["event_name"], &json!(envelope.event_name))?;
        tally.typed_only_here += u32::from(!matches!(event, Event::Raw(_)));
        return Ok(());
    }
    if kind == NOT_OF_CYTUBE {
        ensure!(matches!(event, Event::Raw(_)), "CyTube sends no such thing");
        return Ok(());
    }
    tally.typed_by_both += 1;
    let fields = match event {
        Event::ChatMsg(line) => chat(line),
        Event::Pm(pm) => chat(&pm.line),
        Event::AddUser(user) => {
            json!({"type": "UserJoinEvent", "username": user.name, "rank": user.rank})
        }
        Event::UserLeave(user) => json!({"type": "UserLeaveEvent", "username": user.name}),
        Event::ChangeMedia(change) => json!({
            "type": "ChangeMediaEvent", "media_type": change.media.kind, "media_id": change.media.id,
            "title": change.media.title, "duration": change.media.seconds, "uid": change.uid.unwrap_or(0),
        }),
        other => anyhow::bail!("{kind} is {} here", other.name()),
    };
    for (name, value) in fields.as_object().into_iter().flatten() {
        ensure!(
            same_json(&theirs[name], value),
            "{name}: {} and {value}",
            theirs[name]
        );
    }
    // Without a time in the body theirs is that of the reading; CyTube dates nothing but lines.
    let is_line = matches!(event, Event::ChatMsg(_) | Event::Pm(_));
    let dated: Value = serde_json::from_str(envelope.payload.get())?;
    if let (Some(time), true) = (event.time(), is_line || dated["time"].is_null()) {
        let theirs = theirs["timestamp"].as_str().and_then(WireTime::parse);
        same(theirs.map(WireTime::millis), Some(time.millis()))?;
    }
    Ok(())
}

fn chat(line: &kryten_protocol::event::chat::ChatMsg) -> Value {
    json!({"type": "ChatMessageEvent", "username": line.username, "message": line.msg,
           "shadow": line.is_shadow(), "rank": line.rank.unwrap_or(0.0)})
}

/// The same event, written by us, arrives as it did before; what the body did not say is made up anew each time.
fn as_before(body: &[u8], theirs: &Value, again: Option<&Value>) -> anyhow::Result<()> {
    let (mut theirs, mut again) = (
        theirs.clone(),
        again.context("written by us it is dropped")?.clone(),
    );
    let body: Value = serde_json::from_slice(body)?;
    for (said, field) in [
        ("timestamp", "timestamp"),
        ("correlation_id", "correlation_id"),
    ] {
        if body.get(said).is_none() {
            theirs[field] = Value::Null;
            again[field] = Value::Null;
        }
    }
    for event in [&mut theirs, &mut again] {
        // An offset may be written in another way.
        let time = event["timestamp"].as_str().and_then(WireTime::parse);
        event["timestamp"] = json!(time.map(WireTime::micros));
    }
    ensure!(
        same_json(&theirs, &again),
        "written by us it is {again}, and was {theirs}"
    );
    Ok(())
}

/// Equal, whatever form a number has.
fn same_json(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other.get(name).is_some_and(|other| same_json(value, other))
                })
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| same_json(one, other))
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

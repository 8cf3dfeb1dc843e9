//! Lines of recordings: of the bus as `kryten record` writes it, bare envelopes, and of CyTube's frames as `kryten sim`
//! plays them. Pure.

use std::borrow::Cow;

use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::line::LINE_ID_PREFIX;
use kryten_protocol::time::WireTime;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::PastEvent;

/// Whose frames they are; they do not say it themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The CyTube host.
    pub domain: String,
    /// The channel's name.
    pub channel: String,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    ts: Option<f64>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    json: Option<&'a RawValue>,
    #[serde(borrow, default)]
    raw: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    dir: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: Option<Value>,
}

/// Reads a line; `None` for what is no event of CyTube.
pub fn read(line: &str, frames_of: &Channel) -> Option<PastEvent> {
    let recorded: Line<'_> = serde_json::from_str(line).ok()?;
    let at = recorded
        .ts
        .map(|ts| WireTime::from_micros((ts * 1e6) as i64));
    if recorded.dir.as_deref() == Some("s2c") {
        return frame(recorded.raw.as_deref()?, at?, frames_of);
    }
    let id = recorded.headers.as_ref().and_then(|headers| {
        let id = headers.get("Nats-Msg-Id")?.as_str()?;
        id.starts_with(LINE_ID_PREFIX).then(|| id.to_owned())
    });
    match (&recorded.subject, recorded.json) {
        (Some(subject), Some(json)) if subject.starts_with("kryten.events.cytube.") => {
            envelope(json.get().as_bytes(), at, id)
        }
        (Some(_), _) => None,
        (None, _) => envelope(line.as_bytes(), at, id),
    }
}

fn envelope(json: &[u8], at: Option<WireTime>, line_id: Option<String>) -> Option<PastEvent> {
    let envelope = EnvelopeRef::parse(json).ok()?;
    Some(PastEvent {
        time: envelope.timestamp.or(at)?,
        domain: envelope.domain.into_owned(),
        channel: envelope.channel.into_owned(),
        name: envelope.event_name.into_owned(),
        payload: envelope.payload.get().to_owned(),
        line_id,
        precision_micros: 0,
    })
}

/// An event is `42["name",payload]`.
fn frame(raw: &str, time: WireTime, of: &Channel) -> Option<PastEvent> {
    let arguments: Vec<&RawValue> = serde_json::from_str(raw.strip_prefix("42")?).ok()?;
    let name: String = serde_json::from_str(arguments.first()?.get()).ok()?;
    let payload = arguments.get(1).map_or("null", |payload| payload.get());
    Some(PastEvent {
        domain: of.domain.clone(),
        channel: of.channel.clone(),
        name,
        payload: payload.to_owned(),
        time,
        line_id: None,
        precision_micros: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_read() {
        let of = Channel {
            domain: "cytu.be".into(),
            channel: "Lounge".into(),
        };
        let envelope = r#"{"event_name":"chatMsg","payload":{"username":"a"},"channel":"C","domain":"d","timestamp":"2026-11-22T16:20:34+00:00"}"#;
        let bus = format!(
            r#"{{"ts":1.5,"subject":"kryten.events.cytube.c.chatmsg","headers":{{"Nats-Msg-Id":"line-1"}},"json":{envelope}}}"#
        );
        let event = read(&bus, &of).unwrap();
        assert_eq!(
            (event.channel.as_str(), event.line_id.as_deref()),
            ("C", Some("line-1"))
        );
        assert_eq!(read(envelope, &of).unwrap().name, "chatMsg");
        let frame =
            r#"{"t":1,"ts":1795364434.5,"dir":"s2c","raw":"42[\"addUser\",{\"name\":\"bob\"}]"}"#;
        let event = read(frame, &of).unwrap();
        assert_eq!(
            (event.name.as_str(), event.channel.as_str()),
            ("addUser", "Lounge")
        );
        assert_eq!(event.time.millis(), 1_795_364_434_500);
        for other in [
            "",
            "{",
            "[]",
            "null",
            r#"{"dir":"c2s","ts":1,"raw":"42[\"x\",1]"}"#,
            r#"{"dir":"s2c","ts":1,"raw":"3"}"#,
            r#"{"dir":"s2c","raw":"42[\"x\"]"}"#,
            r#"{"subject":"kryten.robot.command","json":{"command":"say"}}"#,
            r#"{"subject":"kryten.events.cytube.c.x","raw":"no json"}"#,
        ] {
            assert_eq!(read(other, &of), None, "{other}");
        }
    }
}

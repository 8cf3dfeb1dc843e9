//! A recording of the bus: one JSON object a line. Pure.
//!
//! `t` are seconds since the recording began and `ts` since the Unix epoch; then `seq` where it comes from the stream,
//! `subject`, `reply`, `headers`, `size` of the body in bytes, and the body: `json` where it is JSON, `raw` where it is other
//! text, `base64` where it is no text.

use async_nats::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A message of the bus.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) reply: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// When it was received, or stored, in nanoseconds since the Unix epoch.
    pub(crate) time_nanos: i128,
    /// Its place in the stream.
    pub(crate) sequence: Option<u64>,
}

#[derive(Serialize)]
struct Written<'a> {
    t: f64,
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    subject: &'a str,
    reply: Option<&'a str>,
    headers: Option<Map<String, Value>>,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// A line, without its end.
pub(crate) fn line(message: &Message, began_nanos: i128) -> Result<String, serde_json::Error> {
    let text = std::str::from_utf8(&message.body).ok();
    // JSON with line breaks or blanks around it would not come back as it was.
    let json = text
        .filter(|text| !text.contains(['\n', '\r']) && text.trim().len() == text.len())
        .and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    let written = Written {
        t: seconds(message.time_nanos - began_nanos, 10_000.0),
        ts: seconds(message.time_nanos, 1_000_000.0),
        seq: message.sequence,
        subject: &message.subject,
        reply: message.reply.as_deref(),
        headers: (!message.headers.is_empty()).then(|| headers(&message.headers)),
        size: message.body.len(),
        json,
        raw: text.filter(|_| json.is_none()),
        base64: text.is_none().then(|| STANDARD.encode(&message.body)),
    };
    serde_json::to_string(&written)
}

/// Rounded to what a clock can tell, so that the digits are few.
fn seconds(nanos: i128, parts: f64) -> f64 {
    (nanos as f64 / 1e9 * parts).round() / parts
}

fn headers(map: &HeaderMap) -> Map<String, Value> {
    let mut headers = Map::new();
    let mut named: Vec<_> = map.iter().collect();
    named.sort_by(|(one, _), (other, _)| {
        let (one, other): (&str, &str) = (one.as_ref(), other.as_ref());
        one.cmp(other)
    });
    for (name, values) in named {
        let name: &str = name.as_ref();
        let values: Vec<Value> = values.iter().map(|value| value.as_str().into()).collect();
        let value = match values.as_slice() {
            [one] => one.clone(),
            _ => values.into(),
        };
        headers.insert(name.to_owned(), value);
    }
    headers
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(default)]
    t: Option<f64>,
    #[serde(default)]
    ts: Option<f64>,
    #[serde(default)]
    seq: Option<u64>,
    subject: String,
    #[serde(default)]
    reply: Option<String>,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(borrow, default, deserialize_with = "also_null")]
    json: Option<&'a RawValue>,
    #[serde(default)]
    raw: Option<String>,
    #[serde(default)]
    base64: Option<String>,
}

/// The JSON `null` is a body, too.
fn also_null<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A line that was read: the message, and at which second of the recording it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) message: Message,
    pub(crate) at: f64,
}

/// Reads a line, or says what is wrong with it.
pub(crate) fn read(line: &str) -> Result<Recorded, String> {
    let read: Read<'_> = serde_json::from_str(line)
        .map_err(|error| format!("it is no line of a recording: {error}"))?;
    let is_token = |token: &str| {
        !matches!(token, "" | "*" | ">")
            && !token.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    if !read.subject.split('.').all(is_token) {
        return Err(format!("{:?} is no subject", read.subject));
    }
    let body = match (read.json, read.raw, read.base64) {
        (Some(json), None, None) => json.get().to_owned().into_bytes(),
        (None, Some(raw), None) => raw.into_bytes(),
        (None, None, Some(base64)) => STANDARD
            .decode(base64)
            .map_err(|error| format!("its base64 cannot be read: {error}"))?,
        _ => return Err("it needs one of `json`, `raw` and `base64`".to_owned()),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in read.headers.unwrap_or_default() {
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        for value in values {
            let parsed = (
                name.parse::<async_nats::HeaderName>(),
                value
                    .as_str()
                    .and_then(|value| value.parse::<async_nats::HeaderValue>().ok()),
            );
            let (Ok(name), Some(value)) = parsed else {
                return Err(format!("its header {name:?} cannot be sent"));
            };
            headers.append(name, value);
        }
    }
    let finite = |seconds: Option<f64>| seconds.filter(|seconds| seconds.is_finite());
    let at = finite(read.t).or(finite(read.ts)).unwrap_or(0.0);
    Ok(Recorded {
        message: Message {
            subject: read.subject,
            reply: read.reply,
            headers,
            body: body.into(),
            time_nanos: (finite(read.ts).unwrap_or(0.0) * 1e9) as i128,
            sequence: read.seq,
        },
        at,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(body: &[u8]) -> Message {
        let mut headers = HeaderMap::new();
        headers.append("Nats-Msg-Id", "a1");
        headers.append("Two", "x");
        headers.append("Two", "y");
        Message {
            subject: "kryten.events.cytube.lounge.chatmsg".to_owned(),
            reply: None,
            headers,
            body: Bytes::copy_from_slice(body),
            time_nanos: 1_795_364_434_594_800_000,
            sequence: Some(7),
        }
    }

    #[test]
    fn a_line_has_the_fields_of_the_recordings_in_use() {
        let line = line(&message(br#"{"a": 1.50}"#), 1_795_364_434_000_000_000).unwrap();
        assert_eq!(
            line,
            r#"{"t":0.5948,"ts":1795364434.5948,"seq":7,"subject":"kryten.events.cytube.lounge.chatmsg","reply":null,"headers":{"Nats-Msg-Id":"a1","Two":["x","y"]},"size":11,"json":{"a": 1.50}}"#
        );
    }

    #[test]
    fn what_others_have_recorded_is_read() {
        let line = r#"{"t": 11.6, "ts": 1795364434.5, "subject": "a.b", "reply": "_INBOX.x", "headers": null, "size": 4, "json": null}"#;
        let recorded = read(line).unwrap();
        assert_eq!(
            (recorded.at, &recorded.message.body[..]),
            (11.6, &b"null"[..])
        );
        for (line, why) in [
            ("", "no line of a recording"),
            (r#"{"subject":"a b","json":1}"#, "is no subject"),
            (r#"{"subject":"a.>","json":1}"#, "is no subject"),
            (r#"{"subject":"a"}"#, "it needs one of"),
            (r#"{"subject":"a","json":1,"raw":"x"}"#, "it needs one of"),
            (r#"{"subject":"a","base64":"?"}"#, "base64"),
            (
                r#"{"subject":"a","json":1,"headers":{"a b\n":"x"}}"#,
                "header",
            ),
            (r#"{"subject":"a","json":1,"headers":{"a":7}}"#, "header"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_body_comes_back_byte_for_byte(body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            r#" ?(\{"a": ?[0-9]{1,25}\}|null|\[1,\r?\n2\]|text ☃|"x")\n?"#.prop_map(String::into_bytes),
        ]) {
            let message = message(&body);
            let line = line(&message, 0).unwrap();
            prop_assert!(!line.contains('\n'));
            let back = read(&line).unwrap().message;
            prop_assert_eq!(back.body, message.body);
            prop_assert_eq!(back.headers, message.headers);
        }
    }
}

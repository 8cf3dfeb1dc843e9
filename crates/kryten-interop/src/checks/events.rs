//! Events in our envelope, published as our robot does, arrive as the original client's typed events.

use async_nats::HeaderMap;
use kryten_client::EventStream;
use kryten_protocol::event::Envelope;
use kryten_protocol::state::EPOCH_HEADER;
use kryten_protocol::subject;
use kryten_protocol::time::WireTime;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::{Report, Sides, same};

const DOMAIN: &str = "cytu.be";
const CHANNEL: &str = "420Grindhouse";

struct Case {
    event: &'static str,
    payload: Value,
    /// What the Python handler is given, as far as it is named here.
    expected: Value,
}

fn cases() -> Vec<Case> {
    let chat_time = 1_795_363_003_123_i64;
    let case = |event, payload, expected| Case {
        event,
        payload,
        expected,
    };
    vec![
        case(
            "chatMsg",
            json!({"username": "bob", "msg": "h\u{e9}llo \u{2603} &amp; <b>", "meta": {"shadow": true}, "time": chat_time}),
            json!({"type": "ChatMessageEvent", "username": "bob", "message": "h\u{e9}llo \u{2603} &amp; <b>",
                   "shadow": true, "timestamp": "2026-11-22T15:56:43.123000Z"}),
        ),
        case(
            "pm",
            json!({"username": "ann", "to": "KrytenBot", "msg": "hi", "meta": {}, "time": chat_time}),
            json!({"type": "ChatMessageEvent", "username": "ann", "message": "hi", "shadow": false}),
        ),
        case(
            "addUser",
            json!({"name": "ann", "rank": 2, "profile": {"image": "", "text": ""}, "meta": {"afk": false}}),
            json!({"type": "UserJoinEvent", "username": "ann", "rank": 2,
                   "timestamp": "2026-11-22T15:56:43.465284Z"}),
        ),
        case(
            "userLeave",
            json!({"name": "ann"}),
            json!({"type": "UserLeaveEvent", "username": "ann"}),
        ),
        case(
            "changeMedia",
            json!({"id": "dQw4w9WgXcQ", "title": "T\u{ef}tle", "seconds": 212, "duration": "03:32", "type": "yt",
                   "currentTime": -3, "paused": false, "meta": {}}),
            json!({"type": "ChangeMediaEvent", "media_type": "yt", "media_id": "dQw4w9WgXcQ", "title": "T\u{ef}tle",
                   "duration": 212}),
        ),
        case(
            "usercount",
            json!(17),
            json!({"type": "RawEvent", "event_name": "usercount", "payload": 17}),
        ),
        case(
            "closePoll",
            Value::Null,
            json!({"type": "RawEvent", "event_name": "closePoll", "payload": null}),
        ),
        case(
            "userlist",
            json!([{"name": "ann", "rank": 1.5}]),
            json!({"type": "RawEvent", "payload": [{"name": "ann", "rank": 1.5}]}),
        ),
    ]
}

pub(crate) async fn run(sides: &mut Sides, report: &mut Report) {
    let cases = cases();
    let names: Vec<&str> = cases.iter().map(|case| case.event).collect();
    let listen = json!({"do": "listen", "domain": DOMAIN, "channel": CHANNEL, "names": names});
    let started = sides.python.ask(listen).await.map(drop);
    report.add("a KrytenClient connects", started);
    for case in &cases {
        let name = format!(
            "{} arrives as {}",
            case.event,
            case.expected["type"].as_str().unwrap_or_default()
        );
        report.add(&name, check(sides, case).await);
    }
}

async fn check(sides: &mut Sides, case: &Case) -> anyhow::Result<()> {
    let correlation_id = uuid::Uuid::new_v4().to_string();
    publish(sides, case, &correlation_id).await?;
    let heard = sides.python.ask(json!({"do": "heard", "count": 1})).await?;
    same(heard.as_array().map(Vec::len), Some(1))?;
    let event = &heard[0];
    same(&event["channel"], &json!(CHANNEL))?;
    same(&event["domain"], &json!(DOMAIN))?;
    same(&event["correlation_id"], &json!(correlation_id))?;
    for (field, expected) in case.expected.as_object().into_iter().flatten() {
        same((field, &event[field]), (field, expected))?;
    }
    Ok(())
}

/// One event on its subject, in the stream, with the headers that only we write.
async fn publish(sides: &Sides, case: &Case, correlation_id: &str) -> anyhow::Result<()> {
    EventStream::open_or_create(&sides.rust).await?;
    let envelope = Envelope {
        event_name: case.event.to_owned(),
        payload: to_raw_value(&case.payload)?,
        channel: CHANNEL.to_owned(),
        domain: DOMAIN.to_owned(),
        timestamp: WireTime::from_micros(1_795_363_003_465_284),
        correlation_id: correlation_id.to_owned(),
    };
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", correlation_id);
    headers.insert(EPOCH_HEADER, "3");
    let subject = subject::event(CHANNEL, case.event)?;
    let body = serde_json::to_vec(&envelope)?;
    let jetstream = sides.rust.jetstream();
    jetstream
        .publish_with_headers(subject, headers, body.into())
        .await?
        .await?;
    Ok(())
}

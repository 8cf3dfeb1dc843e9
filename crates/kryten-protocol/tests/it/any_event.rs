//! No body makes the event types panic or lose anything.

use kryten_protocol::event::{Event, RawEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Keys that payloads have, so that the values in them are looked at.
const KEYS: &[&str] = &[
    "username",
    "name",
    "msg",
    "time",
    "rank",
    "meta",
    "shadow",
    "user",
    "profile",
    "afk",
    "id",
    "type",
    "seconds",
    "title",
    "uid",
    "item",
    "media",
    "after",
    "from",
    "temp",
    "counts",
    "options",
    "count",
    "reason",
    "css",
    "image",
    "currentTime",
    "paused",
];

fn payload() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof!["[0-9.eE?+-]{0,12}", ".{0,12}", Just("prepend".to_owned())]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(KEYS), inner), 0..8).prop_map(|fields| {
                Value::Object(
                    fields
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_bytes_are_an_event_or_an_error(body: Vec<u8>) {
        let _ = Event::parse(&body);
    }

    #[test]
    fn any_payload_keeps_its_envelope(name in prop::sample::select(Event::TYPED), payload in payload()) {
        let body = json!({"event_name": name, "payload": payload, "channel": "c", "domain": "d"});
        let body = serde_json::to_vec(&body).unwrap();
        let event = Event::parse(&body).unwrap();
        prop_assert_eq!(event.envelope(), &RawEvent::parse(&body).unwrap());
        let again = serde_json::to_vec(&event).unwrap();
        prop_assert_eq!(Event::parse(&again).unwrap(), event.clone());
        // Whatever time it claims, it can be shown.
        let _ = format!("{event:?} {:?}", event.time().map(|time| time.to_string()));
    }
}

#[test]
fn what_no_json_value_holds_goes_through_raw() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for payload in [r#""\ud800""#, r#"{"msg":"\ud800"}"#, deep.as_str(), "1e400"] {
        let body =
            format!(r#"{{"event_name":"chatMsg","payload":{payload},"channel":"c","domain":"d"}}"#);
        let event = Event::parse(body.as_bytes()).unwrap();
        assert!(matches!(event, Event::Raw(_)));
        assert_eq!(event.envelope().payload.get(), payload);
    }
}

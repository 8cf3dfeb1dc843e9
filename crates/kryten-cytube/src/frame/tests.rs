use proptest::prelude::*;

use super::*;

fn event(text: &str) -> (String, String, Option<u64>) {
    match Frame::parse(text).unwrap() {
        Frame::Event { name, args, ack } => (name, payload(args).get().to_owned(), ack),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_events_payload_is_its_arguments_byte_for_byte() {
    for (text, name, payload) in [
        (r#"42["closePoll"]"#, "closePoll", "null"),
        (r#"42["closePoll",null]"#, "closePoll", "null"),
        (r#"42["usercount",7]"#, "usercount", "7"),
        (
            r#"42["mediaUpdate",{"currentTime":15.007999999999996,  "paused":false}]"#,
            "mediaUpdate",
            r#"{"currentTime":15.007999999999996,  "paused":false}"#,
        ),
        (r#"42["e",1,{"a":2},"x"]"#, "e", r#"[1,{"a":2},"x"]"#),
        (
            r#"42["setAFK", {"afk": true}]"#,
            "setAFK",
            r#"{"afk": true}"#,
        ),
        (r#"42/,["e",1]"#, "e", "1"),
        (r#"42["\u00fcml\"aut",1e400]"#, "üml\"aut", "1e400"),
    ] {
        assert_eq!(event(text), (name.to_owned(), payload.to_owned(), None));
    }
    assert_eq!(
        event(r#"4217["e",[]]"#),
        ("e".to_owned(), "[]".to_owned(), Some(17))
    );
}

#[test]
fn garbage_is_an_error_value() {
    use FrameError as E;
    for (text, expected) in [
        ("", E::Empty),
        ("4", E::Empty),
        ("9", E::UnknownType("9".into())),
        ("é", E::UnknownType("é".into())),
        ("4é", E::UnknownType("4é".into())),
        ("49", E::UnknownType("49".into())),
        ("42[]", E::NoName),
        ("42[1]", E::NoName),
        ("43[1]", E::NoId),
        ("451-[\"e\"]", E::Binary),
        ("42/chat,[\"e\"]", E::Namespace("/chat".into())),
    ] {
        assert_eq!(Frame::parse(text).unwrap_err(), expected, "{text}");
    }
    for text in [
        "0",
        "0{}",
        "42",
        "42{",
        "42{}",
        "42[\"e\",",
        "4299999999999999999999",
        "40{",
        "44x",
        "431",
    ] {
        assert!(
            matches!(Frame::parse(text), Err(E::Json(_))),
            "{text}: {:?}",
            Frame::parse(text)
        );
    }
}

#[test]
fn the_handshakes_packets_are_read_as_cytube_writes_them() {
    let open = r#"0{"sid":"vgixgovv","upgrades":[],"pingInterval":25000,"pingTimeout":120000,"maxPayload":1048576}"#;
    let Frame::Open(open) = Frame::parse(open).unwrap() else {
        panic!()
    };
    assert_eq!((open.ping_interval, open.ping_timeout), (25_000, 120_000));
    assert_eq!(open.max_payload, Some(1_048_576));
    assert!(matches!(Frame::parse("40"), Ok(Frame::Connect(None))));
    assert!(matches!(
        Frame::parse(r#"40{"sid":"x"}"#),
        Ok(Frame::Connect(Some(_)))
    ));
    assert!(matches!(Frame::parse("41"), Ok(Frame::Disconnect)));
    for refusal in [
        r#"44"Rate limit exceeded""#,
        r#"44{"message":"Rate limit exceeded"}"#,
    ] {
        assert!(matches!(
            Frame::parse(refusal),
            Ok(Frame::ConnectError(Some(_)))
        ));
    }
    assert!(matches!(Frame::parse("2probe"), Ok(Frame::Ping(text)) if text == "probe"));
}

#[test]
fn deeply_nested_json_does_not_overflow_the_stack() {
    let text = format!("42[\"e\",{}{}]", "[".repeat(200_000), "]".repeat(200_000));
    let _ = Frame::parse(&text);
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map(".*", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_a_frame_or_an_error(text in ".*") {
        let _ = Frame::parse(&text);
    }

    #[test]
    fn any_text_after_a_packet_type_is_a_frame_or_an_error(kind in "4?[0-6][0-9]{0,25}/?", text in ".*") {
        let _ = Frame::parse(&format!("{kind}{text}"));
    }

    #[test]
    fn an_event_reads_back(
        name in ".*",
        values in prop::collection::vec(json_value(), 0..4),
        ack in proptest::option::of(any::<u64>()),
    ) {
        let args: Vec<_> = values.iter().map(|v| serde_json::value::to_raw_value(v).unwrap()).collect();
        let texts: Vec<_> = args.iter().map(|arg| arg.get().to_owned()).collect();
        let encoded = Frame::Event { name: name.clone(), args, ack }.encode();
        let Frame::Event { name: read_name, args, ack: read_ack } = Frame::parse(&encoded).unwrap() else {
            panic!("no event: {encoded}")
        };
        prop_assert_eq!(read_name, name);
        prop_assert_eq!(read_ack, ack);
        let read: Vec<_> = args.iter().map(|arg| arg.get().to_owned()).collect();
        prop_assert_eq!(read, texts);
    }

    #[test]
    fn an_answer_reads_back(id in any::<u64>(), values in prop::collection::vec(json_value(), 0..3)) {
        let args: Vec<_> = values.iter().map(|v| serde_json::value::to_raw_value(v).unwrap()).collect();
        let expected = args.len();
        let Frame::Ack { id: read, args } = Frame::parse(&Frame::Ack { id, args }.encode()).unwrap() else { panic!() };
        prop_assert_eq!((read, args.len()), (id, expected));
    }
}

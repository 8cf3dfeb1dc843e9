use proptest::prelude::*;
use serde_json::json;

use super::*;

fn unified(name: &str, args: Value) -> Result<ChannelCommand, String> {
    let args = args.as_object().unwrap();
    let parsed = parse(name, args, Dialect::Unified).expect("a known name");
    parsed.map_err(|error| error.to_string())
}

#[test]
fn all_spellings_of_a_name_are_one_action() {
    for names in [
        &["set_motd", "setMotd", "SETMOTD"][..],
        &["searchLibrary", "search_library", "searchMedia"],
        &["shadow_mute_user", "smute", "shadow_mute"],
        &["rmvideo", "delete", "delete_video"],
    ] {
        let actions: Vec<_> = names.iter().map(|name| action_of(name).unwrap()).collect();
        assert!(
            actions.windows(2).all(|pair| pair[0] == pair[1]),
            "{names:?}"
        );
    }
    assert_eq!(action_of("nonsense.command"), None);
    assert_eq!(action_of(""), None);
}

#[test]
fn every_missing_argument_is_named_in_the_originals_words() {
    for (name, args, error) in [
        ("say", json!({}), "Missing message"),
        ("say", json!({"message": "  "}), "Missing message"),
        ("pm", json!({"to": "bob"}), "Missing username or message"),
        ("mute", json!({}), "Missing username"),
        ("kick", json!({"reason": "x"}), "Missing username"),
        ("rmvideo", json!({}), "Missing uid"),
        ("mvvideo", json!({"from": 1}), "Missing 'from' or 'after'"),
        ("jump", json!({}), "Missing uid"),
        ("settemp", json!({"uid": 1}), "Missing uid or temp"),
        ("seek", json!({}), "Missing time"),
        ("setOptions", json!({"options": {}}), "Missing options"),
        ("setPermissions", json!({}), "Missing permissions"),
        ("updateEmote", json!({"name": "a"}), "Missing name or image"),
        ("removeEmote", json!({}), "Missing name"),
        ("addFilter", json!({"name": "a"}), "Missing name or source"),
        ("newPoll", json!({"title": "a"}), "Missing title or options"),
        ("vote", json!({}), "Missing option"),
        (
            "setChannelRank",
            json!({"name": "a"}),
            "Missing username or rank",
        ),
        ("unban", json!({}), "Missing username or ban_id"),
        ("searchLibrary", json!({}), "Missing query"),
        ("deleteFromLibrary", json!({}), "Missing media_id"),
        (
            "playlist.move",
            json!({"payload": {}}),
            "Missing from_uid or after_uid in payload",
        ),
        ("playlist.queue", json!({}), "Missing item in payload"),
        (
            "playlist.delete",
            json!({"payload": 1}),
            "Missing uid in payload",
        ),
    ] {
        assert_eq!(unified(name, args).unwrap_err(), error, "{name}");
    }
}

#[test]
fn names_that_would_be_more_arguments_are_refused() {
    for name in ["u extra", "a\nb", "ünïcode", "", "aaaaaaaaaaaaaaaaaaaaa"] {
        assert!(
            unified("kick", json!({"username": name})).is_err(),
            "{name:?}"
        );
    }
    assert_eq!(
        unified("kick", json!({"name": " bob ", "reason": "two\nlines"})).unwrap(),
        ChannelCommand::Kick {
            username: "bob".into(),
            reason: "two lines".into()
        }
    );
}

#[test]
fn typed_commands_are_taken_for_what_they_are() {
    let mute = ChannelCommand::Mute {
        username: "bob".into(),
    };
    assert_eq!(
        unified("chat", json!({"message": "/mute bob"})).unwrap(),
        mute
    );
    assert_eq!(
        unified("say", json!({"message": "/kick bob you know why"})).unwrap(),
        ChannelCommand::Kick {
            username: "bob".into(),
            reason: "you know why".into()
        }
    );
    let me = ChannelCommand::Say {
        message: "/me waves".into(),
    };
    assert_eq!(unified("say", json!({"msg": "/me waves"})).unwrap(), me);
    let bare = ChannelCommand::Say {
        message: "/mute".into(),
    };
    assert_eq!(unified("say", json!({"msg": "/mute"})).unwrap(), bare);
}

#[test]
fn a_blank_before_a_typed_command_makes_a_line_of_it() {
    for message in [
        " /kick bob",
        "\n/ban bob",
        "\u{a0}/mute bob",
        "\u{1}/smute bob",
        "\u{3000}/unmute bob",
    ] {
        let line = ChannelCommand::Say {
            message: message.to_owned(),
        };
        assert_eq!(unified("say", json!({"message": message})).unwrap(), line);
    }
}

#[test]
fn numbers_may_be_texts_and_zero_is_an_item() {
    assert_eq!(
        unified("jump", json!({"uid": 0})).unwrap(),
        ChannelCommand::Jump { uid: 0 }
    );
    assert_eq!(
        unified("jump", json!({"uid": "51"})).unwrap(),
        ChannelCommand::Jump { uid: 51 }
    );
    assert_eq!(
        unified("mvvideo", json!({"from": "3", "after": "0"})).unwrap(),
        ChannelCommand::Move {
            uid: 3,
            after: After::Uid(0)
        }
    );
    assert_eq!(
        unified(
            "playlist.move",
            json!({"payload": {"from_uid": 0, "after_uid": "prepend"}})
        )
        .unwrap(),
        ChannelCommand::Move {
            uid: 0,
            after: After::Prepend
        }
    );
    assert_eq!(
        unified("jump", json!({"uid": "x"})).unwrap_err(),
        "uid must be a whole number"
    );
    assert!(unified("rmvideo", json!({"uid": -1})).is_err());
    assert!(unified("rmvideo", json!({"uid": true})).is_err());
}

#[test]
fn a_video_is_named_by_type_and_id_or_by_address() {
    let queue =
        |name: &str, args: Value, dialect| match parse(name, args.as_object().unwrap(), dialect)
            .unwrap()
        {
            Ok(ChannelCommand::Queue {
                media, next, temp, ..
            }) => Ok((media.kind, media.id, next, temp)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        };
    let media = |kind: &str, id: &str, next, temp| Ok((kind.to_owned(), id.to_owned(), next, temp));
    let of = queue(
        "addvideo",
        json!({"type": "yt", "id": "a", "pos": "next"}),
        Dialect::Unified,
    );
    assert_eq!(of, media("yt", "a", true, true));
    let of = queue("queue", json!({"url": "yt:d91_legacy"}), Dialect::Legacy);
    assert_eq!(of, media("yt", "d91_legacy", false, false));
    let of = queue(
        "add_video",
        json!({"media_type": "vi", "media_id": 5, "temp": "false"}),
        Dialect::Legacy,
    );
    assert_eq!(of, media("vi", "5", false, false));
    let item = json!({"payload": {"item": {"media": {"type": "yt", "id": "a"}, "temp": false}}});
    assert_eq!(
        queue("playlist.queue", item, Dialect::Unified),
        media("yt", "a", false, false)
    );
    let wrong = queue("addvideo", json!({"url": "hello"}), Dialect::Unified);
    assert!(wrong.unwrap_err().starts_with("Failed to add video"));
    let wrong = queue(
        "addvideo",
        json!({"type": "yt", "id": "a", "pos": 7}),
        Dialect::Unified,
    );
    assert!(wrong.unwrap_err().contains("\"end\" or \"next\""));
}

#[test]
fn a_poll_takes_its_choices_under_both_names_and_bans_go_by_number_alone() {
    for field in ["opts", "options"] {
        let poll = unified("newPoll", json!({"title": "t", field: ["a", 2]})).unwrap();
        assert!(
            matches!(poll, ChannelCommand::NewPoll { options, timeout: 0, .. } if options == ["a", "2"])
        );
    }
    assert!(
        unified(
            "newPoll",
            json!({"title": "t", "opts": ["a"], "timeout": 90_000})
        )
        .is_err()
    );
    assert_eq!(
        unified("unban", json!({"id": 4})).unwrap(),
        ChannelCommand::Unban {
            username: None,
            id: Some(4)
        }
    );
}

#[test]
fn a_filter_has_the_usual_flags_only_where_none_are_given() {
    for (given, flags) in [
        (json!({}), "gi"),
        (json!({"flags": null}), "gi"),
        (json!({"flags": ""}), ""),
        (json!({"flags": "g"}), "g"),
    ] {
        let mut args = json!({"name": "a", "source": "b"});
        let fields = args.as_object_mut().unwrap();
        fields.extend(given.as_object().unwrap().clone());
        for name in ["addFilter", "updateFilter"] {
            let (ChannelCommand::AddFilter(filter) | ChannelCommand::UpdateFilter(filter)) =
                unified(name, args.clone()).unwrap()
            else {
                panic!("{name} is about a filter");
            };
            assert_eq!(filter.flags, flags, "{name} {given}");
        }
    }
}

#[test]
fn styles_and_scripts_are_measured_as_cytube_measures_them() {
    for (name, field) in [("setChannelCSS", "css"), ("setChannelJS", "js")] {
        for (text, length) in [("é", 20_000), ("x", 20_000), ("😀", 10_000)] {
            assert!(unified(name, json!({field: text.repeat(length)})).is_ok());
            let error = unified(name, json!({field: text.repeat(length + 1)})).unwrap_err();
            assert!(error.contains("CyTube takes at most 20000"), "{error}");
        }
    }
}

#[test]
fn what_our_own_client_sends_is_understood() {
    use kryten_protocol::robot::{Meta, RobotCommand, Video};
    use kryten_protocol::time::WireTime;
    let meta = Meta {
        source: "t".into(),
        timestamp: WireTime::from_millis(0),
        domain: "d".into(),
        channel: "c".into(),
        request_id: "1".into(),
    };
    let name = || "bob".to_owned();
    for command in [
        RobotCommand::Say {
            message: "hi".into(),
        },
        RobotCommand::Pm {
            to: name(),
            message: "hi".into(),
        },
        RobotCommand::Unmute { username: name() },
        RobotCommand::Kick {
            username: name(),
            reason: None,
        },
        RobotCommand::Unban {
            username: name(),
            id: Some(3),
        },
        RobotCommand::Queue {
            video: Video::Url("https://youtu.be/a".into()),
            position: kryten_protocol::robot::Position::Next,
            temp: false,
        },
        RobotCommand::Delete { uid: 0 },
        RobotCommand::Move {
            uid: 1,
            after: After::Append,
        },
        RobotCommand::Jump { uid: 0 },
        RobotCommand::Seek { time: 1.5 },
        RobotCommand::AssignLeader { username: None },
        RobotCommand::Pause,
        RobotCommand::AddFilter(Filter::new("a", "b", "c")),
        RobotCommand::NewPoll {
            title: "t".into(),
            options: vec!["a".into()],
            obscured: true,
            timeout: 0,
        },
        RobotCommand::SetChannelRank {
            username: name(),
            rank: 2,
        },
        RobotCommand::SearchLibrary {
            query: "q".into(),
            source: "library".into(),
        },
        RobotCommand::DeleteFromLibrary { id: "x".into() },
        RobotCommand::Reconnect,
    ] {
        let shown = format!("{command:?}");
        let request = command.into_request(&meta);
        let args = request.parameters["args"].as_object().unwrap();
        let parsed = parse(&request.command, args, Dialect::Unified);
        assert!(matches!(parsed, Some(Ok(_))), "{shown}: {parsed:?}");
    }
}

/// Values of every kind, as somebody who knows nothing of us might send them.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9 /:#.\\n\u{e9}-]{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,6}", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_is_sent_breaks_the_parser_and_names_in_commands_are_names(
        name in prop::sample::select(vec![
            "say", "pm", "mute", "kick", "ban", "unban", "addvideo", "rmvideo", "mvvideo", "jump", "settemp", "seek",
            "assignLeader", "setOptions", "updateEmote", "setEmotes", "addFilter", "newPoll", "vote",
            "setChannelRank", "readChanLog", "playlist.move", "playlist.queue", "playlist.delete",
        ]),
        fields in prop::collection::btree_map(
            prop::sample::select(vec![
                "message", "username", "name", "to", "uid", "from", "after", "temp", "time", "options", "opts", "title",
                "rank", "id", "type", "url", "pos", "payload", "item", "emotes", "image", "source", "count", "reason",
            ]).prop_map(str::to_owned),
            any_value(), 0..6,
        ),
    ) {
        let args: Map<String, Value> = fields.into_iter().collect();
        for dialect in [Dialect::Unified, Dialect::Legacy] {
            match parse(name, &args, dialect).expect("a known name") {
                Ok(ChannelCommand::Kick { username, reason } | ChannelCommand::Ban { username, reason }) => {
                    prop_assert!(!username.contains(char::is_whitespace) && !username.is_empty());
                    prop_assert!(!reason.contains('\n'));
                }
                Ok(ChannelCommand::Delete { uid } | ChannelCommand::Jump { uid }) => prop_assert!(uid >= 0),
                Ok(_) => {}
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}

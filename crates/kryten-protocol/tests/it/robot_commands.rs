//! The robot's commands against what the real robot understands and answers.

use kryten_protocol::event::playlist::After;
use kryten_protocol::robot::{
    Filter, Meta, Position, RobotCommand, StateQuery, SystemCommand, Video, reply,
};
use kryten_protocol::subject;
use kryten_protocol::time::WireTime;
use serde_json::{Map, Value, json};

fn meta() -> Meta {
    Meta {
        source: "test".into(),
        timestamp: WireTime::from_millis(1_795_363_003_000),
        domain: "cytu.be".into(),
        channel: "Lounge".into(),
        request_id: "1".into(),
    }
}

fn wire(command: RobotCommand) -> Value {
    let mut wire = serde_json::to_value(command.into_request(&meta())).unwrap();
    let meta = wire.as_object_mut().unwrap().shift_remove("meta").unwrap();
    assert_eq!(meta["domain"], "cytu.be");
    assert_eq!(meta["timestamp"], "2026-11-22T15:56:43+00:00");
    wire
}

/// What is written of each command; every name and argument is in the robot's table of commands.
#[test]
fn each_command_is_one_that_the_robot_understands() {
    let name = || "bob".to_owned();
    let one = || Map::from_iter([("a".to_owned(), json!(1))]);
    let filter = || Filter::new("f", "a+", "b");
    let filter_json = json!({"name": "f", "source": "a+", "flags": "gi", "replace": "b", "filterlinks": false, "active": true});
    for (command, expected, arguments) in [
        (
            RobotCommand::Say {
                message: "hi".into(),
            },
            "say",
            json!({"message": "hi"}),
        ),
        (
            RobotCommand::Pm {
                to: name(),
                message: "hi".into(),
            },
            "pm",
            json!({"to": "bob", "msg": "hi"}),
        ),
        (
            RobotCommand::Mute { username: name() },
            "mute",
            json!({"username": "bob"}),
        ),
        (
            RobotCommand::ShadowMute { username: name() },
            "smute",
            json!({"username": "bob"}),
        ),
        (
            RobotCommand::Unmute { username: name() },
            "say",
            json!({"message": "/unmute bob"}),
        ),
        (
            RobotCommand::Kick {
                username: name(),
                reason: None,
            },
            "kick",
            json!({"name": "bob"}),
        ),
        (
            RobotCommand::Ban {
                username: name(),
                reason: Some("spam".into()),
            },
            "ban",
            json!({"name": "bob", "reason": "spam"}),
        ),
        (
            RobotCommand::Unban {
                username: name(),
                id: None,
            },
            "unban",
            json!({"username": "bob"}),
        ),
        (
            RobotCommand::Unban {
                username: name(),
                id: Some(3),
            },
            "unban",
            json!({"username": "bob", "id": 3}),
        ),
        (
            RobotCommand::Delete { uid: 0 },
            "rmvideo",
            json!({"uid": 0}),
        ),
        (
            RobotCommand::Move {
                uid: 3,
                after: After::Prepend,
            },
            "mvvideo",
            json!({"from": 3, "after": "prepend"}),
        ),
        (
            RobotCommand::Move {
                uid: 3,
                after: After::Uid(0),
            },
            "mvvideo",
            json!({"from": 3, "after": 0}),
        ),
        (RobotCommand::Jump { uid: 68 }, "jump", json!({"uid": "68"})),
        (
            RobotCommand::SetTemp {
                uid: 3,
                temp: false,
            },
            "settemp",
            json!({"uid": 3, "temp": false}),
        ),
        (RobotCommand::ClearPlaylist, "clear", json!({})),
        (RobotCommand::ShufflePlaylist, "shuffle", json!({})),
        (RobotCommand::PlayNext, "playNext", json!({})),
        (RobotCommand::Voteskip, "voteskip", json!({})),
        (RobotCommand::Pause, "pause", json!({})),
        (RobotCommand::Play, "play", json!({})),
        (
            RobotCommand::Seek { time: 12.5 },
            "seek",
            json!({"time": 12.5}),
        ),
        (
            RobotCommand::AssignLeader { username: None },
            "assignLeader",
            json!({"name": ""}),
        ),
        (
            RobotCommand::SetMotd { motd: "m".into() },
            "setMotd",
            json!({"motd": "m"}),
        ),
        (
            RobotCommand::SetChannelCss { css: "c".into() },
            "setChannelCSS",
            json!({"css": "c"}),
        ),
        (
            RobotCommand::SetChannelJs { js: "j".into() },
            "setChannelJS",
            json!({"js": "j"}),
        ),
        (
            RobotCommand::SetOptions { options: one() },
            "setOptions",
            json!({"options": {"a": 1}}),
        ),
        (
            RobotCommand::SetPermissions { permissions: one() },
            "setPermissions",
            json!({"permissions": {"a": 1}}),
        ),
        (
            RobotCommand::UpdateEmote {
                name: "e".into(),
                image: "i".into(),
            },
            "updateEmote",
            json!({"name": "e", "image": "i"}),
        ),
        (
            RobotCommand::RemoveEmote { name: "e".into() },
            "removeEmote",
            json!({"name": "e"}),
        ),
        (
            RobotCommand::AddFilter(filter()),
            "addFilter",
            filter_json.clone(),
        ),
        (
            RobotCommand::UpdateFilter(filter()),
            "updateFilter",
            filter_json,
        ),
        (
            RobotCommand::RemoveFilter { name: "f".into() },
            "removeFilter",
            json!({"name": "f"}),
        ),
        (
            RobotCommand::NewPoll {
                title: "t".into(),
                options: vec!["a".into(), "b".into()],
                obscured: true,
                timeout: 5,
            },
            "newPoll",
            json!({"title": "t", "opts": ["a", "b"], "options": ["a", "b"], "obscured": true, "timeout": 5}),
        ),
        (
            RobotCommand::Vote { option: 0 },
            "vote",
            json!({"option": 0}),
        ),
        (RobotCommand::ClosePoll, "closePoll", json!({})),
        (
            RobotCommand::SetChannelRank {
                username: name(),
                rank: 2,
            },
            "setChannelRank",
            json!({"username": "bob", "rank": 2}),
        ),
        (
            RobotCommand::DeleteFromLibrary { id: "x".into() },
            "deleteFromLibrary",
            json!({"id": "x"}),
        ),
        (RobotCommand::Reconnect, "reconnect", json!({})),
    ] {
        assert!(!command.is_idempotent(), "{command:?}");
        assert_eq!(
            wire(command),
            json!({"command": expected, "args": arguments})
        );
    }
}

#[test]
fn what_is_asked_names_the_service() {
    let video = Video::Media {
        kind: "yt".into(),
        id: "x".into(),
    };
    let queue = |video| RobotCommand::Queue {
        video,
        position: Position::Next,
        temp: false,
    };
    for (command, expected) in [
        (
            queue(video),
            json!({"command": "addvideo", "args": {"type": "yt", "id": "x", "pos": "next", "temp": false}}),
        ),
        (
            queue(Video::Url("u".into())),
            json!({"command": "addvideo", "args": {"url": "u", "pos": "next", "temp": false}}),
        ),
        (
            RobotCommand::RequestBanlist,
            json!({"command": "requestBanlist", "args": {}}),
        ),
        (
            RobotCommand::RequestChannelRanks,
            json!({"command": "requestChannelRanks", "args": {}}),
        ),
        (
            RobotCommand::ReadChanLog { count: 9 },
            json!({"command": "readChanLog", "args": {"count": 9}}),
        ),
        (
            RobotCommand::SearchLibrary {
                query: "q".into(),
                source: "yt".into(),
            },
            json!({"command": "searchLibrary", "args": {"query": "q", "source": "yt"}}),
        ),
        (
            RobotCommand::State(StateQuery::Emotes),
            json!({"command": "state.emotes"}),
        ),
        (
            RobotCommand::State(StateQuery::User {
                username: "bob".into(),
            }),
            json!({"command": "state.user", "username": "bob"}),
        ),
        (
            RobotCommand::System(SystemCommand::Ping),
            json!({"command": "system.ping"}),
        ),
        (
            RobotCommand::System(SystemCommand::Reload { config_path: None }),
            json!({"command": "system.reload"}),
        ),
        (
            RobotCommand::System(SystemCommand::Shutdown {
                delay_seconds: 0,
                reason: "r".into(),
            }),
            json!({"command": "system.shutdown", "delay_seconds": 0, "reason": "r"}),
        ),
    ] {
        let mut expected = expected;
        expected["service"] = json!("robot");
        assert_eq!(wire(command), expected);
    }
}

/// The data of the first recorded reply to a command.
fn recorded(command: &str) -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/recordings/robot_requests.jsonl"
    );
    let lines = std::fs::read_to_string(path).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut replies = lines.filter(|line| line["reply"]["command"] == command);
    replies.next().unwrap_or_else(|| panic!("{command}"))["reply"]["data"].clone()
}

#[test]
fn replies_of_the_real_robot_are_read() {
    assert_eq!(
        reply::text(&recorded("system.version"), "version").unwrap(),
        "1.12.6"
    );
    assert!(
        !reply::userlist(&recorded("state.userlist"))
            .unwrap()
            .is_empty()
    );
    assert!(!reply::emotes(&recorded("state.emotes")).unwrap().is_empty());
    assert!(
        !reply::playlist(&recorded("state.playlist"))
            .unwrap()
            .is_empty()
    );
    let alice = reply::user(&recorded("state.user")).unwrap().unwrap();
    assert_eq!((alice.name.as_str(), alice.rank), ("alice", 1.0));
    assert_eq!(
        reply::user(&json!({"user": null, "profile": null})),
        Some(None)
    );
    assert!(
        reply::text(&recorded("state.motd"), "motd")
            .unwrap()
            .contains("MOTD")
    );
    assert!(
        reply::object(&recorded("state.options"), "options")
            .unwrap()
            .is_empty()
    );
    assert_eq!(reply::queued(&recorded("addvideo")), Some(Some(68)));
    let profiles = reply::profiles(&recorded("state.profiles")).unwrap();
    assert!(profiles["zed"].image.is_empty());
    assert_eq!(
        reply::ping(&recorded("system.ping")).unwrap().version,
        "1.12.6"
    );
    assert_eq!(
        reply::channels(&recorded("system.channels")).unwrap()[0].channel,
        "Grindhouse420"
    );
    let robot = &reply::services(&recorded("system.services")).unwrap()[0];
    assert!(robot.is_stale && robot.fields["heartbeat_count"] == 0);
    assert_eq!(
        reply::banlist(&recorded("requestBanlist")),
        Some(Vec::new())
    );
    assert_eq!(
        reply::channel_ranks(&recorded("requestChannelRanks")).unwrap()[0].rank,
        2.0
    );
    assert!(
        reply::chan_log(&recorded("readChanLog"))
            .unwrap()
            .contains("[login]")
    );
    assert_eq!(
        reply::search_results(&recorded("searchLibrary")).unwrap()[0].seconds,
        300.0
    );
    let level = json!({"success": true, "rank": 1.5, "username": "KrytenBot"});
    assert_eq!(reply::user_level(&level).unwrap().rank, 1.5);
    for odd in [
        json!(null),
        json!([]),
        json!({"userlist": {}}),
        json!({"banlist": {"payload": 1}}),
    ] {
        assert!(reply::banlist(&odd).is_none());
        assert!(reply::user_level(&odd).is_none());
    }
    assert_eq!(reply::userlist(&json!({"userlist": {}})), None);
}

#[test]
fn a_failure_inside_of_a_success_is_a_failure() {
    assert_eq!(
        reply::failure(&recorded("jump")).unwrap(),
        "Failed to jump to video"
    );
    assert_eq!(reply::failure(&recorded("say")), None);
    assert_eq!(reply::failure(&json!({"emotes": []})), None);
    let reload = json!({"success": false, "message": "refused", "changes": {}, "errors": ["why"]});
    assert_eq!(reply::failure(&reload).unwrap(), "why");
    assert_eq!(
        reply::failure(&json!({"success": false})).unwrap(),
        "refused without a reason"
    );
}

#[test]
fn the_robots_rank_is_asked_on_both_subjects() {
    assert_eq!(
        subject::user_level("cytu.be", "Lounge").unwrap(),
        "kryten.user_level.cytu.be.Lounge"
    );
    assert_eq!(
        subject::user_level_of_python("Cytu.be", "Lounge").unwrap(),
        "cytube.user_level.cytu.be.lounge"
    );
    for bad in ["", "a..b", "a b", "*", "a.>"] {
        assert!(subject::user_level(bad, "Lounge").is_err(), "{bad}");
        assert!(
            subject::user_level_of_python("cytu.be", bad).is_err(),
            "{bad}"
        );
    }
}

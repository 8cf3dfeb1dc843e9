use std::time::Duration;

use serde_json::value::to_raw_value;

use super::*;
use crate::commands::command::MediaId;

fn state(rank: f64) -> ChannelState {
    let mut state = ChannelState::default();
    for (event, payload) in [
        (
            "setPermissions",
            json!({"chat": 0, "kick": 1.5, "oplaylistdelete": 2, "playlistdelete": 4,
            "viewvoteskip": 1.5, "motdedit": 3, "leaderctl": 2}),
        ),
        (
            "playlist",
            json!([{"media": {"id": "a", "type": "yt", "seconds": 60}, "uid": 0},
            {"media": {"id": "b", "type": "yt", "seconds": 60}, "uid": 1}]),
        ),
        ("setCurrent", json!(0)),
        (
            "changeMedia",
            json!({"id": "a", "type": "yt", "seconds": 60, "currentTime": 0, "paused": false}),
        ),
        (
            "userlist",
            json!([{"name": "Bot", "rank": rank}, {"name": "Bob", "rank": 1}]),
        ),
        ("login", json!({"success": true, "name": "Bot"})),
        ("rank", json!(rank)),
    ] {
        state.apply(event, &to_raw_value(&payload).unwrap());
    }
    state
}

fn planned(command: ChannelCommand, state: &ChannelState) -> Result<Plan, String> {
    plan(&command, state, &Playback::default(), Duration::ZERO)
}

fn steps(command: ChannelCommand) -> Vec<Step> {
    match planned(command, &state(3.0)) {
        Ok(Plan::Steps(steps)) => steps,
        other => panic!("{other:?}"),
    }
}

fn frame(command: ChannelCommand) -> (&'static str, Value) {
    let step = steps(command).remove(0);
    (step.event, step.payload)
}

#[test]
fn frames_are_what_cytube_takes() {
    use ChannelCommand as C;
    for (command, event, payload) in [
        (
            C::Say {
                message: "hi".into(),
            },
            "chatMsg",
            json!({"msg": "hi", "meta": {}}),
        ),
        (
            C::Kick {
                username: "bob".into(),
                reason: "go away".into(),
            },
            "chatMsg",
            json!({"msg": "/kick Bob go away", "meta": {}}),
        ),
        (C::Delete { uid: 0 }, "delete", json!(0)),
        (C::Jump { uid: 1 }, "jumpTo", json!(1)),
        (
            C::Move {
                uid: 1,
                after: After::Prepend,
            },
            "moveMedia",
            json!({"from": 1, "after": "prepend"}),
        ),
        (
            C::Move {
                uid: 1,
                after: After::Uid(0),
            },
            "moveMedia",
            json!({"from": 1, "after": 0}),
        ),
        (
            C::Queue {
                media: MediaId::new("yt", "x"),
                next: true,
                temp: true,
                title: Some("t".into()),
            },
            "queue",
            json!({"id": "x", "type": "yt", "pos": "next", "temp": true}),
        ),
        (
            C::NewPoll {
                title: "t".into(),
                options: vec!["a".into()],
                obscured: false,
                timeout: 0,
            },
            "newPoll",
            json!({"title": "t", "opts": ["a"], "obscured": false}),
        ),
        (
            C::SetChannelRank {
                username: "bob".into(),
                rank: 2.0,
            },
            "setChannelRank",
            json!({"name": "bob", "rank": 2}),
        ),
        (
            C::AssignLeader {
                username: "bob".into(),
            },
            "assignLeader",
            json!({"name": "Bob"}),
        ),
    ] {
        assert_eq!(frame(command), (event, payload));
    }
}

#[test]
fn what_cytube_would_not_do_is_refused_with_the_reason() {
    use ChannelCommand as C;
    let gone = || "nobody".to_owned();
    for (command, error) in [
        (
            C::Kick {
                username: gone(),
                reason: String::new(),
            },
            "nobody is not in the channel",
        ),
        (
            C::AssignLeader { username: gone() },
            "nobody is not in the channel",
        ),
        (
            C::Delete { uid: 9 },
            "there is no item with the uid 9 in the playlist",
        ),
        (
            C::Move {
                uid: 0,
                after: After::Uid(9),
            },
            "there is no item with the uid 9 in the playlist",
        ),
        (
            C::Move {
                uid: 0,
                after: After::Uid(0),
            },
            "an item cannot be moved behind itself",
        ),
        (C::Vote { option: 0 }, "no poll is open"),
        (C::ClosePoll, "no poll is open"),
        (C::Seek { time: 61.0 }, "what plays is only 60 seconds long"),
    ] {
        assert_eq!(planned(command, &state(3.0)).unwrap_err(), error);
    }
    let not_logged_in = planned(
        C::Say {
            message: "x".into(),
        },
        &ChannelState::default(),
    );
    assert_eq!(
        not_logged_in.unwrap_err(),
        "the robot is not logged in at CyTube"
    );
}

#[test]
fn a_rank_too_low_is_told_before_cytube_kicks_for_it() {
    let motd = || ChannelCommand::SetMotd {
        motd: String::new(),
    };
    let error = planned(motd(), &state(2.0)).unwrap_err();
    assert_eq!(
        error,
        "the robot has rank 2 and needs rank 3 (permission motdedit)"
    );
    assert!(planned(motd(), &state(3.0)).is_ok());
    assert!(
        planned(motd(), &ChannelState::default()).is_ok(),
        "what is not known is left to CyTube"
    );
    let error = planned(ChannelCommand::ChanLog { count: 1 }, &state(2.0)).unwrap_err();
    assert_eq!(error, "the robot has rank 2 and needs rank 3");
    let mut locked = state(3.0);
    locked.apply("setPlaylistLocked", &to_raw_value(&true).unwrap());
    let error = planned(ChannelCommand::Delete { uid: 0 }, &locked).unwrap_err();
    assert!(error.contains("playlistdelete"), "{error}");
}

#[test]
fn a_long_message_becomes_lines_and_a_flood_is_refused() {
    let say = |length: usize| ChannelCommand::Say {
        message: "word ".repeat(length / 5),
    };
    assert_eq!(steps(say(1000)).len(), 4);
    let error = planned(say(5000), &state(3.0)).unwrap_err();
    assert!(error.contains("at most 10"), "{error}");
}

#[test]
fn pausing_takes_the_lead_and_gives_it_back_to_who_had_it() {
    let lead = |command: ChannelCommand, state: &ChannelState| match planned(command, state) {
        Ok(Plan::Lead(lead)) => *lead,
        other => panic!("{other:?}"),
    };
    let pause = lead(ChannelCommand::Pause, &state(3.0));
    assert_eq!(pause.take.unwrap().payload, json!({"name": "Bot"}));
    let update = json!({"id": "a", "currentTime": 0, "paused": true, "type": "yt"});
    assert_eq!(pause.update.payload, update);
    assert_eq!(pause.give_back.unwrap().payload, json!({"name": ""}));
    let mut led = state(3.0);
    led.apply("setLeader", &to_raw_value("Bob").unwrap());
    let seek = lead(ChannelCommand::Seek { time: 30.5 }, &led);
    assert_eq!(seek.update.payload["currentTime"], json!(30.5));
    assert_eq!(seek.give_back.unwrap().payload, json!({"name": "Bob"}));
    led.apply("setLeader", &to_raw_value("Bot").unwrap());
    let seek = lead(ChannelCommand::Seek { time: 1.0 }, &led);
    assert!(
        seek.take.is_none() && seek.give_back.is_none(),
        "who leads goes on leading"
    );
}

#[test]
fn silence_is_a_failure_unless_cytube_never_says_anything() {
    let uncache = steps(ChannelCommand::Uncache { id: "x".into() }).remove(0);
    assert_eq!(uncache.silence, Silence::Unconfirmed);
    let Ok(Plan::Steps(vote)) = planned(ChannelCommand::Voteskip, &state(1.0)) else {
        panic!()
    };
    assert_eq!(
        vote[0].silence,
        Silence::Unconfirmed,
        "only moderators see the votes"
    );
    assert_eq!(steps(ChannelCommand::Voteskip)[0].silence, Silence::Failure);
}

//! One case per rule; the recording of a real CyTube is played in `tests/it/recording.rs`.

use serde_json::{Value, json};

use super::*;

fn applied(events: &[(&str, Value)]) -> ChannelState {
    let mut state = ChannelState::default();
    for (event, payload) in events {
        apply(&mut state, event, payload);
    }
    state
}

fn apply(state: &mut ChannelState, event: &str, payload: &Value) -> Changes {
    state.apply(event, &serde_json::value::to_raw_value(payload).unwrap())
}

fn value(state: &ChannelState, key: StateKey) -> Value {
    serde_json::from_str(&state.value(key)).unwrap()
}

fn user(name: &str, rank: f64) -> Value {
    json!({"name": name, "rank": rank, "profile": {"image": "", "text": "bio"}, "meta": {"afk": false, "muted": false}})
}

fn item(uid: i64, id: &str) -> Value {
    json!({"media": {"id": id, "title": id, "seconds": 6, "type": "yt", "meta": {}}, "uid": uid, "temp": false, "queueby": "a"})
}

fn uids(state: &ChannelState) -> Vec<i64> {
    value(state, StateKey::Items)
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["uid"].as_i64().unwrap())
        .collect()
}

#[test]
fn a_rank_change_keeps_profile_and_meta_and_makes_no_ghost() {
    let state = applied(&[
        ("userlist", json!([user("Bob", 1.0)])),
        ("setUserRank", json!({"name": "bob", "rank": 1.5})),
        (
            "setUserRank",
            json!({"name": "absent", "rank": 2, "userrank": 5}),
        ),
    ]);
    let users = value(&state, StateKey::Users);
    assert_eq!(users[0]["rank"], 1.5);
    assert_eq!(users[0]["name"], "Bob");
    assert_eq!(users[0]["profile"]["text"], "bio");
    assert_eq!(users.as_array().unwrap().len(), 1);
}

#[test]
fn meta_replaces_afk_merges_and_anonymous_viewers_are_skipped() {
    let mut state = applied(&[("userlist", json!([user("Bob", 1.0)]))]);
    apply(
        &mut state,
        "setUserMeta",
        &json!({"name": "Bob", "meta": {"afk": true, "muted": true}}),
    );
    apply(&mut state, "setAFK", &json!({"name": "BOB", "afk": false}));
    assert!(
        apply(&mut state, "setAFK", &json!({"name": "", "afk": true}))
            .dirty
            .is_empty()
    );
    apply(
        &mut state,
        "setUserProfile",
        &json!({"name": "Bob", "profile": {"image": "i", "text": "t"}}),
    );
    let bob = &value(&state, StateKey::Users)[0];
    assert_eq!(bob["meta"], json!({"afk": false, "muted": true}));
    assert_eq!(bob["profile"], json!({"image": "i", "text": "t"}));
}

#[test]
fn leaving_in_another_case_removes_the_user() {
    let state = applied(&[
        ("addUser", user("Bob", 1.0)),
        ("userLeave", json!({"name": "bOB"})),
    ]);
    assert_eq!(value(&state, StateKey::Users), json!([]));
}

#[test]
fn our_own_rank_is_what_the_rank_event_said() {
    let state = applied(&[
        ("rank", json!(1)),
        ("login", json!({"success": true, "name": "Bot"})),
        ("addUser", user("Bot", 1.0)),
        ("rank", json!(3)),
        ("userlist", json!([user("Bot", 1.0)])),
    ]);
    assert_eq!(value(&state, StateKey::Users)[0]["rank"], 3);
    assert_eq!(state.own_rank(), Some(3.0));
}

#[test]
fn uid_zero_is_deleted_and_moved_and_prepend_comes_first() {
    let mut state = applied(&[(
        "playlist",
        json!([item(0, "a"), item(1, "b"), item(2, "c")]),
    )]);
    apply(&mut state, "moveVideo", &json!({"from": 0, "after": 2}));
    assert_eq!(uids(&state), [1, 2, 0]);
    apply(
        &mut state,
        "moveVideo",
        &json!({"from": 2, "after": "prepend"}),
    );
    assert_eq!(uids(&state), [2, 1, 0]);
    apply(&mut state, "moveVideo", &json!({"from": 2, "after": 0}));
    assert_eq!(uids(&state), [1, 0, 2]);
    apply(&mut state, "delete", &json!({"uid": 0}));
    apply(
        &mut state,
        "queue",
        &json!({"item": item(3, "d"), "after": "prepend"}),
    );
    apply(
        &mut state,
        "queue",
        &json!({"item": item(4, "e"), "after": 3}),
    );
    apply(
        &mut state,
        "queue",
        &json!({"item": item(5, "f"), "after": "append"}),
    );
    assert_eq!(uids(&state), [3, 4, 1, 2, 5]);
    assert!(
        apply(&mut state, "moveVideo", &json!({"from": 99, "after": 1}))
            .dirty
            .is_empty()
    );
}

#[test]
fn set_temp_changes_the_item() {
    let mut state = applied(&[("playlist", json!([item(7, "a")]))]);
    assert!(
        !apply(&mut state, "setTemp", &json!({"uid": 7, "temp": true}))
            .dirty
            .is_empty()
    );
    assert!(
        apply(&mut state, "setTemp", &json!({"uid": 7, "temp": true}))
            .dirty
            .is_empty()
    );
    assert_eq!(value(&state, StateKey::Items)[0]["temp"], true);
}

#[test]
fn what_plays_takes_the_uid_of_set_current_and_ends_with_the_list() {
    let media = json!({"id": "a", "title": "a", "seconds": 6, "type": "yt", "currentTime": -3, "paused": true});
    let mut state = applied(&[
        ("playlist", json!([item(0, "a"), item(1, "a")])),
        ("setCurrent", json!(1)),
        ("changeMedia", media),
    ]);
    assert_eq!(value(&state, StateKey::Current)["uid"], 1);
    apply(&mut state, "delete", &json!({"uid": 1}));
    assert_eq!(
        value(&state, StateKey::Current)["id"],
        "a",
        "until CyTube names the next one"
    );
    apply(&mut state, "delete", &json!({"uid": 0}));
    assert_eq!(value(&state, StateKey::Current), Value::Null);
}

#[test]
fn a_shuffle_gives_the_current_item_its_new_uid() {
    let media = json!({"id": "a", "title": "a", "seconds": 6, "type": "yt", "currentTime": 1, "paused": false});
    let mut state = applied(&[
        ("playlist", json!([item(0, "a"), item(1, "b")])),
        ("setCurrent", json!(0)),
        ("changeMedia", media),
    ]);
    let changes = apply(&mut state, "playlist", &json!([item(2, "a"), item(3, "b")]));
    assert!(changes.drift.is_empty(), "a shuffle is no drift");
    apply(&mut state, "setCurrent", &json!(2));
    assert_eq!(value(&state, StateKey::Current)["uid"], 2);
}

#[test]
fn numbers_of_items_come_through_exactly() {
    let mut state = ChannelState::default();
    let list =
        r#"[{"media":{"id":"x","seconds":12.30000000000000004,"meta":{"bitrate":1e3}},"uid":0}]"#;
    state.apply("playlist", &RawValue::from_string(list.to_owned()).unwrap());
    assert_eq!(state.value(StateKey::Items), list);
}

#[test]
fn emotes_are_replaced_by_name_and_renamed_in_place() {
    let mut state = applied(&[(
        "emoteList",
        json!([{"name": "#a", "image": "1"}, {"name": "b", "image": "2"}]),
    )]);
    apply(
        &mut state,
        "updateEmote",
        &json!({"name": "#a", "image": "3", "source": "s"}),
    );
    apply(
        &mut state,
        "renameEmote",
        &json!({"old": "b", "name": "c", "image": "2"}),
    );
    apply(
        &mut state,
        "updateEmote",
        &json!({"name": "d", "image": "4"}),
    );
    apply(&mut state, "removeEmote", &json!({"name": "#a"}));
    assert!(
        apply(&mut state, "removeEmote", &json!({"name": "nobody"}))
            .dirty
            .is_empty()
    );
    assert_eq!(
        value(&state, StateKey::Emotes),
        json!([{"name": "c", "image": "2"}, {"name": "d", "image": "4"}])
    );
}

#[test]
fn settings_and_small_facts_are_kept() {
    let state = applied(&[
        ("setMotd", json!("<h3>hi</h3>")),
        (
            "channelCSSJS",
            json!({"css": "a{}", "cssHash": "x", "js": "", "jsHash": "y"}),
        ),
        ("channelOpts", json!({"afk_timeout": 600})),
        ("setPermissions", json!({"chat": 0})),
        ("setLeader", json!("bob")),
        ("newPoll", json!({"title": "t", "counts": ["1?"]})),
        ("usercount", json!(7)),
        ("setPlaylistLocked", json!(true)),
    ]);
    assert_eq!(state.value(StateKey::Motd), "<h3>hi</h3>");
    assert_eq!(state.value(StateKey::Css), "a{}");
    assert_eq!(value(&state, StateKey::Options)["afk_timeout"], 600);
    assert_eq!(value(&state, StateKey::Permissions)["chat"], 0);
    let room = value(&state, StateKey::Room);
    assert_eq!(room["leader"], "bob");
    assert_eq!(room["poll"]["counts"][0], "1?");
    assert_eq!(room["usercount"], 7);
    assert_eq!(room["playlist_locked"], true);
}

#[test]
fn a_full_list_that_differs_in_the_middle_of_a_session_is_drift() {
    let mut state = applied(&[
        ("userlist", json!([user("Bob", 1.0)])),
        ("playlist", json!([item(0, "a")])),
    ]);
    let changes = apply(
        &mut state,
        "userlist",
        &json!([user("Bob", 1.0), user("Eve", 1.0)]),
    );
    assert_eq!(
        changes.drift,
        [Drift {
            kind: DriftKind::Users,
            missing: 1,
            extra: 0,
            changed: 0
        }]
    );
    let changes = apply(&mut state, "playlist", &json!([item(0, "a"), item(1, "b")]));
    assert_eq!(
        changes.drift,
        [Drift {
            kind: DriftKind::Playlist,
            missing: 1,
            extra: 0,
            changed: 0
        }]
    );
    state.begin_session();
    assert!(
        apply(&mut state, "userlist", &json!([])).drift.is_empty(),
        "nobody told us while we were away"
    );
}

#[test]
fn payloads_that_make_no_sense_change_nothing() {
    let mut state = ChannelState::default();
    for event in [
        "userlist",
        "addUser",
        "userLeave",
        "setUserRank",
        "setUserMeta",
        "setAFK",
        "rank",
        "login",
        "emoteList",
        "updateEmote",
        "renameEmote",
        "removeEmote",
        "playlist",
        "queue",
        "delete",
        "moveVideo",
        "setTemp",
        "setCurrent",
        "changeMedia",
        "setMotd",
        "channelOpts",
        "setPermissions",
        "setLeader",
        "setPlaylistLocked",
    ] {
        for payload in [
            json!(null),
            json!([1, null, "x"]),
            json!({"name": 7, "uid": "x"}),
            json!(1.5),
            json!(""),
        ] {
            apply(&mut state, event, &payload);
        }
    }
    assert_eq!(value(&state, StateKey::Users), json!([]));
}

#[test]
fn a_look_mends_what_no_event_has_told_and_leaves_alone_what_one_has() {
    let user = |name: &str, afk: bool| json!({"name": name, "rank": 1, "profile": {}, "meta": {"afk": afk}});
    let mut state = ChannelState::default();
    apply(
        &mut state,
        "login",
        &json!({"success": true, "name": "Bot"}),
    );
    let list = json!([
        user("Bot", false),
        user("gone", false),
        user("idle", false),
        user("kept", false)
    ]);
    apply(&mut state, "userlist", &list);
    let aliases = json!({"name": "idle", "meta": {"afk": false, "aliases": ["x"]}});
    apply(&mut state, "setUserMeta", &aliases);
    let emote = |name: &str| json!({"name": name, "image": "i"});
    apply(&mut state, "emoteList", &json!([emote("a"), emote("b")]));
    let look = Look {
        users: vec![user("idle", true), user("new", false), user("left", false)],
        emotes: Some(vec![emote("b"), emote("a")]),
    };
    assert_eq!(state.compare(&look), [Seen::Unsure; 2], "nobody looks");
    state.begin_look();
    apply(&mut state, "userLeave", &json!({"name": "left"}));
    apply(&mut state, "setAFK", &json!({"name": "KEPT", "afk": true}));
    let (seen, changes) = state.mend(look.clone());
    let drift = |kind, missing, extra, changed| {
        let drift = Drift {
            kind,
            missing,
            extra,
            changed,
        };
        Seen::Differs(drift)
    };
    assert_eq!(
        seen,
        [
            drift(DriftKind::Users, 1, 1, 1),
            drift(DriftKind::Emotes, 0, 0, 2)
        ]
    );
    assert_eq!(changes.drift.len(), 2);
    let users = value(&state, StateKey::Users);
    let names: Vec<_> = users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["name"].clone())
        .collect();
    assert_eq!(names, ["Bot", "idle", "kept", "new"]);
    assert_eq!(users[1]["meta"], json!({"afk": true, "aliases": ["x"]}));
    assert_eq!(
        value(&state, StateKey::Emotes),
        json!([emote("b"), emote("a")])
    );

    state.begin_look();
    assert_eq!(
        state.compare(&Look {
            users: users.as_array().unwrap().clone(),
            ..look.clone()
        }),
        [Seen::Same; 2]
    );
    apply(&mut state, "userlist", &list);
    apply(&mut state, "updateEmote", &emote("c"));
    assert_eq!(
        state.compare(&look),
        [Seen::Unsure; 2],
        "it is older than what came"
    );
}

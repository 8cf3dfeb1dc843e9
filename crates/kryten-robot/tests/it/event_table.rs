//! The table "CyTube events and what they change" of `docs/wire.md`, held against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kryten_robot::channel::{ChannelState, StateKey};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::recording::sessions;

const HEADING: &str = "### CyTube events and what they change";

/// Event → keys, as the document says.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wire.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, section) = document.split_once(HEADING).unwrap();
    let section = section.split("\n### ").next().unwrap();
    let mut table = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [events, _, keys] = cells.as_slice() else {
            panic!("a row of the table has {} cells: {row}", cells.len());
        };
        for event in quoted(events) {
            let twice = table.insert(event, quoted(keys).collect());
            assert!(twice.is_none(), "an event has two rows: {row}");
        }
    }
    table
}

fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

fn user(name: &str, rank: f64) -> Value {
    json!({"name": name, "rank": rank, "profile": {}, "meta": {"afk": false}})
}

fn item(uid: i64, id: &str) -> Value {
    json!({"uid": uid, "temp": false, "queueby": "a", "media": {"id": id, "type": "yt", "title": id, "seconds": 6}})
}

fn apply(state: &mut ChannelState, event: &str, payload: &Value) -> BTreeSet<StateKey> {
    state.apply(event, &to_raw_value(payload).unwrap()).dirty
}

/// A channel in which each event finds something to change.
fn channel() -> ChannelState {
    let mut state = ChannelState::default();
    for (event, payload) in [
        ("login", json!({"success": true, "name": "Bot"})),
        ("userlist", json!([user("Bot", 1.0), user("bob", 1.0)])),
        (
            "emoteList",
            json!([{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]),
        ),
        (
            "playlist",
            json!([item(0, "x"), item(1, "y"), item(2, "x")]),
        ),
        ("setCurrent", json!(0)),
        (
            "changeMedia",
            json!({"id": "x", "type": "yt", "title": "x", "seconds": 6}),
        ),
        ("setMotd", json!("hi")),
        ("channelCSSJS", json!({"css": "a{}", "js": "1"})),
        ("channelOpts", json!({"afk_timeout": 600})),
        ("setPermissions", json!({"chat": 0})),
        (
            "newPoll",
            json!({"title": "t", "options": ["a"], "counts": [0]}),
        ),
        ("setLeader", json!("bob")),
    ] {
        apply(&mut state, event, &payload);
    }
    state
}

/// Payloads that show everything the event changes. Where two stand in a row, the first prepares the second.
fn samples(event: &str) -> Vec<Vec<(&'static str, Value)>> {
    let one = |name: &'static str, payload: Value| vec![vec![(name, payload)]];
    match event {
        // The end of a join, of which the test makes the second sample one.
        "userlist" => vec![
            vec![("userlist", json!([user("eve", 1.0)]))],
            vec![("", Value::Null), ("userlist", json!([user("eve", 1.0)]))],
        ],
        "addUser" => one("addUser", user("eve", 2.0)),
        "userLeave" => one("userLeave", json!({"name": "BOB"})),
        "setUserRank" => one("setUserRank", json!({"name": "bob", "rank": 2})),
        "setUserMeta" => one("setUserMeta", json!({"name": "bob", "meta": {"afk": true}})),
        "setUserProfile" => one(
            "setUserProfile",
            json!({"name": "bob", "profile": {"text": "t"}}),
        ),
        "setAFK" => one("setAFK", json!({"name": "bob", "afk": true})),
        "login" => vec![vec![
            ("", Value::Null),
            ("rank", json!(3)),
            ("login", json!({"success": true, "name": "bob"})),
        ]],
        "rank" => one("rank", json!(3)),
        "emoteList" => one("emoteList", json!([])),
        "updateEmote" => one("updateEmote", json!({"name": "a", "image": "3"})),
        "renameEmote" => one(
            "renameEmote",
            json!({"old": "a", "name": "c", "image": "1"}),
        ),
        "removeEmote" => one("removeEmote", json!({"name": "a"})),
        "playlist" => vec![
            vec![("playlist", json!([item(5, "z")]))],
            vec![("playlist", json!([]))],
        ],
        "queue" => one("queue", json!({"item": item(7, "n"), "after": "prepend"})),
        "delete" => vec![
            vec![("delete", json!({"uid": 0}))],
            vec![
                ("playlist", json!([item(9, "x")])),
                ("delete", json!({"uid": 9})),
            ],
        ],
        "moveVideo" => one("moveVideo", json!({"from": 0, "after": 2})),
        "setTemp" => one("setTemp", json!({"uid": 0, "temp": true})),
        // The same film under another number.
        "setCurrent" => one("setCurrent", json!(2)),
        "changeMedia" => one(
            "changeMedia",
            json!({"id": "y", "type": "yt", "title": "y", "seconds": 6}),
        ),
        "setMotd" => vec![
            vec![("setMotd", json!("new"))],
            vec![("setMotd", json!({"motd": "new"}))],
        ],
        "channelCSSJS" => one("channelCSSJS", json!({"css": "b{}", "js": "2"})),
        "channelOpts" => one("channelOpts", json!({"afk_timeout": 1})),
        "setPermissions" => one("setPermissions", json!({"chat": 1})),
        "setLeader" => one("setLeader", json!("")),
        "setPlaylistLocked" => one("setPlaylistLocked", json!(true)),
        "setPlaylistMeta" => one(
            "setPlaylistMeta",
            json!({"count": 3, "rawTime": 18, "time": "00:18"}),
        ),
        "usercount" => one("usercount", json!(7)),
        "voteskip" => one("voteskip", json!({"count": 1, "need": 2})),
        "drinkCount" => one("drinkCount", json!(1)),
        "newPoll" => one(
            "newPoll",
            json!({"title": "u", "options": [], "counts": []}),
        ),
        "updatePoll" => one(
            "updatePoll",
            json!({"title": "t", "options": ["a"], "counts": [1]}),
        ),
        "closePoll" => one("closePoll", Value::Null),
        other => panic!("the table has an event without a sample here: {other}"),
    }
}

fn values(state: &ChannelState) -> BTreeMap<StateKey, String> {
    let values = StateKey::ALL.into_iter();
    values.map(|key| (key, state.value(key))).collect()
}

#[test]
fn each_event_of_the_table_changes_exactly_the_keys_named_there() {
    let table = table();
    assert!(table.len() > 30, "{} events", table.len());
    for (event, documented) in table {
        let mut shown = BTreeSet::new();
        for frames in samples(&event) {
            let mut state = channel();
            let (last, before) = frames.split_last().unwrap();
            for (name, payload) in before {
                match *name {
                    "" => state.begin_session(),
                    name => drop(apply(&mut state, name, payload)),
                }
            }
            assert_eq!(last.0, event);
            let was = values(&state);
            let dirty = apply(&mut state, last.0, &last.1);
            let is = values(&state);
            let changed: BTreeSet<StateKey> = StateKey::ALL
                .into_iter()
                .filter(|key| was[key] != is[key])
                .collect();
            assert_eq!(dirty, changed, "what {event} says it changed: {}", last.1);
            shown.extend(dirty.iter().map(|key| key.key().to_owned()));
        }
        assert_eq!(shown, documented, "docs/wire.md says otherwise of {event}");
    }
}

#[test]
fn an_event_that_is_not_in_the_table_changes_nothing() {
    let table = table();
    let mut seen = BTreeSet::new();
    for frame in sessions().into_iter().flatten() {
        if table.contains_key(&frame.event) {
            continue;
        }
        let mut state = channel();
        let was = values(&state);
        let changes = state.apply(&frame.event, &frame.payload);
        assert!(
            changes.dirty.is_empty() && changes.drift.is_empty(),
            "{}",
            frame.event
        );
        assert_eq!(values(&state), was, "{}", frame.event);
        seen.insert(frame.event);
    }
    assert!(
        seen.contains("chatMsg") && seen.contains("mediaUpdate"),
        "{seen:?}"
    );
    // Those that the recording lacks, with the shapes that change most under other names.
    for event in [
        "announcement",
        "banlist",
        "banlistRemove",
        "cancelNeedPassword",
        "channelNotRegistered",
        "channelRankFail",
        "channelRanks",
        "clearchat",
        "clearFlair",
        "clearVoteskipVote",
        "cooldown",
        "errorMsg",
        "kick",
        "listPlaylists",
        "needPassword",
        "noflood",
        "pm",
        "queueFail",
        "queueWarn",
        "searchResults",
        "spamFiltered",
        "validationError",
        "validationPassed",
        "warnLargeChandump",
        "SETMOTD",
        "userList",
        "",
    ] {
        assert!(!table.contains_key(event), "{event}");
        for payload in [
            json!([]),
            json!("x"),
            json!(3),
            json!({"name": "bob", "uid": 0, "rank": 9, "motd": "m"}),
            Value::Null,
        ] {
            let mut state = channel();
            let was = values(&state);
            assert!(
                apply(&mut state, event, &payload).is_empty(),
                "{event} {payload}"
            );
            assert_eq!(values(&state), was, "{event} {payload}");
        }
    }
}

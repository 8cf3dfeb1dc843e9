//! However the frames before it were: what CyTube tells in full makes the state what it is.

use kryten_robot::channel::{ChannelState, StateKey};
use proptest::prelude::*;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

type Frame = (&'static str, Value);

fn apply(state: &mut ChannelState, frames: &[Frame]) {
    for (event, payload) in frames {
        state.apply(event, &to_raw_value(payload).unwrap());
    }
}

fn values(state: &ChannelState) -> Vec<(StateKey, String)> {
    let keys = StateKey::ALL.into_iter();
    keys.map(|key| (key, state.value(key))).collect()
}

const NAMES: [&str; 6] = ["Bot", "bob", "BOB", "eve", "", "mallory"];
const MEDIA: [&str; 3] = ["x", "y", "z"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn user() -> impl Strategy<Value = Value> {
    (name(), 0..5_i32, any::<bool>()).prop_map(|(name, rank, afk)| {
        json!({"name": name, "rank": rank, "profile": {}, "meta": {"afk": afk}})
    })
}

fn media() -> impl Strategy<Value = Value> {
    let media = prop::sample::select(&MEDIA[..]);
    media.prop_map(|id| json!({"id": id, "type": "yt", "title": id, "seconds": 6}))
}

fn item(uid: impl Strategy<Value = i64>) -> impl Strategy<Value = Value> {
    (uid, media(), any::<bool>()).prop_map(
        |(uid, media, temp)| json!({"uid": uid, "media": media, "temp": temp, "queueby": "a"}),
    )
}

/// Lists in which a number or a name stands once, as CyTube's.
fn playlist() -> impl Strategy<Value = Value> {
    let items = prop::collection::vec(item(Just(0)), 0..5);
    (items, 0..4_i64).prop_map(|(mut items, first)| {
        for (at, item) in items.iter_mut().enumerate() {
            item["uid"] = (first + at as i64).into();
        }
        Value::from(items)
    })
}

fn userlist() -> impl Strategy<Value = Value> {
    prop::collection::vec(user(), 0..5).prop_map(Value::from)
}

fn emotes() -> impl Strategy<Value = Value> {
    let emote = (prop::sample::select(vec!["a", "b", "c"]), 0..9_i32);
    let emote = emote.prop_map(|(name, image)| json!({"name": name, "image": image.to_string()}));
    prop::collection::vec(emote, 0..4).prop_map(Value::from)
}

fn poll() -> impl Strategy<Value = Value> {
    (0..3_i32).prop_map(|count| json!({"title": "t", "options": ["a"], "counts": [count]}))
}

fn after() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("prepend")),
        Just(json!("append")),
        (0..8_i64).prop_map(Value::from)
    ]
}

fn one(
    event: &'static str,
    payload: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Frame> {
    payload.prop_map(move |payload| (event, payload)).boxed()
}

fn garbage() -> impl Strategy<Value = Frame> {
    let event = prop::sample::select(vec![
        "userlist",
        "addUser",
        "setUserMeta",
        "rank",
        "login",
        "emoteList",
        "renameEmote",
        "playlist",
        "queue",
        "delete",
        "moveVideo",
        "setTemp",
        "setCurrent",
        "changeMedia",
        "setMotd",
        "channelCSSJS",
        "channelOpts",
        "setPermissions",
        "setLeader",
        "setPlaylistLocked",
        "usercount",
        "newPoll",
        "closePoll",
        "chatMsg",
    ]);
    let payload = prop::sample::select(vec![
        Value::Null,
        json!(1.5),
        json!("x"),
        json!([1, null, {"uid": 0}, {"name": "bob"}]),
        json!({"name": 7, "uid": "0"}),
        json!({"item": 3}),
        json!({"item": {}}),
        json!({"success": true}),
        json!([[]]),
    ]);
    (event, payload)
}

fn frame() -> impl Strategy<Value = Frame> {
    let uid = || 0..8_i64;
    let named = |fields: Value| {
        name().prop_map(move |name| {
            let mut change = fields.clone();
            change["name"] = name.into();
            change
        })
    };
    prop_oneof![
        one("userlist", userlist()),
        one("addUser", user()),
        one("userLeave", named(json!({}))),
        one("setUserRank", named(json!({"rank": 4, "userrank": 5}))),
        one("setUserMeta", named(json!({"meta": {"muted": true}}))),
        one("setUserProfile", named(json!({"profile": {"text": "t"}}))),
        one("setAFK", named(json!({"afk": true}))),
        one("rank", (0..4_i32).prop_map(Value::from)),
        one("login", named(json!({"success": true}))),
        one("emoteList", emotes()),
        one("updateEmote", Just(json!({"name": "a", "image": "7"}))),
        one(
            "renameEmote",
            Just(json!({"old": "a", "name": "b", "image": "8"}))
        ),
        one("removeEmote", Just(json!({"name": "b"}))),
        one("playlist", playlist()),
        one(
            "queue",
            (item(uid()), after()).prop_map(|(item, after)| json!({"item": item, "after": after}))
        ),
        one("delete", uid().prop_map(|uid| json!({"uid": uid}))),
        one(
            "moveVideo",
            (uid(), after()).prop_map(|(from, after)| json!({"from": from, "after": after}))
        ),
        one(
            "setTemp",
            (uid(), any::<bool>()).prop_map(|(uid, temp)| json!({"uid": uid, "temp": temp}))
        ),
        one("setCurrent", uid().prop_map(Value::from)),
        one("changeMedia", media()),
        one("setMotd", Just(json!("old"))),
        one("channelCSSJS", Just(json!({"css": "old", "js": "old"}))),
        one("channelOpts", Just(json!({"old": true}))),
        one("setPermissions", Just(json!({"old": 1}))),
        one("setLeader", Just(json!("bob"))),
        one("setPlaylistLocked", any::<bool>().prop_map(Value::from)),
        one("setPlaylistMeta", Just(json!({"count": 99}))),
        one("usercount", (0..9_i32).prop_map(Value::from)),
        one("voteskip", Just(json!({"count": 1, "need": 2}))),
        one("drinkCount", (0..9_i32).prop_map(Value::from)),
        one("newPoll", poll()),
        one("updatePoll", poll()),
        one("closePoll", Just(Value::Null)),
        garbage(),
    ]
}

/// What a join brings, in CyTube's order. A poll, votes and a leader come only where there are some.
fn join() -> impl Strategy<Value = Vec<Frame>> {
    let lists = (userlist(), playlist(), emotes());
    let facts = (
        any::<bool>(),
        0..9_i32,
        0..9_i32,
        prop::option::of(poll()),
        any::<bool>(),
    );
    (lists, facts, 0..4_usize).prop_map(
        |((users, items, emotes), (locked, drinks, count, poll, led), current)| {
            let mut frames = vec![
                ("rank", json!(-1)),
                ("setPermissions", json!({"chat": 0})),
                ("setPlaylistLocked", locked.into()),
                ("emoteList", emotes),
                ("drinkCount", drinks.into()),
                ("channelCSSJS", json!({"css": "", "js": "1"})),
                ("setMotd", json!("hi")),
                ("channelOpts", json!({"afk_timeout": 600})),
                (
                    "setPlaylistMeta",
                    json!({"count": items.as_array().unwrap().len()}),
                ),
                ("playlist", items.clone()),
            ];
            if let Some(item) = items.get(current).or(items.get(0)) {
                frames.push(("setCurrent", item["uid"].clone()));
                frames.push(("changeMedia", item["media"].clone()));
            }
            frames.extend(poll.map(|poll| ("newPoll", poll)));
            frames.push(("userlist", users));
            if led {
                frames.push(("setLeader", json!("bob")));
            }
            frames.push(("usercount", count.into()));
            frames.push(("rank", json!(1)));
            frames.push(("login", json!({"success": true, "name": "Bot"})));
            frames.push((
                "addUser",
                json!({"name": "Bot", "rank": 1, "profile": {}, "meta": {"afk": false}}),
            ));
            frames.push(("rank", json!(3)));
            frames
        },
    )
}

proptest! {
    #[test]
    fn after_a_return_the_state_is_what_the_join_tells_whatever_was_before(
        before in prop::collection::vec(frame(), 0..60),
        join in join(),
    ) {
        let mut returned = ChannelState::default();
        returned.begin_session();
        apply(&mut returned, &before);
        returned.begin_session();
        apply(&mut returned, &join);
        let mut fresh = ChannelState::default();
        fresh.begin_session();
        apply(&mut fresh, &join);
        prop_assert_eq!(values(&returned), values(&fresh));
    }

    #[test]
    fn within_a_session_the_full_frames_make_the_state_what_they_tell(
        before in prop::collection::vec(frame(), 0..60),
        join in join(),
    ) {
        // One session has one login.
        let is_ours = |(event, payload): &&Frame| *event != "login" || payload["name"] == "Bot";
        let before: Vec<Frame> = before.iter().filter(is_ours).cloned().collect();
        let mut full = join;
        // What is left out at a join is told in a session.
        full.extend([("setLeader", json!("")), ("closePoll", Value::Null), ("voteskip", json!({"count": 0, "need": 0}))]);
        let mut long = ChannelState::default();
        apply(&mut long, &before);
        apply(&mut long, &full);
        let mut fresh = ChannelState::default();
        apply(&mut fresh, &full);
        prop_assert_eq!(values(&long), values(&fresh));
    }
}

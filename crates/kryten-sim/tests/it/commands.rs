//! What a client may ask for, and what CyTube refuses.

use kryten_sim::{Account, Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::client::Client;

async fn quiet() -> (SimHandle, Client) {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let bot = Client::bot(&sim).await;
    (sim, bot)
}

async fn ranked(name: &str, rank: f64) -> SimHandle {
    Sim::start(SimConfig {
        accounts: vec![Account {
            name: name.to_owned(),
            password: None,
            rank,
        }],
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap()
}

fn film(id: &str, pos: &str) -> Value {
    json!({"id": id, "type": "yt", "pos": pos, "temp": false})
}

#[tokio::test]
async fn the_playlist_is_queued_moved_played_and_cleared() {
    let (_sim, mut bot) = quiet().await;
    bot.emit("queue", film("d90_a", "end")).await;
    let first = bot.event("queue").await;
    assert_eq!(
        (&first["after"], &first["item"]["uid"]),
        (&json!("prepend"), &json!(0))
    );
    assert_eq!(first["item"]["queueby"], "Bot");
    assert_eq!(
        bot.shown(2).await,
        [
            r#"setPlaylistMeta {"count":1,"rawTime":90,"time":"01:30"}"#,
            "setCurrent 0"
        ]
    );
    let media = bot.event("changeMedia").await;
    assert_eq!(
        (&media["currentTime"], &media["paused"]),
        (&json!(-3), &json!(true))
    );
    assert_eq!(bot.names(2).await, ["drinkCount", "voteskip"]);

    bot.emit("queue", film("d60_b", "end")).await;
    assert_eq!(bot.event("queue").await["after"], 0);
    bot.emit("queue", film("d30_c", "next")).await;
    assert_eq!(bot.event("queue").await["after"], 0);
    bot.event("setPlaylistMeta").await;
    for (event, payload, answer) in [
        (
            "moveMedia",
            json!({"from": 2, "after": 1}),
            r#"moveVideo {"from":2,"after":1}"#,
        ),
        (
            "moveMedia",
            json!({"from": 0, "after": "append"}),
            r#"moveVideo {"from":0,"after":"append"}"#,
        ),
        (
            "moveMedia",
            json!({"from": 0, "after": "prepend"}),
            r#"moveVideo {"from":0,"after":"prepend"}"#,
        ),
        (
            "setTemp",
            json!({"uid": 0, "temp": true}),
            r#"setTemp {"uid":0,"temp":true}"#,
        ),
        // A temporary film is deleted when it ends.
        ("playNext", json!({}), r#"delete {"uid":0}"#),
    ] {
        bot.emit(event, payload).await;
        assert_eq!(bot.shown(1).await, [answer]);
    }
    assert_eq!(bot.shown(2).await[1], "setCurrent 1");
    bot.names(3).await;
    bot.emit("delete", json!("1")).await;
    bot.emit("delete", json!(1)).await;
    assert_eq!(bot.shown(1).await, [r#"delete {"uid":1}"#]);
    assert_eq!(bot.event("setCurrent").await, json!(2));
    bot.names(3).await;
    bot.emit("queue", film("d60_b", "end")).await;
    bot.names(2).await;
    bot.emit("jumpTo", json!(3)).await;
    assert_eq!(bot.shown(1).await, ["setCurrent 3"]);
    bot.names(3).await;
    bot.emit("shufflePlaylist", json!({})).await;
    let list = bot.event("playlist").await;
    assert_eq!(
        (&list[0]["uid"], &list[0]["media"]["id"]),
        (&json!(4), &json!("d60_b"))
    );
    assert_eq!(
        bot.names(4).await,
        ["setCurrent", "changeMedia", "drinkCount", "voteskip"]
    );
    bot.emit("clearPlaylist", json!({})).await;
    assert_eq!(
        bot.shown(2).await,
        [
            "playlist []",
            r#"setPlaylistMeta {"count":0,"rawTime":0,"time":"00:00"}"#
        ]
    );
    // The uid after a clear goes on, and the first film is prepended again.
    bot.emit("queue", film("d90_a", "end")).await;
    let first = bot.event("queue").await;
    assert_eq!(
        (&first["after"], &first["item"]["uid"]),
        (&json!("prepend"), &json!(6))
    );
}

#[tokio::test]
async fn what_cannot_be_queued_is_told_to_the_one_who_asked() {
    let (_sim, mut bot) = quiet().await;
    bot.emit("queue", film("err_robot", "end")).await;
    assert_eq!(
        bot.event("queueFail").await,
        json!({"msg": "Video not found", "link": "https://youtu.be/err_robot", "id": "err_robot"})
    );
    bot.emit("queue", film("d90_a", "end")).await;
    bot.event("changeMedia").await;
    bot.emit("queue", film("d90_a", "end")).await;
    assert_eq!(
        bot.event("queueFail").await["msg"],
        "This item is already on the playlist"
    );
    bot.emit("queue", json!({"id": "a", "type": "xx", "pos": "end"}))
        .await;
    assert_eq!(
        bot.event("queueFail").await["msg"],
        "Unknown media type &#39;xx&#39;"
    );
    bot.emit("queue", json!({"id": "yt:a", "pos": "end"})).await;
    assert_eq!(
        bot.event("errorMsg").await["msg"],
        "Unexpected error for message queue: Missing key: string:type"
    );
    bot.emit(
        "queue",
        json!({"id": "someone", "type": "tw", "pos": "end"}),
    )
    .await;
    assert_eq!(bot.event("queue").await["item"]["media"]["seconds"], 0);
}

#[tokio::test]
async fn chat_is_escaped_classed_and_cut() {
    let (_sim, mut bot) = quiet().await;
    let long = "x".repeat(400);
    for (typed, msg, meta) in [
        ("a <b> & \"q\"", "a &lt;b&gt; &amp; \"q\"", json!({})),
        (">green", "&gt;green", json!({"addClass": "greentext"})),
        (
            "/me waves",
            "waves",
            json!({"addClass": "action", "action": true}),
        ),
        (
            "/sp it was him",
            "it was him",
            json!({"addClass": "spoiler"}),
        ),
        ("/unknown x", "/unknown x", json!({})),
        ("tab\there", "tab here", json!({})),
        (long.as_str(), &long[..320], json!({})),
    ] {
        bot.emit("chatMsg", json!({"msg": typed, "meta": {}})).await;
        let line = bot.event("chatMsg").await;
        assert_eq!((&line["msg"], &line["meta"]), (&json!(msg), &meta));
        assert_eq!(line["username"], "Bot");
    }
    bot.emit("chatMsg", json!({"msg": "  ", "meta": {}})).await;
    bot.emit("chatMsg", json!({"msg": "flair", "meta": {"modflair": 5}}))
        .await;
    assert_eq!(bot.event("chatMsg").await["meta"], json!({}));
    bot.emit("chatMsg", json!({"msg": "flair", "meta": {"modflair": 3}}))
        .await;
    assert_eq!(bot.event("chatMsg").await["meta"], json!({"modflair": 3}));
    bot.emit(
        "chatMsg",
        json!({"msg": "https://a.example/?b=1&c", "meta": {}}),
    )
    .await;
    assert_eq!(
        bot.event("chatMsg").await["msg"],
        "<a href=\"https://a.example/?b=1&amp;c\" target=\"_blank\" rel=\"noopener noreferrer\">https://a.example/?b=1&amp;c</a>"
    );
}

#[tokio::test]
async fn moderation_works_by_typed_commands() {
    let (sim, mut bot) = quiet().await;
    sim.join("trent").await.unwrap();
    bot.event("setUserRank").await;
    let notice = |msg: &str| format!("chatMsg {msg}");
    for (typed, expected) in [
        (
            "/mute trent",
            vec!["setUserMeta".to_owned(), notice("Bot muted trent")],
        ),
        (
            "/unmute TRENT",
            vec![notice("Bot unmuted trent"), "setUserMeta".to_owned()],
        ),
        (
            "/smute trent",
            vec!["setUserMeta".to_owned(), notice("Bot shadowmuted trent")],
        ),
        (
            "/afk",
            vec![
                "clearVoteskipVote".to_owned(),
                "setUserMeta".to_owned(),
                "setAFK".to_owned(),
                "voteskip".to_owned(),
            ],
        ),
        (
            "/afk",
            vec![
                "setUserMeta".to_owned(),
                "setAFK".to_owned(),
                "voteskip".to_owned(),
            ],
        ),
        (
            "/kick trent out",
            vec![
                "userLeave".to_owned(),
                "voteskip".to_owned(),
                notice("Bot kicked trent"),
            ],
        ),
        ("/kick nobody x", vec![]),
        ("/poll Next?,a,b", vec!["newPoll".to_owned()]),
        (
            "/d2 cheers",
            vec!["drinkCount".to_owned(), notice("cheers drink! (x2)")],
        ),
        (
            "/clear",
            vec!["clearchat".to_owned(), notice("Bot cleared chat.")],
        ),
    ] {
        bot.emit("chatMsg", json!({"msg": typed, "meta": {}})).await;
        for event in expected {
            let (name, payload) = bot.next().await.unwrap();
            let shown = match payload {
                Some(payload) if name == "chatMsg" => {
                    format!("chatMsg {}", payload["msg"].as_str().unwrap())
                }
                _ => name,
            };
            assert_eq!(shown, event, "{typed}");
        }
    }
}

#[tokio::test]
async fn the_channel_is_administered() {
    let (sim, mut bot) = quiet().await;
    for (event, payload, name, shown) in [
        (
            "setMotd",
            json!({"motd": "<b>x</b>"}),
            "setMotd",
            "\"<b>x</b>\"",
        ),
        (
            "updateEmote",
            json!({"name": "a.b", "image": "https://x/?a&b"}),
            "updateEmote",
            r#"{"name":"a.b","image":"https://x/?a&amp;b","source":"(^|\\s)a\\.b(?!\\S)"}"#,
        ),
        (
            "renameEmote",
            json!({"old": "a.b", "name": "ab", "image": "x"}),
            "renameEmote",
            r#"{"name":"ab","image":"https://x/?a&amp;b","source":"(^|\\s)ab(?!\\S)","old":"a.b"}"#,
        ),
        (
            "removeEmote",
            json!({"name": "never"}),
            "removeEmote",
            r#"{"name":"never"}"#,
        ),
        (
            "setChannelRank",
            json!({"name": "Someone", "rank": 2}),
            "setUserRank",
            r#"{"name":"Someone","rank":2}"#,
        ),
        (
            "setChannelRank",
            json!({"name": "Someone", "rank": 4}),
            "channelRankFail",
            r#"{"msg":"Updating user rank failed: You can't promote someone to a rank equal or higher than yourself"}"#,
        ),
        (
            "setOptions",
            json!({"afk_timeout": 500}),
            "validationPassed",
            r##"{"target":"#cs-afk_timeout"}"##,
        ),
        ("requestBanlist", json!({}), "banlist", "[]"),
        (
            "addFilter",
            json!({"name": "f", "source": "a", "flags": "g", "replace": "b", "active": true, "filterlinks": false}),
            "addFilterSuccess",
            "null",
        ),
        (
            "removeFilter",
            json!({"name": "f"}),
            "deleteChatFilter",
            r#"{"name":"f"}"#,
        ),
        ("togglePlaylistLock", json!({}), "setPlaylistLocked", "true"),
    ] {
        bot.emit(event, payload).await;
        assert_eq!(bot.event(name).await.to_string(), shown, "{event}");
    }
    bot.emit("setChannelCSS", json!({"css": "/* robot css */"}))
        .await;
    let style = bot.event("channelCSSJS").await;
    assert_eq!(style["cssHash"], "cLCv4gh4IoKyjWmBuFFlTg==");
    bot.emit("setPermissions", json!({"drink": 1, "unknown": 3}))
        .await;
    let permissions = bot.event("setPermissions").await;
    assert_eq!(permissions["drink"], 1);
    assert_eq!(permissions.as_object().unwrap().len(), 42);
    assert_eq!(sim.state().await.unwrap()["options"]["afk_timeout"], 500);
    sim.run(Operation::Ban {
        name: "mallory".into(),
    })
    .await
    .unwrap();
    bot.emit("unban", json!({"id": 1, "name": "mallory"})).await;
    assert_eq!(
        bot.event("banlistRemove").await,
        json!({"id": 1, "name": "mallory"})
    );
    bot.emit("requestPlaylist", json!({})).await;
    bot.event("playlist").await;
    bot.emit("requestPlaylist", json!({})).await;
    assert_eq!(
        bot.event("errorMsg").await["code"],
        "REQ_PLAYLIST_LIMIT_REACHED"
    );
}

#[tokio::test]
async fn a_leader_gets_a_rank_for_a_while_and_leads() {
    let (sim, mut bot) = quiet().await;
    bot.emit("queue", film("d90_a", "end")).await;
    sim.join("alice").await.unwrap();
    bot.emit("assignLeader", json!({"name": "alice"})).await;
    assert_eq!(bot.event("setLeader").await, json!("alice"));
    assert_eq!(
        bot.shown(1).await,
        [r#"setUserRank {"name":"alice","rank":1.5}"#]
    );
    let update = json!({"id": "d90_a", "currentTime": 42.5, "paused": true, "type": "yt"});
    sim.act("alice", "mediaUpdate", update).await.unwrap();
    assert_eq!(
        bot.event("mediaUpdate").await,
        json!({"currentTime": 42.5, "paused": true})
    );
    bot.emit("assignLeader", json!({"name": ""})).await;
    assert_eq!(
        bot.shown(1).await,
        [r#"setUserRank {"name":"alice","rank":1}"#]
    );
    assert_eq!(bot.event("setLeader").await, json!(""));
}

#[tokio::test]
async fn a_hidden_poll_is_shown_when_it_closes() {
    let (sim, mut bot) = quiet().await;
    bot.emit(
        "newPoll",
        json!({"title": "H", "opts": ["a", "<b>"], "obscured": true}),
    )
    .await;
    let poll = bot.event("newPoll").await;
    assert_eq!(poll["counts"], json!(["0?", "0?"]));
    assert_eq!(poll["options"][1], "&lt;b&gt;");
    sim.act("alice", "vote", json!({"option": 1}))
        .await
        .unwrap();
    bot.emit("vote", json!({"option": 0})).await;
    bot.event("updatePoll").await;
    assert_eq!(bot.event("updatePoll").await["counts"], json!(["1?", "1?"]));
    bot.emit("closePoll", json!({})).await;
    assert_eq!(bot.event("updatePoll").await["counts"], json!([1, 1]));
    assert_eq!(
        bot.next().await.unwrap(),
        ("closePoll".into(), Some(Value::Null))
    );
}

#[tokio::test]
async fn without_rank_requests_are_ignored_or_end_in_a_kick() {
    let sim = ranked("Plain", 1.0).await;
    let mut user = Client::enter(&sim, "Plain", Some("x")).await;
    for (event, payload) in [
        ("delete", json!(0)),
        ("clearPlaylist", json!({})),
        ("updateEmote", json!({"name": "x", "image": "y"})),
        (
            "newPoll",
            json!({"title": "x", "opts": [], "obscured": false}),
        ),
        ("setChannelRank", json!({"name": "x", "rank": 1})),
        ("chatMsg", json!({"msg": "/clear"})),
        ("chatMsg", json!({"msg": "/kick alice"})),
    ] {
        user.emit(event, payload).await;
    }
    user.emit(
        "queue",
        json!({"id": "https://x/a.mp4", "type": "fi", "pos": "end"}),
    )
    .await;
    assert_eq!(user.shown(1).await.len(), 1);
    user.emit("chatMsg", json!({"msg": "still here"})).await;
    assert_eq!(user.event("chatMsg").await["msg"], "still here");
    user.emit("setMotd", json!({"motd": "mine"})).await;
    assert_eq!(
        user.event("kick").await["reason"],
        "Attempted setMotd with insufficient permission"
    );
    assert_eq!(user.next().await.unwrap().0, "41");
    assert_eq!(sim.state().await.unwrap()["users"], json!([]));
}

#[tokio::test]
async fn private_messages_reach_both_sides_and_miss_the_absent() {
    let (sim, mut bot) = quiet().await;
    sim.join("alice").await.unwrap();
    bot.emit("pm", json!({"to": "ALICE", "msg": "psst <3", "meta": {}}))
        .await;
    let echo = bot.event("pm").await;
    assert_eq!(
        (&echo["to"], &echo["msg"]),
        (&json!("alice"), &json!("psst &lt;3"))
    );
    bot.emit("pm", json!({"to": "nobody", "msg": "x", "meta": {}}))
        .await;
    bot.event("errorMsg").await;
    sim.pm("alice", "system:help").await.unwrap();
    sim.pm("alice", "hello bot").await.unwrap();
    let pms = sim.ledger().await.unwrap().pms;
    assert_eq!(pms, [("Bot".to_owned(), 1), ("alice".to_owned(), 1)].into());
    assert_eq!(sim.progress().borrow().pms, 2);
}

#[tokio::test]
async fn floods_are_held_back() {
    let mut config = SimConfig::quiet("Lounge");
    config.flood_limits = true;
    let sim = Sim::start(config).await.unwrap();
    let mut bot = Client::bot(&sim).await;
    for number in 0..40 {
        bot.emit("chatMsg", json!({"msg": format!("{number}"), "meta": {}}))
            .await;
    }
    bot.event("cooldown").await;
    for number in 0..20 {
        bot.emit("queue", film(&format!("d60_{number}"), "end"))
            .await;
    }
    assert_eq!(
        bot.event("queueFail").await["msg"],
        "You are adding videos too quickly"
    );
}

//! The control endpoint over HTTP.

use kryten_sim::{Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::client::Client;

async fn post(sim: &SimHandle, operation: &str, body: Value) -> (u16, Value) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/control/{operation}", sim.url());
    let response = reqwest::Client::new()
        .post(url)
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

#[tokio::test]
async fn every_operation_works_over_http_too() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut bot = Client::bot(&sim).await;
    for (operation, body) in [
        ("seen", json!({"chat": 3})),
        ("window", json!({"lines": 15})),
        ("window", json!({"lines": null})),
        ("hold", json!({"others": true, "chat": false})),
        ("hold", json!({"others_while_bot_is_out": true})),
        ("join", json!({"user": "carol"})),
        ("say", json!({"user": "alice", "msg": "KrytenBot++"})),
        ("pm", json!({"user": "alice", "msg": "psst"})),
        ("leave", json!({"user": "carol"})),
        (
            "act",
            json!({"user": "alice", "event": "queue", "payload": {"id": "d9_x", "type": "yt", "pos": "end"}}),
        ),
        (
            "emit",
            json!({"event": "announcement", "payload": {"id": "1"}}),
        ),
        ("raw", json!({"text": "42[\"rawly\"]"})),
        ("refuse", json!({"connections": false})),
        ("freeze", json!({"frozen": false})),
    ] {
        let (status, answer) = post(&sim, operation, body).await;
        assert_eq!((status, answer), (200, json!(true)), "{operation}");
    }
    assert_eq!(bot.event("pm").await["msg"], "psst");
    assert_eq!(bot.event("queue").await["after"], "prepend");
    bot.event("announcement").await;
    bot.event("rawly").await;
    let (_, state) = post(&sim, "state", json!({})).await;
    assert_eq!(state["users"].as_array().unwrap().len(), 2);
    assert_eq!(state["current"]["uid"], 0);
    assert_eq!(state["bots"], json!(["Bot"]));
    assert_eq!(
        (&state["chat_lines"], &state["pms"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(state["last_line"]["msg"], "KrytenBot++");
    assert_eq!(
        (&state["window"], &state["seen"]),
        (&Value::Null, &json!(3))
    );
    let (_, ledger) = post(&sim, "ledger", json!({})).await;
    assert_eq!(ledger["messages"]["alice"], 1);
    assert_eq!(ledger["kudos_plusplus"], json!({}));

    let (status, _) = post(&sim, "kick", json!({"name": "bot", "reason": "enough"})).await;
    assert_eq!(status, 200);
    assert_eq!(bot.event("kick").await["reason"], "enough");
    assert_eq!(bot.next().await.unwrap().0, "41");
    for operation in ["drop", "restart"] {
        let mut bot = Client::bot(&sim).await;
        assert_eq!(post(&sim, operation, json!({})).await.0, 200);
        while bot.text().await.is_some() {}
    }
    let (status, _) = post(&sim, "ban", json!({"name": "Bot"})).await;
    assert_eq!(status, 200);
    let mut banned = Client::connect(&sim).await;
    banned
        .emit("login", json!({"name": "Bot", "pw": "x"}))
        .await;
    banned.emit("joinChannel", json!({"name": "Lounge"})).await;
    assert_eq!(
        banned.event("kick").await["reason"],
        "You are banned from this channel."
    );
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_with_a_sentence() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    for (operation, body, status) in [
        ("dance", json!({}), 400),
        ("seen", json!({}), 400),
        ("seen", json!([]), 400),
        ("leave", json!({"user": "nobody"}), 404),
        ("kick", json!({"name": "nobody"}), 404),
    ] {
        let (answered, body) = post(&sim, operation, body).await;
        assert_eq!(answered, status, "{operation}: {body}");
        assert!(!body["error"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_restart_numbers_the_playlist_from_zero_and_keeps_the_history() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    for id in ["d90_a", "d90_b", "d90_c"] {
        sim.act(
            "owner",
            "queue",
            json!({"id": id, "type": "yt", "pos": "end"}),
        )
        .await
        .unwrap();
    }
    sim.say("alice", "before the restart").await.unwrap();
    let _bot = Client::bot(&sim).await;
    sim.act("owner", "playNext", json!({})).await.unwrap();
    sim.run(kryten_sim::Operation::Join {
        user: "modmary".into(),
        rank: Some(3.0),
    })
    .await
    .unwrap();
    sim.act("modmary", "delete", json!(0)).await.unwrap();
    let state = sim.state().await.unwrap();
    assert_eq!(state["items"][0]["uid"], 1);
    sim.run(kryten_sim::Operation::Restart).await.unwrap();
    let mut bot = Client::connect(&sim).await;
    bot.emit("joinChannel", json!({"name": "Lounge"})).await;
    assert_eq!(bot.event("chatMsg").await["msg"], "before the restart");
    let items = bot.event("playlist").await;
    assert_eq!((&items[0]["uid"], &items[1]["uid"]), (&json!(0), &json!(1)));
}

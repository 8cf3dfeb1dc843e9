//! Several channels in one simulator.

use kryten_sim::{ChannelConfig, Operation, ScriptConfig, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::client::Client;

async fn house() -> SimHandle {
    Sim::start(SimConfig {
        channels: vec![
            ChannelConfig::quiet("Attic"),
            ChannelConfig {
                password: Some("sesame".to_owned()),
                ranks: vec![("Bot".to_owned(), 1.0)],
                banned: vec!["mallory".to_owned()],
                ..ChannelConfig::quiet("Cellar")
            },
        ],
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn what_happens_in_one_channel_stays_there() {
    let sim = house().await;
    let attic = sim.channel("ATTIC").unwrap();
    assert_eq!(attic.name(), "Attic");
    assert!(sim.channel("Nowhere").is_none());
    let mut below = Client::bot(&sim).await;
    let mut above = Client::enter_channel(&sim, "attic", "Bot", Some("x")).await;
    // The same account may be in two channels at a time.
    assert_eq!(sim.progress().borrow().bots, 1);
    assert_eq!(attic.progress().borrow().bots, 1);
    sim.say("alice", "in the lounge").await.unwrap();
    attic.say("bob", "in the attic").await.unwrap();
    attic.say("bob", "again").await.unwrap();
    sim.say("alice", "the end").await.unwrap();
    let mut heard = Vec::new();
    while heard.last() != Some(&json!("the end")) {
        let line = below.event("chatMsg").await;
        if line["username"] != "[server]" {
            heard.push(line["msg"].clone());
        }
    }
    assert_eq!(heard, ["in the lounge", "the end"]);
    above
        .emit("queue", json!({"id": "d9_x", "type": "yt", "pos": "end"}))
        .await;
    above.event("changeMedia").await;
    let (lounge, upstairs) = (sim.state().await.unwrap(), attic.state().await.unwrap());
    assert_eq!(lounge["items"], json!([]));
    assert_eq!(upstairs["items"][0]["media"]["id"], "d9_x");
    assert_eq!(sim.ledger().await.unwrap().messages["alice"], 2);
    assert_eq!(attic.ledger().await.unwrap().messages["bob"], 2);
}

#[tokio::test]
async fn a_channel_has_its_own_password_ranks_and_bans() {
    let sim = house().await;
    let cellar = sim.channel("Cellar").unwrap();
    let mut client = Client::connect(&sim).await;
    client
        .emit("login", json!({"name": "Bot", "pw": "x"}))
        .await;
    client.event("login").await;
    client
        .emit("joinChannel", json!({"name": "Cellar", "pw": "wrong"}))
        .await;
    assert_eq!(client.event("needPassword").await, true);
    client.send("42[\"channelPassword\",\"sesame\"]").await;
    assert_eq!(client.event("setUserRank").await["rank"], 1);
    assert_eq!(cellar.progress().borrow().bots, 1);
    let mut mallory = Client::connect(&sim).await;
    mallory
        .emit("login", json!({"name": "Mallory", "pw": "x"}))
        .await;
    mallory
        .emit("joinChannel", json!({"name": "Cellar", "pw": "sesame"}))
        .await;
    let reason = mallory.event("kick").await["reason"].clone();
    assert_eq!(reason, "You are banned from this channel.");
    Client::enter(&sim, "Mallory", Some("x")).await;
}

#[tokio::test]
async fn operations_are_for_one_channel_or_for_the_server() {
    let sim = house().await;
    let attic = sim.channel("Attic").unwrap();
    let mut below = Client::bot(&sim).await;
    let mut above = Client::enter_channel(&sim, "Attic", "Bot", Some("x")).await;
    attic.drop_connections().await.unwrap();
    while above.text().await.is_some() {}
    sim.say("alice", "still here").await.unwrap();
    assert_eq!(
        below.event("chatMsg").await["msg"],
        "alice joined (aliases: alice)"
    );
    let mut above = Client::enter_channel(&sim, "Attic", "Bot", Some("x")).await;
    sim.drop_connections().await.unwrap();
    while above.text().await.is_some() {}
    while below.text().await.is_some() {}

    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    let state = format!("{}/control/state", sim.url());
    attic.join("dora").await.unwrap();
    for (query, users) in [("?channel=attic", 1), ("?channel=Cellar", 0), ("", 1)] {
        let got = http.get(format!("{state}{query}")).send().await.unwrap();
        let got: Value = got.json().await.unwrap();
        assert_eq!(got["users"].as_array().unwrap().len(), users, "{query}");
    }
    let lost = http.get(format!("{state}?channel=nowhere")).send().await;
    assert_eq!(lost.unwrap().status(), 404);
}

#[tokio::test]
async fn a_lively_channel_beside_a_quiet_one_keeps_its_own_ledger() {
    let script = ScriptConfig {
        users: 8,
        rate: 500.0,
        lines: Some(60),
        history: 0,
        waits_for_bot: true,
        ..ScriptConfig::default()
    };
    let sim = Sim::start(SimConfig {
        channels: vec![ChannelConfig::lively("Busy", script)],
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let busy = sim.channel("busy").unwrap();
    let _bot = Client::bot(&sim).await;
    assert_eq!(busy.progress().borrow().chat_lines, 0);
    let _other = Client::enter_channel(&sim, "Busy", "Bot", Some("x")).await;
    busy.wait_until(|progress| progress.done).await;
    let told: u64 = busy.ledger().await.unwrap().messages.values().sum();
    assert!(told >= 60, "{told}");
    assert!(sim.ledger().await.unwrap().messages.is_empty());
    busy.run(Operation::Restart).await.unwrap();
    sim.wait_until(|progress| progress.connections == 0).await;
}

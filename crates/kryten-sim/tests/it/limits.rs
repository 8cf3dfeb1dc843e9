//! CyTube's limits, put into force or lifted while the simulator runs.

use kryten_sim::{Operation, Sim, SimConfig, SimHandle};
use serde_json::json;

use crate::client::Client;

fn connections(limited: bool) -> Operation {
    Operation::Limits {
        flood: None,
        connections: Some(limited),
        guest_seconds: None,
        frames_per_second: None,
    }
}

async fn quiet() -> SimHandle {
    Sim::start(SimConfig::quiet("Lounge")).await.unwrap()
}

#[tokio::test]
async fn the_sixth_connection_at_once_is_refused_in_the_words_of_its_version() {
    let sim = Sim::start(SimConfig {
        connection_limits: true,
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let mut granted = Vec::new();
    for _ in 0..5 {
        granted.push(Client::connect(&sim).await);
    }
    let mut old = Client::open_with(&sim, "EIO=3&transport=websocket").await;
    old.text().await.unwrap();
    assert_eq!(old.text().await.unwrap(), "44\"Rate limit exceeded\"");
    let mut new = Client::open(&sim).await;
    new.text().await.unwrap();
    new.send("40").await;
    let refusal = "44{\"message\":\"Rate limit exceeded\"}";
    assert_eq!(new.text().await.unwrap(), refusal);
    sim.run(connections(false)).await.unwrap();
    Client::connect(&sim).await;
}

#[tokio::test]
async fn an_address_may_have_ten_clients_at_a_time() {
    let sim = quiet().await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(Client::connect(&sim).await);
    }
    sim.run(connections(true)).await.unwrap();
    let mut eleventh = Client::connect(&sim).await;
    let reason = eleventh.event("kick").await["reason"].clone();
    assert_eq!(reason, "Too many connections from your IP address");
}

#[tokio::test]
async fn too_many_frames_in_a_second_are_a_kick() {
    let sim = quiet().await;
    let mut bot = Client::bot(&sim).await;
    sim.run(Operation::Limits {
        flood: None,
        connections: None,
        guest_seconds: None,
        frames_per_second: Some(5.0),
    })
    .await
    .unwrap();
    for _ in 0..7 {
        bot.emit("playerReady", json!({})).await;
    }
    assert_eq!(bot.event("kick").await["reason"], "Rate limit exceeded");
}

#[tokio::test]
async fn guests_of_one_address_wait_for_each_other() {
    let sim = quiet().await;
    sim.run(Operation::Limits {
        flood: None,
        connections: None,
        guest_seconds: Some(60.0),
        frames_per_second: None,
    })
    .await
    .unwrap();
    Client::enter(&sim, "zed", None).await;
    let mut second = Client::connect(&sim).await;
    second.emit("login", json!({"name": "zoe"})).await;
    assert_eq!(
        second.event("login").await["error"],
        "Guest logins are restricted to one per IP address per 60 seconds."
    );
}

#[tokio::test]
async fn chat_cools_down_by_the_servers_limits_or_by_the_channels() {
    let sim = quiet().await;
    sim.run(Operation::Limits {
        flood: Some(true),
        connections: None,
        guest_seconds: None,
        frames_per_second: None,
    })
    .await
    .unwrap();
    let mut bot = Client::bot(&sim).await;
    for _ in 0..25 {
        bot.emit("chatMsg", json!({"msg": "spam"})).await;
    }
    assert_eq!(bot.event("cooldown").await, json!(100));
    bot.emit("setOptions", json!({"chat_antiflood": true}))
        .await;
    bot.event("channelOpts").await;
    let mut guest = Client::enter(&sim, "zed", None).await;
    for _ in 0..5 {
        guest.emit("chatMsg", json!({"msg": "spam"})).await;
    }
    assert_eq!(guest.event("cooldown").await, json!(1000));
}

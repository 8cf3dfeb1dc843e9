//! HTTP, Engine.IO and Socket.IO before the channel.

use std::time::Duration;

use kryten_sim::{Operation, Sim, SimConfig};
use serde_json::{Value, json};

use crate::client::Client;

async fn get(url: String) -> (u16, Value) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let response = reqwest::get(url).await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn the_socketconfig_names_the_server_or_refuses_a_malformed_name() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let (status, body) = get(format!("{}/socketconfig/anything.json", sim.url())).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({"servers": [{"url": sim.url(), "secure": false}]})
    );
    let (status, body) = get(format!("{}/socketconfig/no%20such!.json", sim.url())).await;
    assert_eq!(status, 404);
    assert_eq!(body["error"], "Channel \"no such!\" does not exist.");
}

#[tokio::test]
async fn other_transports_and_sessions_are_refused() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    for (query, code) in [
        ("EIO=4&transport=smoke", 0),
        ("EIO=4", 0),
        ("EIO=4&transport=websocket&sid=x", 1),
        ("transport=polling&sid=x", 1),
        ("EIO=3&transport=websocket", 3),
        ("EIO=5&transport=websocket", 5),
    ] {
        let (status, body) = get(format!("{}/socket.io/?{query}", sim.url())).await;
        assert_eq!(
            (status, body["code"].as_i64()),
            (400, Some(code)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn an_event_before_the_namespace_and_broken_json_end_the_connection() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut early = Client::open(&sim).await;
    early.text().await.unwrap();
    early.emit("joinChannel", json!({"name": "Lounge"})).await;
    assert_eq!(early.text().await, None);
    let mut broken = Client::bot(&sim).await;
    broken.send("42[\"chatMsg\",").await;
    while broken.text().await.is_some() {}
}

#[tokio::test]
async fn pings_come_and_an_unanswered_one_ends_the_connection() {
    let sim = Sim::start(SimConfig {
        ping_interval: Duration::from_millis(50),
        ping_timeout: Duration::from_millis(150),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let mut client = Client::connect(&sim).await;
    assert_eq!(client.text().await.unwrap(), "42[\"rank\",-1]");
    for _ in 0..5 {
        assert_eq!(client.text().await.unwrap(), "2");
        client.send("3").await;
    }
    assert_eq!(client.text().await.unwrap(), "2");
    assert_eq!(client.text().await, None);
}

#[tokio::test]
async fn a_rate_limited_client_is_told_and_left_alone() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    sim.run(Operation::Refuse {
        connections: false,
        rate_limited: true,
    })
    .await
    .unwrap();
    let mut client = Client::open(&sim).await;
    client.text().await.unwrap();
    client.send("40").await;
    assert_eq!(
        client.text().await.unwrap(),
        r#"44{"message":"Rate limit exceeded"}"#
    );
}

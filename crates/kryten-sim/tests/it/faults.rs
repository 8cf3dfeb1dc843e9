//! What goes wrong between client and server, on request.

use std::time::Duration;

use kryten_sim::{ControlError, Garbage, Operation, Sim, SimConfig, SimHandle};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::Client;

async fn quiet() -> (SimHandle, Client) {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let bot = Client::bot(&sim).await;
    (sim, bot)
}

async fn refused(sim: &SimHandle) -> bool {
    TcpStream::connect(sim.addr()).await.is_err()
}

#[tokio::test]
async fn an_outage_cuts_and_refuses_clients_and_ends_by_itself_or_when_told() {
    let (sim, mut bot) = quiet().await;
    sim.say("alice", "before").await.unwrap();
    sim.run(Operation::Down { seconds: Some(0.4) })
        .await
        .unwrap();
    while bot.text().await.is_some() {}
    let is_up = async { while refused(&sim).await {} };
    timeout(Duration::from_secs(20), is_up).await.unwrap();
    // As after any restart, the last lines are there.
    let mut bot = Client::connect(&sim).await;
    bot.emit("joinChannel", json!({"name": "Lounge"})).await;
    assert_eq!(bot.event("chatMsg").await["msg"], "before");

    sim.run(Operation::Down { seconds: None }).await.unwrap();
    let is_down = async { while !refused(&sim).await {} };
    timeout(Duration::from_secs(20), is_down).await.unwrap();
    sim.run(Operation::Up).await.unwrap();
    let is_up = async { while refused(&sim).await {} };
    timeout(Duration::from_secs(20), is_up).await.unwrap();
    Client::bot(&sim).await;
    let never = sim
        .run(Operation::Down {
            seconds: Some(-1.0),
        })
        .await;
    assert!(
        matches!(never, Err(ControlError::BadRequest(_))),
        "{never:?}"
    );
}

#[tokio::test]
async fn every_kind_of_garbage_reaches_the_client_and_leaves_the_server_whole() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    for (kind, is_text) in [
        (Garbage::Packet, true),
        (Garbage::Json, true),
        (Garbage::Shape, true),
        (Garbage::Utf8, false),
        (Garbage::Binary, false),
        (Garbage::Websocket, false),
    ] {
        let mut client = Client::open(&sim).await;
        client.text().await.unwrap();
        client.send("40").await;
        client.text().await.unwrap();
        assert_eq!(client.text().await.unwrap(), "42[\"rank\",-1]");
        sim.run(Operation::Garbage { kind }).await.unwrap();
        let got = client.text().await;
        assert_eq!(got.is_some(), is_text, "{kind:?}: {got:?}");
    }
    Client::bot(&sim).await;
}

#[tokio::test]
async fn a_frame_is_as_large_as_asked_for_or_only_says_so() {
    let (sim, mut bot) = quiet().await;
    let oversize = |bytes, announce_only| Operation::Oversize {
        bytes,
        announce_only,
    };
    sim.run(oversize(2_000_000, false)).await.unwrap();
    assert_eq!(bot.text().await.unwrap().len(), 2_000_000);
    sim.run(oversize(70, false)).await.unwrap();
    assert_eq!(bot.text().await.unwrap().len(), 70);
    // The client's own limit is 16 MiB for a frame.
    sim.run(oversize(1 << 27, true)).await.unwrap();
    assert_eq!(bot.text().await, None);
}

#[tokio::test]
async fn a_client_that_is_not_served_hears_all_of_it_later_and_others_at_once() {
    let (sim, mut slow) = quiet().await;
    let mut quick = Client::enter(&sim, "Quick", Some("x")).await;
    let slowness = |bytes_per_second| Operation::Slow {
        name: Some("bot".to_owned()),
        bytes_per_second,
    };
    while slow.event("setUserRank").await["name"] != "Quick" {}
    sim.run(slowness(Some(0))).await.unwrap();
    for number in 0..3 {
        sim.say("alice", &format!("line {number}")).await.unwrap();
    }
    while quick.event("chatMsg").await["msg"] != "line 2" {}
    let heard = timeout(Duration::from_millis(100), slow.text()).await;
    assert!(heard.is_err(), "{heard:?}");
    sim.run(slowness(Some(100_000))).await.unwrap();
    while slow.event("chatMsg").await["msg"] != "line 2" {}
    sim.run(slowness(None)).await.unwrap();
    let nobody = Operation::Slow {
        name: Some("nobody".to_owned()),
        bytes_per_second: None,
    };
    assert!(matches!(
        sim.run(nobody).await,
        Err(ControlError::NoSuchUser(_))
    ));
}

//! Losing the connection, and coming back.

use std::time::Duration;

use kryten_cytube::{ConnectError, CytubeItem, DisconnectReason, EmitError};
use kryten_sim::{Operation, Sim, SimConfig};
use serde_json::json;

use crate::support::{Client, config};

#[tokio::test]
async fn a_cut_connection_comes_back_and_keeps_the_order() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut client = Client::start(config(&sim));
    client.joined().await;
    for round in 0..3 {
        for number in 0..20 {
            let line = format!("{round}-{number}");
            sim.say("alice", &line).await.unwrap();
        }
        // All that was sent before the cut arrives before the loss is told.
        sim.drop_connections().await.unwrap();
        for number in 0..20 {
            let line = client
                .until(|item| match item {
                    CytubeItem::Event { name, payload, .. } if name == "chatMsg" => {
                        let line: serde_json::Value = serde_json::from_str(payload.get()).unwrap();
                        (line["username"] == "alice").then(|| line["msg"].clone())
                    }
                    CytubeItem::Disconnected { .. } => panic!("too early"),
                    _ => None,
                })
                .await;
            assert_eq!(line, format!("{round}-{number}"));
        }
        let (reason, retry) = client.disconnected().await;
        assert!(
            matches!(
                reason,
                DisconnectReason::Lost(_) | DisconnectReason::ClosedByServer
            ),
            "{reason:?}"
        );
        assert!(retry.is_some());
        client.event("emoteList").await;
        for back in 5..20 {
            let line = client.event("chatMsg").await;
            assert_eq!(line["msg"], format!("{round}-{back}"));
        }
        client.joined().await;
    }
}

#[tokio::test]
async fn a_kick_stops_the_client_or_not_as_configured() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut client = Client::start(config(&sim));
    client.joined().await;
    sim.kick_bots("go away").await.unwrap();
    assert_eq!(client.event("kick").await, json!({"reason": "go away"}));
    let (reason, retry) = client.disconnected().await;
    assert_eq!(retry, None);
    assert_eq!(reason.to_string(), "kicked: go away");
    client.stopped().await;

    let mut settings = config(&sim);
    settings.reconnect_after_kick = true;
    let mut client = Client::start(settings);
    client.joined().await;
    sim.kick_bots("").await.unwrap();
    let (reason, retry) = client.disconnected().await;
    assert!(matches!(reason, DisconnectReason::Kicked { .. }));
    assert!(retry.is_some());
    client.joined().await;
}

#[tokio::test]
async fn a_second_login_stops_the_first() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut settings = config(&sim);
    settings.reconnect_after_kick = true;
    let mut first = Client::start(settings.clone());
    first.joined().await;
    let mut second = Client::start(settings);
    second.joined().await;
    let reason = first.stopped().await;
    assert!(matches!(reason, DisconnectReason::DuplicateLogin));
    assert_eq!(second.event("userLeave").await, json!({"name": "Bot"}));
    sim.say("alice", "still here").await.unwrap();
    let notice = second.event("chatMsg").await;
    assert_eq!(notice["msg"], "alice joined (aliases: alice)");
    assert_eq!(second.event("chatMsg").await["msg"], "still here");
}

#[tokio::test]
async fn refusals_are_retried_until_the_server_takes_us_back() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    sim.run(Operation::Refuse {
        connections: true,
        rate_limited: false,
    })
    .await
    .unwrap();
    let mut client = Client::start(config(&sim));
    for _ in 0..3 {
        match client.disconnected().await {
            (DisconnectReason::Connect(error), Some(_)) => {
                assert!(matches!(
                    &*error,
                    ConnectError::SocketconfigStatus { status: 503, .. }
                ));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        client.handle.emit("chatMsg", &json!({})).await,
        Err(EmitError::NotConnected)
    );
    sim.run(Operation::Refuse {
        connections: false,
        rate_limited: true,
    })
    .await
    .unwrap();
    let (reason, retry) = client
        .until(|item| match item {
            CytubeItem::Disconnected {
                reason: reason @ DisconnectReason::Refused { .. },
                will_retry_in,
                ..
            } => Some((reason, will_retry_in)),
            _ => None,
        })
        .await;
    assert!(reason.to_string().contains("Rate limit exceeded"));
    assert!(retry.unwrap() >= Duration::from_secs(10));
    client.handle.close().await;
    client.stopped().await;
}

#[tokio::test]
async fn a_client_is_taken_back_after_refusals() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let refuse = |connections| Operation::Refuse {
        connections,
        rate_limited: false,
    };
    sim.run(refuse(true)).await.unwrap();
    let mut client = Client::start(config(&sim));
    client.disconnected().await;
    sim.run(refuse(false)).await.unwrap();
    let attempt = client
        .until(|item| match item {
            CytubeItem::Connected { attempt, .. } => Some(attempt),
            _ => None,
        })
        .await;
    assert!(attempt >= 1);
    client.joined().await;
}

#[tokio::test]
async fn a_frozen_server_is_noticed_by_its_missing_heartbeat() {
    let sim = Sim::start(SimConfig {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_millis(400),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let mut client = Client::start(config(&sim));
    client.joined().await;
    sim.run(Operation::Freeze { frozen: true }).await.unwrap();
    let (reason, retry) = client.disconnected().await;
    assert!(
        matches!(reason, DisconnectReason::HeartbeatMissed),
        "{reason:?}"
    );
    assert!(retry.is_some());
    sim.run(Operation::Freeze { frozen: false }).await.unwrap();
    client.joined().await;
}

#[tokio::test]
async fn a_quiet_server_that_pings_is_not_given_up() {
    let sim = Sim::start(SimConfig {
        ping_interval: Duration::from_millis(50),
        ping_timeout: Duration::from_millis(200),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let mut client = Client::start(config(&sim));
    client.joined().await;
    client.event("setUserRank").await;
    // Four times as long as silence may last, on both sides.
    let quiet = tokio::time::timeout(Duration::from_secs(1), client.disconnected()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    assert_eq!(sim.progress().borrow().bots, 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_asked_again_and_again() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let settings = config(&sim);
    let addr = sim.addr();
    let mut client = Client::start(settings);
    client.joined().await;
    sim.shutdown().await;
    let mut failures = 0;
    while failures < 3 {
        let (reason, retry) = client.disconnected().await;
        assert!(retry.is_some(), "{reason}");
        failures += usize::from(matches!(reason, DisconnectReason::Connect(_)));
    }
    let mut again = SimConfig::quiet("Lounge");
    again.listen = addr;
    let _sim = Sim::start(again).await.unwrap();
    client.joined().await;
}

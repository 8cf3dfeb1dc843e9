//! Many events, large events, odd events, slow readers.

use std::time::Duration;

use kryten_cytube::CytubeItem;
use kryten_sim::{Operation, Sim, SimConfig};
use serde_json::{Value, json};

use crate::support::{Client, config};

async fn emit(sim: &kryten_sim::SimHandle, event: &str, payload: Option<Value>, times: u64) {
    let event = event.to_owned();
    let operation = Operation::Emit {
        event,
        payload,
        times: Some(times),
    };
    sim.run(operation).await.unwrap();
}

#[tokio::test]
async fn ten_thousand_events_arrive_in_order() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut client = Client::start(config(&sim));
    client.joined().await;
    emit(&sim, "numbered", Some(json!("#")), 10_000).await;
    for number in 0..10_000 {
        assert_eq!(client.event("numbered").await, json!(number));
    }
}

#[tokio::test]
async fn a_slow_reader_loses_nothing_and_is_not_given_up() {
    let sim = Sim::start(SimConfig {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_secs(20),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let mut settings = config(&sim);
    settings.item_capacity = 4;
    let mut client = Client::start(settings);
    client.joined().await;
    let large = "x".repeat(4000);
    emit(&sim, "large", Some(json!(large)), 3000).await;
    emit(&sim, "numbered", Some(json!("#")), 1000).await;
    // While we do not read, more is under way than all buffers hold.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..3000 {
        assert_eq!(client.event("large").await, json!(large));
    }
    for number in 0..1000 {
        assert_eq!(client.event("numbered").await, json!(number));
    }
}

#[tokio::test]
async fn our_own_slowness_is_no_missing_heartbeat() {
    let sim = Sim::start(SimConfig {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_millis(500),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap();
    let mut settings = config(&sim);
    settings.item_capacity = 1;
    let mut client = Client::start(settings);
    client.joined().await;
    emit(&sim, "numbered", Some(json!("#")), 10).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    // The server may have given us up, but we do not say that it was silent.
    let reason = client
        .until(|item| match item {
            CytubeItem::Event { name, payload, .. } if name == "numbered" => {
                (payload.get() == "9").then(|| "all there".to_owned())
            }
            CytubeItem::Disconnected { reason, .. } => Some(reason.to_string()),
            _ => None,
        })
        .await;
    assert_eq!(reason, "all there");
}

#[tokio::test]
async fn a_frame_of_two_megabytes_arrives_whole() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut client = Client::start(config(&sim));
    client.joined().await;
    let list: Vec<Value> = (0..20_000)
        .map(|n| json!({"name": format!("emote{n}"), "image": "https://media.example.com/a-rather-long-file-name.gif"}))
        .collect();
    let list = Value::from(list);
    assert!(list.to_string().len() > 1_600_000);
    let large = json!([list, "z".repeat(600_000)]);
    emit(&sim, "emoteList", Some(large.clone()), 1).await;
    // The list of the join came before.
    assert_eq!(client.event("emoteList").await, large);
}

#[tokio::test]
async fn payloads_come_byte_for_byte_and_garbage_is_reported() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut client = Client::start(config(&sim));
    client.joined().await;
    client.event("setUserRank").await;
    for (frame, expected) in [
        (r#"42["e"]"#, "null"),
        (r#"42["e",null]"#, "null"),
        (
            r#"42["e",{"currentTime":15.007999999999996, "a" : [1,2 ]}]"#,
            r#"{"currentTime":15.007999999999996, "a" : [1,2 ]}"#,
        ),
        (r#"42["e",1.0,"\u00e9"]"#, r#"[1.0,"\u00e9"]"#),
        (r#"4212["e",1]"#, "1"),
    ] {
        let text = frame.to_owned();
        sim.run(Operation::Raw { text }).await.unwrap();
        match client.next().await {
            CytubeItem::Event {
                name,
                payload,
                ack,
                received,
            } => {
                assert_eq!((name.as_str(), payload.get()), ("e", expected));
                assert_eq!(ack, frame.starts_with("4212").then_some(12));
                assert!(received.micros() > 1_700_000_000_000_000);
            }
            other => panic!("{other:?}"),
        }
    }
    for garbage in ["", "42{", "oops", "451-[\"e\"]"] {
        let text = garbage.to_owned();
        sim.run(Operation::Raw { text }).await.unwrap();
        let item = client.next().await;
        assert!(matches!(item, CytubeItem::Unreadable { .. }), "{item:?}");
    }
    sim.say("alice", "still there").await.unwrap();
    client.event("chatMsg").await;
}

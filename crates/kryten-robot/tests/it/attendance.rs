//! Until when the robot was in a channel in which nothing happens.

use std::time::Duration;

use kryten_client::Client;
use kryten_client::kv::KvBucket;
use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::time::WireTime;
use kryten_servers::NatsServer;
use kryten_sim::{Operation, Sim, SimConfig};
use serde_json::Value;

use crate::support::*;

/// When what the stream has last happened.
async fn last_event(client: &Client) -> WireTime {
    let contents = stream_contents(client).await;
    let envelopes = contents
        .iter()
        .filter_map(|message| EnvelopeRef::parse(&message.body).ok());
    envelopes
        .filter_map(|envelope| envelope.timestamp)
        .max()
        .unwrap()
}

/// Until when the lease says that the channel was attended.
async fn attended(client: &Client) -> Option<WireTime> {
    let leases = KvBucket::open(client, "kryten_leases").await.ok()?;
    let key = format!("robot.{}", CHANNEL.to_lowercase());
    let record: Option<Value> = leases.get_json(&key).await.unwrap();
    WireTime::parse(record?["attended"].as_str()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absence_from_a_quiet_channel_begins_with_cytubes_last_heartbeat() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let sim = SimConfig {
        ping_interval: Duration::from_millis(50),
        ..SimConfig::quiet(CHANNEL)
    };
    let sim = Sim::start(sim).await.unwrap();
    let robot = start_robot(&server, &sim.url()).await;
    within("the channel is joined", robot.ready()).await;
    let quiet_for = |from: WireTime| {
        let client = &client;
        async move {
            let later = WireTime::from_micros(from.micros() + 500_000);
            until("CyTube's heartbeats have come for a while", || async {
                attended(client).await > Some(later)
            })
            .await;
            assert_eq!(last_event(client).await, from, "nothing has happened");
            attended(client).await.unwrap()
        }
    };

    let known = quiet_for(last_event(&client).await).await;
    sim.run(Operation::Restart).await.unwrap();
    until("the absence is told", || async {
        gaps(&client).await.len() == 1
    })
    .await;
    let told = gaps(&client).await.remove(0);
    assert!(told.from >= known && told.from <= told.to, "{told:?}");

    until("all is stored", || async {
        let report = robot.report().remove(0);
        report.in_channel && report.outbox_entries == 0
    })
    .await;
    let known = quiet_for(last_event(&client).await).await;
    robot.shutdown().await;
    let robot = start_robot(&server, &sim.url()).await;
    until("its absence is told by the next robot", || async {
        gaps(&client).await.len() == 2
    })
    .await;
    let told = gaps(&client).await.remove(1);
    assert!(told.from >= known && told.from <= told.to, "{told:?}");
    robot.shutdown().await;
    sim.shutdown().await;
}

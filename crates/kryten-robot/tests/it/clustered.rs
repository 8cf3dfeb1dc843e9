//! A robot whose stream several servers keep together.

use kryten_client::stream::EventStream;
use kryten_client::{Client, NatsConfig};
use kryten_robot::Robot;
use kryten_servers::{NatsCluster, NatsServer};
use kryten_sim::{Operation, Sim, SimConfig};
use serde_json::{Value, json};

use crate::support::*;

fn config(cluster: &NatsCluster) -> NatsConfig {
    let urls = cluster.servers().iter().map(NatsServer::url);
    NatsConfig {
        servers: urls.map(str::to_owned).collect(),
        replicas: Some(3),
        ..nats_config(&cluster.servers()[0])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_stay_in_their_order_while_the_leader_of_the_stream_changes_again_and_again() {
    const EVENTS: u64 = 3_000;
    const CHANGES: u64 = 12;
    log();
    let cluster = NatsCluster::ephemeral(3).await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let mut robot = robot_config(&cluster.servers()[0], &sim.url());
    robot.nats = config(&cluster);
    let robot = Robot::bind(robot).await.unwrap();
    within("the channel is joined", robot.ready()).await;
    let client = Client::connect(&config(&cluster)).await.unwrap();
    let stream = EventStream::open(&client).await.unwrap();
    assert_eq!(stream.differences(), [""; 0], "it is kept on three servers");
    let before = stream.info().await.unwrap().last_sequence;
    let emit = Operation::Emit {
        event: "numbered".to_owned(),
        payload: Some(json!("#")),
        times: Some(EVENTS),
    };
    sim.run(emit).await.unwrap();
    for change in 1..=CHANGES {
        until("more is stored", || async {
            let info = stream.info().await;
            info.is_ok_and(|info| info.last_sequence > before + change * EVENTS / (CHANGES + 2))
        })
        .await;
        let step_down = "$JS.API.STREAM.LEADER.STEPDOWN.KRYTEN_EVENTS";
        // Who asks while servers elect may get no answer.
        until("the leader steps down", || async {
            let answer = client.nats().request(step_down, "".into()).await;
            let answer = answer.ok().map(|answer| answer.payload);
            let answer = answer.and_then(|answer| serde_json::from_slice::<Value>(&answer).ok());
            answer.is_some_and(|answer| answer["success"] == true)
        })
        .await;
    }
    let numbers = || async {
        let messages = stream.tail("kryten.events.>", 1_000_000).await;
        numbers_of(&messages.unwrap_or_default())
    };
    until("all are stored", || async {
        numbers().await.len() as u64 >= EVENTS
    })
    .await;
    assert_eq!(numbers().await, (0..EVENTS).collect::<Vec<_>>());
    robot.shutdown().await;
}

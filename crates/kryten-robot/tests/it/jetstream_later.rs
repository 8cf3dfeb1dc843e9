//! Robots that are started while JetStream is off, as after a full disk, and go on when it is there.

use kryten_client::Client;
use kryten_client::kv::KvBucket;
use kryten_protocol::state::StateBucket;
use kryten_robot::Robot;
use kryten_servers::NatsServer;
use kryten_sim::{Sim, SimConfig, SimHandle};

use crate::support::*;

async fn without_jetstream() -> (NatsServer, SimHandle, Client) {
    let server = NatsServer::ephemeral_with(|options| options.jetstream = false).await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    (server, sim, client)
}

async fn switch_on(server: &mut NatsServer) {
    server.set_jetstream(true);
    server.restart().await.unwrap();
}

/// The users that KV tells of, with the mark of their value.
async fn users(client: &Client) -> Option<(String, String)> {
    let name = StateBucket::Userlist.name(CHANNEL);
    let bucket = KvBucket::open(client, &name).await.ok()?;
    let entry = bucket.entry("users").await.ok()??;
    let mark = entry.headers.get("Kryten-State")?.as_str().to_owned();
    Some((String::from_utf8(entry.value.to_vec()).ok()?, mark))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_comes_into_kv_when_jetstream_is_there_later() {
    let (mut server, sim, client) = without_jetstream().await;
    let robot = start_robot(&server, &sim.url()).await;
    within("the channel is joined", robot.ready()).await;
    sim.join("alice").await.unwrap();
    assert!(!robot.report()[0].kv_up);

    switch_on(&mut server).await;
    until("alice is in KV, as the first term has her", || async {
        let users = users(&client).await;
        users.is_some_and(|(users, mark)| users.contains("\"alice\"") && mark.ends_with(":1"))
    })
    .await;
    sim.say("alice", "kept").await.unwrap();
    until("what is said is stored", || async {
        let events = events(&stream_contents(&client).await);
        events.iter().any(|(_, payload)| payload["msg"] == "kept")
    })
    .await;
    let report = robot.report().remove(0);
    assert!(
        report.in_channel && report.stream_up && report.kv_up,
        "{report:?}"
    );
    let leases = KvBucket::open(&client, "kryten_leases").await.unwrap();
    let key = format!("robot.{}", CHANNEL.to_lowercase());
    assert!(leases.get_text(&key).await.unwrap().is_some());
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_robots_agree_when_jetstream_is_there_later() {
    let (mut server, sim, _) = without_jetstream().await;
    let serves = |robot: &Robot| robot.report()[0].in_channel;
    let is_out = |robot: &Robot| {
        let report = robot.report().remove(0);
        !report.in_channel && report.stopped.is_some()
    };
    let first = start_robot(&server, &sim.url()).await;
    within("the first joins", first.ready()).await;
    let second = start_robot(&server, &sim.url()).await;
    within("the second joins", second.ready()).await;
    until("the first is out", || async { is_out(&first) }).await;
    let channels = robot_config(&server, &sim.url()).channels;
    let reloaded = first.reload(channels).await;
    assert_eq!(reloaded.added, [CHANNEL], "a reload takes it up again");
    until("the second is out", || async { is_out(&second) }).await;

    switch_on(&mut server).await;
    let waits = |robot: &Robot| {
        let report = robot.report().remove(0);
        report.standing_by && !report.in_channel && report.stopped.is_none()
    };
    until("one serves and the other one stands by", || async {
        serves(&first) && waits(&second) || serves(&second) && waits(&first)
    })
    .await;
    let (serving, waiting) = if serves(&first) {
        (first, second)
    } else {
        (second, first)
    };
    serving.shutdown().await;
    until("the other one takes over", || async { serves(&waiting) }).await;
    waiting.shutdown().await;
    sim.shutdown().await;
}

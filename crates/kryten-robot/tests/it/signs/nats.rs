//! Signs of what NATS does.

use std::process::Command;
use std::time::Duration;

use async_nats::jetstream::stream::{Config as StreamConfig, DiscardPolicy};
use kryten_client::Client;
use kryten_robot::RobotConfig;
use kryten_servers::NatsServer;
use serde_json::json;

use super::Scene;
use crate::support::*;

pub(super) const TRIED: [&str; 11] = [
    AWAY,
    LONG_AWAY,
    FULL,
    OFF,
    SWITCHED_OFF,
    SLOW,
    DELETED,
    OWN,
    PART,
    LARGE,
    FLOOD,
];
const AWAY: &str = "NATS is away";
const LONG_AWAY: &str = "NATS is away until the outbox is full";
const FULL: &str =
    "JetStream is full (limit of the account, the disk, or of a stream that refuses new messages)";
const OFF: &str = "JetStream is off";
const SWITCHED_OFF: &str =
    "JetStream is switched off later, as some servers do when their disk is full";
const SLOW: &str = "the disk of NATS is slow, the server stalls";
const DELETED: &str = "`KRYTEN_EVENTS` is deleted";
const OWN: &str = "a stream of your own takes all of `kryten.events.>`";
const PART: &str = "a stream of your own takes a part of `kryten.events.>`";
const LARGE: &str = "an event is larger than the server takes";
const FLOOD: &str = "one channel is flooded";

fn stream(name: &str, subject: &str, max_bytes: i64) -> StreamConfig {
    StreamConfig {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        max_bytes,
        discard: DiscardPolicy::New,
        allow_direct: true,
        ..StreamConfig::default()
    }
}

fn small_outbox(config: &mut RobotConfig) {
    config.outbox_bytes = 256 << 10;
}

/// More than a small outbox takes, while nothing is stored.
async fn overfill(scene: &Scene) {
    let all = scene.report().events_received + 5000;
    scene.emit("numbered", json!("#"), 5000).await;
    let taken = || async { scene.report().events_received >= all };
    until("the robot has all that CyTube sent", taken).await;
}

async fn joined(server: NatsServer, name: &str) -> Scene {
    let scene = Scene::on(server, name, |_| (), |_| ()).await;
    within("the channel is joined", scene.robot.ready()).await;
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_is_away_shows_and_so_does_an_outbox_that_was_full() {
    let mut scene = Scene::with("signs_away", |_| (), small_outbox).await;
    scene.server.stop().await.unwrap();
    overfill(&scene).await;
    scene.shows(AWAY).await;
    scene.server.restart().await.unwrap();
    scene.shows(LONG_AWAY).await;
    scene.shows_nothing_but(&[AWAY, LONG_AWAY]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_full_shows() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let small = stream("KRYTEN_EVENTS", "kryten.events.>", 64 << 10);
    client.jetstream().create_stream(small).await.unwrap();
    let scene = joined(server, "signs_full").await.calmed().await;
    scene.emit("numbered", json!("#"), 1000).await;
    scene.shows(FULL).await;
    scene.shows_nothing_but(&[FULL]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_jetstream_and_one_that_takes_no_large_events_show() {
    let server = NatsServer::ephemeral_with(|options| options.jetstream = false).await;
    let scene = Scene::on(server, "signs_off", |_| (), |_| ()).await;
    scene.shows(OFF).await;
    scene.end().await;

    let server = NatsServer::ephemeral_with(|options| options.max_payload = 64 << 10).await;
    let scene = joined(server, "signs_large").await.calmed().await;
    scene.emit("huge", json!("x".repeat(100_000)), 1).await;
    scene.shows(LARGE).await;
    scene.shows_nothing_but(&[LARGE]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_jetstream_that_was_switched_off_later() {
    let server = NatsServer::ephemeral().await;
    let mut scene = joined(server, "signs_switched_off").await.calmed().await;
    scene.emit("numbered", json!("#"), 100).await;
    scene.server.set_jetstream(false);
    scene.server.restart().await.unwrap();
    scene.emit("numbered", json!("#"), 100).await;
    scene.shows(SWITCHED_OFF).await;
    let reason = |line: &super::Line| {
        line.about
            .iter()
            .any(|text| text.contains("JetStream is off"))
    };
    until("it says why", || async { scene.loud().iter().any(reason) }).await;

    scene.server.set_jetstream(true);
    scene.server.restart().await.unwrap();
    let stored = || async { scene.report().outbox_entries == 0 };
    until("all is stored", stored).await;
    let right: Vec<u64> = (0..100).chain(0..100).collect();
    assert_eq!(numbers(&scene.client).await, right);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_and_a_flood_that_it_does_not_follow_show() {
    let scene = Scene::with("signs_slow_disk", |_| (), small_outbox).await;
    let pid = scene.server.pid().unwrap().to_string();
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &pid]).status();
        assert!(status.unwrap().success());
    };
    // A disk that is busy most of the time.
    for _ in 0..2 {
        signal("-STOP");
        scene.emit("numbered", json!("#"), 10).await;
        tokio::time::sleep(Duration::from_millis(1200)).await;
        signal("-CONT");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    scene.shows(SLOW).await;
    let stored = || async { scene.report().outbox_entries == 0 };
    until("all is stored", stored).await;
    scene.shows_nothing_but(&[SLOW]);

    let scene = scene.calmed().await;
    signal("-STOP");
    overfill(&scene).await;
    assert!(scene.report().outbox_bytes > 200 << 10);
    signal("-CONT");
    scene.shows(FLOOD).await;
    scene.shows_nothing_but(&[SLOW, FLOOD]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_deleted_and_ones_of_a_users_own_show() {
    let scene = Scene::new("signs_deleted").await;
    let streams = scene.client.jetstream().clone();
    streams.delete_stream("KRYTEN_EVENTS").await.unwrap();
    scene.emit("numbered", json!("#"), 10).await;
    scene.shows(DELETED).await;
    // What is tried meanwhile finds no stream.
    scene.shows_nothing_but(&[DELETED, AWAY]);
    scene.end().await;

    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let streams = client.jetstream();
    let (all, some) = ("kryten.events.>", "kryten.events.cytube.*.chatmsg");
    // Lines about a stream name it, as others name the channel.
    let own = stream("signs_own", all, -1);
    streams.create_stream(own).await.unwrap();
    let scene = joined(server, "signs_own").await;
    scene.shows(OWN).await;
    let scene = scene.calmed().await;
    let own = stream("signs_own", some, -1);
    streams.update_stream(own).await.unwrap();
    scene.emit("numbered", json!("#"), 10).await;
    scene.shows(PART).await;
    scene.shows_nothing_but(&[PART]);
    scene.end().await;
}

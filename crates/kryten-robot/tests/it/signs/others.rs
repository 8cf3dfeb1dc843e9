//! Signs of what other programs do to the state, and of other robots.

use std::time::Duration;

use kryten_client::kv::{KvBucket, PutOptions};
use kryten_protocol::state::StateBucket;
use kryten_robot::lease::Times;
use kryten_robot::{Robot, RobotConfig};
use kryten_servers::{Cable, NatsServer};
use serde_json::json;

use super::Scene;
use crate::support::*;

pub(super) const TRIED: [&str; 6] = [BUCKET, WRITTEN, REMOVED, OUSTED, STANDBY, CUT_OFF];
const BUCKET: &str = "a bucket is deleted";
const WRITTEN: &str = "somebody writes our keys";
const REMOVED: &str = "somebody deletes our keys";
const OUSTED: &str = "another robot writes the state";
const STANDBY: &str = "another robot serves the channel";
const CUT_OFF: &str = "the robot is cut off from NATS while another one waits";

async fn users(scene: &Scene) -> KvBucket {
    let name = StateBucket::Userlist.name(&scene.name);
    KvBucket::open(&scene.client, &name).await.unwrap()
}

/// Something that is to be written.
async fn joins(scene: &Scene, name: &str) {
    let user = json!({"name": name, "rank": 1, "profile": {}, "meta": {}});
    scene.emit("addUser", user, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_buckets_that_are_gone_show() {
    let often = |config: &mut RobotConfig| {
        config.verify.every = Some(Duration::from_millis(100));
        config.verify.playlist_pause = Duration::from_secs(3600);
    };
    let scene = Scene::with("signs_kv", |_| (), often).await;
    users(&scene).await.purge("users").await.unwrap();
    scene.shows(REMOVED).await;
    // A value on its way just then finds the key changed.
    scene.shows_nothing_but(&[REMOVED, WRITTEN]);

    let scene = scene.calmed().await;
    let name = StateBucket::Userlist.name(&scene.name);
    let streams = scene.client.jetstream().clone();
    streams.delete_key_value(&name).await.unwrap();
    scene.shows(BUCKET).await;
    scene.shows_nothing_but(&[BUCKET, REMOVED, WRITTEN]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_that_write_our_state_show() {
    let never = |config: &mut RobotConfig| config.verify.every = None;
    let scene = Scene::with("signs_foreign", |_| (), never).await;
    let bucket = users(&scene).await;
    bucket.put("users", "[\"vandal\"]").await.unwrap();
    joins(&scene, "alice").await;
    scene.shows(WRITTEN).await;
    scene.shows_nothing_but(&[WRITTEN]);

    let scene = scene.calmed().await;
    let mut options = PutOptions::default();
    options.headers.insert("Kryten-State", "1:1:99");
    bucket.put_at("users", "[]", options).await.unwrap();
    joins(&scene, "bob").await;
    scene.shows(OUSTED).await;
    scene.shows_nothing_but(&[OUSTED]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_that_waits_and_one_that_is_cut_off_show() {
    const NAME: &str = "signs_standby";
    let server = NatsServer::ephemeral().await;
    let cable = Cable::to(server.url()).await.unwrap();
    let times = Times::with_expiry(Duration::from_secs(2));
    let behind_the_cable = |config: &mut RobotConfig| {
        config.nats.servers = vec![cable.url()];
        config.lease = Some(times);
    };
    let scene = Scene::on(server, NAME, |_| (), behind_the_cable).await;
    within("the channel is joined", scene.robot.ready()).await;
    let scene = scene.calmed().await;
    let mut config = robot_config(&scene.server, &scene.sim.url());
    NAME.clone_into(&mut config.channels[0].channel);
    config.lease = Some(times);
    let second = Robot::bind(config).await.unwrap();
    scene.shows_of(&second, STANDBY).await;
    scene.shows_nothing_but(&[]);

    let leases = KvBucket::open(&scene.client, "kryten_leases")
        .await
        .unwrap();
    let revision = async |key: &str| {
        let entry = leases.entry(key).await.unwrap();
        entry.map_or(0, |entry| entry.revision)
    };
    let lease = format!("robot.{NAME}");
    until("the first has seen the second", || async {
        let sign = revision(&format!("{lease}.standby")).await;
        sign > 0 && revision(&lease).await > sign
    })
    .await;
    let scene = scene.calmed().await;
    cable.cut();
    let serves = || async { second.report().remove(0).in_channel };
    until("the second serves", serves).await;
    cable.mend();
    scene.shows(CUT_OFF).await;
    second.shutdown().await;
    scene.end().await;
}

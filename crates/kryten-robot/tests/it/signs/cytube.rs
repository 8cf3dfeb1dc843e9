//! Signs of what CyTube does.

use std::time::Duration;

use kryten_cytube::{CytubeClient, CytubeConfig, Login};
use kryten_sim::{Account, Garbage, Operation};
use serde_json::json;

use super::Scene;
use crate::support::*;

pub(super) const TRIED: [&str; 14] = [
    RESTART, ABSENT, LIMITED, STALLED, KICKED, KICKED_OUT, BANNED, TWICE, PASSWORD, LOGIN, GARBAGE,
    OVERSIZE, MANY_LINES, DRIFT,
];
const RESTART: &str = "CyTube restarts";
const ABSENT: &str = "CyTube refuses connections, or is not there";
const LIMITED: &str = "CyTube limits connections (`Rate limit exceeded`)";
const STALLED: &str = "CyTube stalls, or its socket is too slow";
const KICKED: &str = "a kick, with `aggressive_reconnect`";
const KICKED_OUT: &str = "a kick, without it";
const BANNED: &str = "a ban";
const TWICE: &str = "a login of the same account elsewhere";
const PASSWORD: &str = "a channel password that is missing or wrong";
const LOGIN: &str = "a refused login";
const GARBAGE: &str = "a frame that is no Socket.IO";
const OVERSIZE: &str = "a frame over 64 MiB";
const MANY_LINES: &str = "more than 15 lines are said while the robot is out";
const DRIFT: &str = "CyTube's lists differ from our state";

fn refuse(connections: bool, rate_limited: bool) -> Operation {
    Operation::Refuse {
        connections,
        rate_limited,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_cytube_shows() {
    let scene = Scene::new("signs_restart").await;
    scene.run(Operation::Restart).await;
    scene.shows(RESTART).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cytube_that_is_not_there_or_refuses_shows() {
    let scene = Scene::new("signs_absent").await;
    scene.run(Operation::Down { seconds: None }).await;
    scene.shows(ABSENT).await;
    scene.shows_nothing_but(&[ABSENT]);
    scene.end().await;

    let scene = Scene::new("signs_refused").await;
    scene.run(refuse(true, false)).await;
    scene.run(Operation::Drop).await;
    scene.shows(ABSENT).await;
    scene.run(refuse(false, true)).await;
    scene.shows(LIMITED).await;
    until("the limit is named", || async {
        let trouble = scene.report().trouble;
        trouble.is_some_and(|trouble| trouble.contains("Rate limit exceeded"))
    })
    .await;
    scene.shows_nothing_but(&[ABSENT, LIMITED]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cytube_that_stalls_or_is_slow_shows() {
    let slow = Operation::Slow {
        name: None,
        bytes_per_second: Some(1),
    };
    for (name, fault) in [
        ("signs_stall", Operation::Freeze { frozen: true }),
        ("signs_slow", slow),
    ] {
        let quick = |sim: &mut kryten_sim::SimConfig| {
            sim.ping_interval = Duration::from_millis(100);
            sim.ping_timeout = Duration::from_millis(400);
        };
        let scene = Scene::with(name, quick, |_| ()).await;
        scene.run(fault).await;
        // Much is to be said through the slow one.
        let line = json!({"username": "a", "msg": "x".repeat(900), "time": 1});
        scene.emit("chatMsg", line, 5).await;
        scene.shows(STALLED).await;
        scene.shows_nothing_but(&[STALLED]);
        scene.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kicks_and_bans_show() {
    let scene = Scene::new("signs_kick").await;
    scene.sim.kick_bots("go away").await.unwrap();
    scene.shows(KICKED).await;
    scene.shows_nothing_but(&[KICKED]);
    scene.end().await;

    let stay_out = |config: &mut kryten_robot::RobotConfig| {
        config.channels[0].aggressive_reconnect = false;
    };
    let scene = Scene::with("signs_kicked", |_| (), stay_out).await;
    scene.sim.kick_bots("go away").await.unwrap();
    scene.shows(KICKED_OUT).await;
    scene.shows_nothing_but(&[KICKED_OUT]);
    scene.end().await;

    let scene = Scene::new("signs_ban").await;
    let name = "KrytenBot".to_owned();
    scene.run(Operation::Ban { name }).await;
    scene.shows(BANNED).await;
    scene.shows_nothing_but(&[BANNED]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_login_and_refused_ones_show() {
    let scene = Scene::new("signs_twice").await;
    let mut config = CytubeConfig::new(DOMAIN, &scene.name);
    config.url = Some(scene.sim.url());
    config.login = Login::Account {
        name: "KrytenBot".to_owned(),
        password: "secret".into(),
    };
    let (other, _items) = CytubeClient::spawn(config);
    scene.shows(TWICE).await;
    scene.shows_nothing_but(&[TWICE]);
    other.close().await;
    scene.end().await;

    let scene = Scene::unjoined(
        "signs_password",
        |sim| {
            sim.channel_password = Some("swordfish".to_owned());
            sim.default_rank = 1.0;
        },
        // A guest is told at once.
        |config| config.channels[0].password = None,
    )
    .await;
    scene.shows(PASSWORD).await;
    scene.shows_nothing_but(&[PASSWORD]);
    scene.end().await;

    let account = Account {
        name: "KrytenBot".to_owned(),
        password: Some("another".to_owned()),
        rank: 3.0,
    };
    let scene = Scene::unjoined("signs_login", |sim| sim.accounts = vec![account], |_| ()).await;
    scene.shows(LOGIN).await;
    scene.shows_nothing_but(&[LOGIN]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_make_no_sense_or_are_too_large_show() {
    let scene = Scene::new("signs_frames").await;
    let kind = Garbage::Packet;
    for _ in 0..3 {
        scene.run(Operation::Garbage { kind }).await;
    }
    until("all are counted", || async {
        scene.report().frames_unreadable == 3
    })
    .await;
    scene.shows(GARBAGE).await;
    assert_eq!(scene.loud().len(), 1, "once for a connection");
    let oversize = Operation::Oversize {
        bytes: 65 << 20,
        announce_only: true,
    };
    scene.run(oversize).await;
    scene.shows(OVERSIZE).await;
    scene.shows_nothing_but(&[GARBAGE, OVERSIZE]);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_absence_and_lists_that_had_drifted_show() {
    let scene = Scene::new("signs_lines").await;
    scene.sim.say("alice", "before").await.unwrap();
    let stored = scene.report().events_stored;
    until("it is stored", || async {
        scene.report().events_stored > stored
    })
    .await;
    scene.run(refuse(true, false)).await;
    scene.run(Operation::Drop).await;
    until("the robot is out", || async { !scene.report().in_channel }).await;
    for at in 0..20 {
        let line = format!("unheard {at}");
        scene.sim.say("alice", &line).await.unwrap();
    }
    scene.run(refuse(false, false)).await;
    scene.shows(MANY_LINES).await;
    scene.shows_nothing_but(&[MANY_LINES, ABSENT]);

    let scene = scene.calmed().await;
    let nobody = json!([{"name": "nobody", "rank": 1, "profile": {}, "meta": {}}]);
    scene.emit("userlist", nobody, 1).await;
    scene.shows(DRIFT).await;
    scene.shows_nothing_but(&[DRIFT]);
    scene.end().await;
}

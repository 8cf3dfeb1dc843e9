//! What a robot makes of a CyTube that restarts, refuses, throws it out, stalls or talks nonsense.

use std::time::Duration;

use kryten_client::Client;
use kryten_cytube::{CytubeClient, CytubeConfig, CytubeItem, Login};
use kryten_protocol::event::EnvelopeRef;
use kryten_robot::{ChannelReport, Robot, RobotConfig};
use kryten_servers::NatsServer;
use kryten_sim::{Garbage, Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::support::*;

struct Scene {
    _server: NatsServer,
    sim: SimHandle,
    robot: Robot,
    client: Client,
}

impl Scene {
    async fn new() -> Self {
        Self::with(SimConfig::quiet(CHANNEL), |_| ()).await
    }

    async fn with(sim: SimConfig, change: impl FnOnce(&mut RobotConfig)) -> Self {
        let scene = Self::unjoined(sim, change).await;
        within("the channel is joined", scene.robot.ready()).await;
        scene
    }

    async fn unjoined(sim: SimConfig, change: impl FnOnce(&mut RobotConfig)) -> Self {
        log();
        let (server, sim) = tokio::join!(NatsServer::ephemeral(), Sim::start(sim));
        let sim = sim.unwrap();
        let mut config = robot_config(&server, &sim.url());
        change(&mut config);
        let robot = Robot::bind(config).await.unwrap();
        let client = Client::connect(&nats_config(&server)).await.unwrap();
        Self {
            _server: server,
            sim,
            robot,
            client,
        }
    }

    fn report(&self) -> ChannelReport {
        self.robot.report().remove(0)
    }

    async fn run(&self, operation: Operation) {
        self.sim.run(operation).await.unwrap();
    }

    /// Waits until the channel is given up, and gives the reason; the robot does not try again, and health says so.
    async fn given_up(&self) -> String {
        until("the channel is given up", || async {
            self.report().stopped.is_some()
        })
        .await;
        let report = self.report();
        assert!(!report.in_channel);
        let (code, body) = self.health().await;
        assert_eq!(code, 503);
        assert_eq!(body["channels"][0]["stopped"], json!(report.stopped));
        report.stopped.unwrap()
    }

    async fn health(&self) -> (u16, Value) {
        let (code, body) = get(&self.robot, "/health").await;
        (code, serde_json::from_str(&body).unwrap())
    }

    async fn lines(&self) -> Vec<String> {
        let events = events(&stream_contents(&self.client).await);
        let lines = events
            .into_iter()
            .filter(|(name, payload)| name == "chatMsg" && payload["username"] == "alice");
        lines
            .map(|(_, payload)| payload["msg"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn says(&self, line: &str) {
        self.sim.say("alice", line).await.unwrap();
    }

    /// The robot is in the channel on a later connection than `before`, and hears what is said.
    async fn is_back(&self, before: u64, line: &str) {
        until("the robot is back", || async {
            let report = self.report();
            report.in_channel && report.connects > before
        })
        .await;
        self.says(line).await;
        until("what is said is stored", || async {
            self.lines().await.last().map(String::as_str) == Some(line)
        })
        .await;
    }

    async fn end(self) {
        self.robot.shutdown().await;
        self.sim.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_cytube_no_line_comes_twice_and_the_playlist_is_the_new_one() {
    let scene = Scene::new().await;
    for at in 0..20 {
        scene.says(&format!("before {at}")).await;
    }
    let queue = |id: &str| Operation::Act {
        user: "alice".to_owned(),
        event: "queue".to_owned(),
        payload: json!({"type": "yt", "id": id, "pos": "end", "temp": false}),
    };
    for id in ["aaaaaaaaaaa", "bbbbbbbbbbb", "ccccccccccc"] {
        scene.run(queue(id)).await;
    }
    until("all is stored", || async {
        scene.lines().await.len() == 20
    })
    .await;
    scene.run(Operation::Restart).await;
    scene.is_back(1, "after").await;
    let mut right: Vec<String> = (0..20).map(|at| format!("before {at}")).collect();
    right.push("after".to_owned());
    assert_eq!(scene.lines().await, right);
    assert_eq!(scene.report().gaps, 1, "the absence is told");
    let contents = stream_contents(&scene.client).await;
    let gap = gaps(&scene.client).await.remove(0);
    let queued = contents
        .iter()
        .rfind(|message| message.subject.ends_with(".queue"));
    let queued = EnvelopeRef::parse(&queued.unwrap().body).unwrap();
    assert!(
        Some(gap.from) >= queued.timestamp && gap.from <= gap.to,
        "it begins with the last sign, however long nobody has said anything: {gap:?}"
    );
    assert!(gap.chat_complete && gap.chat.is_none(), "{gap:?}");
    assert_eq!(scene.report().drift_entries, 0, "and is no drift");
    let playlist = kryten_protocol::state::StateBucket::Playlist.name(CHANNEL);
    let bucket = kryten_client::kv::KvBucket::open(&scene.client, &playlist)
        .await
        .unwrap();
    until("KV has the channel's own list", || async {
        let state = scene.sim.state().await.unwrap();
        bucket.get_json::<Value>("items").await.unwrap() == Some(state["items"].clone())
    })
    .await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_asked_again_until_it_takes_us() {
    let scene = Scene::new().await;
    scene.run(Operation::Down { seconds: None }).await;
    until("the robot is out", || async { !scene.report().in_channel }).await;
    assert_eq!(scene.health().await.0, 503);
    scene.run(Operation::Up).await;
    scene.is_back(1, "port open again").await;

    let refuse = |connections| Operation::Refuse {
        connections,
        rate_limited: false,
    };
    let connects = scene.report().connects;
    scene.run(refuse(true)).await;
    scene.run(Operation::Drop).await;
    until("the robot is out", || async { !scene.report().in_channel }).await;
    scene.run(refuse(false)).await;
    scene.is_back(connects, "taken again").await;
    assert_eq!(scene.report().stopped, None);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_limits_connections_is_left_in_peace_for_a_while() {
    let scene = Scene::new().await;
    let limit = |rate_limited| Operation::Refuse {
        connections: false,
        rate_limited,
    };
    scene.run(limit(true)).await;
    scene.run(Operation::Drop).await;
    until("the robot is out", || async { !scene.report().in_channel }).await;
    until("the robot is told", || async {
        let trouble = scene.report().trouble.unwrap_or_default();
        trouble.contains("Rate limit exceeded")
    })
    .await;
    let refused = tokio::time::Instant::now();
    scene.run(limit(false)).await;
    scene.is_back(1, "taken again").await;
    let waited = refused.elapsed();
    assert!(waited > Duration::from_secs(5), "{waited:?}");
    assert_eq!(scene.report().trouble, None);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kick_the_robot_comes_back_if_it_is_told_to() {
    let scene = Scene::new().await;
    scene.sim.kick_bots("go away").await.unwrap();
    scene.is_back(1, "back").await;
    scene.end().await;

    let scene = Scene::with(SimConfig::quiet(CHANNEL), |config| {
        config.channels[0].aggressive_reconnect = false;
    })
    .await;
    scene.sim.kick_bots("go away").await.unwrap();
    assert_eq!(scene.given_up().await, "kicked: go away");
    assert_eq!(scene.report().connects, 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_ban_the_robot_stops_at_once_and_says_so() {
    let scene = Scene::new().await;
    let name = "KrytenBot".to_owned();
    scene.run(Operation::Ban { name }).await;
    let reason = scene.given_up().await;
    assert!(reason.contains("ask the channel's moderators"), "{reason}");
    assert_eq!(scene.report().connects, 1, "no further attempt");
    let mut robot = scene.robot;
    within("nothing is left to serve", robot.join()).await;
    robot.shutdown().await;
    scene.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_the_same_account_elsewhere_ends_the_robots() {
    let scene = Scene::new().await;
    let mut config = CytubeConfig::new(DOMAIN, CHANNEL);
    config.url = Some(scene.sim.url());
    config.login = Login::Account {
        name: "KrytenBot".to_owned(),
        password: "secret".into(),
    };
    let (other, mut items) = CytubeClient::spawn(config);
    let reason = scene.given_up().await;
    assert!(reason.contains("same account"), "{reason}");
    let joined =
        async { while !matches!(items.recv().await, Some(CytubeItem::Joined { .. }) | None) {} };
    within("the other one is in", joined).await;
    other.close().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_password_that_is_missing_or_wrong_is_told() {
    for (password, words) in [
        (None, "needs a password"),
        (Some("sardine"), "password is wrong"),
    ] {
        let mut sim = SimConfig::quiet(CHANNEL);
        sim.channel_password = Some("swordfish".to_owned());
        sim.default_rank = 1.0;
        let scene = Scene::unjoined(sim, |config| {
            let channel = &mut config.channels[0];
            channel.channel_password = password.map(Into::into);
            // A guest is told at once.
            channel.password = None;
        })
        .await;
        let reason = scene.given_up().await;
        assert!(reason.contains(words), "{reason}");
        scene.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stalls_is_left_and_taken_again() {
    let scene = Scene::with(
        SimConfig {
            ping_interval: Duration::from_millis(100),
            ping_timeout: Duration::from_millis(400),
            ..SimConfig::quiet(CHANNEL)
        },
        |_| (),
    )
    .await;
    scene.run(Operation::Freeze { frozen: true }).await;
    until("the robot notices", || async { !scene.report().in_channel }).await;
    scene.run(Operation::Freeze { frozen: false }).await;
    scene.is_back(1, "thawed").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_megabytes_are_taken_and_one_over_the_limit_costs_the_connection_only() {
    let scene = Scene::new().await;
    let bytes = 3 << 20;
    scene
        .run(Operation::Oversize {
            bytes,
            announce_only: false,
        })
        .await;
    until("the large event is stored", || async {
        let contents = stream_contents(&scene.client).await;
        contents
            .iter()
            .any(|message| message.body.len() as u64 > bytes)
    })
    .await;
    assert_eq!(scene.report().connects, 1);
    let oversize = Operation::Oversize {
        bytes: 65 << 20,
        announce_only: true,
    };
    scene.run(oversize).await;
    scene.is_back(1, "still here").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_counted_and_costs_at_most_the_connection() {
    let scene = Scene::new().await;
    for kind in [
        Garbage::Packet,
        Garbage::Json,
        Garbage::Shape,
        Garbage::Binary,
        Garbage::Utf8,
        Garbage::Websocket,
    ] {
        let before = scene.report();
        scene.run(Operation::Garbage { kind }).await;
        until("it is noticed", || async {
            let report = scene.report();
            report.frames_unreadable > before.frames_unreadable || report.connects > before.connects
        })
        .await;
        scene.is_back(0, &format!("after {kind:?}")).await;
    }
    let report = scene.report();
    assert!(report.frames_unreadable >= 3, "{report:?}");
    assert_eq!(report.events_dropped + report.events_too_large, 0);
    scene.end().await;
}

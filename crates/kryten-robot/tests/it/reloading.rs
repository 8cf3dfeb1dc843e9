//! Channels that a reload takes up anew, and a robot that ends when all of them have been given up.

use std::path::PathBuf;
use std::pin::pin;

use kryten_client::Client;
use kryten_protocol::state::StateBucket;
use kryten_robot::{Robot, RobotConfig};
use kryten_servers::NatsServer;
use kryten_sim::{Sim, SimConfig, SimHandle};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::*;

/// Two channels and the file that says which of them are served.
struct Scene {
    server: NatsServer,
    one: SimHandle,
    two: SimHandle,
    client: Client,
    folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        log();
        let sim = |channel| Sim::start(SimConfig::quiet(channel));
        let (server, one, two) = tokio::join!(NatsServer::ephemeral(), sim("one"), sim("two"));
        let client = Client::connect(&nats_config(&server)).await.unwrap();
        Self {
            server,
            one: one.unwrap(),
            two: two.unwrap(),
            client,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("config.json")
    }

    /// What the file says from now on: channels, with the delay of a reconnect.
    fn write(&self, channels: &[(&str, f64)]) -> RobotConfig {
        let channel = |(name, delay): &(&str, f64)| {
            let sim = if *name == "one" { &self.one } else { &self.two };
            json!({"channel": name, "url": sim.url(), "user": "KrytenBot", "password": "secret",
                   "reconnect_base_delay": delay, "aggressive_reconnect": false})
        };
        let config = json!({
            "cytube": {"domain": DOMAIN, "channel": channels[0].0},
            "channels": channels.iter().map(channel).collect::<Value>(),
            "nats": {"servers": [self.server.url()], "user": self.server.user(), "password": self.server.password()},
        });
        std::fs::write(self.file(), config.to_string()).unwrap();
        kryten_robot::config::load(&self.file()).unwrap()
    }

    /// What is answered to a command.
    async fn ask(&self, command: &str) -> Value {
        let request = json!({"command": command}).to_string();
        let nats = self.client.nats();
        let reply = nats.request("kryten.robot.command", request.into());
        let reply = within("a reply comes", reply).await.unwrap();
        let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
        reply["data"].clone()
    }

    /// What `system.reload` says that it has changed.
    async fn reload(&self) -> Value {
        let reply = self.ask("system.reload").await;
        assert_eq!(reply["errors"], json!([]), "{reply}");
        reply["changes"].clone()
    }

    /// Makes somebody's stream where a bucket of the second channel is to be.
    async fn take_the_place_of_two(&self) {
        let taken = StateBucket::Playlist.name("two");
        let config = async_nats::jetstream::stream::Config {
            name: "OTHER".to_owned(),
            subjects: vec![format!("$KV.{taken}.>")],
            ..Default::default()
        };
        let jetstream = self.client.jetstream();
        jetstream.create_stream(config).await.unwrap();
    }

    async fn make_room_for_two(&self) {
        let jetstream = self.client.jetstream();
        jetstream.delete_stream("OTHER").await.unwrap();
    }

    async fn end(self) {
        self.one.shutdown().await;
        self.two.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_goes_on_while_a_reload_takes_its_only_channel_up_anew() {
    let scene = Scene::new().await;
    let mut robot = Robot::bind(scene.write(&[("one", 0.02)])).await.unwrap();
    within("it is joined", robot.ready()).await;
    let reports = robot.reporter();
    {
        let mut end = pin!(robot.join());
        let reloading = async {
            scene.write(&[("one", 0.03)]);
            let changes = scene.reload().await;
            assert_eq!(changes["channels.removed"], "one");
            assert_eq!(changes["channels.added"], "one");
            until("it is back", || async { reports()[0].in_channel }).await;
        };
        tokio::select! {
            biased;
            () = &mut end => panic!("the robot ended although a channel was being taken up"),
            () = reloading => {}
        }
        scene.one.kick_bots("go away").await.unwrap();
        within("nothing is left to serve", end).await;
    }
    robot.shutdown().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_a_channel_up_again_that_was_given_up_while_another_is_served() {
    let scene = Scene::new().await;
    let mut robot = Robot::bind(scene.write(&[("one", 0.02)])).await.unwrap();
    within("it is joined", robot.ready()).await;
    let reports = robot.reporter();
    let is_in = |channel: &str| {
        let reports = reports();
        let report = reports.iter().find(|report| report.channel == channel);
        report.is_some_and(|report| report.in_channel)
    };
    {
        let mut end = pin!(robot.join());
        let reloading = async {
            scene.write(&[("one", 0.02), ("two", 0.02)]);
            assert_eq!(scene.reload().await["channels.added"], "two");
            until("the new channel is joined", || async { is_in("two") }).await;
            assert_eq!(scene.reload().await, json!({}), "nothing is different");
            scene.one.kick_bots("go away").await.unwrap();
            until("the one that was given up is taken up", || async {
                let changes = scene.reload().await;
                assert_eq!(
                    changes.get("channels.added"),
                    changes.get("channels.removed")
                );
                changes["channels.added"] == "one"
            })
            .await;
            until("it is joined", || async { is_in("one") }).await;
            assert_eq!(reports().len(), 2);
            assert!(is_in("two"), "the other one has noticed nothing");
        };
        tokio::select! {
            biased;
            () = &mut end => panic!("the robot ended although a channel is served"),
            () = reloading => {}
        }
        scene.one.kick_bots("go away").await.unwrap();
        scene.two.kick_bots("go away").await.unwrap();
        within("nothing is left to serve", end).await;
    }
    robot.shutdown().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reloads_at_the_same_time_take_a_channel_up_once() {
    let scene = Scene::new().await;
    let robot = Robot::bind(scene.write(&[("one", 0.02)])).await.unwrap();
    within("it is joined", robot.ready()).await;
    let channels = scene.write(&[("one", 0.02), ("two", 0.02)]).channels;
    let (first, second) = tokio::join!(
        robot.reload(channels.clone()),
        robot.reload(channels.clone())
    );
    let errors = [first.errors, second.errors].concat();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!([first.added, second.added].concat(), ["two"]);
    let twin = channels.into_iter().next_back().unwrap();
    assert!(robot.remove_channel(DOMAIN, "two").await);
    let (first, second) = tokio::join!(robot.add_channel(twin.clone()), robot.add_channel(twin));
    assert_ne!(first.is_ok(), second.is_ok());
    assert_eq!(robot.report().len(), 2);
    robot.shutdown().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reload_cannot_take_up_is_tried_again() {
    let scene = Scene::new().await;
    let mut robot = Robot::bind(scene.write(&[("one", 0.02)])).await.unwrap();
    within("it is joined", robot.ready()).await;
    let reports = robot.reporter();
    scene.take_the_place_of_two().await;
    {
        let mut end = pin!(robot.join());
        let reloading = async {
            scene.write(&[("two", 0.02)]);
            let reply = scene.ask("system.reload").await;
            assert!(
                reply["errors"][0].as_str().unwrap().starts_with("two: "),
                "{reply}"
            );
            assert_eq!(
                scene.ask("system.ping").await["cytube_connected"],
                json!(false)
            );
            scene.make_room_for_two().await;
            until("it is taken up", || async {
                reports()
                    .iter()
                    .any(|report| report.channel == "two" && report.in_channel)
            })
            .await;
        };
        tokio::select! {
            biased;
            () = &mut end => panic!("the robot ended although a channel is wanted"),
            () = reloading => {}
        }
    }
    robot.shutdown().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_whose_channels_are_given_up_stays_while_another_is_to_be_taken_up() {
    let scene = Scene::new().await;
    let mut robot = Robot::bind(scene.write(&[("one", 0.02)])).await.unwrap();
    within("it is joined", robot.ready()).await;
    let reports = robot.reporter();
    scene.take_the_place_of_two().await;
    {
        let mut end = pin!(robot.join());
        let reloading = async {
            scene.write(&[("one", 0.02), ("two", 0.02)]);
            let reply = scene.ask("system.reload").await;
            assert!(
                reply["errors"][0].as_str().unwrap().starts_with("two: "),
                "{reply}"
            );
            scene.one.kick_bots("go away").await.unwrap();
            until("the first one is given up", || async {
                reports().iter().all(|report| report.stopped.is_some())
            })
            .await;
            scene.make_room_for_two().await;
            until("the second one is joined", || async {
                reports().iter().any(|report| report.in_channel)
            })
            .await;
        };
        tokio::select! {
            biased;
            () = &mut end => panic!("the robot ended although a channel is to be taken up"),
            () = reloading => {}
        }
        scene.two.kick_bots("go away").await.unwrap();
        within("nothing is left to serve", end).await;
    }
    robot.shutdown().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_still_to_be_taken_up_can_be_taken_out() {
    let scene = Scene::new().await;
    let robot = Robot::bind(scene.write(&[("one", 0.02)])).await.unwrap();
    scene.take_the_place_of_two().await;
    let reloaded = robot.reload(scene.write(&[("one", 0.02), ("two", 0.02)]).channels);
    assert_eq!(reloaded.await.errors.len(), 1);
    assert!(
        robot.remove_channel(DOMAIN, "two").await,
        "it was to be served"
    );
    assert!(!robot.remove_channel(DOMAIN, "two").await);
    robot.shutdown().await;
    scene.end().await;
}

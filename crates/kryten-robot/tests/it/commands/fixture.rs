//! A robot that takes commands in a channel in which only the test acts.

use std::time::Duration;

use kryten_client::Client;
use kryten_client::commands::Robot as Commander;
use kryten_robot::{Robot, RobotConfig};
use kryten_servers::NatsServer;
use kryten_sim::{Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::support::*;

pub(crate) struct Stage {
    pub(crate) sim: SimHandle,
    pub(crate) robot: Robot,
    pub(crate) client: Client,
    pub(crate) server: NatsServer,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(SimConfig::quiet(CHANNEL), |_| {}).await
    }

    pub(crate) async fn with(sim: SimConfig, change: impl FnOnce(&mut RobotConfig)) -> Self {
        log();
        let (server, sim) = tokio::join!(NatsServer::ephemeral(), Sim::start(sim));
        let sim = sim.unwrap();
        let mut config = robot_config(&server, &sim.url());
        config.commands_enabled = true;
        change(&mut config);
        let robot = Robot::bind(config).await.unwrap();
        within("the channel is joined", robot.ready()).await;
        let client = Client::connect(&nats_config(&server)).await.unwrap();
        let stage = Self {
            sim,
            robot,
            client,
            server,
        };
        stage
            .knows("the robot's own rank", |users| {
                users
                    .iter()
                    .any(|user| user["name"] == "KrytenBot" && user["rank"].as_f64() > Some(0.0))
            })
            .await;
        stage
    }

    /// The reply to a request, as it stands on the wire.
    pub(crate) async fn ask(&self, request: Value) -> Value {
        let nats = self.client.nats();
        let inbox = nats.request("kryten.robot.command", request.to_string().into());
        let reply = within("a reply comes", inbox).await.unwrap();
        serde_json::from_slice(&reply.payload).unwrap()
    }

    /// The data of a command that is done; its reply has the original's wrapper.
    pub(crate) async fn run(&self, command: &str, args: Value) -> Value {
        let reply = self
            .ask(json!({"service": "robot", "command": command, "args": args}))
            .await;
        assert_eq!(reply["service"], "robot", "{reply}");
        assert_eq!(reply["command"], command, "{reply}");
        assert_eq!(reply["success"], true, "{reply}");
        reply["data"].clone()
    }

    pub(crate) async fn done(&self, command: &str, args: Value) -> Value {
        let data = self.run(command, args).await;
        assert_eq!(data["success"], true, "{command}: {data}");
        assert!(data.get("confirmed").is_none(), "{command}: {data}");
        data
    }

    /// Why a command was not done.
    pub(crate) async fn refused(&self, command: &str, args: Value) -> String {
        let data = self.run(command, args).await;
        assert_eq!(data["success"], false, "{command}: {data}");
        data["error"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn state(&self) -> Value {
        self.sim.state().await.unwrap()
    }

    /// Waits until the robot's own list of users fulfils a condition.
    pub(crate) async fn knows(&self, what: &str, condition: impl Fn(&[Value]) -> bool) {
        until(what, || async {
            let reply = self.ask(json!({"command": "state.userlist"})).await;
            reply["data"]["userlist"]
                .as_array()
                .is_some_and(|users| condition(users))
        })
        .await;
    }

    pub(crate) async fn join(&self, name: &str) {
        self.sim.join(name).await.unwrap();
        let known = |users: &[Value]| users.iter().any(|user| user["name"] == name);
        self.knows("the robot sees who joined", known).await;
    }

    pub(crate) async fn emit(&self, event: &str, payload: Value) {
        let operation = Operation::Emit {
            event: event.to_owned(),
            payload: Some(payload),
            times: None,
        };
        self.sim.run(operation).await.unwrap();
    }

    /// Puts a film on the playlist and gives its uid.
    pub(crate) async fn film(&self, id: &str) -> i64 {
        let data = self
            .done("addvideo", json!({"type": "yt", "id": id, "temp": false}))
            .await;
        data["uid"].as_i64().unwrap()
    }

    pub(crate) async fn uids(&self) -> Vec<i64> {
        let state = self.state().await;
        let items = state["items"].as_array().unwrap().iter();
        items.map(|item| item["uid"].as_i64().unwrap()).collect()
    }

    /// Our typed client for this channel.
    pub(crate) fn commander(&self) -> Commander {
        let commander = self.client.robot(DOMAIN, CHANNEL).as_source("test");
        commander.with_timeout(Duration::from_secs(15))
    }

    /// Publishes on the older subject, as the original's clients do.
    pub(crate) async fn tell(&self, action: &str, data: Value) {
        let subject = format!("kryten.commands.cytube.grindhouse420.{action}");
        let body = json!({"action": action, "data": data}).to_string();
        self.client
            .nats()
            .publish(subject, body.into())
            .await
            .unwrap();
    }

    pub(crate) async fn end(self) {
        self.robot.shutdown().await;
        self.sim.shutdown().await;
    }
}

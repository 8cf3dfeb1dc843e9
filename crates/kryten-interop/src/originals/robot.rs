//! The real kryten-robot in the simulator's channel, over https, with a real nats-server.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use async_nats::Subscriber;
use futures_util::StreamExt;
use kryten_client::{Client, KvBucket, NatsConfig};
use kryten_protocol::state::{self, StateBucket};
use kryten_servers::{NatsBinary, NatsServer, NatsServerOptions};
use kryten_sim::Operation;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::{LOUNGE, Stage};
use crate::checks::{Report, same};

const PATIENCE: Duration = Duration::from_secs(30);
const SAID: usize = 20;

struct Scene<'a> {
    stage: &'a Stage,
    nats: Client,
    events: Subscriber,
}

pub(super) async fn run(python: &Path, binary: &NatsBinary, stage: &Stage, report: &mut Report) {
    let what = "kryten-robot 1.12.6 joins the simulator over https";
    match start(python, binary, stage).await {
        Ok((mut scene, mut robot, mut server)) => {
            report.add(what, Ok(()));
            let lines = scene.publishes_lines().await;
            report.add("kryten-robot publishes what the simulator says", lines);
            let state = scene.state_is_equal().await;
            report.add("kryten-robot's state in KV is the simulator's", state);
            let commands = scene.commands_have_effects().await;
            report.add("kryten-robot's commands act in the simulator", commands);
            let back = scene.comes_back().await;
            report.add("kryten-robot comes back after a restart", back);
            // Both end with us if this fails.
            let _ = robot.kill().await;
            let _ = server.stop().await;
        }
        Err(error) => report.add(what, Err(error)),
    }
}

async fn start<'a>(
    python: &Path,
    binary: &NatsBinary,
    stage: &'a Stage,
) -> anyhow::Result<(Scene<'a>, Child, NatsServer)> {
    let folder = stage.folder.path();
    let server = NatsServer::start(NatsServerOptions::new(binary, folder.join("nats"))).await?;
    let config = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
    let nats = Client::connect(&config).await?;
    let subject = "kryten.events.cytube.lounge.>";
    let events = nats.nats().subscribe(subject).await?;
    let secure = stage.secure_url()?;
    let settings = json!({
        "cytube": {
            "domain": secure.trim_start_matches("https://"), "channel": LOUNGE,
            "user": "KrytenBot", "password": "secret", "aggressive_reconnect": true,
        },
        "nats": {
            "servers": [server.url()], "user": server.user(), "password": server.password(),
        },
        "commands": {"enabled": true},
        "health": {"enabled": false},
        "logging": {"base_path": folder.join("logs")},
        "log_level": "INFO",
    });
    let (file, log_file) = (folder.join("robot.json"), folder.join("robot.log"));
    std::fs::create_dir_all(folder.join("logs"))?;
    std::fs::write(&file, settings.to_string())?;
    let log = std::fs::File::create(&log_file)?;
    let robot = Command::new(python)
        .args(["-I", "-m", "kryten", "--config"])
        .arg(&file)
        .env("SSL_CERT_FILE", &stage.ca_file)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let entered = stage.sim.wait_until(|progress| progress.bots == 1);
    if timeout(PATIENCE, entered).await.is_err() {
        let log = std::fs::read_to_string(&log_file)?;
        bail!("it does not: {}", log.lines().last().unwrap_or_default());
    }
    let scene = Scene {
        stage,
        nats,
        events,
    };
    scene.listens().await?;
    Ok((scene, robot, server))
}

impl Scene<'_> {
    /// Waits for an answer: it takes commands as the last thing of its start.
    async fn listens(&self) -> anyhow::Result<()> {
        let ping = json!({"service": "robot", "command": "system.ping"}).to_string();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let subject = "kryten.robot.command";
            let nats = self.nats.nats();
            let asked = nats.request(subject, ping.clone().into());
            if asked.await.is_ok() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "it answers no ping");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The payload of the next event of that name by that user.
    async fn event(&mut self, name: &str, user: &str) -> anyhow::Result<Value> {
        loop {
            let message = timeout(PATIENCE, self.events.next()).await;
            let message = message.with_context(|| format!("no {name} of {user}"))?;
            let message = message.context("the subscription has ended")?;
            let mut event: Value = serde_json::from_slice(&message.payload)?;
            if event["event_name"] == name && event["payload"]["username"] == user {
                return Ok(event["payload"].take());
            }
        }
    }

    async fn publishes_lines(&mut self) -> anyhow::Result<()> {
        let line = |number, mark: [&str; 2]| {
            let [open, close] = mark;
            format!("h\u{e9}llo \u{1f3ac} {open}{number}{close}")
        };
        for number in 0..SAID {
            let line = line(number, ["<", ">"]);
            self.stage.sim.say("dora", &line).await?;
        }
        for number in 0..SAID {
            let heard = self.event("chatMsg", "dora").await?;
            same(&heard["msg"], &json!(line(number, ["&lt;", "&gt;"])))?;
        }
        Ok(())
    }

    async fn state_is_equal(&mut self) -> anyhow::Result<()> {
        let sim = &self.stage.sim;
        sim.join("eve").await?;
        sim.leave("dora").await?;
        let film = json!({"id": "d90_interop", "type": "yt", "pos": "end"});
        sim.act("eve", "queue", film).await?;
        let (user, rank) = ("boss".to_owned(), Some(5.0));
        sim.run(Operation::Join { user, rank }).await?;
        let emote = json!({"name": "interop", "image": "https://example.com/i.png"});
        sim.act("boss", "updateEmote", emote).await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = sim.state().await?;
            let expected = [
                sorted(fields(&state["users"], "name")),
                fields(&state["items"], "uid"),
                fields(&state["emotes"], "name"),
            ];
            let users = self.key(StateBucket::Userlist, state::USERS).await?;
            let items = self.key(StateBucket::Playlist, state::ITEMS).await?;
            let emotes = self.key(StateBucket::Emotes, state::EMOTES).await?;
            let found = [
                sorted(fields(&users, "name")),
                fields(&items, "uid"),
                fields(&emotes, "name"),
            ];
            if found == expected || Instant::now() > deadline {
                return same(found, expected);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn key(&self, bucket: StateBucket, key: &str) -> anyhow::Result<Value> {
        let bucket = KvBucket::open(&self.nats, &bucket.name(LOUNGE)).await?;
        Ok(bucket.get_json(key).await?.unwrap_or_default())
    }

    async fn command(&self, action: &str, data: Value) -> anyhow::Result<()> {
        let subject = format!("kryten.commands.cytube.lounge.{action}");
        let body = json!({"action": action, "data": data}).to_string();
        self.nats.nats().publish(subject, body.into()).await?;
        Ok(())
    }

    async fn commands_have_effects(&mut self) -> anyhow::Result<()> {
        let line = json!({"message": "said by the robot"});
        self.command("chat", line).await?;
        let film = json!({"type": "yt", "id": "d60_robot", "pos": "end"});
        self.command("queue", film).await?;
        let line = self.event("chatMsg", "KrytenBot").await?;
        same(&line["msg"], &json!("said by the robot"))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.stage.sim.state().await?;
            if fields(&state["items"], "queueby").contains(&json!("KrytenBot")) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{}", state["items"]);
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn comes_back(&mut self) -> anyhow::Result<()> {
        self.stage.sim.run(Operation::Restart).await?;
        let entered = self.stage.sim.wait_until(|progress| progress.bots == 1);
        timeout(PATIENCE, entered).await?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.stage.sim.pm("eve", "are you there").await?;
            let heard = timeout(Duration::from_secs(1), self.event("pm", "eve"));
            if let Ok(heard) = heard.await {
                return heard.map(drop);
            }
        }
        bail!("it publishes nothing any more")
    }
}

fn fields(list: &Value, field: &str) -> Vec<Value> {
    let list = list.as_array().into_iter().flatten();
    list.map(|entry| entry[field].clone()).collect()
}

fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_key(Value::to_string);
    values
}

//! The real kryten-userstats counts what our robot publishes.

use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use kryten_python::USERSTATS;
use kryten_testkit::TestChannel;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{LONGEST, wait};
use crate::checks::Report;

struct Counting {
    channel: TestChannel,
    folder: TempDir,
    _process: Child,
}

pub(super) async fn run(report: &mut Report) {
    let what = "kryten-userstats 0.7.1 starts from our robot's state";
    let counting = match start().await {
        Ok(counting) => counting,
        Err(error) => return report.add(what, Err(error)),
    };
    report.add(what, Ok(()));
    report.add(
        "kryten-userstats counts our robot's events",
        counting.counts().await,
    );
    counting.channel.shutdown().await;
}

async fn start() -> anyhow::Result<Counting> {
    let python = USERSTATS.python().await?;
    let channel = TestChannel::builder()
        .present(["alice", "bob"])
        .films(2)
        .rate(0.0)
        .with_userstats(false)
        .time_limit(LONGEST)
        .start()
        .await;
    let folder = tempfile::tempdir()?;
    let config = json!({
        "service": {"name": "userstats", "enable_lifecycle": true},
        "nats": {"servers": [channel.nats_url()], "reconnect_time_wait": 1},
        "channels": [{"domain": channel.domain(), "channel": channel.name()}],
        "database": {"path": folder.path().join("userstats.db")},
        "metrics": {"port": free_port()?},
    });
    let file = folder.path().join("config.json");
    std::fs::write(&file, config.to_string())?;
    let log = std::fs::File::create(folder.path().join("log"))?;
    let process = Command::new(python)
        .args(["-I", "-m", "userstats", "--config"])
        .arg(&file)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let counting = Counting {
        channel,
        folder,
        _process: process,
    };
    let up = wait("it answers no ping", async || {
        counting.ask("system.ping", json!({})).await.is_ok()
    });
    if let Err(error) = up.await {
        let log = std::fs::read_to_string(counting.folder.path().join("log"))?;
        bail!("{error}: {}", log.lines().last().unwrap_or_default());
    }
    Ok(counting)
}

/// The original takes no port 0.
fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

impl Counting {
    async fn ask(&self, command: &str, fields: Value) -> anyhow::Result<Value> {
        let mut request = json!({"service": "userstats", "command": command});
        for (name, value) in fields.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        let nats = self.channel.nats().nats();
        let subject = "kryten.userstats.command";
        let reply = nats.request(subject, request.to_string().into()).await?;
        let reply: Value = serde_json::from_slice(&reply.payload)?;
        ensure!(reply["success"] == true, "{reply}");
        Ok(reply["data"].clone())
    }

    async fn counts(&self) -> anyhow::Result<()> {
        for line in ["one", "two", "bob++"] {
            self.channel.say("alice", line).await;
        }
        self.channel.pm("alice", "psst").await;
        let (name, channel) = (self.channel.domain(), self.channel.name());
        let fields = json!({"username": "alice", "channel": channel, "domain": name});
        let is_counted = wait(
            "alice's three lines and her message are not counted",
            async || {
                let stats = self.ask("user.stats", fields.clone()).await;
                stats.is_ok_and(|stats| stats["messages"] == 3 && stats["pms"] == 1)
            },
        );
        if let Err(error) = is_counted.await {
            let stats = self.ask("user.stats", fields).await?;
            return Err(error).with_context(|| stats.to_string());
        }
        let bob = self
            .ask(
                "user.stats",
                json!({"username": "bob", "channel": channel, "domain": name}),
            )
            .await?;
        ensure!(bob["kudos_plusplus"] == 1, "{bob}");
        Ok(())
    }
}

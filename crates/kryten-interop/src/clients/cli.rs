//! Every verb of the real kryten-cli: what it prints, and what happens in the channel.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, ensure};
use kryten_python::CLI;
use kryten_testkit::TestChannel;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{LONGEST, event, state};
use crate::checks::Report;

struct Cli {
    python: PathBuf,
    channel: TestChannel,
}

pub(super) async fn run(report: &mut Report) {
    let python = match CLI.python().await {
        Ok(python) => python,
        Err(error) => return report.add("kryten-cli 2.7.0 can be had", Err(error.into())),
    };
    let channel = TestChannel::builder()
        .present(["alice", "bob", "carol"])
        .films(5)
        .rate(0.0)
        .time_limit(LONGEST)
        .start()
        .await;
    let cli = Cli { python, channel };
    let mut add = |verb: &str, result| report.add(&format!("kryten-cli: {verb}"), result);
    add("about", cli.about().await);
    add("say", cli.say().await);
    add("pm", cli.pm().await);
    add("list queue, users, emotes", cli.lists().await);
    add("playlist add and addnext", cli.adds().await);
    add("playlist jump", cli.jumps().await);
    add("pause, play and seek", cli.plays().await);
    add("playlist move, settemp and del", cli.changes().await);
    add("voteskip", cli.votes().await);
    add("playlist shuffle and clear", cli.clears().await);
    add("kick and ban", cli.throws_out().await);
    add("userstats all", cli.statistics().await);
    cli.channel.shutdown().await;
}

impl Cli {
    /// Runs a verb; what it printed.
    async fn verb(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(&self.python)
            // Its own script names the folder in which it was installed.
            .args([
                "-I",
                "-c",
                "import sys, kryten_cli; sys.exit(kryten_cli.run())",
            ])
            .args(["--channel", self.channel.name()])
            .args(["--domain", self.channel.domain()])
            .args(["--nats", &self.channel.nats_url()])
            .args(arguments)
            .env("PYTHONIOENCODING", "utf-8")
            .stdin(Stdio::null())
            .output()
            .await?;
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        ensure!(output.status.success(), "{}: {out}{err}", output.status);
        Ok(out)
    }

    /// Runs a verb that says it is done.
    async fn done(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let printed = self.verb(arguments).await?;
        ensure!(printed.starts_with('\u{2713}'), "{printed}");
        Ok(())
    }

    async fn items(&self) -> anyhow::Result<Vec<Value>> {
        let state = self.channel.sim().state().await?;
        let items = state["items"].as_array().context("no playlist")?;
        Ok(items.clone())
    }

    async fn uid(&self, at: usize) -> anyhow::Result<u64> {
        let items = self.items().await?;
        items
            .get(at)
            .and_then(|item| item["uid"].as_u64())
            .context("no such item")
    }

    async fn order(&self) -> anyhow::Result<Vec<Value>> {
        let items = self.items().await?;
        Ok(items.iter().map(|item| item["uid"].clone()).collect())
    }

    async fn about(&self) -> anyhow::Result<()> {
        let printed = self.verb(&["about"]).await?;
        ensure!(printed.starts_with("kryten-cli"), "{printed}");
        Ok(())
    }

    async fn say(&self) -> anyhow::Result<()> {
        let seen = self.channel.events().len();
        self.done(&["say", "h\u{e9}llo from the shell"]).await?;
        event(&self.channel, seen, |event| {
            event.name == "chatMsg" && event.payload["msg"] == "h\u{e9}llo from the shell"
        })
        .await
    }

    async fn pm(&self) -> anyhow::Result<()> {
        let seen = self.channel.events().len();
        self.done(&["pm", "alice", "psst"]).await?;
        event(&self.channel, seen, |event| {
            event.name == "pm" && event.payload["to"] == "alice" && event.payload["msg"] == "psst"
        })
        .await
    }

    async fn lists(&self) -> anyhow::Result<()> {
        let queue = self.verb(&["list", "queue"]).await?;
        let items = self.items().await?;
        ensure!(
            queue.contains(&format!("({} items)", items.len())),
            "{queue}"
        );
        for item in &items {
            let title = item["media"]["title"].as_str().unwrap_or_default();
            ensure!(queue.contains(title), "{title} is not in {queue}");
        }
        let users = self.verb(&["list", "users"]).await?;
        for name in ["alice", "bob", "carol"] {
            ensure!(users.contains(name), "{name} is not in {users}");
        }
        let emotes = self.verb(&["list", "emotes"]).await?;
        ensure!(!emotes.contains("Error"), "{emotes}");
        Ok(())
    }

    async fn adds(&self) -> anyhow::Result<()> {
        self.done(&["playlist", "add", "https://youtu.be/d60_interop"])
            .await?;
        state(&self.channel, |state| {
            let items = state["items"].as_array();
            items
                .and_then(|items| items.last())
                .is_some_and(|item| item["media"]["id"] == "d60_interop")
        })
        .await?;
        self.done(&["playlist", "addnext", "https://youtu.be/d61_interop"])
            .await?;
        state(&self.channel, |state| {
            let items = state["items"].as_array().into_iter().flatten();
            let ids: Vec<_> = items.map(|item| &item["media"]["id"]).collect();
            ids.len() >= 7
                && ids.last() != Some(&&json!("d61_interop"))
                && ids.contains(&&json!("d61_interop"))
        })
        .await
    }

    async fn jumps(&self) -> anyhow::Result<()> {
        let uid = self.uid(3).await?;
        self.done(&["playlist", "jump", &uid.to_string()]).await?;
        let seen =
            |event: &kryten_testkit::SeenEvent| event.name == "setCurrent" && event.payload == uid;
        event(&self.channel, 0, seen).await
    }

    async fn plays(&self) -> anyhow::Result<()> {
        for (verb, is_paused) in [(&["pause"][..], true), (&["play"], false)] {
            let seen = self.channel.events().len();
            self.done(verb).await?;
            event(&self.channel, seen, |event| {
                event.name == "mediaUpdate" && event.payload["paused"] == is_paused
            })
            .await
            .with_context(|| verb.join(" "))?;
        }
        let seen = self.channel.events().len();
        self.done(&["seek", "7"]).await?;
        event(&self.channel, seen, |event| {
            let at = event.payload["currentTime"].as_f64().unwrap_or(-1.0);
            event.name == "mediaUpdate" && (7.0..9.0).contains(&at)
        })
        .await
        .context("seek")
    }

    async fn changes(&self) -> anyhow::Result<()> {
        let before = self.order().await?;
        self.done(&["playlist", "move", "1", "3"]).await?;
        state(&self.channel, |state| {
            state["items"][2]["uid"] == before[0] && state["items"][0]["uid"] == before[1]
        })
        .await
        .context("move")?;
        let uid = self.uid(0).await?;
        self.done(&["playlist", "settemp", &uid.to_string(), "true"])
            .await?;
        state(&self.channel, |state| state["items"][0]["temp"] == true)
            .await
            .context("settemp")?;
        let playing = self.channel.sim().state().await?["current"]["uid"].clone();
        let order = self.order().await?;
        let at = order.iter().rposition(|uid| *uid != playing);
        let at = at.context("nothing to delete")?;
        // The position is looked up in KV, which has to know of the move.
        self.channel.published().await;
        let position = (at + 1).to_string();
        super::wait("KV does not know of the move", async || {
            let state = self
                .channel
                .nats()
                .channel_state(self.channel.domain(), self.channel.name());
            let Ok(items) = state.playlist().await else {
                return false;
            };
            let uids: Vec<Value> = items.iter().map(|item| json!(item.uid)).collect();
            uids == order
        })
        .await?;
        self.done(&["playlist", "del", &position]).await?;
        state(&self.channel, |state| {
            let items = state["items"].as_array().into_iter().flatten();
            items.map(|item| &item["uid"]).all(|uid| *uid != order[at])
        })
        .await
        .context("del")
    }

    async fn votes(&self) -> anyhow::Result<()> {
        let seen = self.channel.events().len();
        self.done(&["voteskip"]).await?;
        event(&self.channel, seen, |event| event.name == "voteskip").await
    }

    async fn clears(&self) -> anyhow::Result<()> {
        let seen = self.channel.events().len();
        self.done(&["playlist", "shuffle"]).await?;
        event(&self.channel, seen, |event| event.name == "playlist")
            .await
            .context("shuffle")?;
        self.done(&["playlist", "clear"]).await?;
        state(&self.channel, |state| state["items"] == json!([]))
            .await
            .context("clear")
    }

    async fn throws_out(&self) -> anyhow::Result<()> {
        for (verb, name) in [("kick", "bob"), ("ban", "carol")] {
            self.done(&[verb, name, "no reason"]).await?;
            state(&self.channel, |state| {
                let users = state["users"].as_array().into_iter().flatten();
                users.map(|user| &user["name"]).all(|user| user != name)
            })
            .await
            .context(verb)?;
        }
        Ok(())
    }

    async fn statistics(&self) -> anyhow::Result<()> {
        self.channel.say("alice", "counted").await;
        self.channel.counted().await;
        let report = self.verb(&["userstats", "all", "--format", "json"]).await?;
        let report: Value = serde_json::from_str(&report)?;
        let top = report["channel"]["top_users"]
            .as_array()
            .context("no top users")?;
        ensure!(
            top.iter()
                .any(|user| user["username"] == "alice" && user["count"] == 1),
            "{top:?}"
        );
        let text = self.verb(&["userstats", "all"]).await?;
        ensure!(
            text.contains("Userstats Channel Report") && text.contains("alice"),
            "{text}"
        );
        Ok(())
    }
}

//! `kryten moderator`, against a service that answers as kryten-moderator does.

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_servers::NatsServer;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::run_at;
use crate::program::Ran;
use crate::rig::nats_config;

/// What kryten-moderator 0.8.1 answers.
fn answer(asked: &Value) -> Value {
    if asked["channel"].as_str().is_none_or(str::is_empty) {
        return json!({"success": false, "error": "channel is required"});
    }
    let troll = json!({"username": "troll", "action": "ban", "reason": "spam", "moderator": "cli"});
    match asked["command"].as_str().unwrap() {
        "entry.list" => json!({"success": true, "data": {"entries": [troll]}}),
        "entry.get" if asked["username"] == "troll" => {
            json!({"success": true, "data": {"moderated": true, "action": "ban", "moderator": "cli"}})
        }
        "entry.get" => json!({"success": true, "data": {"moderated": false}}),
        "entry.remove" => json!({"success": false, "error": "no such entry"}),
        "pattern.list" => json!({"success": true, "data": {"patterns": [
            {"pattern": "ab+", "is_regex": true, "action": "ban", "description": "some words"}]}}),
        _ => json!({"success": true, "data": {}}),
    }
}

struct Moderator {
    server: NatsServer,
    asked: mpsc::UnboundedReceiver<Value>,
}

impl Moderator {
    async fn start() -> Self {
        let server = NatsServer::ephemeral().await;
        let client = Client::connect(&nats_config(&server)).await.unwrap();
        let (sender, asked) = mpsc::unbounded_channel();
        let mut requests = client.subscribe("kryten.moderator.command").await.unwrap();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let asked: Value = serde_json::from_slice(&request.payload).unwrap();
                let reply = answer(&asked).to_string();
                sender.send(asked).unwrap();
                let subject = request.reply.unwrap();
                client.nats().publish(subject, reply.into()).await.unwrap();
            }
        });
        Self { server, asked }
    }

    /// What was printed, and what was asked.
    async fn run(&mut self, arguments: &[&str]) -> (Ran, Value) {
        let (user, password) = (self.server.user(), self.server.password());
        let nats = format!("nats://{user}:{password}@127.0.0.1:{}", self.server.port());
        let before = ["--channel", "Lounge", "--domain", "cytu.be", "moderator"];
        let ran = run_at(&nats, &[&before[..], arguments].concat()).await;
        (ran, self.asked.recv().await.unwrap())
    }
}

#[tokio::test]
async fn entries_and_patterns_are_sent_as_the_python_command_line_sends_them_with_the_channel() {
    let mut moderator = Moderator::start().await;
    let (ran, asked) = moderator.run(&["smute", "troll", "spam"]).await;
    assert_eq!(ran.out, "✓ Added shadow mute for troll\n");
    assert_eq!(
        asked,
        json!({"command": "entry.add", "service": "moderator", "channel": "Lounge", "domain": "cytu.be",
            "username": "troll", "action": "smute", "reason": "spam", "moderator": "cli"})
    );
    let (_, asked) = moderator.run(&["ban", "troll"]).await;
    assert_eq!(
        (&asked["action"], &asked["reason"]),
        (&json!("ban"), &Value::Null)
    );
    for (verb, command) in [
        ("unban", "entry.remove"),
        ("unsmute", "entry.remove"),
        ("unmute", "entry.remove"),
    ] {
        let (ran, asked) = moderator.run(&[verb, "troll"]).await;
        assert_eq!((ran.code, ran.err.as_str()), (1, "error: no such entry\n"));
        assert_eq!(asked["command"], command);
    }
    let (ran, asked) = moderator
        .run(&["patterns", "add", "ab+", "--regex", "--action", "mute"])
        .await;
    assert_eq!(ran.out, "✓ Added pattern: ab+\n");
    assert_eq!(
        asked,
        json!({"command": "pattern.add", "service": "moderator", "channel": "Lounge", "domain": "cytu.be",
            "pattern": "ab+", "is_regex": true, "action": "mute", "added_by": "cli", "description": null})
    );
    let (ran, _) = moderator.run(&["patterns", "remove", "ab+"]).await;
    assert_eq!(ran.out, "✓ Removed pattern: ab+\n");
}

#[tokio::test]
async fn lists_of_the_moderator_are_tables_or_json() {
    let mut moderator = Moderator::start().await;
    let (ran, asked) = moderator.run(&["list", "--filter", "ban"]).await;
    assert!(
        ran.out.starts_with("Moderation List (1 entries)\n") && ran.out.contains("troll"),
        "{}",
        ran.out
    );
    assert_eq!(
        (&asked["command"], &asked["filter"]),
        (&json!("entry.list"), &json!("ban"))
    );
    for arguments in [&["list", "--format", "json"][..], &["list", "--json"]] {
        let (ran, _) = moderator.run(arguments).await;
        let data: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(data["entries"][0]["username"], "troll");
    }
    let (ran, _) = moderator.run(&["check", "troll"]).await;
    assert!(
        ran.out.starts_with("Moderation status for troll\n"),
        "{}",
        ran.out
    );
    let (ran, _) = moderator.run(&["check", "bob"]).await;
    assert_eq!(ran.out, "bob is not currently moderated.\n");
    let (ran, _) = moderator.run(&["check", "bob", "--format", "json"]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&ran.out).unwrap(),
        json!({"moderated": false})
    );
    let (ran, _) = moderator.run(&["patterns", "list"]).await;
    assert!(ran.out.contains("regex"), "{}", ran.out);
}

//! What the real robot published is counted by the real kryten-userstats and by ours: the totals are equal, but for what
//! is mended, each difference with its number and its reason. A difference that is not listed is a failure, and so is a
//! listed one that is no longer there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use kryten_client::{Client, EventStream, NatsConfig};
use kryten_python::USERSTATS;
use kryten_servers::NatsServer;
use kryten_userstats::{ChannelConfig, Config, Userstats};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::wait;
use crate::checks::Report;

const RECORDING: &str = "../../fixtures/recordings/robot_nats.jsonl";
const DOMAIN: &str = "localhost:18443";
const CHANNEL: &str = "Grindhouse420";
/// Who says the last line of all.
const LAST: &str = "the-last-one";
const PATIENCE: Duration = Duration::from_secs(10);
/// The original takes some milliseconds for a line.
const LONGEST_COUNT: Duration = Duration::from_secs(180);

/// Why totals differ.
const REASONS: [(&str, &str); 7] = [
    (
        "messages",
        "the robot publishes CyTube's replay of the last lines again at each start; each line counts once here",
    ),
    ("kudos", "of lines that are counted again there"),
    (
        "emotes",
        "of lines that are counted again there; updateEmote, renameEmote and removeEmote are followed here",
    ),
    (
        "votes",
        "a vote in a replayed line goes to the film of then here, to that of now there",
    ),
    (
        "media",
        "a film whose length is no whole number, or whose id is a number, is lost there",
    ),
    (
        "users",
        "userlist makes its users known here; there only who joins or speaks while it listens is",
    ),
    ("pms", "of private messages"),
];

pub(super) async fn run(report: &mut Report) {
    let what = "the real robot's recording gives the totals of kryten-userstats 0.7.1, but for what is mended";
    report.add(what, compare().await);
}

/// A server with one of the two services.
struct Side {
    server: NatsServer,
    client: Client,
}

impl Side {
    async fn start() -> anyhow::Result<Self> {
        let server = NatsServer::ephemeral().await;
        let config = nats(&server);
        let client = Client::connect(&config).await?;
        EventStream::open_or_create(&client).await?;
        Ok(Self { server, client })
    }

    async fn ask(&self, command: &str, fields: Value) -> anyhow::Result<Value> {
        let mut request = json!({"service": "userstats", "command": command, "domain": DOMAIN});
        for (name, value) in fields.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        let nats = self.client.nats();
        let asked = nats.request("kryten.userstats.command", request.to_string().into());
        let reply = tokio::time::timeout(PATIENCE, asked).await??;
        let reply: Value = serde_json::from_slice(&reply.payload)?;
        ensure!(reply["success"] == true, "{command}: {reply}");
        Ok(reply["data"].clone())
    }

    async fn play(&self, events: &[(String, String)]) -> anyhow::Result<()> {
        let nats = self.client.nats();
        for (subject, body) in events {
            nats.publish(subject.clone(), body.clone().into()).await?;
        }
        nats.flush().await?;
        let counted = async {
            loop {
                let last = json!({"username": LAST, "channel": CHANNEL});
                let asked = self.ask("user.messages", last).await;
                if asked.is_ok_and(|data| data["message_count"] == 1) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let done = tokio::time::timeout(LONGEST_COUNT, counted).await;
        done.context("not everything is counted")
    }

    /// What is counted, by kind and by whom or what.
    async fn totals(&self) -> anyhow::Result<BTreeMap<&'static str, BTreeMap<String, i64>>> {
        let all = json!({"channel": CHANNEL, "limit": -1});
        let ranked = |data: &Value, list: &str, name: &str| -> BTreeMap<String, i64> {
            let rows = data[list].as_array().into_iter().flatten();
            rows.filter_map(|row| Some((row[name].as_str()?.to_owned(), row["count"].as_i64()?)))
                .collect()
        };
        let top = self.ask("channel.top_users", all.clone()).await?;
        let kudos = self.ask("leaderboard.kudos", all.clone()).await?;
        let emotes = self.ask("leaderboard.emotes", all.clone()).await?;
        let films = self.ask("channel.media_history", all.clone()).await?;
        let votes = self.ask("channel.movie_votes", all).await?;
        let stats = self.ask("system.stats", json!({})).await?;
        let mut media: BTreeMap<String, i64> = BTreeMap::new();
        for film in films["history"].as_array().into_iter().flatten() {
            let title = film["media_title"].as_str().unwrap_or_default();
            *media.entry(title.to_owned()).or_default() += 1;
        }
        let votes = votes.as_array().into_iter().flatten();
        let votes = votes.filter_map(|film| {
            Some((
                film["media_title"].as_str()?.to_owned(),
                film["score"].as_i64()?,
            ))
        });
        let one = |name: &str| {
            BTreeMap::from([("all".to_owned(), stats[name].as_i64().unwrap_or_default())])
        };
        Ok(BTreeMap::from([
            ("messages", ranked(&top, "top_users", "username")),
            ("kudos", ranked(&kudos, "leaderboard", "username")),
            ("emotes", ranked(&emotes, "leaderboard", "emote")),
            ("votes", votes.collect()),
            ("media", media),
            ("users", one("total_users")),
            ("pms", one("total_pms")),
        ]))
    }
}

async fn compare() -> anyhow::Result<()> {
    let events = recorded()?;
    let (theirs, ours) = (Side::start().await?, Side::start().await?);
    let folder = tempfile::tempdir()?;
    let _process = original(&theirs, folder.path()).await?;
    let channel = ChannelConfig {
        domain: DOMAIN.to_owned(),
        channel: CHANNEL.to_owned(),
    };
    let config = Config::new(
        nats(&ours.server),
        vec![channel],
        folder.path().join("ours.db"),
    );
    let service = Userstats::bind(config).await?;
    service.ready().await;
    theirs.play(&events).await?;
    ours.play(&events).await?;
    let (their_totals, our_totals) = (theirs.totals().await?, ours.totals().await?);
    let repeated = service.status().view().counters.repeated;
    service.shutdown().await?;
    let sum = |counts: &BTreeMap<String, i64>| counts.values().sum::<i64>();
    let again = sum(&their_totals["messages"]) - sum(&our_totals["messages"]);
    ensure!(
        again + sum(&their_totals["pms"]) - sum(&our_totals["pms"]) == repeated.cast_signed(),
        "{again} lines count more there, and {repeated} were recognised as repeated here"
    );
    let mut found = BTreeSet::new();
    for (kind, theirs) in &their_totals {
        let ours = &our_totals[kind];
        let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        for name in names {
            let count = |counts: &BTreeMap<String, i64>| counts.get(name).copied().unwrap_or(0);
            if count(theirs) != count(ours) {
                found.insert(format!(
                    "{kind} {name}: {} there, {} here",
                    count(theirs),
                    count(ours)
                ));
            }
        }
    }
    let listed: BTreeSet<String> = include_str!("recorded.txt")
        .lines()
        .map(str::to_owned)
        .collect();
    let unexplained: Vec<&String> = found.difference(&listed).collect();
    ensure!(
        unexplained.is_empty(),
        "not listed in recorded.txt: {unexplained:#?}"
    );
    let gone: Vec<&String> = listed.difference(&found).collect();
    ensure!(
        gone.is_empty(),
        "listed in recorded.txt, and no difference any more: {gone:#?}"
    );
    for difference in &listed {
        let kind = difference.split(' ').next().unwrap_or_default();
        ensure!(
            REASONS.iter().any(|(known, _)| *known == kind),
            "there is no reason for {difference}"
        );
    }
    println!(
        "        {} differences, all for these reasons:",
        listed.len()
    );
    for (kind, reason) in REASONS {
        let count = listed.iter().filter(|d| d.starts_with(kind)).count();
        if count > 0 {
            println!("        {kind} ({count}): {reason}");
        }
    }
    Ok(())
}

/// The events of the recording, and a line that ends them.
fn recorded() -> anyhow::Result<Vec<(String, String)>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDING);
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let mut events = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line)?;
        let subject = line["subject"].as_str().unwrap_or_default();
        if subject.starts_with("kryten.events.cytube.") && line.get("json").is_some() {
            events.push((subject.to_owned(), line["json"].to_string()));
        }
    }
    ensure!(
        events.len() > 1000,
        "the recording has only {} events",
        events.len()
    );
    let last = json!({
        "event_name": "chatMsg", "channel": CHANNEL, "domain": DOMAIN, "correlation_id": "last",
        "timestamp": "2026-11-22T17:00:00+00:00",
        "payload": {"username": LAST, "msg": "the end", "meta": {}, "time": 1_795_366_800_000_i64},
    });
    let subject = "kryten.events.cytube.grindhouse420.chatmsg";
    events.push((subject.to_owned(), last.to_string()));
    Ok(events)
}

/// The real kryten-userstats on its server.
async fn original(side: &Side, folder: &Path) -> anyhow::Result<Child> {
    let python = USERSTATS.python().await?;
    let config = json!({
        "service": {"name": "userstats"},
        "nats": {
            "servers": [side.server.url()], "user": side.server.user(),
            "password": side.server.password(), "reconnect_time_wait": 1,
        },
        "channels": [{"domain": DOMAIN, "channel": CHANNEL}],
        "database": {"path": folder.join("theirs.db")},
        "metrics": {"port": free_port()?},
    });
    let file = folder.join("config.json");
    std::fs::write(&file, config.to_string())?;
    let log = std::fs::File::create(folder.join("log"))?;
    let process = Command::new(python)
        .args(["-I", "-m", "userstats", "--config"])
        .arg(&file)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let up = wait("it answers no ping", async || {
        side.ask("system.ping", json!({})).await.is_ok()
    });
    if let Err(error) = up.await {
        let log = std::fs::read_to_string(folder.join("log"))?;
        bail!("{error}: {}", log.lines().last().unwrap_or_default());
    }
    Ok(process)
}

/// The original takes no port 0.
fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

fn nats(server: &NatsServer) -> NatsConfig {
    NatsConfig::for_url(server.url()).with_user(server.user(), server.password())
}

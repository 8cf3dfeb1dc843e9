//! What the real robot published of a real CyTube, counted by the real kryten-userstats and by ours: where the numbers
//! differ, the recording says why.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use kryten_client::round_trip::round_trip;
use kryten_client::{Client, EventStream, NatsConfig};
use kryten_servers::NatsServer;
use kryten_userstats::{ChannelConfig, Config, Userstats};
use serde_json::{Value, json};

use super::original::{Original, ask};
use super::wait;
use crate::checks::Report;

const RECORDING: &str = include_str!("../../../../fixtures/recordings/robot_nats.jsonl");
const DOMAIN: &str = "localhost:18443";
const CHANNEL: &str = "Grindhouse420";
/// The original's client throws away what comes too fast.
const AT_ONCE: usize = 20;

/// An event as it was published, and whether it is a line that had been published before.
struct Published {
    subject: String,
    body: String,
    line: Option<Line>,
}

#[derive(Clone)]
struct Line {
    user: String,
    text: String,
    is_repeat: bool,
}

pub(super) async fn run(report: &mut Report) {
    let what =
        "the same recording gives the same totals but for the lines that were published twice";
    match compare().await {
        Ok(told) => report.add(&format!("{what} ({told})"), Ok(())),
        Err(error) => report.add(what, Err(error)),
    }
}

async fn compare() -> anyhow::Result<String> {
    let events = read()?;
    let (theirs_on, theirs) = server().await?;
    let (ours_on, ours) = server().await?;
    let (user, password) = (theirs_on.user(), theirs_on.password());
    let url = format!("nats://{user}:{password}@127.0.0.1:{}", theirs_on.port());
    let original = Original::start(&theirs, &url, (DOMAIN, CHANNEL)).await?;
    let folder = tempfile::tempdir()?;
    let channel = ChannelConfig {
        domain: DOMAIN.to_owned(),
        channel: CHANNEL.to_owned(),
    };
    let database = folder.path().join("userstats.db");
    let userstats = Userstats::bind(Config::new(of(&ours_on), vec![channel], database)).await?;
    userstats.ready().await;

    let mut lines = 0;
    for part in events.chunks(AT_ONCE) {
        for event in part {
            for nats in [&theirs, &ours] {
                let body = event.body.clone().into();
                nats.nats().publish(event.subject.clone(), body).await?;
            }
        }
        lines += part.iter().filter(|event| event.line.is_some()).count();
        wait("the original does not count every line", async || {
            let stats = original.ask("system.stats", &json!({})).await;
            stats.is_ok_and(|stats| stats["total_messages"] == lines)
        })
        .await?;
    }
    ensure!(round_trip(&ours.nats()).await, "NATS does not answer");
    let stream = EventStream::open_or_create(&ours).await?;
    wait("ours does not count everything", async || {
        let info = stream.info().await;
        info.is_ok_and(|info| userstats.status().view().sequence >= info.last_sequence)
    })
    .await?;

    let (mut more_lines, mut more_kudos) = (0, 0);
    for user in users(&events) {
        let fields = json!({"username": user, "channel": CHANNEL, "domain": DOMAIN});
        let of_theirs = original.ask("user.stats", &fields).await?;
        let of_ours = ask(&ours, "user.stats", &fields).await?;
        let repeated = || {
            let lines = events.iter().filter_map(|event| event.line.as_ref());
            lines.filter(|line| line.is_repeat)
        };
        let lines = repeated().filter(|line| line.user == user).count();
        let thanks = format!("{}++", user.to_lowercase());
        let kudos = repeated()
            .map(|line| line.text.to_lowercase().matches(&thanks).count())
            .sum();
        differ(&user, "messages", &of_theirs, &of_ours, lines)?;
        differ(&user, "kudos_plusplus", &of_theirs, &of_ours, kudos)?;
        differ(&user, "pms", &of_theirs, &of_ours, 0)?;
        for field in ["emotes", "kudos_phrases"] {
            ensure!(
                of_theirs[field] == of_ours[field],
                "{user}: {field} {} and {}",
                of_theirs[field],
                of_ours[field]
            );
        }
        more_lines += lines;
        more_kudos += kudos;
    }
    let of_theirs = original.ask("system.stats", &json!({})).await?;
    let of_ours = ask(&ours, "system.stats", &json!({})).await?;
    for (field, more) in [
        ("total_users", 0),
        ("total_messages", more_lines),
        ("total_pms", 0),
        ("total_kudos", more_kudos),
        ("total_emotes", 0),
        ("total_media_changes", 0),
    ] {
        differ("all", field, &of_theirs, &of_ours, more)?;
    }
    let told = format!(
        "{} lines and {} kudos here, {more_lines} and {more_kudos} more there",
        of_ours["total_messages"], of_ours["total_kudos"]
    );
    userstats.shutdown().await?;
    Ok(told)
}

/// The original has so many more than we have, and no more.
fn differ(who: &str, field: &str, theirs: &Value, ours: &Value, more: usize) -> anyhow::Result<()> {
    let number = |value: &Value| {
        value[field]
            .as_u64()
            .with_context(|| format!("{who}: no {field}"))
    };
    let (theirs, ours) = (number(theirs)?, number(ours)?);
    ensure!(
        theirs == ours + more as u64,
        "{who}: {field} is {theirs} there and {ours} here, and {more} were published twice"
    );
    Ok(())
}

/// The events of the recording, in their order.
fn read() -> anyhow::Result<Vec<Published>> {
    let mut seen = BTreeSet::new();
    let mut events = Vec::new();
    for text in RECORDING.lines() {
        let record: Value = serde_json::from_str(text)?;
        let subject = record["subject"].as_str().unwrap_or_default();
        if !subject.starts_with("kryten.events.cytube.") {
            continue;
        }
        let envelope = &record["json"];
        let line = (envelope["event_name"] == "chatMsg").then(|| {
            let payload = &envelope["payload"];
            let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
            let (user, text) = (text("username"), text("msg"));
            let is_new = seen.insert((user.clone(), payload["time"].to_string(), text.clone()));
            Line {
                user,
                text,
                is_repeat: !is_new,
            }
        });
        events.push(Published {
            subject: subject.to_owned(),
            body: envelope.to_string(),
            line,
        });
    }
    Ok(events)
}

/// Whoever said or was thanked for something.
fn users(events: &[Published]) -> Vec<String> {
    let mut users = BTreeMap::new();
    for line in events.iter().filter_map(|event| event.line.as_ref()) {
        users.insert(line.user.to_lowercase(), line.user.clone());
        for word in line.text.split_whitespace() {
            if let Some(name) = word.strip_suffix("++").filter(|name| !name.is_empty()) {
                users
                    .entry(name.to_lowercase())
                    .or_insert_with(|| name.to_owned());
            }
        }
    }
    users.into_values().collect()
}

async fn server() -> anyhow::Result<(NatsServer, Client)> {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&of(&server)).await?;
    Ok((server, client))
}

fn of(server: &NatsServer) -> NatsConfig {
    NatsConfig::for_url(server.url()).with_user(server.user(), server.password())
}

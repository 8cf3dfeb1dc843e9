//! The original's recorded run once more: its state, its events, its requests, over real NATS.

use std::collections::BTreeSet;

use kryten_protocol::time::WireTime;
use kryten_userstats::{Config, Userstats};
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::bench::{Bench, eventually, get, within};

const COMPATIBILITY: &str = include_str!("../../../../docs/compatibility.md");
/// The last pair that was asked before the events came.
const LAST_BEFORE: &str = "alias.add.no_alias";
/// When the original counted users for the first time, in the time of the events.
const FIRST_SNAPSHOT: &str = "2026-11-22T16:13:19.46+00:00";
/// Times, and what tells the program.
const APART: [&str; 5] = [
    "uptime_seconds",
    "timestamp",
    "last_vote",
    "hour",
    "version",
];

/// What became of the run.
struct Run {
    differing: Vec<String>,
    compared: usize,
    metrics: String,
}

async fn replay(compat: &str, backend: Backend) -> Run {
    let bench = Bench::with(backend).await;
    bench.seed_recorded_kv().await;
    let mut config: Value =
        serde_json::from_str(include_str!("../fixtures/userstats_config.json")).unwrap();
    config["compat"] = compat.into();
    let mut config = Config::read(config).unwrap();
    config.nats = bench.config().nats;
    bench.place.put_into(&mut config);
    config.http = None;
    // The original's 4 s leave a busy machine no time for the requests between two of them.
    config.snapshot_interval = std::time::Duration::from_secs(7);
    let service = Userstats::bind(config).await.unwrap();
    within("the service is ready", service.ready()).await;

    let recorded: Value =
        serde_json::from_str(include_str!("../fixtures/userstats_replies.json")).unwrap();
    let pairs = recorded["pairs"].as_array().unwrap();
    let before = 1 + pairs
        .iter()
        .position(|pair| pair["id"] == LAST_BEFORE)
        .unwrap();
    let strict = compat == "strict";
    let mut differing = ask(&bench, &service, &pairs[..before], strict).await;
    let first_snapshot = WireTime::parse(FIRST_SNAPSHOT).unwrap();
    let (early, late): (Vec<Value>, Vec<Value>) =
        include_str!("../fixtures/userstats_events.jsonl")
            .lines()
            .map(|text| serde_json::from_str::<Value>(text).unwrap())
            .partition(|event| {
                let at = event["data"]["timestamp"].as_str();
                at.is_some_and(|at| WireTime::parse(at).unwrap() < first_snapshot)
            });
    for (snapshots, events) in [(1, early), (2, late)] {
        for event in events {
            let body = match &event["data_raw"] {
                Value::String(raw) => raw.clone(),
                _ => event["data"].to_string(),
            };
            let subject = event["subject"].as_str().unwrap().to_owned();
            let ack = bench.client.jetstream().publish(subject, body.into()).await;
            ack.unwrap().await.unwrap();
        }
        let store = bench.store().await;
        eventually("the users are counted", || async {
            let ever = WireTime::from_micros(0);
            let rows = store.population("420grindhouse", "cytu.be", ever).await;
            rows.unwrap().len() == snapshots
        })
        .await;
        store.close().await;
    }
    differing.extend(ask(&bench, &service, &pairs[before..], strict).await);
    let metrics = get(&service.router(), "/metrics").await.1;
    service.shutdown().await.unwrap();
    Run {
        differing,
        compared: pairs.len(),
        metrics,
    }
}

/// Asks, and tells which answers are not those of the original.
async fn ask(bench: &Bench, service: &Userstats, pairs: &[Value], strict: bool) -> Vec<String> {
    let nats = bench.client.nats();
    let mut differing = Vec::new();
    for pair in pairs {
        let id = pair["id"].as_str().unwrap();
        let subject = pair["subject"].as_str().unwrap().to_owned();
        if id == "system.stats.end" {
            let commands = service.status().view().commands;
            let unanswered = json!({"command": "system.ping"}).to_string();
            nats.publish(subject.clone(), unanswered.into())
                .await
                .unwrap();
            eventually("the command is heard", || async {
                service.status().view().commands > commands
            })
            .await;
        }
        let body: Vec<u8> = match pair["request_raw_latin1"].as_str() {
            Some(raw) => raw.chars().map(|c| u8::try_from(c).unwrap()).collect(),
            None => pair["request"].to_string().into_bytes(),
        };
        let reply = nats.request(subject, body.into()).await.unwrap();
        let mut ours: Value = serde_json::from_slice(&reply.payload).unwrap();
        let mut theirs: Value =
            serde_json::from_str(pair["reply_bytes"].as_str().unwrap()).unwrap();
        if !strict {
            only_as_in(&mut ours, &theirs);
        }
        blank(&mut ours);
        blank(&mut theirs);
        if ours != theirs {
            if strict {
                eprintln!("{id}\n  ours   {ours}\n  theirs {theirs}");
            }
            differing.push(id.to_owned());
        }
    }
    differing
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match APART.contains(&name.as_str()) {
                    true => *value = Value::Null,
                    false => blank(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

/// Removes from a reply what the original does not have: additions disturb nobody.
fn only_as_in(ours: &mut Value, theirs: &Value) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.retain(|name, _| theirs.contains_key(name));
            for (name, value) in ours {
                only_as_in(value, &theirs[name]);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            let both = ours.iter_mut().zip(theirs);
            both.for_each(|(ours, theirs)| only_as_in(ours, theirs));
        }
        _ => {}
    }
}

on_both! {
async fn strict_answers_every_recorded_request_as_the_original_did(backend) {
    let run = replay("strict", backend).await;
    assert_eq!(run.compared, 132);
    assert_eq!(run.differing, Vec::<String>::new());
    let theirs = include_str!("../fixtures/userstats_metrics.txt");
    for line in theirs.lines().filter(|line| !line.is_empty()) {
        if !line.starts_with("userstats_uptime_seconds") {
            assert!(run.metrics.lines().any(|ours| ours == line), "{line}");
        }
    }
}
}

#[tokio::test]
async fn by_default_only_the_listed_answers_differ_from_those_of_the_original() {
    let run = replay("mended", Backend::Sqlite).await;
    let (_, section) = COMPATIBILITY
        .split_once("### Recorded replies that differ")
        .unwrap();
    let section = section.split("\n#").next().unwrap();
    let listed: BTreeSet<&str> = section.split('`').skip(1).step_by(2).collect();
    let differing: BTreeSet<&str> = run.differing.iter().map(String::as_str).collect();
    assert_eq!(
        differing, listed,
        "the pairs that differ are those of the documents"
    );
}

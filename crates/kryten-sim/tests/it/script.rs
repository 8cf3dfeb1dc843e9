//! The scripted channel and its ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use kryten_sim::{Ledger, Operation, ScriptConfig, Sim, SimConfig, SimHandle, Speed};
use serde_json::{Value, json};

use crate::client::Client;

fn lively(seed: u64, lines: u64) -> SimConfig {
    let script = ScriptConfig {
        seed,
        lines: Some(lines),
        speed: Speed::Max,
        ..ScriptConfig::default()
    };
    SimConfig::lively("Lounge", script)
}

/// Joins, and reads until the script is done and the last line is there; gives all events.
async fn read_all(sim: &SimHandle) -> Vec<(String, Value)> {
    let mut client = Client::connect(sim).await;
    client.emit("joinChannel", json!({"name": "Lounge"})).await;
    client
        .emit("login", json!({"name": "KrytenBot", "pw": "x"}))
        .await;
    let mut events = Vec::new();
    let mut last = None;
    loop {
        let (name, payload) = client.next().await.unwrap();
        let payload = payload.unwrap_or_default();
        if name == "chatMsg" {
            last = payload["time"].as_i64();
        }
        events.push((name, payload));
        if sim.progress().borrow().done {
            let state = sim.state().await.unwrap();
            if state["last_line"]["time"].as_i64() == last {
                return events;
            }
        }
    }
}

fn count<'a>(senders: impl Iterator<Item = &'a Value>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for payload in senders {
        *counts
            .entry(payload["username"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ledger_and_another_seed_another() {
    let mut ledgers: Vec<Ledger> = Vec::new();
    for seed in [7, 7, 8] {
        let sim = Sim::start(lively(seed, 1500)).await.unwrap();
        read_all(&sim).await;
        let ledger = sim.ledger().await.unwrap();
        assert!(ledger.done);
        ledgers.push(ledger);
    }
    assert_eq!(ledgers[0], ledgers[1]);
    assert_ne!(ledgers[0], ledgers[2]);
}

#[tokio::test]
async fn the_ledger_is_what_the_bot_received() {
    let sim = Sim::start(lively(3, 3000)).await.unwrap();
    let events = read_all(&sim).await;
    let ledger = sim.ledger().await.unwrap();
    let of = |wanted: &'static str| {
        events
            .iter()
            .filter(move |(name, _)| name == wanted)
            .map(|(_, payload)| payload)
    };
    assert_eq!(ledger.messages, count(of("chatMsg")));
    let pms = of("pm").filter(|pm| !pm["msg"].as_str().unwrap().starts_with("system:"));
    assert_eq!(ledger.pms, count(pms));
    let total = |per_user: &BTreeMap<String, u64>| per_user.values().sum::<u64>();
    assert!(total(&ledger.messages) > 3015 && total(&ledger.pms) > 50);
    assert!(total(&ledger.kudos_plusplus) > 200, "{ledger:?}");
    assert!(ledger.kudos_phrases.values().map(total).sum::<u64>() > 200);
    assert!(ledger.emotes.values().map(total).sum::<u64>() > 200);
    let votes = ledger.movie_votes.values().flat_map(BTreeMap::values);
    assert!(votes.clone().any(|vote| *vote == 1) && votes.clone().any(|vote| *vote == -1));
    assert!(!ledger.messages.keys().any(String::is_empty));
}

#[tokio::test]
async fn a_lively_channel_has_every_kind_of_event() {
    let sim = Sim::start(lively(11, 6000)).await.unwrap();
    let events = read_all(&sim).await;
    for wanted in [
        "addUser",
        "userLeave",
        "setUserRank",
        "setUserMeta",
        "setAFK",
        "setUserProfile",
        "chatMsg",
        "pm",
        "queue",
        "delete",
        "moveVideo",
        "setTemp",
        "playlist",
        "setPlaylistMeta",
        "setPlaylistLocked",
        "setCurrent",
        "changeMedia",
        "updateEmote",
        "removeEmote",
        "renameEmote",
        "newPoll",
        "updatePoll",
        "closePoll",
        "setLeader",
        "drinkCount",
        "setMotd",
        "channelCSSJS",
        "channelOpts",
        "setPermissions",
        "voteskip",
        "mediaUpdate",
    ] {
        assert!(events.iter().any(|(name, _)| name == wanted), "no {wanted}");
    }
    let lines: Vec<&Value> = events
        .iter()
        .filter(|(name, _)| name == "chatMsg")
        .map(|e| &e.1)
        .collect();
    let times: Vec<i64> = lines
        .iter()
        .map(|line| line["time"].as_i64().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a < b));
    assert!(lines.iter().any(|line| line["username"] == "[server]"));
    assert!(lines.iter().any(|line| line["meta"]["shadow"] == true));
    let afters: Vec<&Value> = events
        .iter()
        .filter(|(name, _)| name == "queue")
        .map(|e| &e.1["after"])
        .collect();
    assert!(afters.iter().any(|after| after.is_i64()));
    assert!(afters.iter().any(|after| **after == "prepend"));
}

#[tokio::test]
async fn with_a_window_it_is_never_more_than_so_many_lines_ahead() {
    let mut config = lively(5, 200);
    config.window = Some(15);
    let sim = Sim::start(config).await.unwrap();
    let _bot = Client::bot(&sim).await;
    // The fifteen lines from before the start are all unseen.
    assert_eq!(sim.progress().borrow().chat_lines, 15);
    let mut seen = 4;
    while !sim.progress().borrow().done {
        sim.seen(seen).await.unwrap();
        let target = (seen + 15).min(215);
        sim.wait_until(|progress| progress.chat_lines >= target)
            .await;
        assert_eq!(sim.progress().borrow().chat_lines, target);
        seen += 11;
    }
}

#[tokio::test]
async fn with_others_held_only_replayable_lines_come() {
    let sim = Sim::start(lively(9, 2000)).await.unwrap();
    sim.hold(true, false).await.unwrap();
    let events = read_all(&sim).await;
    let own = |payload: &Value| payload["name"] == "KrytenBot";
    let start = events
        .iter()
        .position(|(name, payload)| name == "setUserRank" && own(payload))
        .unwrap();
    for (name, payload) in &events[start + 1..] {
        let woken = matches!(name.as_str(), "setUserMeta" | "setAFK" | "voteskip");
        assert!(name == "chatMsg" || woken, "{name} {payload}");
        assert_ne!(payload["username"], "[server]");
        assert_ne!(payload["meta"]["shadow"], true);
    }
}

#[tokio::test]
async fn lines_said_while_the_bot_is_out_count_when_the_replay_offers_them() {
    let mut config = SimConfig::quiet("Lounge");
    config.hold_others_while_bot_is_out = true;
    let sim = Sim::start(config).await.unwrap();
    let mut bot = Client::bot(&sim).await;
    sim.say("alice", "one").await.unwrap();
    bot.event("chatMsg").await;
    sim.drop_connections().await.unwrap();
    sim.wait_until(|progress| progress.connections == 0).await;
    for number in 0..20 {
        sim.say("alice", &format!("away {number}")).await.unwrap();
    }
    // Fifteen are still offered, the first five are not.
    let ledger = sim.ledger().await.unwrap();
    assert_eq!(ledger.messages["alice"], 16);
    assert_eq!(sim.progress().borrow().lost_lines, 5);
    let _bot = Client::bot(&sim).await;
    let ledger = sim.ledger().await.unwrap();
    assert_eq!(ledger.messages["alice"], 16);
    // Both notices of the server were for the bot of the first session only.
    assert_eq!(ledger.messages["[server]"], 1);
}

#[tokio::test]
async fn the_ledger_is_written_to_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.json");
    let mut config = lively(2, 50);
    config.ledger = Some(path.clone());
    let sim = Sim::start(config).await.unwrap();
    let first: Ledger = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(!first.done && first.messages.values().sum::<u64>() == 15);
    let _bot = Client::bot(&sim).await;
    sim.wait_until(|progress| progress.done).await;
    let last = sim.ledger().await.unwrap();
    sim.shutdown().await;
    let written: Ledger = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written, last);
    assert!(written.done);

    let mut config = SimConfig::quiet("Lounge");
    config.ledger = Some(folder.path().join("missing/ledger.json"));
    let error = Sim::start(config).await.unwrap_err();
    assert!(error.to_string().contains("cannot write the ledger"));
}

#[tokio::test]
async fn at_the_pace_of_life_films_have_their_lead_in_and_reports() {
    let script = ScriptConfig {
        rate: 20.0,
        ..ScriptConfig::default()
    };
    let sim = Sim::start(SimConfig::lively("Lounge", script))
        .await
        .unwrap();
    let mut bot = Client::bot(&sim).await;
    sim.run(Operation::Hold {
        others: Some(false),
        chat: Some(true),
        others_while_bot_is_out: None,
    })
    .await
    .unwrap();
    bot.emit("playNext", json!({})).await;
    let start = loop {
        let media = bot.event("changeMedia").await;
        if media["currentTime"] == -3 {
            break media;
        }
    };
    assert_eq!(start["paused"], true);
    let report = tokio::time::timeout(Duration::from_secs(20), bot.event("mediaUpdate"));
    let report = report.await.unwrap();
    assert_eq!(report, json!({"currentTime": 0, "paused": false}));
}

#[tokio::test]
async fn a_bot_that_keeps_vanishing_misses_no_line_within_the_window() {
    let mut config = lively(21, 2000);
    config.window = Some(15);
    let sim = Sim::start(config).await.unwrap();
    sim.hold(true, false).await.unwrap();
    let mut lines: BTreeMap<(i64, String, String), Value> = BTreeMap::new();
    let mut left = 0;
    while lines.len() < 2015 {
        let mut bot = Client::connect(&sim).await;
        bot.emit("joinChannel", json!({"name": "Lounge"})).await;
        bot.emit("login", json!({"name": "KrytenBot", "pw": "x"}))
            .await;
        // It leaves in the middle of things, each time after a different number of lines.
        left += 1;
        let mut budget = 20 + left * 37 % 200;
        while budget > 0 && lines.len() < 2015 {
            let line = bot.event("chatMsg").await;
            let key = (
                line["time"].as_i64().unwrap(),
                line["username"].as_str().unwrap().to_owned(),
                line["msg"].as_str().unwrap().to_owned(),
            );
            lines.insert(key, line);
            budget -= 1;
            sim.seen(lines.len() as u64).await.unwrap();
        }
    }
    assert!(left > 10);
    let progress = sim.wait_until(|progress| progress.done).await;
    assert_eq!((progress.chat_lines, progress.lost_lines), (2015, 0));
    let ledger = sim.ledger().await.unwrap();
    assert_eq!(ledger.messages, count(lines.values()));
}

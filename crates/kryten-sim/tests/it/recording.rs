//! The recording of a real robot, replayed.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kryten_sim::{Mode, Sim, SimConfig, SimError, Speed};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::Client;

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings/cytube_frames.jsonl")
}

/// The `42…` frames to the client, by connection.
fn recorded() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(fixture()).unwrap();
    let mut sessions: Vec<(u64, Vec<String>)> = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let raw = line["raw"].as_str().unwrap_or_default();
        if line["transport"] != "websocket" || line["dir"] != "s2c" || !raw.starts_with("42") {
            continue;
        }
        let connection = line["conn"].as_u64().unwrap();
        if sessions.last().is_none_or(|(last, _)| *last != connection) {
            sessions.push((connection, Vec::new()));
        }
        sessions.last_mut().unwrap().1.push(raw.to_owned());
    }
    sessions.into_iter().map(|(_, frames)| frames).collect()
}

#[test]
fn the_recording_is_the_one_that_was_taken() {
    let digest = Sha256::digest(std::fs::read(fixture()).unwrap());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        digest,
        "2974088002ffb6f53f0c26122a8412eb6134c7a620c28a10a3d7aeecdb91c3c2"
    );
}

#[tokio::test]
async fn all_frames_of_all_sessions_reach_the_client_in_order() {
    let sim = Sim::start(SimConfig::recording("Grindhouse420", fixture()))
        .await
        .unwrap();
    let sessions = recorded();
    let counts: Vec<usize> = sessions.iter().map(Vec::len).collect();
    assert_eq!(counts, [1113, 45, 48, 48, 43, 98, 69]);
    let mut total = 0;
    for (index, frames) in sessions.iter().enumerate() {
        let mut client = Client::connect(&sim).await;
        client
            .emit("joinChannel", json!({"name": "Grindhouse420"}))
            .await;
        client
            .emit("login", json!({"name": "KrytenBot", "pw": "x"}))
            .await;
        for frame in frames {
            let text = loop {
                match client
                    .text()
                    .await
                    .expect("a frame before the end")
                    .as_str()
                {
                    "2" => client.send("3").await,
                    text => break text.to_owned(),
                }
            };
            assert_eq!(&text, frame);
            total += 1;
        }
        sim.wait_until(|progress| progress.sessions_sent == index + 1)
            .await;
        match index {
            // A kick ends the session; the transport is left to the client.
            1 | 2 => assert_eq!(client.text().await.unwrap(), "41"),
            // The network, or the server, cut the connection.
            0 | 3 | 4 => assert_eq!(client.text().await, None),
            _ => {}
        }
    }
    assert_eq!(total, 1464);
    assert!(sim.progress().borrow().done);
    let mut late = Client::connect(&sim).await;
    assert_eq!(late.text().await, None);
}

#[tokio::test]
async fn frames_wait_for_the_join_and_for_the_login() {
    let sim = Sim::start(SimConfig::recording("Grindhouse420", fixture()))
        .await
        .unwrap();
    let mut client = Client::connect(&sim).await;
    client
        .emit("joinChannel", json!({"name": "Grindhouse420"}))
        .await;
    client.event("usercount").await;
    let more = tokio::time::timeout(Duration::from_millis(200), client.text()).await;
    assert!(more.is_err(), "{more:?}");
    client
        .emit("login", json!({"name": "KrytenBot", "pw": "x"}))
        .await;
    assert_eq!(client.shown(1).await, ["rank 1"]);
    assert_eq!(client.next().await.unwrap().0, "login");
}

#[tokio::test]
async fn speed_multiplies_the_recorded_time() {
    let sim = Sim::start(SimConfig {
        mode: Mode::Recording {
            path: fixture(),
            speed: Speed::Times(500.0),
        },
        ..SimConfig::quiet("Grindhouse420")
    })
    .await
    .unwrap();
    let mut client = Client::connect(&sim).await;
    client
        .emit("joinChannel", json!({"name": "Grindhouse420"}))
        .await;
    client
        .emit("login", json!({"name": "KrytenBot", "pw": "x"}))
        .await;
    let start = Instant::now();
    while client.next().await.is_some() {}
    // The first session took 262.8 seconds.
    assert!(
        start.elapsed() >= Duration::from_millis(520),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_file_that_is_no_recording_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.jsonl");
    for (text, expected) in [
        ("", "has no websocket session"),
        ("{\"t\": 1}\noops\n", "line 2 of the recording"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Sim::start(SimConfig::recording("Lounge", &path))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let missing = folder.path().join("missing.jsonl");
    let error = Sim::start(SimConfig::recording("Lounge", missing))
        .await
        .unwrap_err();
    assert!(matches!(error, SimError::Recording { .. }));
}

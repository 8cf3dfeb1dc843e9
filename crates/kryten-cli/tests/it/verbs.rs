//! The channel's verbs: what they print, and what happens in the channel.

mod discovery;
mod forms;
mod moderator;
mod playlist;
mod stats;

use std::process::Stdio;

use kryten_testkit::TestChannel;
use serde_json::Value;
use tokio::process::Command;

use crate::program::Ran;

/// Runs `kryten` while the channel, which is in this process, goes on.
async fn run_at(nats: &str, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_kryten"))
        .args(["--nats", nats])
        .args(arguments)
        .env_remove("KRYTEN_DATA_DIR")
        .stdin(Stdio::null())
        .output()
        .await;
    output.unwrap().into()
}

async fn run(channel: &TestChannel, arguments: &[&str]) -> Ran {
    run_at(&channel.nats_url(), arguments).await
}

/// Runs what must succeed without a word on stderr; what it printed.
async fn printed(channel: &TestChannel, arguments: &[&str]) -> String {
    let ran = run(channel, arguments).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    ran.out
}

async fn json(channel: &TestChannel, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(channel, arguments).await).unwrap()
}

/// Runs what must fail; its sentence.
async fn refused(channel: &TestChannel, arguments: &[&str]) -> String {
    let ran = run(channel, arguments).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    ran.err
}

async fn state(channel: &TestChannel) -> Value {
    channel.sim().state().await.unwrap()
}

async fn start() -> TestChannel {
    TestChannel::builder()
        .present(["alice", "bob", "carol"])
        .films(5)
        .rate(0.0)
        .start()
        .await
}

#[tokio::test]
async fn say_and_pm_reach_the_channel() {
    let channel = start().await;
    let said = printed(&channel, &["--channel", "demo-no", "about"]).await;
    assert!(said.contains(env!("CARGO_PKG_VERSION")), "{said}");
    let said = printed(&channel, &["say", "héllo from the shell"]).await;
    assert_eq!(said, format!("✓ Sent chat message to {}\n", channel.name()));
    channel
        .event(|event| event.name == "chatMsg" && event.payload["msg"] == "héllo from the shell")
        .await;
    printed(&channel, &["say", "--", "-1x"]).await;
    channel
        .event(|event| event.name == "chatMsg" && event.payload["msg"] == "-1x")
        .await;
    let sent = printed(&channel, &["pm", "alice", "-psst or not"]).await;
    assert_eq!(sent, format!("✓ Sent PM to alice in {}\n", channel.name()));
    channel
        .event(|event| event.name == "pm" && event.payload["msg"] == "-psst or not")
        .await;
    channel.shutdown().await;
}

#[tokio::test]
async fn what_plays_is_paused_resumed_moved_and_voted_on() {
    let channel = start().await;
    let paused = printed(&channel, &["pause"]).await;
    assert_eq!(paused, format!("✓ Paused playback in {}\n", channel.name()));
    let is = |paused: bool| {
        move |event: &kryten_testkit::SeenEvent| {
            event.name == "mediaUpdate" && event.payload["paused"] == paused
        }
    };
    channel.event(is(true)).await;
    printed(&channel, &["play"]).await;
    channel.event(is(false)).await;
    let sought = printed(&channel, &["seek", "0:07"]).await;
    assert_eq!(sought, format!("✓ Seeked to 7.0s in {}\n", channel.name()));
    channel
        .event(|event| {
            let at = event.payload["currentTime"].as_f64().unwrap_or(-1.0);
            event.name == "mediaUpdate" && (7.0..9.0).contains(&at)
        })
        .await;
    printed(&channel, &["voteskip"]).await;
    channel.event(|event| event.name == "voteskip").await;
    channel.shutdown().await;
}

#[tokio::test]
async fn users_are_kicked_banned_unbanned_and_muted_and_refusals_are_told() {
    let channel = start().await;
    let is_here = async |name: &str| {
        let state = state(&channel).await;
        let users = state["users"].as_array().unwrap().clone();
        users.iter().any(|user| user["name"] == name)
    };
    let kicked = printed(&channel, &["kick", "bob", "no reason"]).await;
    assert_eq!(kicked, format!("✓ Kicked bob from {}\n", channel.name()));
    assert!(!is_here("bob").await, "a success means that it is done");
    let again = refused(&channel, &["kick", "bob"]).await;
    assert_eq!(
        again,
        "error: Failed to kick user: bob is not in the channel\n"
    );
    printed(&channel, &["ban", "carol"]).await;
    assert!(!is_here("carol").await);
    let lifted = printed(&channel, &["unban", "carol"]).await;
    assert_eq!(
        lifted,
        format!("✓ Lifted all bans of carol in {}\n", channel.name())
    );
    for (verb, name) in [
        (&["mute", "alice"][..], "✓ Muted alice"),
        (&["unmute", "alice"], "✓ Unmuted alice"),
        (&["mute", "--shadow", "alice"], "✓ Shadow-muted alice"),
    ] {
        let done = printed(&channel, verb).await;
        assert_eq!(done, format!("{name} in {}\n", channel.name()));
    }
    channel.shutdown().await;
}

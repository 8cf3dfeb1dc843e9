//! Lines and private messages.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kryten_sim::SimConfig;
use serde_json::{Value, json};

use super::fixture::Stage;
use crate::support::*;

fn lines(state: &Value) -> Vec<String> {
    let history = state["history"].as_array().unwrap().iter();
    history
        .map(|line| line["msg"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_private_messages_are_said_before_the_reply_says_so() {
    let stage = Stage::new().await;
    stage.join("alice").await;
    stage
        .done("say", json!({"message": "hello <b>all</b> & \"you\""}))
        .await;
    stage.done("chat", json!({"msg": "second"})).await;
    stage.done("say", json!({"message": "/me waves"})).await;
    let state = stage.state().await;
    assert_eq!(
        lines(&state),
        [
            "hello &lt;b&gt;all&lt;/b&gt; &amp; \"you\"",
            "second",
            "waves"
        ]
    );
    stage
        .done("pm", json!({"to": "Alice", "msg": "psst"}))
        .await;
    stage.done("say", json!({"message": "/afk"})).await;
    let commander = stage.commander();
    commander.say("by the client").await.unwrap();
    commander.pm("alice", "by the client").await.unwrap();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_before_a_command_makes_a_line_of_it() {
    let stage = Stage::new().await;
    stage.join("bob").await;
    for message in [" /clear", "\n/kick bob", "\u{a0}/mute bob"] {
        stage.done("say", json!({"message": message})).await;
    }
    let long = format!("{}/kick bob", "word ".repeat(64));
    stage.done("say", json!({"message": long})).await;
    let commander = stage.commander();
    commander.say(" /kick bob").await.unwrap();
    commander.say(&long).await.unwrap();
    let state = stage.state().await;
    let words = long.trim_end_matches(" /kick bob");
    assert_eq!(
        lines(&state),
        [
            " /clear",
            " /kick bob",
            " /mute bob",
            words,
            " /kick bob",
            " /kick bob",
            words,
            " /kick bob"
        ]
    );
    let users = state["users"].as_array().unwrap();
    let bob = users.iter().find(|user| user["name"] == "bob").unwrap();
    assert_eq!(bob["meta"]["muted"], false, "{bob}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_line_becomes_several_and_its_order_stays() {
    let stage = Stage::new().await;
    let long: Vec<String> = (0..150).map(|number| format!("word{number}")).collect();
    stage.done("say", json!({"message": long.join(" ")})).await;
    let said = lines(&stage.state().await);
    assert!(said.len() > 2, "{said:?}");
    assert_eq!(said.join(" "), long.join(" "));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_paced_so_that_cytube_drops_nothing_and_a_kick_goes_first() {
    let sim = SimConfig {
        flood_limits: true,
        ..SimConfig::quiet(CHANNEL)
    };
    let stage = Stage::with(sim, |config| {
        config.command_times.chat_expiry = Duration::from_secs(15)
    })
    .await;
    stage.join("mallory").await;
    let said = join_all((0..40).map(|number| {
        let stage = &stage;
        async move {
            stage
                .run("say", json!({"message": format!("line {number}")}))
                .await
        }
    }));
    let kicked = async {
        until("the flood waits", || async {
            stage.state().await["chat_lines"].as_u64() >= Some(15)
        })
        .await;
        let started = Instant::now();
        stage
            .done("kick", json!({"username": "mallory", "reason": "enough"}))
            .await;
        (
            started.elapsed(),
            stage.state().await["chat_lines"].as_u64().unwrap(),
        )
    };
    let (said, (_, lines_then)) = tokio::join!(said, kicked);
    assert!(said.iter().all(|data| data["success"] == true), "{said:?}");
    assert_eq!(stage.state().await["chat_lines"], 40, "nothing was dropped");
    assert!(lines_then < 40, "the kick did not wait for the flood");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_that_has_waited_too_long_is_refused_and_never_said() {
    let sim = SimConfig {
        flood_limits: true,
        ..SimConfig::quiet(CHANNEL)
    };
    let stage = Stage::with(sim, |config| {
        config.command_times.chat_expiry = Duration::from_millis(500)
    })
    .await;
    let said = join_all((0..60).map(|number| {
        let stage = &stage;
        async move {
            stage
                .run("say", json!({"message": format!("line {number}")}))
                .await
        }
    }))
    .await;
    let done = said.iter().filter(|data| data["success"] == true).count();
    let stale: Vec<_> = said
        .iter()
        .filter(|data| data["success"] == false)
        .collect();
    assert!(done >= 20 && !stale.is_empty(), "{done}");
    assert!(
        stale
            .iter()
            .all(|data| data["error"].as_str().unwrap().contains("was not sent")),
        "{stale:?}"
    );
    stage.done("say", json!({"message": "the end"})).await;
    assert_eq!(stage.state().await["chat_lines"], done + 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_without_a_reply_subject_are_said_in_the_order_in_which_they_came() {
    let stage = Stage::new().await;
    for number in 0..12 {
        let body = json!({"command": "say", "args": {"message": format!("line {number}")}});
        let nats = stage.client.nats();
        nats.publish("kryten.robot.command", body.to_string().into())
            .await
            .unwrap();
    }
    until("all is said", || async {
        stage.state().await["chat_lines"] == 12
    })
    .await;
    let right: Vec<String> = (0..12).map(|number| format!("line {number}")).collect();
    assert_eq!(lines(&stage.state().await), right);
    stage.end().await;
}

//! Mutes, kicks, bans, ranks.

use serde_json::{Value, json};

use super::fixture::Stage;

fn user<'a>(state: &'a Value, name: &str) -> Option<&'a Value> {
    let mut users = state["users"].as_array().unwrap().iter();
    users.find(|user| user["name"] == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn mutes_kicks_and_ranks_have_their_effect_before_the_reply() {
    let stage = Stage::new().await;
    for name in ["alice", "bob", "carol"] {
        stage.join(name).await;
    }
    stage.done("mute", json!({"username": "alice"})).await;
    let state = stage.state().await;
    assert_eq!(user(&state, "alice").unwrap()["meta"]["muted"], true);
    // As kryten-py spells it.
    stage
        .done("chat", json!({"message": "/unmute ALICE"}))
        .await;
    assert_eq!(
        user(&stage.state().await, "alice").unwrap()["meta"]["muted"],
        false
    );
    stage.done("smute", json!({"name": "bob"})).await;
    assert_eq!(
        user(&stage.state().await, "bob").unwrap()["meta"]["smuted"],
        true
    );
    stage.done("unmute", json!({"username": "bob"})).await;
    stage
        .done("kick", json!({"username": "Carol", "reason": "two\nlines"}))
        .await;
    assert!(user(&stage.state().await, "carol").is_none());
    stage
        .done("setChannelRank", json!({"name": "alice", "rank": "2"}))
        .await;
    assert_eq!(user(&stage.state().await, "alice").unwrap()["rank"], 2);
    stage.commander().kick("alice", None).await.unwrap();
    assert!(user(&stage.state().await, "alice").is_none());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_are_made_listed_and_lifted_by_name_or_by_number() {
    let stage = Stage::new().await;
    stage.join("mallory").await;
    stage
        .done("ban", json!({"username": "mallory", "reason": "spam"}))
        .await;
    stage.done("ban", json!({"name": "absent"})).await;
    let data = stage.done("requestBanlist", json!({})).await;
    let envelope = &data["banlist"];
    assert_eq!(
        (
            envelope["event_name"].as_str(),
            envelope["payload"].as_array().unwrap().len()
        ),
        (Some("banlist"), 2)
    );
    assert!(envelope["correlation_id"].is_string() && envelope["timestamp"].is_string());
    let id = envelope["payload"][1]["id"].as_i64().unwrap();
    let data = stage.done("unban", json!({"id": id})).await;
    assert_eq!(data["removed"], 1);
    assert_eq!(stage.state().await["banned"], json!(["mallory"]));
    assert_eq!(
        stage.refused("unban", json!({"id": id})).await,
        format!("Failed to unban: No active ban for '{id}'")
    );
    stage.commander().unban("MALLORY").await.unwrap();
    assert_eq!(stage.state().await["banned"], json!([]));
    assert_eq!(
        stage.refused("unban", json!({"username": "nobody"})).await,
        "Failed to unban: No active ban for 'nobody'"
    );
    let data = stage.done("requestChannelRanks", json!({})).await;
    assert_eq!(data["ranks"]["event_name"], "channelRanks");
    stage.end().await;
}

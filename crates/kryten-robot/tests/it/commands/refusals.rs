//! Each way in which CyTube refuses, or says nothing.

use std::time::{Duration, Instant};

use kryten_sim::{Account, SimConfig};
use serde_json::{Value, json};

use super::fixture::Stage;
use crate::support::*;

/// Lets CyTube say something again and again until the robot, which waits for an answer that does not come, hears it.
async fn refused_by(
    stage: &Stage,
    command: &str,
    args: Value,
    event: &str,
    payload: Value,
) -> String {
    let refusing = async {
        loop {
            stage.emit(event, payload.clone()).await;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    tokio::select! {
        error = stage.refused(command, args) => error,
        () = refusing => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_robot_is_told_so() {
    let stage = Stage::new().await;
    stage.join("owner").await;
    // `noflood` comes to whoever is muted and speaks; nobody else could answer a line that is dropped.
    let payload = json!({"action": "chat", "msg": "You have been muted on this channel."});
    let error = refused_by(&stage, "closePoll", json!({}), "noflood", payload.clone()).await;
    assert_eq!(error, "Failed to close poll: no poll is open");
    let error = refused_by(
        &stage,
        "say",
        json!({"message": "/rank nobody x"}),
        "noflood",
        payload,
    )
    .await;
    assert_eq!(
        error,
        "Failed to send message: You have been muted on this channel."
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_too_fast_or_filtered_is_told() {
    let stage = Stage::new().await;
    let typed = || json!({"message": "/rank nobody x"});
    let error = refused_by(
        &stage,
        "say",
        typed(),
        "spamFiltered",
        json!({"reason": "NEW_USER_CHAT"}),
    )
    .await;
    assert!(
        error.ends_with("spam filter dropped the message: NEW_USER_CHAT"),
        "{error}"
    );
    let error = refused_by(&stage, "say", typed(), "cooldown", json!(100)).await;
    assert!(error.contains("too fast"), "{error}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranks_and_options_that_cytube_refuses_are_told_in_its_words() {
    let stage = Stage::new().await;
    stage.join("alice").await;
    let error = stage
        .refused("setChannelRank", json!({"name": "alice", "rank": 5}))
        .await;
    assert!(
        error.starts_with("Failed to set channel rank: ") && error.contains("rank"),
        "{error}"
    );
    let error = stage
        .refused("setOptions", json!({"options": {"afk_timeout": "abc"}}))
        .await;
    assert!(
        error.starts_with("Failed to set options: afk_timeout: "),
        "{error}"
    );
    let image = "https://example.com/a.png";
    stage
        .done("updateEmote", json!({"name": "#a", "image": image}))
        .await;
    stage
        .done("updateEmote", json!({"name": "#b", "image": image}))
        .await;
    let error = stage
        .refused(
            "renameEmote",
            json!({"old": "#a", "name": "#b", "image": image}),
        )
        .await;
    assert_eq!(error, "Failed to rename emote: Emote already exists.");
    let error = stage
        .refused("pm", json!({"to": "nobody", "message": "x"}))
        .await;
    assert!(
        error.starts_with("Failed to send private message: "),
        "{error}"
    );
    assert!(!error.contains("confirm"), "{error}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cytube_passes_over_in_silence_is_no_success() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.command_times.effect = Duration::from_millis(300);
    })
    .await;
    let started = Instant::now();
    let error = stage
        .refused("setOptions", json!({"options": {"no_such_option": 1}}))
        .await;
    assert!(error.contains("did not confirm it in time"), "{error}");
    assert!(started.elapsed() >= Duration::from_millis(300));
    for (command, args, error) in [
        (
            "kick",
            json!({"username": "nobody"}),
            "Failed to kick user: nobody is not in the channel",
        ),
        (
            "rmvideo",
            json!({"uid": 7}),
            "Failed to delete video: there is no item with the uid 7 in the playlist",
        ),
        (
            "mvvideo",
            json!({"from": 7, "after": 8}),
            "Failed to move video: there is no item with the uid 7 in the playlist",
        ),
        (
            "playNext",
            json!({}),
            "Failed to play next: the playlist is empty",
        ),
        ("pause", json!({}), "Failed to pause: nothing plays"),
        (
            "assignLeader",
            json!({"name": "nobody"}),
            "Failed to assign leader: nobody is not in the channel",
        ),
    ] {
        assert_eq!(stage.refused(command, args).await, error);
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_of_low_rank_refuses_what_cytube_would_kick_it_for() {
    let account = Account {
        name: "KrytenBot".to_owned(),
        password: None,
        rank: 1.0,
    };
    let sim = SimConfig {
        accounts: vec![account],
        ..SimConfig::quiet(CHANNEL)
    };
    let stage = Stage::with(sim, |_| {}).await;
    for (command, args) in [
        ("setMotd", json!({"motd": "x"})),
        ("setOptions", json!({"options": {"afk_timeout": 1}})),
        ("readChanLog", json!({})),
        ("kick", json!({"username": "x"})),
        ("clear", json!({})),
    ] {
        let error = stage.refused(command, args).await;
        assert!(
            error.contains("the robot has rank 1 and needs rank"),
            "{error}"
        );
    }
    assert_eq!(stage.robot.report()[0].connects, 1, "nobody was kicked");
    let level = stage.commander().user_level().await.unwrap();
    assert_eq!(level.rank, 1.0);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_are_switched_off_or_wrong_are_refused_at_the_top() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.commands_enabled = false
    })
    .await;
    let reply = stage
        .ask(json!({"command": "say", "args": {"message": "x"}}))
        .await;
    assert_eq!(reply["success"], false);
    assert!(
        reply["error"]
            .as_str()
            .unwrap()
            .contains("commands.enabled"),
        "{reply}"
    );
    let reply = stage.ask(json!({"command": "nonsense.command"})).await;
    assert_eq!(reply["error"], "Unknown command: nonsense.command");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kick_while_a_command_waits_ends_the_wait() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.command_times.effect = Duration::from_secs(30);
    })
    .await;
    let kick = async {
        until("the command has been sent", || async {
            let stats = stage.ask(json!({"command": "system.stats"})).await;
            stats["success"] == true
        })
        .await;
        stage.sim.kick_bots("go away").await.unwrap();
    };
    let (error, ()) = tokio::join!(
        stage.refused("setOptions", json!({"options": {"no_such_option": 1}})),
        kick
    );
    assert!(
        error.contains("kicked: go away") || error.contains("not in the channel"),
        "{error}"
    );
    stage.end().await;
}

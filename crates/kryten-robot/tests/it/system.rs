//! `system.*`, user levels, `system:` private messages, audit logs, several channels, guest mode.

use std::time::Duration;

use kryten_robot::Guest;
use kryten_robot::audit::AuditConfig;
use kryten_sim::{Operation, Sim, SimConfig};
use serde_json::{Value, json};

use crate::commands::fixture::Stage;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn services_are_known_by_their_announcements_and_the_robot_is_one() {
    let stage = Stage::new().await;
    let nats = stage.client.nats();
    let startup = json!({"service": "greeter", "version": "2.0", "hostname": "h"}).to_string();
    nats.publish("kryten.lifecycle.greeter.startup", startup.into())
        .await
        .unwrap();
    until("both are known", || async {
        let reply = stage.ask(json!({"command": "system.services"})).await;
        let names: Vec<_> = reply["data"]["services"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["name"].clone())
            .collect();
        names == ["greeter", "robot"] && reply["data"]["active_count"] == 2
    })
    .await;
    nats.publish(
        "kryten.lifecycle.greeter.shutdown",
        r#"{"service":"greeter"}"#.into(),
    )
    .await
    .unwrap();
    until("one has gone", || async {
        let reply = stage.ask(json!({"command": "system.services"})).await;
        reply["data"]["count"] == 1
    })
    .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_and_a_group_restart_are_asked_for_and_can_be_switched_off() {
    let stage = Stage::new().await;
    let asked = stage.robot.stop_asked();
    for (delay, error) in [
        (json!("soon"), "delay_seconds must be a number"),
        (json!(301), "delay_seconds must be between 0 and 300"),
    ] {
        let reply = stage
            .ask(json!({"command": "system.shutdown", "delay_seconds": delay}))
            .await;
        assert_eq!(reply["error"], error);
    }
    let reply = stage
        .ask(json!({"command": "system.shutdown", "delay_seconds": "0", "reason": "update"}))
        .await;
    assert_eq!(reply["data"]["message"], "Shutdown initiated");
    assert!(reply["data"]["shutdown_time"].is_string());
    let asked = within("the robot is asked to stop", asked).await;
    assert_eq!((asked.reason.as_str(), asked.is_restart), ("update", false));
    stage.end().await;

    let stage = Stage::new().await;
    let asked = stage.robot.stop_asked();
    let call = json!({"initiator": "ops", "reason": "update", "delay_seconds": 0}).to_string();
    let nats = stage.client.nats();
    nats.publish("kryten.lifecycle.group.restart", call.into())
        .await
        .unwrap();
    let asked = within("the robot is asked to stop", asked).await;
    assert_eq!(
        (asked.reason.as_str(), asked.is_restart),
        ("group restart by ops: update", true)
    );
    stage.end().await;

    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.remote_shutdown = false
    })
    .await;
    let reply = stage.ask(json!({"command": "system.shutdown"})).await;
    assert!(
        reply["error"]
            .as_str()
            .unwrap()
            .contains("commands.remote_shutdown"),
        "{reply}"
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_settings_and_channels_and_tells_which() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let other = Sim::start(SimConfig::quiet("Other")).await.unwrap();
    let written = |stage: &Stage, enabled: bool, with_other: bool| {
        let channel = |url: String, name: &str| {
            json!({"channel": name, "url": url, "user": "KrytenBot", "password": "secret",
                   "reconnect_base_delay": 0.02, "reconnect_max_delay": 0.2, "aggressive_reconnect": true})
        };
        let mut channels = vec![channel(stage.sim.url(), CHANNEL)];
        if with_other {
            channels.push(channel(other.url(), "Other"));
        }
        let config = json!({
            "cytube": {"domain": DOMAIN, "channel": CHANNEL}, "channels": channels,
            "nats": {"servers": [stage.server.url()]}, "commands": {"enabled": enabled}, "log_level": "WARNING",
        });
        std::fs::write(&file, config.to_string()).unwrap();
    };
    let path = file.clone();
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| config.path = Some(path)).await;
    written(&stage, false, true);
    let reply = stage.ask(json!({"command": "system.reload"})).await;
    let data = &reply["data"];
    assert_eq!(data["success"], true, "{reply}");
    assert_eq!(data["changes"]["log_level"], "INFO -> WARNING");
    assert_eq!(data["changes"]["commands.enabled"], "true -> false");
    assert!(
        data["changes"]["channels.added"]
            .as_str()
            .unwrap()
            .contains("Other"),
        "{reply}"
    );
    let reply = stage
        .ask(json!({"command": "say", "args": {"message": "x"}, "channel": "Other"}))
        .await;
    assert!(
        reply["error"].as_str().unwrap().contains("switched off"),
        "{reply}"
    );
    let subject = format!("kryten.user_level.{DOMAIN}.Other");
    until("the new channel is heard on its own subjects", || async {
        let asked = stage
            .client
            .nats()
            .request(subject.clone(), "{}".into())
            .await;
        asked.is_ok()
    })
    .await;
    written(&stage, true, false);
    let reply = stage.ask(json!({"command": "system.reload"})).await;
    assert_eq!(reply["data"]["changes"]["channels.removed"], "Other");
    std::fs::write(&file, "{").unwrap();
    let reply = stage.ask(json!({"command": "system.reload"})).await;
    assert_eq!(reply["success"], true, "a failed reload is told inside");
    assert_eq!(reply["data"]["message"], "Configuration reload failed");
    let reply = stage
        .ask(json!({"command": "system.reload", "config_path": "/etc/passwd"}))
        .await;
    assert!(
        reply["data"]["errors"][0]
            .as_str()
            .unwrap()
            .contains("is not in the folder"),
        "{reply}"
    );
    stage.end().await;
    other.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_level_is_told_on_all_spellings_of_the_subject() {
    let stage = Stage::new().await;
    for subject in [
        format!("kryten.user_level.{DOMAIN}.{CHANNEL}"),
        format!("kryten.user_level.{DOMAIN}.{}", CHANNEL.to_lowercase()),
        format!("cytube.user_level.{DOMAIN}.{}", CHANNEL.to_lowercase()),
    ] {
        let reply = stage
            .client
            .nats()
            .request(subject.clone(), "{}".into())
            .await
            .unwrap();
        let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
        assert_eq!(
            reply,
            json!({"success": true, "rank": 3, "username": "KrytenBot"}),
            "{subject}"
        );
    }
    stage.end().await;
}

/// What the robot has sent to a user in private, as events tell it.
async fn pms_of_robot(stage: &Stage) -> Vec<String> {
    let contents = events(&stream_contents(&stage.client).await);
    let own = contents
        .into_iter()
        .filter(|(name, pm)| name == "pm" && pm["username"] == "KrytenBot");
    own.map(|(_, pm)| pm["msg"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn system_messages_are_answered_by_rank_and_not_published() {
    let stage = Stage::new().await;
    let join = |name: &str, rank: f64| Operation::Join {
        user: name.to_owned(),
        rank: Some(rank),
    };
    stage.sim.run(join("guest", 0.0)).await.unwrap();
    stage.sim.run(join("boss", 4.0)).await.unwrap();
    stage
        .knows("both, with their ranks", |users| {
            users
                .iter()
                .any(|user| user["name"] == "boss" && user["rank"] == 4)
        })
        .await;
    let asked = stage.robot.stop_asked();
    stage.sim.pm("guest", "system:about").await.unwrap();
    until("the robot tells about itself", || async {
        pms_of_robot(&stage)
            .await
            .iter()
            .any(|pm| pm.starts_with("Kryten Robot v") && pm.contains(CHANNEL))
    })
    .await;
    stage.sim.pm("guest", "system:nonsense").await.unwrap();
    stage.sim.pm("boss", "system:health").await.unwrap();
    until("the owner is told how it is", || async {
        pms_of_robot(&stage)
            .await
            .iter()
            .any(|pm| pm.starts_with("healthy"))
    })
    .await;
    // A user is answered every two seconds at most, so asking again is part of waiting.
    until("a guest may not end the robot", || async {
        stage.sim.pm("guest", "system:shutdown").await.unwrap();
        pms_of_robot(&stage)
            .await
            .iter()
            .any(|pm| pm.contains("rank is too low"))
    })
    .await;
    until("the owner may", || async {
        stage.sim.pm("boss", "system:shutdown").await.unwrap();
        pms_of_robot(&stage).await.iter().any(|pm| pm == "stopping")
    })
    .await;
    assert!(!within("the robot is asked to stop", asked).await.is_restart);
    let published = events(&stream_contents(&stage.client).await);
    let is_system = |(name, pm): &(String, Value)| {
        name == "pm" && pm["msg"].as_str().unwrap().starts_with("system:")
    };
    assert!(!published.iter().any(is_system));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_logs_tell_what_was_asked_done_and_said_without_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let base_path = folder.path().join("logs");
    let audit = AuditConfig {
        base_path: base_path.clone(),
        ..AuditConfig::default()
    };
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.audit = Some(audit)
    })
    .await;
    stage.join("alice").await;
    stage.film("d60_a").await;
    stage
        .done("setOptions", json!({"options": {"password": "swordfish"}}))
        .await;
    stage.refused("kick", json!({"username": "nobody"})).await;
    stage.sim.say("alice", "good evening").await.unwrap();
    until("the line is heard", || async {
        events(&stream_contents(&stage.client).await)
            .iter()
            .any(|(_, payload)| payload["msg"] == "good evening")
    })
    .await;
    stage.end().await;
    let read = |name: &str| std::fs::read_to_string(base_path.join(name)).unwrap();
    assert!(
        read("playlist-operations.log").contains("[queue] type=yt id=d60_a pos=end temp=False")
    );
    assert!(read("admin-operations.log").contains("[setOptions] option_count=1"));
    assert!(read("chat-messages.log").contains(" <alice>: good evening"));
    let commands = read("command-audit.log");
    assert!(
        commands.contains("[NATS] command=kick user=nobody args=(username=nobody)"),
        "{commands}"
    );
    assert!(!commands.contains("swordfish"), "{commands}");
    let connections = read("connection-events.log");
    assert!(
        connections.contains(&format!("[CONNECT] target={DOMAIN}")),
        "{connections}"
    );
    assert!(connections.contains("[SHUTDOWN]"), "{connections}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_looks_on_without_nats() {
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = kryten_servers::NatsServer::ephemeral().await;
    let mut config = robot_config(&server, &sim.url());
    drop(server);
    config.guest_mode = true;
    config.audit = Some(AuditConfig {
        base_path: folder.path().to_owned(),
        ..AuditConfig::default()
    });
    let guest = Guest::start(config).unwrap();
    let reports = guest.reporter();
    until("the guest is in the channel", || async {
        reports()[0].in_channel
    })
    .await;
    assert_eq!(sim.progress().borrow().bots, 0, "without a login");
    sim.say("alice", "hello").await.unwrap();
    until("the line is heard", || async {
        reports()[0].events_received > 0
    })
    .await;
    let log = folder.path().join("chat-messages.log");
    until("and written", || async {
        std::fs::read_to_string(&log).is_ok_and(|text| text.contains("<alice>: hello"))
    })
    .await;
    guest.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_command_keeps_no_other_request_waiting() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.command_times.effect = Duration::from_secs(3);
    })
    .await;
    let slow = stage.refused("setOptions", json!({"options": {"no_such_option": 1}}));
    let quick = async {
        let started = std::time::Instant::now();
        for _ in 0..5 {
            stage.done("say", json!({"message": "x"})).await;
            stage.ask(json!({"command": "system.ping"})).await;
        }
        started.elapsed()
    };
    let (_, quick) = tokio::join!(slow, quick);
    assert!(quick < Duration::from_millis(2500), "{quick:?}");
    stage.end().await;
}

use kryten_client::respond::{Refusal, Responder};
use kryten_client::{Client, EventStream};
use kryten_servers::NatsServer;
use kryten_sim::Operation;
use kryten_testkit::TestChannel;
use kryten_userstats::Userstats;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use super::Diagnosis;
use crate::process::until;
use crate::rig::nats_config;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_set_up_is_healthy() {
    let channel = TestChannel::builder().bot("KrytenBot", 3.0).start().await;
    let url = channel.nats_url();
    let diagnosis = Diagnosis::of(&["--nats", &url, "--channel", channel.name(), "doctor"]);
    assert_eq!(diagnosis.code, 0, "{:#?}", diagnosis.checks);
    for check in [
        "nats",
        "payload",
        "jetstream",
        "stream",
        "robot",
        "channel",
        "rank",
        "buckets",
        "userstats",
        "clock",
    ] {
        assert_eq!(
            diagnosis.said(check, "good").len(),
            1,
            "{check} {:#?}",
            diagnosis.checks
        );
    }
    let other = Diagnosis::of(&["--nats", &url, "--channel", "elsewhere", "doctor"]);
    other.is_wrong("channel", &["no robot serves elsewhere", "system.reload"]);
    channel.shutdown().await;
}

#[tokio::test]
async fn no_robot_is_told() {
    let server = NatsServer::ephemeral().await;
    Diagnosis::at(&server, &[], &[]).is_wrong(
        "robot",
        &["no robot is running", "kryten robot --config FILE"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rank_too_low_is_told() {
    let channel = TestChannel::builder()
        .bot("KrytenBot", 1.0)
        .with_userstats(false)
        .start()
        .await;
    let url = channel.nats_url();
    let diagnosis = Diagnosis::of(&["--nats", &url, "doctor"]);
    diagnosis.is_wrong(
        "rank",
        &["the bot has rank 1", "make its account a moderator"],
    );
    channel.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_the_robot_is_not_in_is_told() {
    let channel = TestChannel::builder().with_userstats(false).start().await;
    let ban = Operation::Ban {
        name: "KrytenBot".to_owned(),
    };
    channel.sim().run(ban).await.unwrap();
    until("the robot is out", || async {
        !channel.robot_report().in_channel
    })
    .await;
    let url = channel.nats_url();
    let diagnosis = Diagnosis::of(&["--nats", &url, "doctor"]);
    diagnosis.is_wrong(
        "channel",
        &["the robot is not in", "is not banned or logged in twice"],
    );
    channel.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_off_is_told() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let _robot = Responder::start(&client, "robot", |request| async move {
        let late = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(600);
        match request.command.as_str() {
            "system.ping" => {
                Ok(json!({"pong": true, "version": "1.12.6", "timestamp": late.to_string()}))
            }
            "system.health" => {
                Ok(json!({"channel": "lounge", "domain": "cytu.be", "cytube_connected": true}))
            }
            _ => Err(Refusal::from("Unknown command")),
        }
    })
    .await
    .unwrap();
    let diagnosis = Diagnosis::at(&server, &[], &[]);
    diagnosis.is_wrong(
        "clock",
        &["the clock of the robot is 600 s behind ours", "NTP"],
    );
    let notes = diagnosis.said("robot", "note");
    assert!(
        notes[0].contains("the robot is of version 1.12.6"),
        "{notes:?}"
    );
    assert_eq!(diagnosis.said("rank", "note").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_that_are_behind_are_told() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    EventStream::open_or_create(&client).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("userstats.db");
    let channel = kryten_userstats::ChannelConfig {
        domain: "cytu.be".to_owned(),
        channel: "lounge".to_owned(),
    };
    let config = kryten_userstats::Config::new(nats_config(&server), vec![channel], &database);
    let userstats = Userstats::bind(config).await.unwrap();
    userstats.ready().await;
    let mut sqlite = SqliteConnection::connect(&format!("sqlite://{}", database.display()))
        .await
        .unwrap();
    let lock = sqlite.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let event = json!({
        "event_name": "chatMsg", "channel": "lounge", "domain": "cytu.be", "timestamp": "2026-11-29T10:00:00+00:00",
        "correlation_id": "c", "payload": {"username": "bob", "msg": "hi", "time": 1_795_946_400_000_i64, "meta": {}},
    });
    client
        .nats()
        .publish(
            "kryten.events.cytube.lounge.chatmsg",
            event.to_string().into(),
        )
        .await
        .unwrap();
    until("the statistics notice", || async {
        userstats.status().view().failed_commits > 0 || userstats.status().view().lag > 1000
    })
    .await;
    let diagnosis = Diagnosis::at(&server, &[], &[]);
    diagnosis.is_wrong("userstats", &["the statistics say: ", "database"]);
    lock.rollback().await.unwrap();
    userstats.shutdown().await.unwrap();

    let _slow = Responder::start(&client, "userstats", |request| async move {
        Ok::<Value, Refusal>(match request.command.as_str() {
            "system.ping" => json!({"pong": true, "version": env!("CARGO_PKG_VERSION")}),
            "system.health" => json!({"status": "healthy"}),
            _ => json!({"lag_events": 5000}),
        })
    })
    .await
    .unwrap();
    let diagnosis = Diagnosis::at(&server, &[], &[]);
    diagnosis.is_wrong(
        "userstats",
        &["the statistics are 5000 events behind", "lock"],
    );
}

//! What a robot makes of a NATS server that is away, too small, without JetStream, or shared with others.

use async_nats::jetstream::stream;
use futures_util::StreamExt;
use kryten_client::Client;
use kryten_client::kv::{KvBucket, PutOptions};
use kryten_client::stream::{EventStream, StoredMessage};
use kryten_protocol::state::StateBucket;
use kryten_robot::Robot;
use kryten_servers::NatsServer;
use kryten_sim::{Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::support::*;

async fn quiet_channel(server: &NatsServer) -> (SimHandle, Robot, Client) {
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = start_robot(server, &sim.url()).await;
    within("the channel is joined", robot.ready()).await;
    let client = Client::connect(&nats_config(server)).await.unwrap();
    (sim, robot, client)
}

async fn emit(sim: &SimHandle, event: &str, payload: Value, times: u64) {
    let operation = Operation::Emit {
        event: event.to_owned(),
        payload: Some(payload),
        times: Some(times),
    };
    sim.run(operation).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_nats_server_that_is_away_and_keep_their_order() {
    let mut server = NatsServer::ephemeral().await;
    let (sim, robot, client) = quiet_channel(&server).await;
    for round in 0..4 {
        let emitted = emit(&sim, "numbered", json!("#"), 500);
        let killed = async {
            server.kill().await.unwrap();
            server.restart().await.unwrap();
        };
        tokio::join!(emitted, killed);
        let all = (round + 1) * 500;
        until("all events are stored", || async {
            numbers(&client).await.len() >= all
        })
        .await;
    }
    let right: Vec<u64> = (0..4).flat_map(|_| 0..500).collect();
    assert_eq!(numbers(&client).await, right);
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_over_the_servers_limit_is_a_notice_and_a_gap_and_the_rest_goes_on() {
    let server = NatsServer::ephemeral_with(|options| options.max_payload = 64 * 1024).await;
    let (sim, robot, client) = quiet_channel(&server).await;
    let mut notices = client.subscribe("kryten.robot.notice").await.unwrap();
    emit(&sim, "huge", json!("x".repeat(100_000)), 1).await;
    emit(&sim, "numbered", json!("#"), 3).await;
    let notice = within("a notice is published", notices.next())
        .await
        .unwrap();
    let notice: Value = serde_json::from_slice(&notice.payload).unwrap();
    assert_eq!(
        (notice["event"].as_str(), notice["channel"].as_str()),
        (Some("huge"), Some(CHANNEL))
    );
    assert!(notice["bytes"].as_u64() > notice["limit"].as_u64());
    until("what follows is stored", || async {
        numbers(&client).await.len() == 3
    })
    .await;
    let messages = stream_contents(&client).await;
    let gap = messages
        .iter()
        .find(|message| message.subject.ends_with(".gap"))
        .unwrap();
    let gap: Value = serde_json::from_slice(&gap.body).unwrap();
    assert_eq!(
        (gap["reason"].as_str(), gap["lost"].as_u64()),
        (Some("too_large"), Some(1))
    );
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_over_the_limit_of_an_operators_own_stream_is_a_gap_and_the_rest_goes_on() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let own = stream::Config {
        name: "OWN".to_owned(),
        subjects: vec!["kryten.events.>".to_owned()],
        max_message_size: 8 * 1024,
        ..stream::Config::default()
    };
    client.jetstream().create_stream(own).await.unwrap();
    let events = EventStream::open(&client).await.unwrap();
    assert_eq!(events.max_message_size(), Some(8 * 1024));
    let told = events.differences().concat();
    assert!(told.contains("at most 8192 bytes"), "{told}");
    let (sim, robot, client) = quiet_channel(&server).await;
    emit(&sim, "huge", json!("x".repeat(20_000)), 1).await;
    emit(&sim, "close", json!("x".repeat(7_000)), 1).await;
    emit(&sim, "numbered", json!("#"), 3).await;
    until("what follows is stored", || async {
        numbers(&client).await.len() == 3
    })
    .await;
    let messages = stream_contents(&client).await;
    let is_of = |end: &'static str| move |message: &&StoredMessage| message.subject.ends_with(end);
    assert_eq!(messages.iter().filter(is_of(".close")).count(), 1);
    let gaps: Vec<_> = messages.iter().filter(is_of(".gap")).collect();
    let gap: Value = serde_json::from_slice(&gaps[0].body).unwrap();
    assert_eq!((gaps.len(), &gap["reason"]), (1, &json!("too_large")));
    assert_eq!(robot.report()[0].events_too_large, 1);
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_too_large_for_kv_leaves_an_empty_list_and_events_go_on() {
    let server = NatsServer::ephemeral_with(|options| options.max_payload = 64 * 1024).await;
    let (sim, robot, client) = quiet_channel(&server).await;
    let image = "i".repeat(900);
    for at in 0..100 {
        emit(
            &sim,
            "updateEmote",
            json!({"name": format!("#e{at}"), "image": image, "source": "s"}),
            1,
        )
        .await;
    }
    let emotes = KvBucket::open(&client, &StateBucket::Emotes.name(CHANNEL))
        .await
        .unwrap();
    until("readers get an empty list", || async {
        emotes.get_text("list").await.unwrap().as_deref() == Some("[]")
    })
    .await;
    emit(&sim, "numbered", json!("#"), 1).await;
    until("events go on", || async {
        numbers(&client).await.len() == 1
    })
    .await;
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_jetstream_events_are_published_and_nothing_is_stored() {
    let server = NatsServer::ephemeral_with(|options| options.jetstream = false).await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let mut heard = client.subscribe("kryten.events.>").await.unwrap();
    let robot = start_robot(&server, &sim.url()).await;
    within("the channel is joined", robot.ready()).await;
    emit(&sim, "numbered", json!(7), 1).await;
    let published = async {
        while let Some(message) = heard.next().await {
            if message.subject.ends_with(".numbered") {
                return;
            }
        }
    };
    within("the event is published", published).await;
    assert!(!robot.report()[0].stream_up);
    within("the robot stops", robot.shutdown()).await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_write_is_overwritten_and_a_deleted_bucket_made_again() {
    let server = NatsServer::ephemeral().await;
    let (sim, robot, client) = quiet_channel(&server).await;
    let name = StateBucket::Userlist.name(CHANNEL);
    let users = KvBucket::open(&client, &name).await.unwrap();
    users.put("users", "[\"vandal\"]").await.unwrap();
    sim.join("alice").await.unwrap();
    let has_alice = |text: Option<String>| text.is_some_and(|text| text.contains("\"alice\""));
    until("alice is there", || async {
        has_alice(users.get_text("users").await.unwrap())
    })
    .await;
    assert!(
        !users
            .get_text("users")
            .await
            .unwrap()
            .unwrap()
            .contains("vandal")
    );
    assert_eq!(robot.report()[0].foreign_writes, 1);

    client.jetstream().delete_key_value(&name).await.unwrap();
    sim.join("bob").await.unwrap();
    until("the bucket is back", || async {
        KvBucket::open(&client, &name).await.is_ok()
    })
    .await;
    let users = KvBucket::open(&client, &name).await.unwrap();
    until("bob is there", || async {
        users
            .get_text("users")
            .await
            .unwrap()
            .is_some_and(|text| text.contains("\"bob\""))
    })
    .await;
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_of_a_higher_epoch_makes_the_robot_stand_down() {
    let server = NatsServer::ephemeral().await;
    let (sim, robot, client) = quiet_channel(&server).await;
    let users = KvBucket::open(&client, &StateBucket::Userlist.name(CHANNEL))
        .await
        .unwrap();
    let mut options = PutOptions::default();
    options.headers.insert("Kryten-State", "1:1:99");
    users.put_at("users", "[]", options).await.unwrap();
    sim.join("alice").await.unwrap();
    until("the robot stands down", || async {
        robot.report()[0].stood_down
    })
    .await;
    assert_eq!(
        users.get_text("users").await.unwrap().as_deref(),
        Some("[]"),
        "the newer writer's value stays"
    );
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_publisher_on_the_channels_subjects_costs_no_event() {
    let server = NatsServer::ephemeral().await;
    let (sim, robot, client) = quiet_channel(&server).await;
    let foreign =
        json!({"event_name": "foreign", "payload": null, "channel": CHANNEL, "domain": "other.tv"});
    for _ in 0..20 {
        let subject = "kryten.events.cytube.grindhouse420.foreign";
        client
            .jetstream()
            .publish(subject, foreign.to_string().into())
            .await
            .unwrap()
            .await
            .unwrap();
        emit(&sim, "numbered", json!("#"), 10).await;
    }
    until("all events are stored", || async {
        numbers(&client).await.len() == 200
    })
    .await;
    let right: Vec<u64> = (0..20).flat_map(|_| 0..10).collect();
    assert_eq!(numbers(&client).await, right);
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_come_together_do_not_wait_for_each_other() {
    let server = NatsServer::ephemeral().await;
    let (sim, robot, client) = quiet_channel(&server).await;
    emit(&sim, "numbered", json!("#"), 2_000).await;
    until("all events are stored", || async {
        numbers(&client).await.len() == 2_000
    })
    .await;
    assert!(numbers(&client).await.into_iter().eq(0..2_000));
    let stored = stream_contents(&client).await;
    let is_fence = |message: &&StoredMessage| {
        let condition = "Nats-Expected-Last-Subject-Sequence";
        message.headers.get(condition).is_some()
    };
    let fences = stored.iter().filter(is_fence).count();
    // The start's, and one now and then.
    assert!((1..100).contains(&fences), "{fences} of {}", stored.len());
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_channels_password_leaves_the_process_nowhere() {
    let server = NatsServer::ephemeral().await;
    let (sim, robot, client) = quiet_channel(&server).await;
    emit(
        &sim,
        "channelOpts",
        json!({"afk_timeout": 600, "password": "swordfish"}),
        1,
    )
    .await;
    let state = KvBucket::open(&client, &StateBucket::State.name(CHANNEL))
        .await
        .unwrap();
    until("the options are stored", || async {
        state
            .get_text("options")
            .await
            .unwrap()
            .is_some_and(|text| text.contains("***"))
    })
    .await;
    robot.shutdown().await;
    for message in stream_contents(&client).await {
        assert!(!String::from_utf8_lossy(&message.body).contains("swordfish"));
    }
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_leaves_no_consumer_behind_and_two_channels_of_one_name_are_refused() {
    let server = NatsServer::ephemeral().await;
    let (sim, robot, client) = quiet_channel(&server).await;
    robot.shutdown().await;
    let stream = EventStream::open_or_create(&client).await.unwrap();
    let stream = client.jetstream().get_stream(stream.name()).await.unwrap();
    until("no consumer is left", || async {
        stream.get_info().await.unwrap().state.consumer_count == 0
    })
    .await;

    let mut config = robot_config(&server, &sim.url());
    let mut twin = config.channels[0].clone();
    twin.domain = "other.tv".to_owned();
    twin.channel = twin.channel.to_uppercase();
    config.channels.push(twin);
    let error = Robot::bind(config).await.unwrap_err().to_string();
    assert!(error.contains("NATS account"), "{error}");
    sim.shutdown().await;
}

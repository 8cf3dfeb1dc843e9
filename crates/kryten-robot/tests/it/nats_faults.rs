//! What a robot makes of a NATS that is away for long, full, slow, or rearranged by others.

use std::process::Command;
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::{Config as StreamConfig, DiscardPolicy};
use futures_util::StreamExt;
use kryten_client::kv::KvBucket;
use kryten_client::{Client, NatsConfig};
use kryten_protocol::state::StateBucket;
use kryten_robot::{ChannelReport, Robot, RobotConfig};
use kryten_servers::NatsServer;
use kryten_sim::{ChannelConfig as SimChannel, Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::support::*;

async fn emit(sim: &SimHandle, payload: Value, times: u64) {
    let operation = Operation::Emit {
        event: "numbered".to_owned(),
        payload: Some(payload),
        times: Some(times),
    };
    sim.run(operation).await.unwrap();
}

async fn bind(
    server: &NatsServer,
    sim: &SimHandle,
    change: impl FnOnce(&mut RobotConfig),
) -> Robot {
    log();
    let mut config = robot_config(server, &sim.url());
    change(&mut config);
    let robot = Robot::bind(config).await.unwrap();
    within("the channel is joined", robot.ready()).await;
    robot
}

fn report(robot: &Robot) -> ChannelReport {
    robot.report().remove(0)
}

async fn received(robot: &Robot, at_least: u64) {
    until("the robot has them all", || async {
        report(robot).events_received >= at_least
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_the_outbox_of_a_long_outage_is_a_gap_of_known_size() {
    const LINES: u64 = 5000;
    let mut server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = bind(&server, &sim, |config| config.outbox_bytes = 256 << 10).await;
    let before = report(&robot).events_received;
    server.stop().await.unwrap();
    emit(&sim, json!("#"), LINES).await;
    received(&robot, before + LINES).await;
    assert!(!report(&robot).stream_up);
    server.restart().await.unwrap();
    until("the gap is told", || async {
        report(&robot).events_dropped > 0
    })
    .await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    until("the rest is stored", || async {
        numbers(&client).await.last() == Some(&(LINES - 1))
    })
    .await;
    let stored = numbers(&client).await;
    let first = LINES - stored.len() as u64;
    assert!(
        first > LINES / 2 && stored.len() > 100,
        "{} are stored",
        stored.len()
    );
    assert_eq!(
        stored,
        (first..LINES).collect::<Vec<u64>>(),
        "the newest, in order"
    );
    let contents = stream_contents(&client).await;
    let gaps: Vec<Value> = contents
        .iter()
        .filter(|message| message.subject.ends_with(".gap"))
        .map(|message| serde_json::from_slice(&message.body).unwrap())
        .filter(|gap: &Value| gap["reason"] == "outbox_full")
        .collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let lost = gaps[0]["lost"].as_u64().unwrap();
    assert!(lost >= first, "{lost} of at least {first}");
    assert_eq!(report(&robot).events_dropped, lost);
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_while_the_stream_is_full_and_follow_in_order_when_there_is_room() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let small = |max_bytes| StreamConfig {
        name: "KRYTEN_EVENTS".to_owned(),
        subjects: vec!["kryten.events.>".to_owned()],
        max_bytes,
        discard: DiscardPolicy::New,
        allow_direct: true,
        ..StreamConfig::default()
    };
    client
        .jetstream()
        .create_stream(small(64 << 10))
        .await
        .unwrap();
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = bind(&server, &sim, |_| ()).await;
    emit(&sim, json!("#"), 1000).await;
    until("the stream is full", || async { !report(&robot).stream_up }).await;
    let stored = numbers(&client).await.len();
    assert!(stored < 1000, "{stored}");
    client
        .jetstream()
        .update_stream(small(8 << 20))
        .await
        .unwrap();
    until("all are stored", || async {
        numbers(&client).await.len() >= 1000
    })
    .await;
    assert_eq!(numbers(&client).await, (0..1000).collect::<Vec<u64>>());
    until("the robot says so", || async { report(&robot).stream_up }).await;
    assert_eq!(report(&robot).events_dropped, 0);
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_deleted_underneath_is_made_anew_and_nothing_later_is_missing() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = bind(&server, &sim, |_| ()).await;
    emit(&sim, json!("#"), 10).await;
    until("the first are stored", || async {
        numbers(&client).await.len() == 10
    })
    .await;
    client
        .jetstream()
        .delete_stream("KRYTEN_EVENTS")
        .await
        .unwrap();
    emit(&sim, json!("#"), 500).await;
    // Who looks with `numbers` makes the stream where there is none, and may do so in the middle of what is on its way:
    // its first part would be refused, and its second stored before it.
    until("the robot has made it anew", || async {
        client.jetstream().get_stream("KRYTEN_EVENTS").await.is_ok()
    })
    .await;
    until("all are in the new stream", || async {
        numbers(&client).await.len() >= 500
    })
    .await;
    assert_eq!(numbers(&client).await, (0..500).collect::<Vec<u64>>());
    until("the robot says so", || async { report(&robot).stream_up }).await;

    let stream = client.jetstream().get_stream("KRYTEN_EVENTS").await;
    stream.unwrap().purge().await.unwrap();
    emit(&sim, json!("#"), 10).await;
    until("an emptied stream takes them too", || async {
        numbers(&client).await == (0..10).collect::<Vec<u64>>()
    })
    .await;
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_a_users_own_is_used_if_it_takes_all_events_and_named_if_it_takes_some() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let own = |subject: &str| StreamConfig {
        name: "MINE".to_owned(),
        subjects: vec![subject.to_owned()],
        allow_direct: true,
        ..StreamConfig::default()
    };
    let streams = client.jetstream();
    streams
        .create_stream(own("kryten.events.cytube.*.chatmsg"))
        .await
        .unwrap();
    let error = Robot::bind(robot_config(&server, &sim.url()))
        .await
        .unwrap_err();
    let error = format!("{:#}", anyhow::Error::from(error));
    assert!(error.contains("the streams MINE take a part"), "{error}");

    streams.update_stream(own("kryten.events.>")).await.unwrap();
    let robot = bind(&server, &sim, |_| ()).await;
    emit(&sim, json!("#"), 10).await;
    until("they are in the user's stream", || async {
        numbers(&client).await.len() == 10
    })
    .await;
    assert!(streams.get_stream("KRYTEN_EVENTS").await.is_err());
    // It shrinks while we run: events wait, and go on when it is mended.
    streams
        .update_stream(own("kryten.events.cytube.*.chatmsg"))
        .await
        .unwrap();
    emit(&sim, json!("#"), 10).await;
    until("events wait", || async { !report(&robot).stream_up }).await;
    streams.delete_stream("MINE").await.unwrap();
    until("they are in a stream of ours", || async {
        streams.get_stream("KRYTEN_EVENTS").await.is_ok() && numbers(&client).await.len() == 10
    })
    .await;
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stalls_again_and_again_costs_no_event_and_no_order() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = bind(&server, &sim, |_| ()).await;
    let pid = server.pid().unwrap().to_string();
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &pid]).status();
        assert!(status.unwrap().success());
    };
    // A disk that is busy nine tenths of the time.
    for _ in 0..15 {
        signal("-STOP");
        emit(&sim, json!("#"), 100).await;
        tokio::time::sleep(Duration::from_millis(90)).await;
        signal("-CONT");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    until("all are stored", || async {
        numbers(&client).await.len() >= 1500
    })
    .await;
    let right: Vec<u64> = (0..15).flat_map(|_| 0..100).collect();
    assert_eq!(numbers(&client).await, right);
    assert_eq!(report(&robot).events_dropped, 0);
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_in_one_channel_delays_no_other() {
    const AT_ONCE: u64 = 2000;
    const OUTBOX: usize = 4 << 20;
    let server = NatsServer::ephemeral().await;
    let mut sims = SimConfig::quiet(CHANNEL);
    sims.channels = vec![SimChannel::quiet("calm"), SimChannel::quiet("calmer")];
    let sim = Sim::start(sims).await.unwrap();
    let robot = bind(&server, &sim, |config| {
        config.outbox_bytes = OUTBOX;
        for name in ["calm", "calmer"] {
            let mut channel = config.channels[0].clone();
            channel.channel = name.to_owned();
            config.channels.push(channel);
        }
    })
    .await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let mut heard = client
        .subscribe("kryten.events.cytube.calm.chatmsg")
        .await
        .unwrap();
    let calm = sim.channel("calm").unwrap();
    calm.join("alice").await.unwrap();

    // How long a line takes from a viewer to a reader of NATS: the middle of some.
    let mut line = 0;
    let mut typical = async || {
        let mut times = Vec::new();
        for _ in 0..15 {
            line += 1;
            let text = format!("line {line}");
            let started = Instant::now();
            calm.say("alice", &text).await.unwrap();
            let is_that = |body: &[u8]| String::from_utf8_lossy(body).contains(&text);
            let arrives = async { while !is_that(&heard.next().await.unwrap().payload) {} };
            within("the line is published", arrives).await;
            times.push(started.elapsed());
        }
        times.sort();
        times[times.len() / 2]
    };
    let quiet = typical().await;
    let (flooded_sim, reporter) = (sim.channel(CHANNEL).unwrap(), robot.reporter());
    let received = move || reporter().remove(0).events_received;
    let before = received();
    let flooding = tokio::spawn(async move {
        let text = "x".repeat(200);
        let mut sent = 0;
        loop {
            let flood = Operation::Emit {
                event: "chatMsg".to_owned(),
                payload: Some(
                    json!({"username": "flooder", "msg": text, "meta": {}, "time": sent}),
                ),
                times: Some(AT_ONCE),
            };
            flooded_sim.run(flood).await.unwrap();
            sent += AT_ONCE;
            // Always as much as the robot can take, and no more than the sockets hold.
            while sent > received() - before + 4 * AT_ONCE {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    until("the flood is under way", || async {
        report(&robot).events_received - before > 2 * AT_ONCE
    })
    .await;
    let flooded = typical().await;
    let during = report(&robot).events_received - before;
    flooding.abort();
    // Twice, and what two busy processors add to anything.
    let bound = quiet * 2 + Duration::from_millis(250);
    assert!(
        flooded < bound,
        "{flooded:?} during {during} lines of the flood, {quiet:?} before"
    );
    assert!(during > 2 * AT_ONCE);
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_room_stops_events_and_state_until_there_is_room_again() {
    let server = NatsServer::ephemeral_with(|options| {
        options.login = false;
        options.extra_config = "accounts { A { users: [{user: \"robot\", password: \"secret\"}], \
                                jetstream: {max_file: 512K, max_mem: 0} } }"
            .to_owned();
    })
    .await;
    let nats = NatsConfig::for_url(server.url()).with_user("robot", "secret");
    let client = Client::connect(&nats).await.unwrap();
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = bind(&server, &sim, |config| config.nats = nats.clone()).await;
    let filler = json!("x".repeat(400));
    emit(&sim, filler, 3000).await;
    until("the account is full", || async {
        !report(&robot).stream_up
    })
    .await;
    sim.join("alice").await.unwrap();
    emit(&sim, json!("#"), 10).await;
    let stream = client.jetstream().get_stream("KRYTEN_EVENTS").await;
    let stream = stream.unwrap();
    let users = StateBucket::Userlist.name(CHANNEL);
    let users = KvBucket::open(&client, &users).await.unwrap();
    until("the state has followed all that waited", || async {
        // Somebody makes room each time.
        if !report(&robot).stream_up {
            stream.purge().await.unwrap();
        }
        let text = users.get_text("users").await.unwrap();
        text.is_some_and(|text| text.contains("\"alice\""))
    })
    .await;
    until("all is well", || async {
        report(&robot).stream_up && report(&robot).kv_up
    })
    .await;
    assert_eq!(report(&robot).events_dropped, 0);
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_ends_although_nats_and_cytube_are_away() {
    let mut server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = bind(&server, &sim, |_| {}).await;
    server.stop().await.unwrap();
    sim.shutdown().await;
    let began = Instant::now();
    within("the robot has ended", robot.shutdown()).await;
    // A supervisor kills after ten.
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

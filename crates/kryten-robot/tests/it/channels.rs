//! Several channels in one robot, channels that come and go, and several robots for one channel.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_client::kv::KvBucket;
use kryten_robot::lease::Times;
use kryten_robot::{ChannelConfig, ChannelReport, Robot, RobotConfig};
use kryten_servers::{Cable, NatsServer};
use kryten_sim::{Operation, Sim, SimConfig, SimHandle};

use crate::support::*;

async fn sim(channel: &str) -> SimHandle {
    Sim::start(SimConfig::quiet(channel)).await.unwrap()
}

fn on(server: &NatsServer, sim: &SimHandle, channel: &str) -> ChannelConfig {
    ChannelConfig {
        channel: channel.to_owned(),
        ..robot_config(server, &sim.url()).channels.remove(0)
    }
}

fn standby_after(config: &mut RobotConfig, expiry: Duration) {
    config.lease = Some(Times::with_expiry(expiry));
}

fn of<'a>(reports: &'a [ChannelReport], channel: &str) -> &'a ChannelReport {
    let report = reports.iter().find(|report| report.channel == channel);
    report.unwrap_or_else(|| panic!("{channel} is not served: {reports:?}"))
}

/// What alice said in the channel, as the stream has it.
async fn lines(client: &Client, channel: &str) -> Vec<String> {
    let contents = stream_contents(client).await;
    let subject = format!("kryten.events.cytube.{}.chatmsg", channel.to_lowercase());
    let of_channel: Vec<_> = contents
        .into_iter()
        .filter(|message| message.subject == subject)
        .collect();
    events(&of_channel)
        .into_iter()
        .filter(|(_, payload)| payload["username"] == "alice")
        .map(|(_, payload)| payload["msg"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_come_and_go_while_the_others_notice_nothing() {
    let server = NatsServer::ephemeral().await;
    let (first, second, third) = tokio::join!(sim("one"), sim("two"), sim("three"));
    let config = RobotConfig::new(
        nats_config(&server),
        vec![on(&server, &first, "one"), on(&server, &second, "two")],
    );
    let robot = Robot::bind(config).await.unwrap();
    within("both are joined", robot.ready()).await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();

    let mut renamed = on(&server, &first, "one");
    renamed.aggressive_reconnect = false;
    let reloaded = robot
        .reload(vec![
            on(&server, &second, "two"),
            on(&server, &third, "three"),
        ])
        .await;
    assert_eq!(
        (reloaded.added, reloaded.removed),
        (vec!["three".to_owned()], vec!["one".to_owned()])
    );
    within("all are joined", robot.ready()).await;
    let reports = robot.report();
    assert_eq!(reports.len(), 2);
    assert_eq!(of(&reports, "two").connects, 1, "it stayed in the channel");
    assert!(of(&reports, "three").in_channel);

    first.join("alice").await.unwrap();
    third.join("alice").await.unwrap();
    third.say("alice", "hello").await.unwrap();
    until("the new channel's line is stored", || async {
        lines(&client, "three").await == ["hello"]
    })
    .await;

    assert!(robot.add_channel(renamed).await.is_ok());
    let twin = on(&server, &third, "THREE");
    let error = robot.add_channel(twin).await.unwrap_err().to_string();
    assert!(error.contains("NATS account"), "{error}");
    assert!(!robot.remove_channel("elsewhere.tv", "two").await);
    robot.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_robot_stands_by_and_takes_over_when_the_first_leaves() {
    let server = NatsServer::ephemeral().await;
    let sim = sim(CHANNEL).await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let first = start_robot(&server, &sim.url()).await;
    within("the first joins", first.ready()).await;
    let second = start_robot(&server, &sim.url()).await;
    within("the second is as ready as it can be", second.ready()).await;
    assert!(of(&second.report(), CHANNEL).standing_by && !of(&first.report(), CHANNEL).standing_by);
    assert_eq!(
        of(&second.report(), CHANNEL).connects,
        0,
        "it has not joined"
    );

    sim.join("alice").await.unwrap();
    sim.say("alice", "before").await.unwrap();
    first.shutdown().await;
    until("the second joins", || async {
        of(&second.report(), CHANNEL).in_channel
    })
    .await;
    sim.say("alice", "after").await.unwrap();
    until("both lines are there, each once", || async {
        lines(&client, CHANNEL).await == ["before", "after"]
    })
    .await;
    let users = KvBucket::open(&client, &format!("kryten_{CHANNEL}_userlist"))
        .await
        .unwrap();
    until("the state is of the second term", || async {
        let entry = users.entry("users").await.unwrap().unwrap();
        entry
            .headers
            .get("Kryten-State")
            .unwrap()
            .as_str()
            .ends_with(":2")
    })
    .await;
    second.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_whose_lease_was_taken_leaves_the_channel_and_waits_to_come_back() {
    let server = NatsServer::ephemeral().await;
    let sim = sim(CHANNEL).await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let mut config = robot_config(&server, &sim.url());
    log();
    standby_after(&mut config, Duration::from_millis(800));
    let robot = Robot::bind(config).await.unwrap();
    within("it joins", robot.ready()).await;

    let leases = KvBucket::open(&client, "kryten_leases").await.unwrap();
    let key = format!("robot.{}", CHANNEL.to_lowercase());
    let mut record: serde_json::Value = leases.get_json(&key).await.unwrap().unwrap();
    record["holder"] = "someone else".into();
    record["process"]["place"] = "elsewhere".into();
    record["term"] = 7.into();
    leases.put_json(&key, &record).await.unwrap();
    until("it stands by", || async {
        let report = of(&robot.report(), CHANNEL).clone();
        report.standing_by && !report.in_channel
    })
    .await;
    until(
        "the one who never gave a sign again is replaced",
        || async { of(&robot.report(), CHANNEL).in_channel },
    )
    .await;
    let record: serde_json::Value = leases.get_json(&key).await.unwrap().unwrap();
    assert!(record["term"].as_u64() >= Some(8), "{record}");
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_that_serves_the_same_name_for_another_host_is_named() {
    let server = NatsServer::ephemeral().await;
    let sim = sim(CHANNEL).await;
    let mut config = robot_config(&server, &sim.url());
    standby_after(&mut config, Duration::from_secs(2));
    let robot = Robot::bind(config.clone()).await.unwrap();
    within("it joins", robot.ready()).await;
    config.channels[0].domain = "other.tv".to_owned();
    let second = Robot::bind(config).await.unwrap();
    until("the second gives the channel up", || async {
        let stopped = of(&second.report(), CHANNEL).stopped.clone();
        stopped.is_some_and(|why| why.contains(DOMAIN) && why.contains("NATS account"))
    })
    .await;
    second.shutdown().await;
    robot.shutdown().await;
    sim.shutdown().await;
}

/// Revision of a key of the leases; 0 where it is not there.
async fn revision(leases: &KvBucket, key: &str) -> u64 {
    let entry = leases.entry(key).await.unwrap();
    entry.map_or(0, |entry| entry.revision)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_cut_off_from_nats_leaves_the_channel_to_one_that_waits_and_nothing_is_lost() {
    let server = NatsServer::ephemeral().await;
    let sim = sim(CHANNEL).await;
    sim.join("alice").await.unwrap();
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let cable = Cable::to(server.url()).await.unwrap();
    let mut config = robot_config(&server, &sim.url());
    standby_after(&mut config, Duration::from_secs(2));
    let mut behind_the_cable = config.clone();
    behind_the_cable.nats.servers = vec![cable.url()];
    let first = Robot::bind(behind_the_cable).await.unwrap();
    within("the first joins", first.ready()).await;
    let second = Robot::bind(config).await.unwrap();
    within("the second waits", second.ready()).await;
    let leases = KvBucket::open(&client, "kryten_leases").await.unwrap();
    let key = format!("robot.{}", CHANNEL.to_lowercase());
    let sign = format!("{key}.standby");
    until("the first has seen the second", || async {
        let sign = revision(&leases, &sign).await;
        sign > 0 && revision(&leases, &key).await > sign
    })
    .await;

    cable.cut();
    sim.say("alice", "into the dark").await.unwrap();
    until("the second serves and the first has left", || async {
        of(&second.report(), CHANNEL).in_channel && !of(&first.report(), CHANNEL).in_channel
    })
    .await;
    sim.say("alice", "after").await.unwrap();
    until("both lines are there, each once", || async {
        lines(&client, CHANNEL).await == ["into the dark", "after"]
    })
    .await;

    cable.mend();
    until("the first waits in its turn", || async {
        of(&first.report(), CHANNEL).standing_by
    })
    .await;
    second.shutdown().await;
    until("the first is back", || async {
        of(&first.report(), CHANNEL).in_channel
    })
    .await;
    sim.say("alice", "again").await.unwrap();
    until("nothing came twice", || async {
        lines(&client, CHANNEL).await == ["into the dark", "after", "again"]
    })
    .await;
    first.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_that_lost_its_account_while_cut_off_waits_and_does_not_give_up() {
    let server = NatsServer::ephemeral().await;
    let sim = sim(CHANNEL).await;
    let cable = Cable::to(server.url()).await.unwrap();
    let mut config = robot_config(&server, &sim.url());
    standby_after(&mut config, Duration::from_secs(1));
    let mut behind_the_cable = config.clone();
    behind_the_cable.nats.servers = vec![cable.url()];
    let first = Robot::bind(behind_the_cable).await.unwrap();
    within("the first joins", first.ready()).await;
    cable.cut();
    // The first never hears of this one, and stays until its account is logged in elsewhere.
    let second = Robot::bind(config).await.unwrap();
    until("the second serves and the first has left", || async {
        of(&second.report(), CHANNEL).in_channel && !of(&first.report(), CHANNEL).in_channel
    })
    .await;
    cable.mend();
    until("the first waits", || async {
        let report = of(&first.report(), CHANNEL).clone();
        report.standing_by && !report.in_channel && report.stopped.is_none()
    })
    .await;
    second.shutdown().await;
    until("the first is back", || async {
        of(&first.report(), CHANNEL).in_channel
    })
    .await;
    first.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_in_one_channel_delays_no_other() {
    let server = NatsServer::ephemeral().await;
    let (ill, well) = tokio::join!(sim("ill"), sim("well"));
    let config = RobotConfig::new(
        nats_config(&server),
        vec![on(&server, &ill, "ill"), on(&server, &well, "well")],
    );
    let robot = Robot::bind(config).await.unwrap();
    within("both are joined", robot.ready()).await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let subject = "kryten.events.cytube.well.chatmsg";
    let mut heard = client.subscribe(subject).await.unwrap();
    well.join("alice").await.unwrap();
    let mut said = 0;
    // The middle of some, from a viewer to a reader of NATS.
    let mut typical = async || {
        let mut times = Vec::new();
        for _ in 0..15 {
            said += 1;
            let line = format!("line {said}.");
            let started = Instant::now();
            well.say("alice", &line).await.unwrap();
            let is_that = |body: &[u8]| String::from_utf8_lossy(body).contains(&line);
            let arrives = async { while !is_that(&heard.next().await.unwrap().payload) {} };
            within("the line is published", arrives).await;
            times.push(started.elapsed());
        }
        times.sort();
        times[times.len() / 2]
    };
    let calm = typical().await;
    let bucket = "kryten_ill_userlist";
    let refuse = Operation::Refuse {
        connections: true,
        rate_limited: false,
    };
    for fault in [
        Operation::Oversize {
            bytes: 4 << 20,
            announce_only: false,
        },
        Operation::Freeze { frozen: true },
        Operation::Freeze { frozen: false },
        refuse,
        Operation::Drop,
        Operation::Down { seconds: None },
    ] {
        let what = format!("{fault:?}");
        ill.run(fault).await.unwrap();
        // One that was deleted before is not made again yet.
        let _ = client.jetstream().delete_key_value(bucket).await;
        let took = typical().await;
        // Twice, and what two busy processors add to anything.
        let bound = calm * 2 + Duration::from_millis(250);
        assert!(took < bound, "{what}: {took:?}, {calm:?} before");
    }
    assert_eq!(
        of(&robot.report(), "well").connects,
        1,
        "it stayed in the channel"
    );
    until("the ill one is out of its channel", || async {
        !of(&robot.report(), "ill").in_channel
    })
    .await;
    robot.shutdown().await;
    well.shutdown().await;
    ill.shutdown().await;
}

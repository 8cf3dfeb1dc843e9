//! What the robot says carries its seal, where it has a key.

use kryten_client::kv::{KvBucket, PutOptions};
use kryten_client::{Client, EventStream, NatsConfig, state};
use kryten_protocol::seal::{SEAL_HEADER, SealPlace};
use kryten_protocol::state::{ITEMS, STATE_HEADER, StateBucket, StateMark, USERS};
use kryten_robot::Robot;
use kryten_servers::NatsServer;
use kryten_sim::{Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::support::*;

const KEY: &str = "2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a";

fn sealing(server: &NatsServer) -> NatsConfig {
    let mut config = nats_config(server);
    config.seal_key = Some(KEY.into());
    config
}

async fn stage() -> (NatsServer, SimHandle, Client) {
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let client = Client::connect(&sealing(&server)).await.unwrap();
    (server, sim, client)
}

async fn start(server: &NatsServer, sim: &SimHandle) -> Robot {
    let mut config = robot_config(server, &sim.url());
    config.nats = sealing(server);
    let robot = Robot::bind(config).await.unwrap();
    within("the channel is joined", robot.ready()).await;
    robot
}

/// The places of all events in the stream, gaps too.
async fn places(client: &Client) -> Vec<(u64, SealPlace)> {
    let stream = EventStream::open_or_create(client).await.unwrap();
    let events = stream.tail("kryten.events.>", 10_000).await.unwrap();
    let key = client.seal_key().unwrap();
    let place = |event: &kryten_client::StoredMessage| {
        let place = event.seal(key);
        let place = place.unwrap_or_else(|| panic!("{} is not sealed", event.subject));
        assert_eq!(
            place.stream_created,
            stream.identity().created_nanos,
            "{}",
            event.subject
        );
        (event.epoch.unwrap(), place)
    };
    events.iter().map(place).collect()
}

async fn is_list_sealed(client: &Client, bucket: StateBucket, key: &str) -> bool {
    let bucket = KvBucket::open(client, &bucket.name(CHANNEL)).await.unwrap();
    let list = state::list(&bucket, key).await.unwrap();
    list.is_some_and(|list| list.is_sealed)
}

fn films(count: u64) -> Value {
    let film = |uid: u64| {
        json!({
            "uid": uid, "temp": false, "queueby": "alice",
            "media": {"id": format!("v{uid}"), "title": format!("Film {uid}"), "seconds": 60, "duration": "01:00",
                      "type": "yt", "meta": {}},
        })
    };
    (0..count).map(film).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_and_every_value_of_the_state_carries_the_robots_seal() {
    let (server, sim, client) = stage().await;
    let robot = start(&server, &sim).await;
    sim.join("alice").await.unwrap();
    for number in 0..20 {
        sim.say("alice", &format!("line {number}")).await.unwrap();
    }
    let playlist = Operation::Emit {
        event: "playlist".to_owned(),
        payload: Some(films(500)),
        times: None,
    };
    sim.run(playlist).await.unwrap();
    // One in a single value, and one in parts.
    for (bucket, key) in [
        (StateBucket::Userlist, USERS),
        (StateBucket::Playlist, ITEMS),
    ] {
        until("the list is there and sealed", || {
            is_list_sealed(&client, bucket, key)
        })
        .await;
    }
    // Whoever has another key, or none, sees no seal.
    let mut other = nats_config(&server);
    assert!(
        !is_list_sealed(
            &Client::connect(&other).await.unwrap(),
            StateBucket::Userlist,
            USERS
        )
        .await
    );
    other.seal_key = Some("2b".repeat(32).into());
    assert!(
        !is_list_sealed(
            &Client::connect(&other).await.unwrap(),
            StateBucket::Userlist,
            USERS
        )
        .await
    );
    robot.shutdown().await;

    let first = places(&client).await;
    let numbers: Vec<u64> = first.iter().map(|(_, place)| place.number).collect();
    assert_eq!(numbers, (1..=first.len() as u64).collect::<Vec<_>>());
    // The next term has a higher epoch and numbers of its own.
    let robot = start(&server, &sim).await;
    sim.say("alice", "again").await.unwrap();
    until("it is stored", || async {
        places(&client).await.len() > first.len()
    })
    .await;
    robot.shutdown().await;
    let all = places(&client).await;
    let (epoch, place) = all[first.len()];
    assert_eq!((epoch, place.number), (first[0].0 + 1, 1));
    sim.shutdown().await;
}

/// Without a seal this would make the robot give the state up to one who took over, or use up the numbers of terms.
#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_no_robot_sealed_moves_nobody() {
    let (server, sim, client) = stage().await;
    let robot = start(&server, &sim).await;
    let name = StateBucket::Userlist.name(CHANNEL);
    let bucket = KvBucket::open(&client, &name).await.unwrap();
    let forge = async |epoch| {
        let mark = StateMark {
            stream_created: 1,
            sequence: 1,
            epoch,
        };
        let mut options = PutOptions::default();
        options.headers.insert(STATE_HEADER, mark.to_string());
        bucket.put_at(USERS, "[]", options).await.unwrap();
    };
    forge(u64::MAX).await;
    sim.join("alice").await.unwrap();
    until("the robot writes on", || async {
        let users = bucket.get_text(USERS).await.unwrap();
        users.is_some_and(|users| users.contains("alice"))
    })
    .await;
    assert!(!robot.report()[0].stood_down);
    robot.shutdown().await;
    let before = places(&client).await.last().unwrap().0;

    forge(u64::MAX).await;
    let robot = start(&server, &sim).await;
    sim.say("alice", "hello").await.unwrap();
    until("the next term is one more", || async {
        places(&client).await.last().unwrap().0 == before + 1
    })
    .await;
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_no_robot_sealed_moves_nobody() {
    let (server, sim, client) = stage().await;
    let robot = start(&server, &sim).await;
    let leases = KvBucket::open(&client, "kryten_leases").await.unwrap();
    let key = format!("robot.{}", CHANNEL.to_lowercase());
    let is_of = async |robots: &Value| {
        let now: Value = leases.get_json(&key).await.unwrap().unwrap();
        now["holder"] == robots["holder"]
    };
    let own: Value = leases.get_json(&key).await.unwrap().unwrap();
    let sealed = leases.entry(&key).await.unwrap().unwrap();
    assert!(state::is_sealed(&leases, &sealed));
    let mut forged = own.clone();
    forged["holder"] = "mallory".into();
    forged["domain"] = "other.tv".into();
    forged["term"] = (1_u64 << 60).into();
    // One that nobody sealed, and the robot's first one, long after.
    let mut old = PutOptions::default();
    let seal = sealed.headers.get(SEAL_HEADER).unwrap().as_str();
    old.headers.insert(SEAL_HEADER, seal);
    until("the robot has renewed it", || async {
        leases.entry(&key).await.unwrap().unwrap().revision > sealed.revision
    })
    .await;
    leases.put_json(&key, &forged).await.unwrap();
    until("the robot has put its own in its place", || is_of(&own)).await;
    leases
        .put_at(&key, sealed.value.clone(), old)
        .await
        .unwrap();
    sim.join("alice").await.unwrap();
    sim.say("alice", "still here").await.unwrap();
    until("the old one is replaced, too", || async {
        let now = leases.entry(&key).await.unwrap().unwrap();
        now.value != sealed.value && is_of(&own).await
    })
    .await;
    assert_eq!(robot.report()[0].connects, 1, "it never left the channel");
    robot.shutdown().await;

    // It keeps the next one out for no longer than the death of a robot does.
    leases.put_json(&key, &forged).await.unwrap();
    let robot = start(&server, &sim).await;
    until("the channel is its own", || async {
        !is_of(&forged).await && robot.report()[0].connects == 1
    })
    .await;
    robot.shutdown().await;
    sim.shutdown().await;
}

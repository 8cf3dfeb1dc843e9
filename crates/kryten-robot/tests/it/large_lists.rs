//! Lists of any size in KV: complete, of one moment, and cheap to change.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_client::kv::KvBucket;
use kryten_client::state;
use kryten_protocol::state::{EMOTES, ITEMS, StateBucket, USERS};
use kryten_robot::Robot;
use kryten_servers::NatsServer;
use kryten_sim::{Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::support::*;

async fn emit(sim: &SimHandle, event: &str, payload: Value) {
    let operation = Operation::Emit {
        event: event.to_owned(),
        payload: Some(payload),
        times: None,
    };
    sim.run(operation).await.unwrap();
}

fn playlist(uids: impl IntoIterator<Item = u64>) -> Value {
    let item = |uid: u64| {
        json!({
            "uid": uid, "temp": false, "queueby": "alice",
            "media": {"id": format!("video-{uid:07}"), "title": format!("Film {uid} {}", "x".repeat(120)),
                      "seconds": 60, "duration": "01:00", "type": "yt", "meta": {}},
        })
    };
    uids.into_iter().map(item).collect()
}

fn uids(list: &[u8]) -> Vec<u64> {
    let list: Vec<Value> = serde_json::from_slice(list).unwrap();
    list.iter()
        .map(|item| item["uid"].as_u64().unwrap())
        .collect()
}

async fn bucket(client: &Client, bucket: StateBucket) -> KvBucket {
    KvBucket::open(client, &bucket.name(CHANNEL)).await.unwrap()
}

async fn stored(bucket: &KvBucket, key: &str) -> Vec<u64> {
    let list = state::list(bucket, key).await.unwrap();
    list.map(|list| uids(&list.json)).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_of_several_megabytes_is_complete_in_kv_although_no_value_could_hold_it() {
    let server = NatsServer::ephemeral_with(|options| options.max_payload = 1 << 20).await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = start_robot(&server, &sim.url()).await;
    within("the channel is joined", robot.ready()).await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let items = bucket(&client, StateBucket::Playlist).await;

    emit(&sim, "playlist", playlist(0..10_000)).await;
    let all: Vec<u64> = (0..10_000).collect();
    until("the whole list is there", || async {
        stored(&items, ITEMS).await == all
    })
    .await;
    let list = state::list(&items, ITEMS).await.unwrap().unwrap();
    assert!(list.json.len() > 2 << 20, "{} bytes", list.json.len());
    assert!(list.mark.is_some(), "and says what it reflects");
    until("old readers get an empty list, not an old one", || async {
        items.get_text(ITEMS).await.unwrap().as_deref() == Some("[]")
    })
    .await;

    emit(&sim, "playlist", playlist([7, 3])).await;
    until(
        "a list that fits again is under the old key too",
        || async {
            items
                .get(ITEMS)
                .await
                .unwrap()
                .is_some_and(|value| uids(&value) == [7, 3])
        },
    )
    .await;
    assert_eq!(stored(&items, ITEMS).await, [7, 3]);
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_finds_the_list_of_one_moment_while_it_changes_and_changes_cost_few_bytes() {
    const FILMS: u64 = 4_000;
    const MOVES: u64 = 1_000;
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = start_robot(&server, &sim.url()).await;
    within("the channel is joined", robot.ready()).await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let items = bucket(&client, StateBucket::Playlist).await;
    emit(&sim, "playlist", playlist(0..FILMS)).await;
    until("the list is there", || async {
        stored(&items, ITEMS).await.len() as u64 == FILMS
    })
    .await;
    let bytes_before = robot.report()[0].kv_bytes;

    let subject = format!("$KV.{}.{ITEMS}", StateBucket::Playlist.name(CHANNEL));
    let manifests = Arc::new(AtomicU64::new(0));
    let wholes = Arc::new(AtomicU64::new(0));
    let manifest = format!("{subject}.manifest");
    let mut puts = client.subscribe(&manifest).await.unwrap();
    let mut whole_puts = client.subscribe(&subject).await.unwrap();
    let (count, count_wholes) = (Arc::clone(&manifests), Arc::clone(&wholes));
    let counting = tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(_) = puts.next() => count.fetch_add(1, Ordering::Relaxed),
                Some(_) = whole_puts.next() => count_wholes.fetch_add(1, Ordering::Relaxed),
                else => return,
            };
        }
    });

    let moving = Arc::new(AtomicBool::new(true));
    let (reader, still_moving) = (items.clone(), Arc::clone(&moving));
    let reading = tokio::spawn(async move {
        let complete: BTreeSet<u64> = (0..FILMS).collect();
        let mut reads = 0;
        while still_moving.load(Ordering::Relaxed) || reads == 0 {
            let list = stored(&reader, ITEMS).await;
            assert_eq!(list.len() as u64, FILMS, "no film is missing or twice");
            assert_eq!(list.into_iter().collect::<BTreeSet<_>>(), complete);
            reads += 1;
        }
        reads
    });

    let started = Instant::now();
    for uid in 0..MOVES {
        emit(
            &sim,
            "moveVideo",
            json!({"from": FILMS - 1 - uid, "after": "prepend"}),
        )
        .await;
    }
    let right: Vec<u64> = (FILMS - MOVES..FILMS).chain(0..FILMS - MOVES).collect();
    until("the last move is there", || async {
        stored(&items, ITEMS).await == right
    })
    .await;
    let seconds = started.elapsed().as_secs() + 1;
    moving.store(false, Ordering::Relaxed);
    assert!(reading.await.unwrap() > 0);
    let bytes = robot.report()[0].kv_bytes - bytes_before;
    counting.abort();

    let (manifests, wholes) = (
        manifests.load(Ordering::Relaxed),
        wholes.load(Ordering::Relaxed),
    );
    assert!(
        manifests <= 40 * seconds,
        "{manifests} manifests in {seconds} s"
    );
    assert!(
        wholes <= 40 * seconds,
        "{wholes} whole lists in {seconds} s"
    );
    // The original writes the list of about a megabyte for each move.
    assert!(bytes < MOVES * 1_000_000 / 50, "{bytes} bytes");
    robot.shutdown().await;
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_term_writes_its_own_parts_and_every_list_has_a_manifest() {
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    for term in 1..=2 {
        let robot = start_robot(&server, &sim.url()).await;
        within("the channel is joined", robot.ready()).await;
        let items = bucket(&client, StateBucket::Playlist).await;
        emit(&sim, "playlist", playlist(0..500)).await;
        until("the list is there", || async {
            stored(&items, ITEMS).await.len() == 500
        })
        .await;
        let keys = items
            .keys_with_prefix(&format!("items.part.{term}."))
            .await
            .unwrap();
        assert!(!keys.is_empty(), "term {term}");
        let users = bucket(&client, StateBucket::Userlist).await;
        let list = state::list(&users, USERS).await.unwrap().unwrap();
        assert_eq!(list.key, "users.manifest");
        let emotes = bucket(&client, StateBucket::Emotes).await;
        let list = state::list(&emotes, EMOTES).await.unwrap().unwrap();
        assert_eq!(list.key, "list.manifest");
        robot.shutdown().await;
    }
    sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_python_robot_wrote_later_counts_more_than_an_old_manifest() {
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let robot = start_robot(&server, &sim.url()).await;
    within("the channel is joined", robot.ready()).await;
    robot.shutdown().await;
    sim.shutdown().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let items = bucket(&client, StateBucket::Playlist).await;
    items.put(ITEMS, playlist([5]).to_string()).await.unwrap();
    assert_eq!(stored(&items, ITEMS).await, [5]);
    items.erase_below("items").await.unwrap();
    assert_eq!(
        stored(&items, ITEMS).await,
        [5],
        "and it is there without any manifest"
    );
    assert_eq!(items.erase(ITEMS).await.unwrap(), 1);
    assert!(state::list(&items, ITEMS).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_nobody_needs_go_without_a_marker_also_those_of_a_term_before() {
    const GRACE: Duration = Duration::from_millis(300);
    let server = NatsServer::ephemeral().await;
    let sim = Sim::start(SimConfig::quiet(CHANNEL)).await.unwrap();
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    for term in 1..=2 {
        let mut config = robot_config(&server, &sim.url());
        config.parts_grace = GRACE;
        let robot = Robot::bind(config).await.unwrap();
        within("the channel is joined", robot.ready()).await;
        let items = bucket(&client, StateBucket::Playlist).await;
        for films in [0..400, 1_000..1_500] {
            emit(&sim, "playlist", playlist(films.clone())).await;
            let right: Vec<u64> = films.collect();
            until("the list is there", || async {
                stored(&items, ITEMS).await == right
            })
            .await;
        }
        until("only the parts of the last list are left", || async {
            let manifest: Value = items.get_json("items.manifest").await.unwrap().unwrap();
            let named = manifest["parts"].as_array().unwrap().len();
            let keys = items.keys_with_prefix("items.part.").await.unwrap();
            let own = format!("items.part.{term}.");
            keys.len() == named && keys.iter().all(|key| key.starts_with(&own))
        })
        .await;
        robot.shutdown().await;
    }
    let jetstream = client.jetstream();
    let stream = jetstream.get_stream("KV_kryten_Grindhouse420_playlist");
    let stream = stream.await.unwrap();
    let keys = bucket(&client, StateBucket::Playlist)
        .await
        .keys()
        .await
        .unwrap();
    assert_eq!(
        stream.get_info().await.unwrap().state.messages,
        keys.len() as u64,
        "nothing is left of what went"
    );
    sim.shutdown().await;
}

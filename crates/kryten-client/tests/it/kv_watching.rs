use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kryten_client::kv::{KvWatch, Operation, WatchItem};
use kryten_client::{KvBucket, KvError};

use crate::fixture::{bucket, connect, in_time, server_and_client, until_no_consumer};

async fn next(watch: &mut KvWatch) -> (String, Operation, String) {
    match in_time(watch.next()).await.unwrap() {
        WatchItem::Entry(entry) => (
            entry.key,
            entry.operation,
            String::from_utf8(entry.value.into()).unwrap(),
        ),
        WatchItem::Ready => ("ready".into(), Operation::Put, String::new()),
    }
}

fn put(key: &str, value: &str) -> (String, Operation, String) {
    (key.to_owned(), Operation::Put, value.to_owned())
}

#[tokio::test]
async fn a_watch_tells_what_is_there_then_ready_then_changes() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    kv.put_text("user:bob", "1").await.unwrap();
    kv.put_text("two words", "2").await.unwrap();
    let mut watch = kv.watch().await.unwrap();
    assert_eq!(next(&mut watch).await, put("user:bob", "1"));
    assert_eq!(next(&mut watch).await, put("two words", "2"));
    assert_eq!(next(&mut watch).await.0, "ready");
    kv.put_text("user:bob", "3").await.unwrap();
    assert_eq!(next(&mut watch).await, put("user:bob", "3"));
    kv.delete("two words").await.unwrap();
    assert_eq!(next(&mut watch).await.1, Operation::Delete);
    watch.close().await;
    until_no_consumer(&client, "KV_any").await;
}

#[tokio::test]
async fn a_watch_of_an_empty_bucket_is_ready_at_once() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let started = std::time::Instant::now();
    let mut watch = kv.watch().await.unwrap();
    assert_eq!(next(&mut watch).await.0, "ready");
    assert!(started.elapsed().as_secs() < 2);
    kv.put_text("key", "x").await.unwrap();
    assert_eq!(next(&mut watch).await, put("key", "x"));
    drop(watch);
    until_no_consumer(&client, "KV_any").await;
}

#[tokio::test]
async fn a_watch_goes_on_after_the_server_was_killed_and_restarted() {
    let (mut server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    kv.put_text("key", "0").await.unwrap();
    let mut watch = kv.watch().await.unwrap();
    assert_eq!(next(&mut watch).await, put("key", "0"));
    assert_eq!(next(&mut watch).await.0, "ready");
    for round in 1..=3 {
        server.kill().await.unwrap();
        server.restart().await.unwrap();
        client.connected().await;
        let value = round.to_string();
        kv.put_text("key", &value).await.unwrap();
        assert_eq!(next(&mut watch).await, put("key", &value));
    }
}

#[tokio::test]
async fn a_watch_of_a_deleted_bucket_ends_even_if_there_is_a_new_one() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let mut watch = kv.watch().await.unwrap();
    assert_eq!(next(&mut watch).await.0, "ready");
    client.jetstream().delete_key_value("any").await.unwrap();
    let again: KvBucket = bucket(&client, "any").await;
    again.put_text("key", "x").await.unwrap();
    let end = in_time(watch.next()).await;
    assert!(matches!(end, Err(KvError::BucketMissing { .. })), "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_comes_after_every_key_that_was_there_also_while_they_are_overwritten() {
    const KEYS: u32 = 500;
    let (server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let key = |number: u32| format!("user.{:03}", number % KEYS);
    for put in kv
        .put_many((0..KEYS).map(|number| (key(number), "0")))
        .await
    {
        put.unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for step in [3, 7] {
        let (client, stop) = (connect(&server).await, Arc::clone(&stop));
        writers.spawn(async move {
            let kv = KvBucket::open(&client, "any").await.unwrap();
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                let keys = (round..round + 50).map(|number| (key(number * step), "1"));
                for put in kv.put_many(keys).await {
                    put.unwrap();
                }
                round += 50;
            }
        });
    }
    for round in 0..30 {
        let mut watch = kv
            .watch_prefix(["", "user.", "us"][round % 3])
            .await
            .unwrap();
        let mut told = BTreeSet::new();
        while let WatchItem::Entry(entry) = in_time(watch.next()).await.unwrap() {
            told.insert(entry.key);
        }
        assert_eq!(told.len(), KEYS as usize, "round {round}");
    }
    stop.store(true, Ordering::Relaxed);
    in_time(writers.join_all()).await;
}

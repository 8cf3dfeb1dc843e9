use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use kryten_client::KvBucket;
use kryten_client::kv::BucketConfig;
use kryten_client::round_trip::round_trip;

use crate::fixture::{bucket, connect, in_time, server_and_client, store, until_no_consumer};

#[tokio::test]
async fn an_empty_bucket_is_listed_at_once_and_without_an_error() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let started = Instant::now();
    assert!(kv.keys().await.unwrap().is_empty());
    assert!(kv.get_all().await.unwrap().is_empty());
    assert!(kv.keys_with_prefix("user.").await.unwrap().is_empty());
    assert!(kv.history("key").await.unwrap().is_empty());
    kv.put_text("key", "x").await.unwrap();
    kv.delete("key").await.unwrap();
    assert!(kv.get_all().await.unwrap().is_empty());
    assert!(started.elapsed() < Duration::from_secs(2));
    until_no_consumer(&client, "KV_any").await;
}

#[tokio::test]
async fn listing_many_leaves_no_consumer_behind_even_when_it_is_given_up() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let values = (0..5000).map(|number| (format!("$KV.any.key{number}"), "x".into()));
    store(&client, values).await;
    for _ in 0..20 {
        assert_eq!(in_time(kv.keys()).await.unwrap().len(), 5000);
        assert_eq!(in_time(kv.get_all()).await.unwrap().len(), 5000);
        let given_up = tokio::time::timeout(Duration::from_millis(2), kv.get_all()).await;
        drop(given_up);
    }
    until_no_consumer(&client, "KV_any").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_keys_than_a_subscription_holds_are_read_in_one_pass() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let values = (0..100_000).map(|number| (format!("$KV.any.key{number}"), "x".into()));
    store(&client, values).await;
    let created = "$JS.EVENT.ADVISORY.CONSUMER.CREATED.KV_any.>";
    let mut created = client.subscribe(created).await.unwrap();
    // A reader that is much slower than the connection, as on a busy machine.
    let busy = async {
        loop {
            std::thread::sleep(Duration::from_millis(2));
            tokio::task::yield_now().await;
        }
    };
    let read = tokio::select! {
        read = in_time(kv.get_all()) => read.unwrap(),
        () = busy => unreachable!("it is busy for ever"),
    };
    assert_eq!(read.len(), 100_000);
    // Where messages are lost, the pass is begun anew with another consumer.
    assert!(round_trip(&client.nats()).await);
    let consumers = std::iter::from_fn(|| created.next().now_or_never().flatten());
    assert_eq!(consumers.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_is_listed_once_while_others_write() {
    let (server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    // More than one request to the consumer brings.
    let values = (0..20_000).map(|number| (format!("key {number:05}"), "0"));
    for put in kv.put_many(values).await {
        put.unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..3 {
        let (client, stop) = (connect(&server).await, Arc::clone(&stop));
        writers.spawn(async move {
            let kv = KvBucket::open(&client, "any").await.unwrap();
            let mut round = writer;
            while !stop.load(Ordering::Relaxed) {
                round += 7;
                let keys =
                    (0..50).map(|number| format!("key {:05}", (round * 50 + number) % 20_000));
                for put in kv.put_many(keys.map(|key| (key, round.to_string()))).await {
                    put.unwrap();
                }
            }
        });
    }
    for _ in 0..10 {
        let keys = in_time(kv.keys()).await.unwrap();
        assert_eq!(keys.len(), 20_000);
        assert_eq!(in_time(kv.get_all()).await.unwrap().len(), 20_000);
    }
    stop.store(true, Ordering::Relaxed);
    in_time(writers.join_all()).await;
}

#[tokio::test]
async fn listing_ends_while_values_expire() {
    let (_server, client) = server_and_client().await;
    let config = BucketConfig {
        ttl: Some(Duration::from_millis(300)),
        ..BucketConfig::new("short")
    };
    let kv = KvBucket::open_or_create(&client, config).await.unwrap();
    for _ in 0..5 {
        let values = (0..500).map(|number| (format!("$KV.short.key{number}"), "x".into()));
        store(&client, values).await;
        let started = Instant::now();
        while !in_time(kv.keys()).await.unwrap().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(10));
        }
    }
    until_no_consumer(&client, "KV_short").await;
}

#[tokio::test]
async fn a_listing_that_a_crash_cuts_is_begun_again() {
    let (mut server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    for number in 0..200 {
        kv.put(&format!("key{number}"), vec![b'x'; 20_000])
            .await
            .unwrap();
    }
    for _ in 0..3 {
        let (listed, ()) = tokio::join!(kv.get_all(), async {
            server.kill().await.unwrap();
            server.restart().await.unwrap();
        });
        // Cut at the wrong moment it may report the absence; it never gives a part.
        if let Ok(values) = listed {
            assert_eq!(values.len(), 200);
        }
    }
    client.connected().await;
    assert_eq!(kv.get_all().await.unwrap().len(), 200);
}

#[tokio::test]
async fn a_bucket_of_more_bytes_than_one_request_may_bring_is_read_through() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let value = vec![b'x'; 1 << 20];
    for number in 0..36 {
        kv.put(&number.to_string(), value.clone()).await.unwrap();
    }
    assert_eq!(in_time(kv.get_all()).await.unwrap().len(), 36);
}

//! What people complain about in NATS KV, each shown not to befall this library.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Stream;
use futures_util::TryStreamExt;
use kryten_client::kv::{
    BucketConfig, CacheOptions, KvCache, KvWatch, Operation, PutOptions, WatchItem,
};
use kryten_client::{Client, KvBucket, KvError};
use kryten_servers::NatsServer;

use crate::fixture::{
    bucket, connect, consumers_of, in_time, server_and_client, store, until, until_no_consumer,
};

#[tokio::test]
async fn complaint_01_keys_of_an_empty_bucket_are_an_empty_list() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    assert!(kv.keys().await.unwrap().is_empty());
    kv.put_text("key", "x").await.unwrap();
    kv.purge("key").await.unwrap();
    assert!(kv.keys().await.unwrap().is_empty());
}

#[tokio::test]
async fn complaint_02_keys_end_while_values_expire_and_where_no_key_fits() {
    let (_server, client) = server_and_client().await;
    let config = BucketConfig {
        ttl: Some(Duration::from_millis(300)),
        ..BucketConfig::new("short")
    };
    let kv = KvBucket::open_or_create(&client, config).await.unwrap();
    let values = (0..1000).map(|number| (format!("$KV.short.key{number}"), "x".into()));
    store(&client, values).await;
    in_time(async {
        while !kv.keys().await.unwrap().is_empty() {
            assert!(kv.keys_with_prefix("none.").await.unwrap().is_empty());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn complaint_03_no_key_is_lost_or_told_twice_while_others_write() {
    let (server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let expected: Vec<String> = (0..200).map(|number| format!("key {number:03}")).collect();
    for put in kv.put_many(expected.iter().map(|key| (key, "0"))).await {
        put.unwrap();
    }
    let other = connect(&server).await;
    let writer = tokio::spawn(async move {
        let kv = KvBucket::open(&other, "any").await.unwrap();
        for round in 0.. {
            let key = format!("key {:03}", round * 7 % 200);
            kv.put_text(&key, &format!("{round}")).await.unwrap();
        }
    });
    for _ in 0..30 {
        assert_eq!(in_time(kv.keys()).await.unwrap(), expected);
    }
    writer.abort();
}

#[tokio::test]
async fn complaint_04_the_server_filters_by_whole_tokens() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    for key in ["user.ann", "user.bob", "power.user.x", "users"] {
        kv.put_text(key, "x").await.unwrap();
    }
    let users = kv.keys_with_prefix("user.").await.unwrap();
    assert_eq!(users, ["user.ann", "user.bob"]);
    let options = CacheOptions {
        prefix: "user.".into(),
        ..CacheOptions::default()
    };
    let cache = KvCache::open(&kv, options).await.unwrap();
    in_time(cache.ready()).await.unwrap();
    assert_eq!(cache.len(), 2);
    let stream: Stream = client.jetstream().get_stream("KV_any").await.unwrap();
    let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
    let filters = consumers
        .iter()
        .map(|consumer| consumer.config.filter_subjects.clone());
    assert_eq!(
        filters.collect::<Vec<_>>(),
        [["$KV.any.user.>", "$KV.any.user=2E"]]
    );
}

#[tokio::test]
async fn complaint_05_a_watch_lives_on_after_a_restart_and_an_absence_shows() {
    let (mut server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let mut watch = kv.watch().await.unwrap();
    assert_eq!(in_time(watch.next()).await.unwrap(), WatchItem::Ready);
    let cache = ready_cache(&kv).await;
    server.kill().await.unwrap();
    let before = cache.age();
    until(|| async { cache.age() > before + Duration::from_millis(500) }).await;
    server.restart().await.unwrap();
    client.connected().await;
    let revision = kv.put_text("key", "x").await.unwrap();
    let told = in_time(watch.next()).await.unwrap();
    assert!(matches!(told, WatchItem::Entry(entry) if entry.revision == revision));
    until(|| async { cache.revision() == revision }).await;
    assert!(cache.age() < Duration::from_secs(8));
}

#[tokio::test]
async fn complaint_06_consumers_do_not_pile_up_over_reconnections() {
    let (mut server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let cache = ready_cache(&kv).await;
    for round in 0..10 {
        server.kill().await.unwrap();
        server.restart().await.unwrap();
        client.connected().await;
        let put = || async { kv.put_text("key", &format!("{round}")).await.is_ok() };
        until(put).await;
        let value = format!("{round}");
        until(|| async { cache.get("key").is_some_and(|entry| entry.value == value) }).await;
    }
    until(|| async { consumers_of(&client, "KV_any").await.len() == 1 }).await;
    drop(cache);
    until_no_consumer(&client, "KV_any").await;
}

#[tokio::test]
async fn complaint_07_a_watch_of_nothing_says_that_it_is_ready() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    kv.put_text("other", "x").await.unwrap();
    let mut watch = kv.watch_prefix("user.").await.unwrap();
    assert_eq!(in_time(watch.next()).await.unwrap(), WatchItem::Ready);
    kv.delete("other").await.unwrap();
    let mut watch = kv.watch().await.unwrap();
    let told = in_time(watch.next()).await.unwrap();
    assert!(matches!(told, WatchItem::Entry(entry) if entry.operation == Operation::Delete));
    assert_eq!(in_time(watch.next()).await.unwrap(), WatchItem::Ready);
}

#[tokio::test]
async fn complaint_08_any_text_is_a_key() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let keys = ["user:bob", "a b", ".x.", "*", ">", "a..b", "ü/€", "a=20b"];
    let cache = ready_cache(&kv).await;
    for key in keys {
        kv.put_text(key, key).await.unwrap();
    }
    until(|| async { cache.len() == keys.len() }).await;
    for key in keys {
        assert_eq!(kv.get_text(key).await.unwrap().unwrap(), key);
        assert_eq!(cache.get(key).unwrap().value, key);
    }
    let keys: BTreeSet<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    assert!(kv.keys().await.unwrap().into_iter().eq(keys));
}

#[tokio::test]
async fn complaint_09_a_deleted_key_is_created_again_and_a_conflict_is_read_anew() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    for _ in 0..3 {
        kv.create("key", "1").await.unwrap();
        kv.delete("key").await.unwrap();
    }
    let stale = PutOptions {
        expected_revision: Some(1),
        ..PutOptions::default()
    };
    let refused = kv.put_at("key", "x", stale).await;
    assert!(matches!(refused, Err(KvError::WrongRevision { .. })));
    let adds = (0..20).map(|_| kv.incr("key", 1));
    in_time(futures_util::future::try_join_all(adds))
        .await
        .unwrap();
    assert_eq!(kv.get_text("key").await.unwrap().unwrap(), "20");
}

#[tokio::test]
async fn complaint_10_what_expired_is_told_apart_from_a_deletion_and_an_empty_value() {
    let (_server, client) = server_and_client().await;
    let config = BucketConfig {
        marker_ttl: Some(Duration::from_secs(60)),
        ..BucketConfig::new("any")
    };
    let kv = KvBucket::open_or_create(&client, config).await.unwrap();
    let mut watch = kv.watch().await.unwrap();
    assert_eq!(in_time(watch.next()).await.unwrap(), WatchItem::Ready);
    // Told one by one: of a key that changes twice at once, a watch need tell only the last.
    kv.put_text("empty", "").await.unwrap();
    assert_eq!(told(&mut watch).await, (Operation::Put, false));
    kv.delete("empty").await.unwrap();
    assert_eq!(told(&mut watch).await, (Operation::Delete, false));
    let life = Duration::from_secs(1);
    kv.create_with_ttl("brief", "x", life).await.unwrap();
    assert_eq!(told(&mut watch).await, (Operation::Put, false));
    assert_eq!(told(&mut watch).await, (Operation::Purge, true));
    assert_eq!(kv.get("brief").await.unwrap(), None);
}

#[tokio::test]
async fn complaint_11_a_value_over_max_payload_is_refused_naming_both_figures() {
    let server = NatsServer::ephemeral_with(|options| options.max_payload = 2000).await;
    let client = connect(&server).await;
    let kv = bucket(&client, "any").await;
    let error = kv.put("key", vec![0; 2001]).await.unwrap_err().to_string();
    assert!(error.contains("2001") && error.contains("2000"), "{error}");
    kv.put_text("key", "still connected").await.unwrap();
}

#[tokio::test]
async fn complaint_12_a_bucket_with_another_configuration_is_opened_and_the_difference_told() {
    let (_server, client) = server_and_client().await;
    bucket(&client, "any").await;
    let config = BucketConfig {
        history: 5,
        marker_ttl: Some(Duration::from_secs(5)),
        ..BucketConfig::new("any")
    };
    let kv = KvBucket::open_or_create(&client, config).await.unwrap();
    assert_eq!(
        kv.differences(),
        [
            "its history is 1, not 5",
            "the mark of expired values is off, not 5 s"
        ]
    );
}

#[tokio::test]
async fn complaint_13_without_jetstream_or_bucket_the_error_names_the_cause() {
    let server = NatsServer::ephemeral_with(|options| options.jetstream = false).await;
    let client = connect(&server).await;
    let error = KvBucket::open(&client, "any").await.unwrap_err();
    assert!(error.to_string().contains("nats-server -js"), "{error}");
    let (_server, client) = server_and_client().await;
    let error = KvBucket::open(&client, "any").await.unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[tokio::test]
async fn complaint_14_a_whole_bucket_is_read_in_one_pass() {
    let (_server, client): (_, Client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let values = (0..20_000).map(|number| (format!("$KV.any.key{number}"), "x".into()));
    store(&client, values).await;
    let sent = || {
        client
            .nats()
            .statistics()
            .out_messages
            .load(std::sync::atomic::Ordering::Relaxed)
    };
    let (before, started) = (sent(), Instant::now());
    assert_eq!(in_time(kv.get_all()).await.unwrap().len(), 20_000);
    assert!(sent() - before < 1000, "{} requests", sent() - before);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn complaint_15_what_was_purged_does_not_come_back_after_a_crash() {
    let (mut server, client) = server_and_client().await;
    let config = BucketConfig {
        history: 5,
        marker_ttl: Some(Duration::from_secs(60)),
        ..BucketConfig::new("any")
    };
    let kv = KvBucket::open_or_create(&client, config).await.unwrap();
    let keys: Vec<String> = (0..100).map(|number| format!("user.{number:02}")).collect();
    for secret in ["one secret", "another secret"] {
        for put in kv.put_many(keys.iter().map(|key| (key, secret))).await {
            put.unwrap();
        }
    }
    for round in 0..3 {
        // Those of the rounds before stay purged, those of this one are purged right before the crash.
        for key in keys.iter().skip(round).step_by(3) {
            kv.purge(key).await.unwrap();
        }
        server.kill().await.unwrap();
        server.restart().await.unwrap();
        client.connected().await;
        until(|| async { kv.info().await.is_ok() }).await;
        let left: Vec<String> = keys
            .chunks(3)
            .flat_map(|keys| keys.iter().skip(round + 1).cloned())
            .collect();
        assert_eq!(kv.keys().await.unwrap(), left, "round {round}");
        for key in keys.iter().skip(round).step_by(3) {
            let past = kv.history(key).await.unwrap();
            assert!(
                past.iter()
                    .all(|entry| entry.operation == Operation::Purge && entry.value.is_empty())
            );
        }
    }
}

/// What happened to a key, and whether it expired.
async fn told(watch: &mut KvWatch) -> (Operation, bool) {
    match in_time(watch.next()).await.unwrap() {
        WatchItem::Entry(entry) => (entry.operation, entry.is_expired()),
        WatchItem::Ready => panic!("ready a second time"),
    }
}

async fn ready_cache(kv: &KvBucket) -> KvCache {
    let cache = KvCache::open(kv, CacheOptions::default()).await.unwrap();
    in_time(cache.ready()).await.unwrap();
    cache
}

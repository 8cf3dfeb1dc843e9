use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use kryten_client::kv::{
    BucketConfig, CacheChange, CacheError, CacheOptions, CacheState, KvCache, KvWatch, Operation,
    WatchItem,
};
use kryten_client::{Client, KvBucket, KvError, NatsConfig};
use kryten_servers::Cable;
use tracing::level_filters::LevelFilter;

use crate::fixture::{
    bucket, config, connect, in_time, server_and_client, until, until_no_consumer,
};
use crate::log::Log;

async fn open(kv: &KvBucket) -> KvCache {
    let cache = KvCache::open(kv, CacheOptions::default()).await.unwrap();
    in_time(cache.ready()).await.unwrap();
    cache
}

fn values(cache: &KvCache) -> BTreeMap<String, Bytes> {
    let snapshot = cache.snapshot();
    let values = snapshot.into_iter().map(|(key, e)| (key, e.value.clone()));
    values.collect()
}

#[tokio::test]
async fn a_cache_of_an_empty_and_of_an_all_deleted_bucket_is_ready_at_once() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let started = std::time::Instant::now();
    assert!(open(&kv).await.is_empty());
    kv.put_text("a", "x").await.unwrap();
    kv.delete("a").await.unwrap();
    let cache = open(&kv).await;
    assert!(cache.is_empty() && cache.is_authoritative());
    assert_eq!((cache.revision(), cache.lag(), cache.bytes()), (2, 0, 0));
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_cache_follows_its_bucket_tells_each_change_and_leaves_no_consumer() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    kv.put_text("two words", "1").await.unwrap();
    let cache = open(&kv).await;
    assert_eq!(cache.get("two words").unwrap().value, "1");
    let mut changes = cache.changes();
    let revision = kv.put_text("user:bob", "2").await.unwrap();
    let change = in_time(changes.next()).await.unwrap();
    assert!(matches!(&change, CacheChange::Put(entry) if entry.revision == revision));
    assert_eq!(cache.get("user:bob").unwrap().value, "2");
    assert_eq!((cache.len(), cache.revision()), (2, revision));
    kv.delete("two words").await.unwrap();
    let change = in_time(changes.next()).await.unwrap();
    assert!(
        matches!(&change, CacheChange::Removed(entry) if entry.operation == Operation::Delete),
        "{change:?}"
    );
    assert_eq!(cache.get("two words"), None);
    assert!(cache.age() < Duration::from_secs(8));
    let clone = cache.clone();
    drop(cache);
    assert_eq!(clone.len(), 1);
    drop(clone);
    assert_eq!(in_time(changes.next()).await, None);
    until_no_consumer(&client, "KV_any").await;
}

#[tokio::test]
async fn a_cache_of_a_prefix_holds_nothing_else() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    for key in ["user.ann", "user.bob", "user.", "users", "other"] {
        kv.put_text(key, "x").await.unwrap();
    }
    for (prefix, keys) in [
        ("user.", &["user.", "user.ann", "user.bob"][..]),
        ("user.b", &["user.bob"]),
        ("use", &["user.", "user.ann", "user.bob", "users"]),
        ("none.", &[]),
    ] {
        let options = CacheOptions {
            prefix: prefix.into(),
            ..CacheOptions::default()
        };
        let cache = KvCache::open(&kv, options).await.unwrap();
        in_time(cache.ready()).await.unwrap();
        let held: Vec<String> = cache.snapshot().into_keys().collect();
        assert_eq!(held, keys, "{prefix:?}");
        let direct = kv.get_all_with_prefix(prefix).await.unwrap();
        assert_eq!(values(&cache), direct);
    }
}

#[tokio::test]
async fn a_cache_over_its_bound_says_so_and_what_it_holds_stays_true() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    kv.put_text("a", "small").await.unwrap();
    let options = CacheOptions {
        max_bytes: 1000,
        ..CacheOptions::default()
    };
    let cache = KvCache::open(&kv, options).await.unwrap();
    in_time(cache.ready()).await.unwrap();
    kv.put("b", vec![b'x'; 1000]).await.unwrap();
    until(|| async { matches!(cache.state(), CacheState::TooLarge) }).await;
    assert!(!cache.is_authoritative());
    let error = cache.ready().await.unwrap_err();
    assert!(matches!(error, CacheError::TooLarge { .. }), "{error}");
    kv.put_text("a", "new").await.unwrap();
    until(|| async { cache.get("a").is_some_and(|a| a.value == "new") }).await;
    assert!(cache.get("b").is_none() && cache.bytes() <= 1000);
}

#[tokio::test]
async fn a_cache_is_emptied_with_its_bucket_and_filled_from_a_new_one() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    kv.put_text("old", "x").await.unwrap();
    let cache = open(&kv).await;
    let mut changes = cache.changes();
    client.jetstream().delete_key_value("any").await.unwrap();
    let change = in_time(changes.next()).await.unwrap();
    assert_eq!(change, CacheChange::Lost("old".into()));
    let again = bucket(&client, "any").await;
    again.put_text("new", "y").await.unwrap();
    until(|| async { cache.get("new").is_some() }).await;
    in_time(cache.ready()).await.unwrap();
    assert_eq!(cache.len(), 1);
    let missing = KvBucket::open(&client, "none").await;
    assert!(matches!(missing, Err(KvError::BucketMissing { .. })));
}

#[tokio::test]
async fn a_cache_goes_on_after_jetstream_was_off() {
    let (mut server, client) = server_and_client().await;
    // Its marks may expire, so that all is read anew after a reconnection before which nothing was heard for a second.
    let marked = BucketConfig {
        marker_ttl: Some(Duration::from_secs(60)),
        ..BucketConfig::new("any")
    };
    let kv = KvBucket::open_or_create(&client, marked).await.unwrap();
    kv.put_text("old", "x").await.unwrap();
    let cache = open(&kv).await;
    let log = Log::default();
    let _hearing = log.hear(LevelFilter::WARN);
    server.set_jetstream(false);
    server.restart().await.unwrap();
    until(|| async { log.text().contains("cannot read the cached bucket now") }).await;
    assert_eq!(cache.get("old").unwrap().value, "x");
    server.set_jetstream(true);
    server.restart().await.unwrap();
    client.connected().await;
    until(|| async { kv.put_text("new", "y").await.is_ok() }).await;
    until(|| async { cache.get("new").is_some() || has_ended(&cache) }).await;
    in_time(cache.ready()).await.unwrap();
    assert_eq!(cache.len(), 2);
}

fn has_ended(cache: &KvCache) -> bool {
    matches!(cache.state(), CacheState::Ended(_))
}

#[tokio::test]
async fn a_bucket_made_anew_with_another_life_of_its_values_is_cached_with_that_life() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let cache = open(&kv).await;
    let log = Log::default();
    let _hearing = log.hear(LevelFilter::WARN);
    client.jetstream().delete_key_value("any").await.unwrap();
    until(|| async { matches!(cache.state(), CacheState::Missing) }).await;
    // It is looked for again, and that it is gone was told.
    let looked_for = "$JS.API.STREAM.INFO.KV_any";
    let mut looks = client.subscribe(looked_for).await.unwrap();
    for _ in 0..3 {
        in_time(looks.next()).await.unwrap();
    }
    let told = log.text();
    assert_eq!(
        told.matches("the cached bucket is gone").count(),
        1,
        "{told}"
    );
    let silent = BucketConfig {
        ttl: Some(Duration::from_secs(1)),
        ..BucketConfig::new("any")
    };
    let kv = KvBucket::open_or_create(&client, silent).await.unwrap();
    let mut changes = cache.changes();
    kv.put_text("key", "x").await.unwrap();
    let change = in_time(changes.next()).await;
    assert!(matches!(change, Some(CacheChange::Put(_))), "{change:?}");
    until(|| async { cache.is_empty() }).await;
}

#[tokio::test]
async fn a_value_that_expires_leaves_the_cache_marked_or_not() {
    let (_server, client) = server_and_client().await;
    let marked = BucketConfig {
        marker_ttl: Some(Duration::from_secs(60)),
        ..BucketConfig::new("marked")
    };
    let kv = KvBucket::open_or_create(&client, marked).await.unwrap();
    let cache = open(&kv).await;
    let mut changes = cache.changes();
    let second = Duration::from_secs(1);
    kv.create_with_ttl("key", "x", second).await.unwrap();
    let taken = kv.create_with_ttl("key", "y", second).await;
    assert!(matches!(taken, Err(KvError::WrongRevision { .. })));
    assert!(matches!(
        in_time(changes.next()).await,
        Some(CacheChange::Put(_))
    ));
    let change = in_time(changes.next()).await;
    let expired = |change: &Option<CacheChange>| matches!(change, Some(CacheChange::Removed(entry)) if entry.is_expired() && entry.operation == Operation::Purge);
    assert!(expired(&change), "{change:?}");
    assert!(cache.is_empty());
    let mut headers = async_nats::HeaderMap::new();
    headers.append("Who", "ann");
    let again = kv.create_with_headers("key", "again", headers.clone());
    again.await.unwrap();
    let entry = kv.entry("key").await.unwrap().unwrap();
    assert_eq!(entry.headers.get("Who").unwrap().as_str(), "ann");
    let taken = kv.create_with_headers("key", "other", headers).await;
    assert!(matches!(taken, Err(KvError::WrongRevision { .. })));
    kv.purge("key").await.unwrap();
    assert!(!kv.entry("key").await.unwrap().unwrap().is_expired());

    let silent = BucketConfig {
        ttl: Some(second),
        ..BucketConfig::new("silent")
    };
    let kv = KvBucket::open_or_create(&client, silent).await.unwrap();
    let cache = open(&kv).await;
    let mut changes = cache.changes();
    kv.put_text("key", "x").await.unwrap();
    assert!(matches!(
        in_time(changes.next()).await,
        Some(CacheChange::Put(_))
    ));
    until(|| async { cache.is_empty() }).await;
    let refused = kv.put_with_ttl("key", "x", second).await;
    assert!(
        matches!(refused, Err(KvError::NoKeyTtl { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_key_that_expired_with_its_mark_while_the_connection_was_lost_leaves_the_cache() {
    let (server, client) = server_and_client().await;
    let second = Duration::from_secs(1);
    let marked = BucketConfig {
        marker_ttl: Some(second),
        ..BucketConfig::new("any")
    };
    let near = KvBucket::open_or_create(&client, marked).await.unwrap();
    near.put_text("key", "old").await.unwrap();
    near.put_text("other", "x").await.unwrap();
    let cable = Cable::to(server.url()).await.unwrap();
    let far = NatsConfig {
        servers: vec![cable.url()],
        ..config(&server)
    };
    let far = Client::connect(&far).await.unwrap();
    let cache = open(&KvBucket::open(&far, "any").await.unwrap()).await;
    cable.cut();
    until(|| async { !far.is_connected() }).await;
    near.put_with_ttl("key", "new", second).await.unwrap();
    until(|| async { near.entry("key").await.unwrap().is_none() }).await;
    assert_eq!(cache.get("key").unwrap().value, "old");
    cable.mend();
    until(|| async { cache.get("key").is_none() }).await;
    in_time(cache.ready()).await.unwrap();
    assert_eq!(cache.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_restarts_lose_no_watch_and_every_cache_equals_the_bucket() {
    let (mut server, client) = server_and_client().await;
    let marked = BucketConfig {
        marker_ttl: Some(Duration::from_secs(1)),
        ..BucketConfig::new("any")
    };
    // In the second marks may expire, so that its caches read all anew where they heard nothing for a second.
    let buckets = [
        bucket(&client, "plain").await,
        KvBucket::open_or_create(&client, marked).await.unwrap(),
    ];
    let (mut caches, mut watches, mut writers) = (Vec::new(), Vec::new(), Vec::new());
    let stop = Arc::new(AtomicBool::new(false));
    for kv in &buckets {
        for _ in 0..5 {
            caches.push((kv, open(kv).await));
            watches.push((kv, tokio::spawn(follow(kv.watch().await.unwrap()))));
        }
        let bucket = KvBucket::open(&connect(&server).await, kv.name()).await;
        writers.push(tokio::spawn(write_until(
            bucket.unwrap(),
            Arc::clone(&stop),
        )));
    }
    for round in 0..20 {
        // Every other time as a crash would.
        match round % 2 {
            0 => server.kill().await.unwrap(),
            _ => server.stop().await.unwrap(),
        }
        server.restart().await.unwrap();
        client.connected().await;
        let round = round.to_string();
        let written = buckets[0].put_text("round", &round);
        // During the next restart at the latest somebody has been told.
        let _ = tokio::time::timeout(Duration::from_millis(500), written).await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        in_time(writer).await.unwrap();
    }
    let mut ends = BTreeMap::new();
    for kv in &buckets {
        let mut last = 0;
        while last == 0 {
            last = in_time(kv.put_text("last", "x")).await.unwrap_or_default();
        }
        ends.insert(kv.name(), (last, kv.get_all().await.unwrap()));
    }
    for (kv, cache) in &caches {
        let (last, bucket) = &ends[kv.name()];
        until(|| async { cache.revision() >= *last && cache.is_authoritative() }).await;
        assert_eq!(values(cache), *bucket);
    }
    for (kv, watch) in watches {
        assert_eq!(in_time(watch).await.unwrap(), ends[kv.name()].1);
    }
    drop(caches);
    for kv in &buckets {
        until_no_consumer(&client, &format!("KV_{}", kv.name())).await;
    }
}

/// Puts and deletes without pause, until told to stop; what fails while the server is away is left.
async fn write_until(kv: KvBucket, stop: Arc<AtomicBool>) {
    for round in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let key = format!("key {}", round * 5 % 23);
        let _ = match round % 3 {
            0 => kv.delete(&key).await,
            _ => kv.put_text(&key, &round.to_string()).await.map(drop),
        };
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What a watch tells, up to the key that is put last.
async fn follow(mut watch: KvWatch) -> BTreeMap<String, Bytes> {
    let mut told = BTreeMap::new();
    while !told.contains_key("last") {
        if let WatchItem::Entry(entry) = watch.next().await.unwrap() {
            match entry.operation {
                Operation::Put => told.insert(entry.key, entry.value),
                _ => told.remove(&entry.key),
            };
        }
    }
    told
}

//! What was asked on a connection that is lost is not waited for.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use kryten_client::command::{CommandError, request};
use kryten_client::events::DurableItem;
use kryten_client::kv::{CacheOptions, KvCache};
use kryten_client::{Client, KvBucket, KvError, NatsConfig};
use kryten_protocol::command::Request;
use kryten_servers::Cable;

use crate::fixture::{bucket, config, freeze, in_time, server_and_client, store, until};

/// A request may take five times as long.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_command_whose_connection_is_lost_fails_at_once() {
    let (mut server, client) = server_and_client().await;
    let mut service = client
        .nats()
        .subscribe("kryten.slow.command")
        .await
        .unwrap();
    let asking = tokio::spawn({
        let client = client.clone();
        async move {
            let answer = request(&client, "slow", Request::new("slow", "x"), SOON * 30).await;
            (answer, Instant::now())
        }
    });
    in_time(service.next()).await.unwrap();
    let lost = Instant::now();
    server.restart().await.unwrap();
    let (answer, told) = in_time(asking).await.unwrap();
    assert!(
        matches!(&answer, Err(CommandError::ConnectionLost { service }) if service == "slow"),
        "{answer:?}"
    );
    assert!(told - lost < SOON, "{:?}", told - lost);
}

#[tokio::test]
async fn a_write_whose_connection_is_lost_fails_at_once_and_says_that_its_outcome_is_unknown() {
    let (mut server, client) = server_and_client().await;
    let bucket = bucket(&client, "b").await;
    bucket.put_text("key", "old").await.unwrap();
    freeze(&server).await;
    let (written, lost) = tokio::join!(
        async {
            let written = bucket.put_text("key", "new").await;
            (written, Instant::now())
        },
        async {
            server.kill().await.unwrap();
            Instant::now()
        },
    );
    let (written, told) = written;
    // The key is looked up before it is written.
    assert!(
        matches!(
            written,
            Err(KvError::TimedOut | KvError::OutcomeUnknown { .. })
        ),
        "{written:?}"
    );
    assert!(told.saturating_duration_since(lost) < SOON);
    server.restart().await.unwrap();
    until(|| async { bucket.get_text("key").await.is_ok() }).await;
}

#[tokio::test]
async fn a_reader_goes_on_as_soon_as_the_server_is_there_again() {
    let (mut server, client) = server_and_client().await;
    let mut events = client.events("lounge").from_now().await.unwrap();
    let body = |number: u32| {
        let payload = serde_json::json!({ "number": number });
        let event = serde_json::json!({
            "event_name": "odd", "payload": payload, "channel": "lounge", "domain": "cytu.be",
            "timestamp": "2026-11-22T16:13:15.445517+00:00", "correlation_id": "x",
        });
        let subject = "kryten.events.cytube.lounge.odd".to_owned();
        (subject, serde_json::to_vec(&event).unwrap().into())
    };
    let number = |item| match item {
        Some(Ok(DurableItem::Event(stored))) => stored.sequence,
        other => panic!("{other:?}"),
    };
    store(&client, [body(1)]).await;
    assert_eq!(number(in_time(events.next()).await), 1);
    let reading = tokio::spawn(async move { (number(events.next().await), Instant::now()) });
    let connections = client.connections();
    server.restart().await.unwrap();
    until(|| async { client.connections() > connections }).await;
    // JetStream is up a moment later than the server.
    until(|| async { client.jetstream().query_account().await.is_ok() }).await;
    store(&client, [body(2)]).await;
    let stored = Instant::now();
    let (sequence, told) = in_time(reading).await.unwrap();
    assert_eq!(sequence, 2);
    assert!(told.saturating_duration_since(stored) < SOON);
}

#[tokio::test]
async fn a_bucket_that_takes_longer_over_a_slow_link_than_a_request_may_is_read_through() {
    let (server, client) = server_and_client().await;
    let near = bucket(&client, "b").await;
    let value = "x".repeat(64 << 10);
    for number in 0..60 {
        near.put_text(&number.to_string(), &value).await.unwrap();
    }
    let cable = Cable::to(server.url()).await.unwrap();
    let far = NatsConfig {
        servers: vec![cable.url()],
        ..config(&server)
    };
    let far = Client::connect(&far).await.unwrap();
    let far = KvBucket::open(&far, "b").await.unwrap();
    // Four million bytes, in one request.
    cable.slow_down(600_000);
    let started = Instant::now();
    assert_eq!(in_time(far.get_all()).await.unwrap().len(), 60);
    assert!(
        started.elapsed() > Duration::from_secs(5),
        "the link is not slow enough for this test: {:?}",
        started.elapsed()
    );
    let cache = KvCache::open(&far, CacheOptions::default()).await.unwrap();
    in_time(cache.ready()).await.unwrap();
    assert_eq!(cache.len(), 60);
}

#[tokio::test]
async fn a_cache_is_filled_also_where_one_value_takes_longer_than_a_request_may() {
    let (server, client) = server_and_client().await;
    let near = bucket(&client, "b").await;
    near.put("key", vec![b'x'; 900_000]).await.unwrap();
    let cable = Cable::to(server.url()).await.unwrap();
    let far = NatsConfig {
        servers: vec![cable.url()],
        ..config(&server)
    };
    let far = Client::connect(&far).await.unwrap();
    let far = KvBucket::open(&far, "b").await.unwrap();
    // Some seven seconds.
    cable.slow_down(130_000);
    let started = Instant::now();
    let cache = KvCache::open(&far, CacheOptions::default()).await.unwrap();
    in_time(cache.ready()).await.unwrap();
    assert_eq!(cache.get("key").unwrap().value.len(), 900_000);
    assert!(
        started.elapsed() > Duration::from_secs(5),
        "the link is not slow enough for this test: {:?}",
        started.elapsed()
    );
}

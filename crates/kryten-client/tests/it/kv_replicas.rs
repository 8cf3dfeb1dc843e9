//! Buckets that three servers keep together.

use std::time::Duration;

use kryten_client::kv::{BucketConfig, CacheOptions, KvCache};
use kryten_client::{Client, KvBucket, NatsConfig};
use kryten_servers::{NatsCluster, NatsServer};

use crate::fixture::{config, in_time, until};

/// A client of all servers, connected to one of them.
async fn connect(cluster: &NatsCluster, number: usize) -> Client {
    let urls = cluster.servers().iter().map(NatsServer::url);
    let mut config: NatsConfig = config(&cluster.servers()[number]);
    config.servers = urls.map(str::to_owned).collect();
    // The client tries them in any order; the one wanted is asked for alone first.
    Client::connect(&config).await.unwrap()
}

async fn replicated(client: &Client) -> KvBucket {
    let config = BucketConfig {
        replicas: Some(3),
        ..BucketConfig::new("any")
    };
    KvBucket::open_or_create(client, config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn complaint_09_on_replicas_reads_are_never_stale_and_counts_stay_exact_when_the_leader_dies()
{
    let mut cluster = NatsCluster::ephemeral(3).await;
    let client = connect(&cluster, 0).await;
    let kv = replicated(&client).await;

    // Each reads what another has just put.
    let other = KvBucket::open(&connect(&cluster, 1).await, "any")
        .await
        .unwrap();
    for number in 0..100 {
        let (writer, reader) = if number % 2 == 0 {
            (&kv, &other)
        } else {
            (&other, &kv)
        };
        let value = number.to_string();
        writer.put_text("key", &value).await.unwrap();
        assert_eq!(reader.get_text("key").await.unwrap().unwrap(), value);
        writer.delete("key").await.unwrap();
        assert_eq!(reader.get("key").await.unwrap(), None);
        reader.create("key", "again").await.unwrap();
    }

    let cache = KvCache::open(&other, CacheOptions::default())
        .await
        .unwrap();
    in_time(cache.ready()).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..3 {
        let kv = KvBucket::open(&connect(&cluster, number).await, "any")
            .await
            .unwrap();
        tasks.spawn(async move {
            for _ in 0..50 {
                kv.incr("count", 1).await.unwrap();
            }
        });
    }
    let value = || async { kv.get_text("count").await.ok().flatten() };
    let count = || async {
        value()
            .await
            .map_or(0, |value| value.parse::<i64>().unwrap())
    };
    until(|| async { count().await > 30 }).await;
    let stream = client.jetstream().get_stream("KV_any").await.unwrap();
    let leader = stream
        .cached_info()
        .cluster
        .clone()
        .unwrap()
        .leader
        .unwrap();
    let leader = cluster.number_of(&leader).unwrap();
    cluster.server_mut(leader).kill().await.unwrap();
    until(|| async { count().await > 100 }).await;
    cluster.server_mut(leader).restart().await.unwrap();
    in_time(tasks.join_all()).await;
    assert_eq!(count().await, 150);
    until(|| async { cache.get("count").is_some_and(|entry| entry.value == "150") }).await;
    assert!(cache.age() < Duration::from_secs(8));
}

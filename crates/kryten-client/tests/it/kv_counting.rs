use kryten_client::kv::BucketConfig;
use kryten_client::{KvBucket, KvError};
use serde_json::{Value, json};

use crate::fixture::{bucket, connect, in_time, server_and_client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_tasks_with_connections_of_their_own_count_to_a_thousand() {
    let (server, client) = server_and_client().await;
    let kv = bucket(&client, "counts").await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let client = connect(&server).await;
        tasks.spawn(async move {
            let kv = KvBucket::open(&client, "counts").await.unwrap();
            for _ in 0..20 {
                kv.incr("user:bob", 1).await.unwrap();
            }
        });
    }
    in_time(tasks.join_all()).await;
    assert_eq!(kv.get_text("user:bob").await.unwrap().unwrap(), "1000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_tasks_that_update_an_object_count_to_a_thousand() {
    let (server, client) = server_and_client().await;
    let kv = bucket(&client, "counts").await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50 {
        // Some share a connection, some do not.
        let client = if number % 10 == 0 {
            connect(&server).await
        } else {
            client.clone()
        };
        tasks.spawn(async move {
            let kv = KvBucket::open(&client, "counts").await.unwrap();
            for _ in 0..20 {
                let add = |old: Option<Value>| {
                    let points = old.map_or(0, |old| old["points"].as_i64().unwrap());
                    json!({"points": points + 1})
                };
                kv.update("user:bob", add).await.unwrap();
            }
        });
    }
    in_time(tasks.join_all()).await;
    assert_eq!(
        kv.get_json("user:bob").await.unwrap(),
        Some(json!({"points": 1000}))
    );
}

#[tokio::test]
async fn counting_goes_on_across_deletions_and_on_what_others_wrote() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "counts").await;
    assert_eq!(kv.incr("n", 3).await.unwrap(), 3);
    kv.delete("n").await.unwrap();
    assert_eq!(kv.incr("n", -2).await.unwrap(), -2);
    kv.purge("n").await.unwrap();
    assert_eq!(kv.incr("n", 1).await.unwrap(), 1);
    for (text, next) in [("41", 42), (" 41 ", 42), ("41.0", 42), ("-1", 0), ("", 1)] {
        kv.put_text("n", text).await.unwrap();
        assert_eq!(kv.incr("n", 1).await.unwrap(), next, "{text:?}");
    }
    for text in [
        "\"41\"",
        "41.5",
        "null",
        "{}",
        "nonsense",
        "9223372036854775807",
    ] {
        kv.put_text("n", text).await.unwrap();
        let error = kv.incr("n", 1).await.unwrap_err();
        assert!(
            matches!(error, KvError::WrongKind { .. }),
            "{text}: {error}"
        );
        assert_eq!(
            kv.get_text("n").await.unwrap().unwrap(),
            text,
            "left as it was"
        );
    }
}

#[tokio::test]
async fn an_update_sees_the_value_or_nothing() {
    let (_server, client) = server_and_client().await;
    let config = BucketConfig {
        history: 10,
        ..BucketConfig::new("counts")
    };
    let kv = KvBucket::open_or_create(&client, config).await.unwrap();
    let first = kv.update("list", |old| {
        assert_eq!(old, None);
        json!([1])
    });
    assert_eq!(first.await.unwrap(), json!([1]));
    kv.put_text("list", "null").await.unwrap();
    kv.update("list", |old| json!([old, 2])).await.unwrap();
    assert_eq!(kv.get_text("list").await.unwrap().unwrap(), "[null,2]");
    kv.put_text("list", "nonsense").await.unwrap();
    let broken = kv.update("list", |_| panic!("never called")).await;
    assert!(matches!(broken, Err(KvError::WrongKind { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_stay_exact_while_the_server_is_killed_and_restarted() {
    let (mut server, client) = server_and_client().await;
    let kv = bucket(&client, "counts").await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..4 {
        // What one connection has stored without an answer is overwritten by others before it can look.
        let client = match number {
            0 | 1 => client.clone(),
            _ => connect(&server).await,
        };
        let kv = KvBucket::open(&client, "counts").await.unwrap();
        tasks.spawn(async move {
            for _ in 0..100 {
                kv.incr("n", 1).await.unwrap();
            }
        });
    }
    for at in [50, 150, 250] {
        let kv = kv.clone();
        crate::fixture::until(|| async {
            let value = kv.get_text("n").await.unwrap_or_default();
            value.is_some_and(|value| value.parse::<i64>().unwrap() > at)
        })
        .await;
        server.kill().await.unwrap();
        server.restart().await.unwrap();
    }
    in_time(tasks.join_all()).await;
    assert_eq!(kv.get_text("n").await.unwrap().unwrap(), "400");
}

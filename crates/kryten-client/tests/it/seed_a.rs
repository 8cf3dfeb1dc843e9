//! One test for each promise of the document "State Management with NATS JetStream KV Store".

use std::collections::BTreeMap;
use std::time::Duration;

use kryten_client::kv::forgiving::{
    kv_delete, kv_get, kv_get_all_json, kv_get_json, kv_get_or, kv_keys, kv_put, kv_put_json,
};
use kryten_client::kv::{BucketConfig, Operation, Storage};
use kryten_client::{Client, KvBucket, KvError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::level_filters::LevelFilter;

use crate::fixture::{bucket, connect, freeze, in_time, server_and_client, signal};
use crate::log::Log;

#[tokio::test]
async fn seed_a_01_state_survives_a_restart_of_the_server_without_a_database() {
    let (mut server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_user_stats").await;
    kv.put_json("user:bob", &json!({"rank": 2})).await.unwrap();
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    let again = connect(&server).await;
    let kv = KvBucket::open(&again, "kryten_user_stats").await.unwrap();
    assert_eq!(
        kv.get_json("user:bob").await.unwrap(),
        Some(json!({"rank": 2}))
    );
}

#[tokio::test]
async fn seed_a_02_a_bucket_is_a_container_of_its_own() {
    let (_server, client) = server_and_client().await;
    let stats = bucket(&client, "kryten_user_stats").await;
    let other = bucket(&client, "kryten_user_stats_old").await;
    stats.put_text("key", "one").await.unwrap();
    other.put_text("key", "two").await.unwrap();
    assert_eq!(stats.get_text("key").await.unwrap().unwrap(), "one");
    assert_eq!(other.keys().await.unwrap(), ["key"]);
    let names = KvBucket::names(&client).await.unwrap();
    assert_eq!(names, ["kryten_user_stats", "kryten_user_stats_old"]);
}

#[tokio::test]
async fn seed_a_03_a_key_is_a_text_such_as_user_colon_bob() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_user_stats").await;
    kv.put_text("user:bob", "here").await.unwrap();
    let stream = client
        .jetstream()
        .get_stream("KV_kryten_user_stats")
        .await
        .unwrap();
    let raw = stream
        .get_last_raw_message_by_subject("$KV.kryten_user_stats.user:bob")
        .await
        .unwrap();
    assert_eq!(raw.payload, "here");
    assert_eq!(kv.keys().await.unwrap(), ["user:bob"]);
}

#[tokio::test]
async fn seed_a_04_a_value_is_bytes_text_or_anything_that_has_a_json_form() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Stats {
        rank: f64,
        points: u64,
        names: Vec<String>,
    }
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_user_stats").await;
    kv.put("bytes", vec![0xff, 0, 7]).await.unwrap();
    kv.put_text("text", "héllo ☃").await.unwrap();
    let stats = Stats {
        rank: 1.5,
        points: 500,
        names: vec!["Bob ☃".into()],
    };
    kv.put_json("json", &stats).await.unwrap();
    assert_eq!(kv.get("bytes").await.unwrap().unwrap(), [0xff, 0, 7][..]);
    assert_eq!(kv.get_text("text").await.unwrap().unwrap(), "héllo ☃");
    assert_eq!(kv.get_json::<Stats>("json").await.unwrap(), Some(stats));
}

#[tokio::test]
async fn seed_a_05_binding_to_a_missing_bucket_fails_and_creates_nothing() {
    let (_server, client) = server_and_client().await;
    let error = KvBucket::open(&client, "kryten_user_stats")
        .await
        .unwrap_err();
    assert!(matches!(&error, KvError::BucketMissing { bucket } if bucket == "kryten_user_stats"));
    assert!(error.to_string().contains("its owner has to create it"));
    assert!(KvBucket::names(&client).await.unwrap().is_empty());
}

#[tokio::test]
async fn seed_a_06_provisioning_binds_or_creates_with_the_given_configuration() {
    let (_server, client) = server_and_client().await;
    let config = BucketConfig {
        description: "LLM Service Context Storage".into(),
        max_value_size: Some(1024 * 1024),
        history: 5,
        storage: Storage::Memory,
        ..BucketConfig::new("kryten_llm_state")
    };
    let kv = KvBucket::open_or_create(&client, config.clone())
        .await
        .unwrap();
    kv.put_text("key", "kept").await.unwrap();
    let mut stream = client
        .jetstream()
        .get_stream("KV_kryten_llm_state")
        .await
        .unwrap();
    let made = stream.info().await.unwrap().config.clone();
    assert_eq!(
        made.description.as_deref(),
        Some("LLM Service Context Storage")
    );
    assert_eq!(made.max_message_size, 1024 * 1024);
    assert_eq!(made.max_messages_per_subject, 5);
    assert_eq!(
        made.storage,
        async_nats::jetstream::stream::StorageType::Memory
    );
    assert_eq!(made.num_replicas, 1);

    let again = KvBucket::open_or_create(&client, config).await.unwrap();
    assert_eq!(again.get_text("key").await.unwrap().unwrap(), "kept");
    assert!(again.differences().is_empty(), "{:?}", again.differences());
}

#[tokio::test]
async fn seed_a_07_the_writing_examples_store_what_they_say() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_user_stats").await;
    assert!(kv_put(&kv, "last_seen", "2025-01-01T12:00:00Z").await);
    let user_data = json!({"rank": 2, "points": 500});
    assert!(kv_put_json(&kv, "user:bob", &user_data).await);
    assert_eq!(
        kv.get_text("last_seen").await.unwrap().unwrap(),
        "2025-01-01T12:00:00Z"
    );
    assert_eq!(kv.get_json("user:bob").await.unwrap(), Some(user_data));
}

#[tokio::test]
async fn seed_a_08_the_reading_examples_give_the_value_or_the_default() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_user_stats").await;
    assert_eq!(kv_get(&kv, "last_seen").await, None);
    let default = json!({"rank": 0});
    assert_eq!(kv_get_json(&kv, "user:bob", default.clone()).await, default);
    kv.put_json("user:bob", &json!({"rank": 2, "points": 500}))
        .await
        .unwrap();
    let data = kv_get_json(&kv, "user:bob", default.clone()).await;
    assert_eq!(data["rank"], 2);

    // The forgiving form gives the default for all of these; the strict one tells them apart.
    kv.put_text("broken", "{'rank': 2}").await.unwrap();
    kv.put_text("empty", "").await.unwrap();
    kv.put_text("gone", "1").await.unwrap();
    kv.delete("gone").await.unwrap();
    for key in ["broken", "empty", "gone", "never"] {
        assert_eq!(
            kv_get_json(&kv, key, default.clone()).await,
            default,
            "{key}"
        );
    }
    assert_eq!(kv_get_or(&kv, "empty", "default").await, "default");
    let broken = kv.get_json::<serde_json::Value>("broken").await;
    assert!(matches!(broken, Err(KvError::WrongKind { .. })));
    assert_eq!(kv.get("empty").await.unwrap().unwrap(), "");
    assert_eq!(kv.get("never").await.unwrap(), None);
    assert_eq!(
        kv.entry("gone").await.unwrap().unwrap().operation,
        Operation::Delete
    );
    assert_eq!(kv.entry("never").await.unwrap(), None);
    kv.put_text("null", "null").await.unwrap();
    assert_eq!(kv_get_json(&kv, "null", default).await, json!(null));
}

#[tokio::test]
async fn seed_a_09_a_deleted_key_is_gone_while_its_history_may_remain() {
    let (_server, client) = server_and_client().await;
    let config = BucketConfig {
        history: 3,
        ..BucketConfig::new("kryten_user_stats")
    };
    let kv = KvBucket::open_or_create(&client, config).await.unwrap();
    kv.put_text("user:bob", "1").await.unwrap();
    kv.put_text("user:bob", "2").await.unwrap();
    assert!(kv_delete(&kv, "user:bob").await);
    assert_eq!(kv.get("user:bob").await.unwrap(), None);
    assert!(kv.keys().await.unwrap().is_empty());
    let history = kv.history("user:bob").await.unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|entry| (entry.value.as_ref(), entry.operation))
        .collect();
    assert_eq!(
        told,
        [
            (&b"1"[..], Operation::Put),
            (b"2", Operation::Put),
            (b"", Operation::Delete)
        ]
    );
    kv.purge("user:bob").await.unwrap();
    let history = kv.history("user:bob").await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].operation, Operation::Purge);
    assert_eq!(kv.get("user:bob").await.unwrap(), None);
}

#[tokio::test]
async fn seed_a_10_the_listing_is_complete() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_user_stats").await;
    let mut expected = BTreeMap::new();
    for (key, value) in [
        ("user:bob", r#"{"rank":2}"#),
        ("null", "null"),
        ("zero", "0"),
        ("two words", "[]"),
        ("a..b", "\"x\""),
    ] {
        kv.put_text(key, value).await.unwrap();
        expected.insert(key.to_owned(), serde_json::from_str(value).unwrap());
    }
    assert_eq!(kv_get_all_json(&kv).await, expected);
    kv.put_text("empty", "").await.unwrap();
    kv.put_text("no json", "{").await.unwrap();
    assert_eq!(
        kv_keys(&kv).await,
        [
            "a..b",
            "empty",
            "no json",
            "null",
            "two words",
            "user:bob",
            "zero"
        ]
    );
    assert_eq!(kv.get_all().await.unwrap().len(), 7);
    assert_eq!(kv_get_all_json(&kv).await, expected);
}

#[tokio::test]
async fn seed_a_11_a_foreign_configuration_is_reported_and_not_changed() {
    let (_server, client) = server_and_client().await;
    let owner = BucketConfig {
        description: "the owner's".into(),
        max_value_size: Some(16),
        ..BucketConfig::new("kryten_user_stats")
    };
    KvBucket::open_or_create(&client, owner.clone())
        .await
        .unwrap();
    let other = BucketConfig {
        history: 9,
        ttl: Some(Duration::from_secs(60)),
        ..BucketConfig::new("kryten_user_stats")
    };
    let kv = KvBucket::open_or_create(&client, other).await.unwrap();
    let told = kv.differences().join("; ");
    for part in ["description", "16 bytes", "history", "life of its values"] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    let bound = KvBucket::open_or_create(&client, owner).await.unwrap();
    assert!(bound.differences().is_empty(), "{:?}", bound.differences());
    assert!(
        KvBucket::open(&client, "kryten_user_stats")
            .await
            .unwrap()
            .differences()
            .is_empty()
    );
}

#[tokio::test]
async fn seed_a_12_every_name_that_nats_takes_is_a_bucket_name_and_no_other() {
    let (_server, client) = server_and_client().await;
    for name in [
        "kryten_moderator_logs",
        "kryten_420Grindhouse_userlist",
        "A-b_9",
    ] {
        assert_eq!(bucket(&client, name).await.name(), name);
    }
    for name in ["", "a.b", "a b", "a:b", "é", "a*", "a\n"] {
        let opened = KvBucket::open(&client, name).await;
        assert!(
            matches!(opened, Err(KvError::BadBucketName { .. })),
            "{name:?}"
        );
        let created = KvBucket::open_or_create(&client, BucketConfig::new(name)).await;
        assert!(
            matches!(created, Err(KvError::BadBucketName { .. })),
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn seed_a_13_structured_data_goes_through_json_unchanged() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_user_stats").await;
    let value = json!({"z": 1, "a": [true, null, 1.5, 1e16, -0.1], "ü☃😀": "\u{7f}\n", "n": 18446744073709551615_u64});
    kv.put_json("data", &value).await.unwrap();
    let text = kv.get_text("data").await.unwrap().unwrap();
    assert!(
        text.starts_with(r#"{"z":1,"a":"#),
        "the order is kept: {text}"
    );
    assert_eq!(
        kv.get_json::<serde_json::Value>("data").await.unwrap(),
        Some(value)
    );
}

#[tokio::test]
async fn seed_a_14_the_forgiving_helpers_log_the_cause_and_never_fail() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_user_stats").await;
    client
        .jetstream()
        .delete_key_value("kryten_user_stats")
        .await
        .unwrap();
    let log = Log::default();
    let hearing = log.hear(LevelFilter::INFO);
    assert_eq!(kv_get(&kv, "user:bob").await, None);
    assert!(!kv_put(&kv, "user:bob", "x").await);
    assert!(!kv_delete(&kv, "user:bob").await);
    assert!(kv_keys(&kv).await.is_empty());
    assert!(kv_get_all_json(&kv).await.is_empty());
    drop(hearing);
    let text = log.text();
    assert_eq!(text.matches("ERROR").count(), 5, "{text}");
    assert_eq!(
        text.matches(r#"bucket="kryten_user_stats""#).count(),
        5,
        "{text}"
    );
    assert_eq!(text.matches(r#"key="user:bob""#).count(), 3, "{text}");
    assert_eq!(text.matches("does not exist").count(), 5, "{text}");
}

/// The document's counter example, line by line, with `incr` for its three middle steps.
async fn update_count(client: &Client, username: &str) -> Result<i64, KvError> {
    let config = BucketConfig::new("kryten_message_counts");
    let kv = KvBucket::open_or_create(client, config).await?;
    let key = format!("user:{username}");
    kv.incr(&key, 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seed_a_15_the_counter_example_counts_a_thousand_at_once() {
    let (_server, client) = server_and_client().await;
    for expected in 1..=5 {
        assert_eq!(update_count(&client, "bob").await.unwrap(), expected);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let client = client.clone();
        tasks.spawn(async move { update_count(&client, "bob").await.unwrap() });
    }
    let mut sums = in_time(tasks.join_all()).await;
    sums.sort_unstable();
    assert!(sums.into_iter().eq(6..=1005));
    let kv = KvBucket::open(&client, "kryten_message_counts")
        .await
        .unwrap();
    assert_eq!(kv.get_text("user:bob").await.unwrap().unwrap(), "1005");
}

#[tokio::test]
async fn seed_a_15_the_counter_example_as_it_is_written_counts_one_by_one() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_message_counts").await;
    for expected in 1..=5 {
        let mut count = kv_get_json(&kv, "user:bob", json!(0))
            .await
            .as_i64()
            .unwrap();
        count += 1;
        assert!(kv_put_json(&kv, "user:bob", &count).await);
        assert_eq!(count, expected);
    }
}

#[tokio::test]
async fn seed_a_16_a_helper_that_waits_does_not_hold_up_others() {
    let (server, client) = server_and_client().await;
    let kv = bucket(&client, "kryten_user_stats").await;
    freeze(&server).await;
    let waiting = tokio::spawn({
        let kv = kv.clone();
        async move { kv_get(&kv, "user:bob").await }
    });
    // This runtime has one thread: these ticks come only because the helper does not keep it.
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    for _ in 0..50 {
        ticks.tick().await;
    }
    assert!(!waiting.is_finished());
    signal(&server, nix::sys::signal::Signal::SIGCONT);
    assert_eq!(in_time(waiting).await.unwrap(), None);
}

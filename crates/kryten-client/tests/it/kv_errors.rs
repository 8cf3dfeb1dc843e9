use kryten_client::kv::{BucketConfig, PutOptions};
use kryten_client::{KvBucket, KvError};
use kryten_servers::NatsServer;
use nix::sys::signal::Signal;

use crate::fixture::{bucket, config, connect, freeze, in_time, server_and_client, signal};

#[tokio::test]
async fn jetstream_that_is_off_is_told() {
    let server = NatsServer::ephemeral_with(|options| options.jetstream = false).await;
    let client = connect(&server).await;
    let opened = KvBucket::open(&client, "any").await;
    assert!(matches!(opened, Err(KvError::JetStreamOff)));
    let created = KvBucket::open_or_create(&client, BucketConfig::new("any")).await;
    assert!(matches!(created, Err(KvError::JetStreamOff)));
}

#[tokio::test]
async fn a_server_that_is_away_is_told_and_nothing_is_done_later() {
    let (mut server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    server.kill().await.unwrap();
    crate::fixture::until(|| async { !client.is_connected() }).await;
    let (opened, got, put) = tokio::join!(
        KvBucket::open(&client, "any"),
        kv.get("key"),
        kv.put_text("key", "late")
    );
    assert!(matches!(opened, Err(KvError::ServerAway)));
    assert!(matches!(got, Err(KvError::ServerAway)));
    assert!(matches!(put, Err(KvError::ServerAway)), "{put:?}");
    server.restart().await.unwrap();
    client.connected().await;
    assert_eq!(kv.get("key").await.unwrap(), None);
}

#[tokio::test]
async fn a_put_without_an_answer_says_that_its_outcome_is_unknown() {
    let (server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    freeze(&server).await;
    let put = in_time(kv.put_text("key", "value")).await;
    signal(&server, Signal::SIGCONT);
    assert!(
        matches!(&put, Err(KvError::OutcomeUnknown { key }) if key == "key"),
        "{put:?}"
    );
    assert!(put.unwrap_err().is_transient());
    // This one the server still did.
    crate::fixture::until(|| async { kv.get("key").await.unwrap().is_some() }).await;
}

#[tokio::test]
async fn a_missing_permission_is_told_at_once() {
    let server = NatsServer::ephemeral_with(|options| {
        options.extra_config = r#"
            authorization { users: [
                {user: reader, password: x, permissions: {
                    publish: ["$JS.API.STREAM.INFO.*", "$JS.API.DIRECT.GET.>", "$JS.API.STREAM.MSG.GET.*"],
                    subscribe: "_INBOX.>"}},
                {user: owner, password: x},
                {user: nobody, password: x, permissions: {publish: "none", subscribe: "_INBOX.>"}}
            ] }
        "#
        .into();
    })
    .await;
    let client = |user: &'static str| {
        let config = config(&server).with_user(user, "x");
        async move { kryten_client::Client::connect(&config).await.unwrap() }
    };
    bucket(&client("owner").await, "any").await;

    let started = std::time::Instant::now();
    let nobody = KvBucket::open(&client("nobody").await, "any").await;
    assert!(
        matches!(&nobody, Err(KvError::NoPermission { subject }) if subject == "$JS.API.STREAM.INFO.KV_any"),
        "{nobody:?}"
    );
    let kv = KvBucket::open(&client("reader").await, "any")
        .await
        .unwrap();
    assert_eq!(kv.get("key").await.unwrap(), None);
    let put = kv.put_text("user:bob", "x").await;
    assert!(
        matches!(&put, Err(KvError::NoPermission { subject }) if subject == "$KV.any.user:bob"),
        "{put:?}"
    );
    assert!(matches!(kv.keys().await, Err(KvError::NoPermission { .. })));
    assert!(
        started.elapsed().as_secs() < 4,
        "a time-out would take longer"
    );
}

#[tokio::test]
async fn a_stream_that_is_no_bucket_is_told() {
    let (_server, client) = server_and_client().await;
    client
        .jetstream()
        .create_stream(async_nats::jetstream::stream::Config {
            name: "KV_any".into(),
            subjects: vec!["elsewhere".into()],
            ..Default::default()
        })
        .await
        .unwrap();
    for opened in [
        KvBucket::open(&client, "any").await,
        KvBucket::open_or_create(&client, BucketConfig::new("any")).await,
    ] {
        assert!(
            matches!(opened, Err(KvError::NotABucket { .. })),
            "{opened:?}"
        );
    }
}

#[tokio::test]
async fn a_bucket_deleted_under_a_handle_is_told_by_every_method() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    client.jetstream().delete_key_value("any").await.unwrap();
    let missing = |result: Result<(), KvError>| {
        assert!(
            matches!(&result, Err(KvError::BucketMissing { .. })),
            "{result:?}"
        );
    };
    missing(kv.get("key").await.map(drop));
    missing(kv.put_text("key", "x").await.map(drop));
    missing(kv.delete("key").await);
    missing(kv.keys().await.map(drop));
    missing(kv.get_all().await.map(drop));
    missing(kv.incr("key", 1).await.map(drop));
    missing(kv.watch().await.map(drop));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_creators_all_succeed_whatever_they_ask_for() {
    let (server, _client) = server_and_client().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..24 {
        let client = connect(&server).await;
        tasks.spawn(async move {
            let config = BucketConfig {
                description: format!("from {number}"),
                ..BucketConfig::new("contested")
            };
            let kv = KvBucket::open_or_create(&client, config).await.unwrap();
            kv.put_text(&format!("key {number}"), "x").await.unwrap();
            kv.differences().is_empty()
        });
    }
    let owners = in_time(tasks.join_all()).await;
    assert_eq!(owners.iter().filter(|is_owner| **is_owner).count(), 1);
    let client = connect(&server).await;
    assert_eq!(
        bucket(&client, "contested")
            .await
            .keys()
            .await
            .unwrap()
            .len(),
        24
    );
}

#[tokio::test]
async fn a_value_over_a_limit_is_refused_before_it_is_sent_naming_both_figures() {
    let server = NatsServer::ephemeral_with(|options| options.max_payload = 2000).await;
    let client = connect(&server).await;
    let small = BucketConfig {
        max_value_size: Some(16),
        ..BucketConfig::new("small")
    };
    let kv = KvBucket::open_or_create(&client, small).await.unwrap();
    kv.put("key", vec![0; 16]).await.unwrap();
    let error = kv.put("key", vec![0; 17]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the value of "key" has 17 bytes, but the bucket takes at most 16"#
    );
    let kv = bucket(&client, "large").await;
    kv.put("key", vec![0; 2000]).await.unwrap();
    let error = kv.put("key", vec![0; 2001]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the value of "key" has 2001 bytes, but the NATS server takes at most 2000"#
    );
    // Deleting from a bucket for tiny values must still work: its header is not a value.
    let tiny = BucketConfig {
        max_value_size: Some(64),
        ..BucketConfig::new("tiny")
    };
    let kv = KvBucket::open_or_create(&client, tiny).await.unwrap();
    kv.put_text("key", "x").await.unwrap();
    kv.delete("key").await.unwrap();
    assert_eq!(kv.get("key").await.unwrap(), None);
}

#[tokio::test]
async fn a_put_under_a_condition_stores_its_headers_or_tells_that_the_revision_is_wrong() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    let at = |revision: u64, mark: &str| {
        let mut options = PutOptions {
            expected_revision: Some(revision),
            ..PutOptions::default()
        };
        options.headers.insert("Kryten-State", mark);
        options
    };
    let first = kv.put_at("users", "[]", at(0, "1:2:3")).await.unwrap();
    let second = kv.put_at("users", "[1]", at(first, "1:3:3")).await.unwrap();
    for wrong in [0, first, second + 7] {
        let error = kv
            .put_at("users", "[2]", at(wrong, "1:4:3"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, KvError::WrongRevision { key, expected } if key == "users" && *expected == wrong),
            "{error:?}"
        );
    }
    let entry = kv.entry("users").await.unwrap().unwrap();
    assert_eq!(
        (entry.revision, entry.value.as_ref()),
        (second, &b"[1]"[..])
    );
    assert_eq!(entry.headers.get("Kryten-State").unwrap().as_str(), "1:3:3");
    assert!(entry.created_nanos > 1_700_000_000_000_000_000);
}

#[tokio::test]
async fn create_works_once_and_again_after_a_deletion() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "any").await;
    kv.create("user:bob", "1").await.unwrap();
    assert!(matches!(
        kv.create("user:bob", "2").await,
        Err(KvError::WrongRevision { .. })
    ));
    kv.delete("user:bob").await.unwrap();
    kv.create("user:bob", "3").await.unwrap();
    kv.purge("user:bob").await.unwrap();
    kv.create("user:bob", "4").await.unwrap();
    assert_eq!(kv.get("user:bob").await.unwrap().unwrap(), "4");
}

#[tokio::test]
async fn buckets_that_others_made_without_direct_reads_work_too() {
    let (_server, client) = server_and_client().await;
    client
        .jetstream()
        .create_stream(async_nats::jetstream::stream::Config {
            name: "KV_python".into(),
            subjects: vec!["$KV.python.>".into()],
            max_messages_per_subject: 1,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: false,
            ..Default::default()
        })
        .await
        .unwrap();
    let kv = bucket(&client, "python").await;
    let mut options = PutOptions::default();
    options.headers.insert("X-Mark", "a: b");
    kv.put_at("user:bob", "ü", options).await.unwrap();
    let entry = kv.entry("user:bob").await.unwrap().unwrap();
    assert_eq!(entry.value, "ü".as_bytes());
    assert_eq!(entry.headers.get("X-Mark").unwrap().as_str(), "a: b");
    kv.delete("user:bob").await.unwrap();
    assert_eq!(kv.get("user:bob").await.unwrap(), None);
    assert_eq!(kv.incr("n", 5).await.unwrap(), 5);
    assert_eq!(kv.keys().await.unwrap(), ["n"]);
}

//! JetStream in another domain, or behind another prefix: everything works as with the server's own.

use std::time::Duration;

use kryten_client::kv::{CacheOptions, KvCache, WatchItem};
use kryten_client::{
    Client, EventReader, EventStream, KvBucket, NatsConfig, ReaderItem, ReaderOptions,
};
use kryten_servers::NatsServer;

use crate::fixture::{bucket, config, connect, in_time, store, until, until_no_consumer};

const SUBJECT: &str = "kryten.events.cytube.demo.chatmsg";

/// A port that is free now; the leaf-node port cannot be asked for afterwards.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn with_domain(domain: &str, more: &str) -> NatsServer {
    NatsServer::ephemeral_with(|options| {
        options.jetstream = false;
        let store = options.data_dir.join("store").display().to_string();
        options.extra_config = format!(
            "server_name: {domain}\njetstream {{ domain: {domain}, store_dir: '{store}' }}\n{more}"
        );
    })
    .await
}

/// A hub, and a leaf node of it that has a JetStream of its own.
async fn hub_and_leaf() -> (NatsServer, NatsServer) {
    let port = free_port();
    let hub = with_domain(
        "hub",
        &format!(
            "leafnodes {{ listen: '127.0.0.1:{port}', authorization {{ user: leaf, password: word }} }}"
        ),
    )
    .await;
    let remote =
        format!("leafnodes {{ remotes: [ {{ url: 'nats://leaf:word@127.0.0.1:{port}' }} ] }}");
    let leaf = with_domain("leaf", &remote).await;
    (hub, leaf)
}

/// Everything that a bot does with buckets and with the stream.
async fn everything_works(client: &Client) {
    let kv = bucket(client, "elsewhere").await;
    assert_eq!(kv.put_text("user:bob", "1").await.unwrap(), 1);
    assert_eq!(kv.get_text("user:bob").await.unwrap().unwrap(), "1");
    assert!(kv.create("user:bob", "2").await.is_err());
    assert_eq!(kv.incr("two words", 4).await.unwrap(), 4);
    let mut watch = kv.watch().await.unwrap();
    let mut seen = Vec::new();
    while let WatchItem::Entry(entry) = in_time(watch.next()).await.unwrap() {
        seen.push(entry.key);
    }
    assert_eq!(seen, ["user:bob", "two words"]);
    kv.delete("two words").await.unwrap();
    assert!(
        matches!(in_time(watch.next()).await.unwrap(), WatchItem::Entry(e) if e.key == "two words")
    );
    assert_eq!(kv.keys().await.unwrap(), ["user:bob"]);
    let cache = KvCache::open(&kv, CacheOptions::default()).await.unwrap();
    in_time(cache.ready()).await.unwrap();
    assert_eq!(cache.len(), 1);
    kv.put_text("user:eve", "3").await.unwrap();
    until(|| async { cache.len() == 2 }).await;
    assert!(
        KvBucket::names(client)
            .await
            .unwrap()
            .contains(&"elsewhere".to_owned())
    );
    drop(cache);
    watch.close().await;
    until_no_consumer(client, "KV_elsewhere").await;

    let stream = EventStream::open_or_create(client).await.unwrap();
    let bodies = (0..1500).map(|number: u32| (SUBJECT.to_owned(), number.to_string().into()));
    store(client, bodies).await;
    let last = stream.last_for(SUBJECT).await.unwrap().unwrap();
    assert_eq!(last.sequence, 1500);
    assert_eq!(stream.get(7).await.unwrap().unwrap().body, "6");
    assert_eq!(stream.tail(SUBJECT, 3).await.unwrap().len(), 3);
    let mut reader = EventReader::open(&stream, ReaderOptions::default())
        .await
        .unwrap();
    let mut next = 1;
    while next <= 1500 {
        match in_time(reader.next_batch(400, Duration::from_millis(5)))
            .await
            .unwrap()
        {
            ReaderItem::Batch(batch) => {
                for message in batch {
                    assert_eq!(message.sequence, next);
                    next += 1;
                }
            }
            ReaderItem::Idle => {}
            other => panic!("{other:?}"),
        }
    }
    reader.close().await;
}

#[tokio::test]
async fn buckets_and_the_stream_of_a_hub_work_through_its_leaf_node() {
    let (hub, leaf) = hub_and_leaf().await;
    let there = NatsConfig {
        jetstream_domain: Some("hub".into()),
        ..config(&leaf)
    };
    let client = Client::connect(&there).await.unwrap();
    // The leaf node connects in the background.
    until(|| async { KvBucket::names(&client).await.is_ok() }).await;
    everything_works(&client).await;
    let names = KvBucket::names(&connect(&hub).await).await.unwrap();
    assert_eq!(names, ["elsewhere"]);
    let names = KvBucket::names(&connect(&leaf).await).await.unwrap();
    assert_eq!(names, [""; 0], "nothing is in the leaf's own JetStream");
}

#[tokio::test]
async fn buckets_and_the_stream_of_another_account_work_through_a_prefix() {
    let server = NatsServer::ephemeral_with(|options| {
        options.login = false;
        options.extra_config = r#"
            accounts {
              OWNER {
                jetstream: enabled
                users: [ {user: owner, password: word} ]
                exports: [
                  {service: "$JS.API.>", response: stream}
                  {service: "$KV.>"}
                  {service: "kryten.events.>"}
                ]
              }
              GUEST {
                users: [ {user: guest, password: word} ]
                imports: [
                  {service: {account: OWNER, subject: "$JS.API.STREAM.>"}, to: "owner.js.STREAM.>"}
                  {service: {account: OWNER, subject: "$JS.API.CONSUMER.>"}, to: "owner.js.CONSUMER.>"}
                  {service: {account: OWNER, subject: "$JS.API.DIRECT.>"}, to: "owner.js.DIRECT.>"}
                  {service: {account: OWNER, subject: "$KV.>"}, to: "owner.js.$KV.>"}
                  {service: {account: OWNER, subject: "kryten.events.>"}}
                ]
              }
            }
        "#
        .into();
    })
    .await;
    let guest = NatsConfig {
        jetstream_prefix: Some("owner.js".into()),
        ..NatsConfig::for_url(server.url()).with_user("guest", "word")
    };
    let client = Client::connect(&guest).await.unwrap();
    everything_works(&client).await;
    let owner = NatsConfig::for_url(server.url()).with_user("owner", "word");
    let owner = Client::connect(&owner).await.unwrap();
    assert_eq!(KvBucket::names(&owner).await.unwrap(), ["elsewhere"]);
}

#[tokio::test]
async fn a_domain_that_is_not_there_is_told() {
    let server = NatsServer::ephemeral().await;
    let nowhere = NatsConfig {
        jetstream_domain: Some("hbu".into()),
        ..config(&server)
    };
    let client = Client::connect(&nowhere).await.unwrap();
    let error = KvBucket::open(&client, "any")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("nats.jetstream_domain"), "{error}");
    let error = EventStream::open_or_create(&client)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("nats.jetstream_domain"), "{error}");
}

//! What other programs may send and the library below cannot read.

use std::time::Duration;

use kryten_client::command::request;
use kryten_client::events::{DurableItem, LiveItem};
use kryten_client::kv::{BucketConfig, CacheOptions, KvCache};
use kryten_client::respond::Responder;
use kryten_client::{Client, EventReader, EventStream, KvBucket, ReaderItem, ReaderOptions};
use kryten_protocol::command::Request;
use kryten_servers::NatsServer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::events_live::publish;
use crate::fixture::{in_time, server_and_client, store, until};

/// Blocks of headers that nats-server delivers as they are. The library's task dies of the first one; over the others
/// it ends the connection.
const BLOCKS: [&[u8]; 4] = [
    b"NATS/1.0\r\nX: a\rb\r\n\r\n",
    b"NATS/1.0\r\nX: a\r\nno colon\r\n\r\n",
    b"NATS/1.0\r\nX y: a\r\n\r\n",
    b"NATS/1.0\r\nX: \xff\r\n\r\n",
];

/// Besides, one that looks like the server's word that a consumer is gone.
const STORED: [&[u8]; 5] = [
    BLOCKS[0],
    BLOCKS[1],
    b"NATS/1.0 409 Consumer Deleted\r\n\r\n",
    BLOCKS[2],
    BLOCKS[3],
];

/// Publishes with such a block, by hand; returns when the server has taken it.
async fn publish_raw(server: &NatsServer, subject: &str, block: &[u8], body: &[u8]) {
    let address = server.url().trim_start_matches("nats://").to_owned();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let login = json!({
        "user": server.user(), "pass": server.password(), "headers": true, "verbose": false,
        "pedantic": false, "no_responders": true, "lang": "hand", "version": "1", "protocol": 1,
    });
    let all = block.len() + body.len();
    let mut sent = format!(
        "CONNECT {login}\r\nHPUB {subject} {} {all}\r\n",
        block.len()
    )
    .into_bytes();
    sent.extend_from_slice(block);
    sent.extend_from_slice(body);
    sent.extend_from_slice(b"\r\nPING\r\n");
    socket.write_all(&sent).await.unwrap();
    let mut heard = String::new();
    let mut buffer = [0; 4096];
    while !heard.contains("PONG") {
        let count = in_time(socket.read(&mut buffer)).await.unwrap();
        assert!(count > 0, "the server hung up: {heard}");
        heard += &String::from_utf8_lossy(&buffer[..count]);
        assert!(!heard.contains("-ERR"), "{heard}");
    }
}

async fn echo(client: &Client) -> Responder {
    let answer = |request: Request| async move { Ok(json!(request.command)) };
    Responder::start(client, "echo", answer).await.unwrap()
}

#[tokio::test]
async fn a_service_and_a_listener_go_on_after_headers_that_cannot_be_read() {
    let (server, client) = server_and_client().await;
    let asking = crate::fixture::connect(&server).await;
    let _echo = echo(&client).await;
    let mut live = client.events("lounge").live().await.unwrap();
    for block in BLOCKS {
        let connections = client.connections();
        publish_raw(&server, "kryten.echo.command", block, b"{}").await;
        until(|| async { client.connections() > connections && client.is_connected() }).await;
        until(|| async {
            let question = Request::new("echo", "hello");
            let answer = request(&asking, "echo", question, Duration::from_secs(1)).await;
            answer.is_ok_and(|answer| answer.data == Some(json!("hello")))
        })
        .await;
        let heard = async { while !matches!(live.next().await.unwrap(), LiveItem::Event(_)) {} };
        let saying = async {
            loop {
                publish(&asking, "cytu.be", "lounge", "usercount", 7).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = in_time(heard) => {}
            () = saying => {}
        }
    }
}

const ODD: &str = "kryten.events.cytube.lounge.odd";

/// Stores 0 to 10, every other one so that it cannot be read.
async fn store_odd_ones(server: &NatsServer, client: &Client) -> EventStream {
    let stream = EventStream::open_or_create(client).await.unwrap();
    let body = |number: usize| (ODD.to_owned(), number.to_string().into());
    for (at, block) in STORED.iter().enumerate() {
        store(client, [body(2 * at)]).await;
        let number = (2 * at + 1).to_string();
        publish_raw(server, ODD, block, number.as_bytes()).await;
    }
    store(client, [body(10)]).await;
    stream
}

/// Reads eleven messages from somewhere on.
async fn read(mut reader: EventReader) -> Vec<String> {
    let mut bodies = Vec::new();
    while bodies.len() < 11 {
        let item = reader.next_batch(100, Duration::from_millis(1)).await;
        match item.unwrap() {
            ReaderItem::Batch(batch) => {
                let batch = batch.iter().map(|message| &message.body);
                bodies.extend(batch.map(|body| String::from_utf8_lossy(body).into_owned()));
            }
            ReaderItem::Idle => {}
            other => panic!("{other:?}"),
        }
    }
    bodies
}

fn zero_to_ten() -> Vec<String> {
    (0..=10).map(|number: i32| number.to_string()).collect()
}

#[tokio::test]
async fn a_reader_goes_on_after_a_stored_message_whose_headers_cannot_be_read() {
    let (server, client) = server_and_client().await;
    let stream = store_odd_ones(&server, &client).await;
    let tail = in_time(stream.tail(ODD, 6)).await.unwrap();
    let bodies: Vec<_> = tail.iter().map(|message| message.body.clone()).collect();
    assert_eq!(bodies, ["5", "6", "7", "8", "9", "10"]);
    for filters in [
        vec![],
        vec![ODD.to_owned(), "kryten.events.cytube.bar.>".to_owned()],
    ] {
        let options = ReaderOptions {
            filter_subjects: filters,
            ..ReaderOptions::default()
        };
        let reader = EventReader::open(&stream, options).await.unwrap();
        assert_eq!(in_time(read(reader)).await, zero_to_ten());
    }
    for sequence in 1..=11 {
        let message = stream.get(sequence).await.unwrap().unwrap();
        assert_eq!(message.body, (sequence - 1).to_string());
    }
}

/// The task of the connection, the reader's and others end in any order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_in_a_task_of_its_own_goes_on_also_where_the_first_message_is_such() {
    let (server, client) = server_and_client().await;
    let stream = EventStream::open_or_create(&client).await.unwrap();
    for number in 0..=10 {
        publish_raw(&server, ODD, BLOCKS[0], number.to_string().as_bytes()).await;
    }
    let start = jiff::Timestamp::now() - Duration::from_secs(60);
    let reader = EventReader::open_at(&stream, ReaderOptions::default(), start).await;
    let reading = tokio::spawn(read(reader.unwrap()));
    assert_eq!(in_time(reading).await.unwrap(), zero_to_ten());
}

#[tokio::test]
async fn a_bot_goes_on_after_such_an_event_also_when_it_is_started_again() {
    let (server, client) = server_and_client().await;
    let event = |number: usize| {
        json!({
            "event_name": "usercount", "payload": number, "channel": "lounge", "domain": "cytu.be",
            "timestamp": "2026-11-22T16:13:15.445517+00:00", "correlation_id": "x",
        })
    };
    let subject = "kryten.events.cytube.lounge.usercount";
    for (number, block) in STORED.iter().enumerate() {
        let lounge = client.events("lounge");
        let mut events = in_time(lounge.from_where_stopped("bot")).await.unwrap();
        let body = serde_json::to_vec(&event(number)).unwrap();
        publish_raw(&server, subject, block, &body).await;
        match in_time(events.next()).await {
            Some(Ok(DurableItem::Event(stored))) => {
                assert_eq!(stored.sequence, number as u64 + 1);
                in_time(stored.done()).await.unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Such values, under `odd0` and so on, between two others.
async fn bucket_of_odd_ones(server: &NatsServer, client: &Client) -> KvBucket {
    let config = BucketConfig {
        marker_ttl: Some(Duration::from_secs(60)),
        ..BucketConfig::new("b")
    };
    let kv = KvBucket::open_or_create(client, config).await.unwrap();
    kv.put_text("first", "1").await.unwrap();
    for (at, block) in STORED.iter().enumerate() {
        publish_raw(server, &format!("$KV.b.odd{at}"), block, b"odd").await;
    }
    kv.put_text("last", "2").await.unwrap();
    kv
}

/// The task of the connection, the one that hears of its end and the one that waits end in any order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_get_in_a_task_of_its_own_goes_on_after_such_a_value() {
    let (server, client) = server_and_client().await;
    let kv = bucket_of_odd_ones(&server, &client).await;
    for at in 0..STORED.len() {
        let kv = kv.clone();
        let getting = tokio::spawn(async move { kv.get(&format!("odd{at}")).await });
        let value = in_time(getting).await.unwrap().unwrap();
        assert_eq!(value.unwrap(), "odd", "odd{at}");
    }
}

#[tokio::test]
async fn a_cache_a_pass_and_a_get_go_on_after_such_a_value() {
    let (server, client) = server_and_client().await;
    let kv = bucket_of_odd_ones(&server, &client).await;
    let cache = KvCache::open(&kv, CacheOptions::default()).await.unwrap();
    until(|| async { cache.is_authoritative() }).await;
    assert_eq!(cache.len(), 2 + STORED.len());
    let all = in_time(kv.get_all()).await.unwrap();
    assert_eq!(all.len(), 2 + STORED.len());
    for at in 0..STORED.len() {
        let key = format!("odd{at}");
        assert_eq!(all[&key], "odd");
        let value = in_time(kv.get(&key)).await.unwrap();
        assert_eq!(value.unwrap(), "odd", "{key}");
    }
}

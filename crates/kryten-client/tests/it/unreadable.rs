//! What other programs may send and the library below cannot read.

use std::time::Duration;

use kryten_client::command::request;
use kryten_client::events::{DurableItem, LiveItem};
use kryten_client::kv::{CacheOptions, KvCache};
use kryten_client::respond::Responder;
use kryten_client::{Client, EventReader, EventStream, ReaderItem, ReaderOptions};
use kryten_protocol::command::Request;
use kryten_servers::NatsServer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::events_live::publish;
use crate::fixture::{bucket, in_time, server_and_client, store, until};

/// Blocks of headers that nats-server delivers as they are. The library's task dies of the first one; over the others
/// it ends the connection.
const BLOCKS: [&[u8]; 4] = [
    b"NATS/1.0\r\nX: a\rb\r\n\r\n",
    b"NATS/1.0\r\nX: a\r\nno colon\r\n\r\n",
    b"NATS/1.0\r\nX y: a\r\n\r\n",
    b"NATS/1.0\r\nX: \xff\r\n\r\n",
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

#[tokio::test]
async fn a_reader_goes_on_after_a_stored_message_whose_headers_cannot_be_read() {
    let (server, client) = server_and_client().await;
    let stream = EventStream::open_or_create(&client).await.unwrap();
    let subject = "kryten.events.cytube.lounge.odd";
    let body = |number: usize| (subject.to_owned(), format!("{number}").into());
    for (at, block) in BLOCKS.iter().enumerate() {
        store(&client, [body(2 * at)]).await;
        publish_raw(
            &server,
            subject,
            block,
            format!("{}", 2 * at + 1).as_bytes(),
        )
        .await;
    }
    store(&client, [body(8)]).await;
    let tail = in_time(stream.tail(subject, 6)).await.unwrap();
    let bodies: Vec<_> = tail.iter().map(|message| message.body.clone()).collect();
    assert_eq!(bodies, ["3", "4", "5", "6", "7", "8"]);
    for filters in [
        vec![],
        vec![subject.to_owned(), "kryten.events.cytube.bar.>".to_owned()],
    ] {
        let options = ReaderOptions {
            filter_subjects: filters,
            ..ReaderOptions::default()
        };
        let mut reader = EventReader::open(&stream, options).await.unwrap();
        let mut read = Vec::new();
        while read.len() < 9 {
            let item = in_time(reader.next_batch(100, Duration::from_millis(1)))
                .await
                .unwrap();
            match item {
                ReaderItem::Batch(batch) => read.extend(batch),
                ReaderItem::Idle => {}
                other => panic!("{other:?}"),
            }
        }
        let bodies: Vec<_> = read.iter().map(|message| message.body.clone()).collect();
        let expected: Vec<_> = (0..9).map(|number| number.to_string()).collect();
        assert_eq!(bodies, expected);
    }
}

#[tokio::test]
async fn a_bot_goes_on_after_such_an_event() {
    let (server, client) = server_and_client().await;
    let mut events = client.events("lounge").from_now().await.unwrap();
    let event = |number: usize| {
        json!({
            "event_name": "usercount", "payload": number, "channel": "lounge", "domain": "cytu.be",
            "timestamp": "2026-11-22T16:13:15.445517+00:00", "correlation_id": "x",
        })
    };
    let subject = "kryten.events.cytube.lounge.usercount";
    for (number, block) in BLOCKS.iter().enumerate() {
        let body = serde_json::to_vec(&event(number)).unwrap();
        publish_raw(&server, subject, block, &body).await;
        match in_time(events.next()).await {
            Some(Ok(DurableItem::Event(stored))) => stored.done().await.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_cache_and_a_pass_go_on_after_such_a_value() {
    let (server, client) = server_and_client().await;
    let kv = bucket(&client, "b").await;
    kv.put_text("first", "1").await.unwrap();
    for (at, block) in BLOCKS.iter().enumerate() {
        publish_raw(&server, &format!("$KV.b.odd{at}"), block, b"odd").await;
    }
    kv.put_text("last", "2").await.unwrap();
    let cache = KvCache::open(&kv, CacheOptions::default()).await.unwrap();
    until(|| async { cache.is_authoritative() }).await;
    assert_eq!(cache.len(), 2 + BLOCKS.len());
    let all = kv.get_all().await.unwrap();
    assert_eq!(all.len(), 2 + BLOCKS.len());
    assert_eq!(
        (&all["first"][..], &all["odd2"][..], &all["last"][..]),
        (&b"1"[..], &b"odd"[..], &b"2"[..])
    );
}

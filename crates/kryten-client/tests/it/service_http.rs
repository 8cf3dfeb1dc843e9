//! `/health` and `/metrics` as a probe and Prometheus meet them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::routing::get;
use kryten_client::http::{Counter, Need, Pages, Reading};
use kryten_client::service::{NORMAL_SHUTDOWN, NoParameters, Service};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{connect, in_time, server_and_client, until};

/// Status, headers and body.
async fn ask(address: SocketAddr, method: &str, path: &str) -> (u16, String, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    in_time(socket.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

async fn health(address: SocketAddr) -> (u16, Value) {
    let (status, _, body) = ask(address, "GET", "/health").await;
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn health_tells_the_truth_about_nats_and_what_the_service_adds() {
    let (mut server, client) = server_and_client().await;
    let disk_ok = Arc::new(AtomicBool::new(true));
    let reading = Reading::default().lag_at_most(10);
    let looked = Arc::clone(&disk_ok);
    let pages = Pages::new()
        .check("disk", Need::Essential, move || {
            let is_ok = looked.load(Ordering::Relaxed);
            async move {
                is_ok
                    .then_some(())
                    .ok_or_else(|| "the disk is full".to_owned())
            }
        })
        .check("cache", Need::Helpful, || async { panic!("no cache") })
        .reader("chat", &reading)
        .fields(|| {
            Map::from_iter([
                ("greeted".to_owned(), 3.into()),
                ("service".to_owned(), 1.into()),
            ])
        });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = Service::builder("greeter", "1.0").serve(listener, pages);
    let service = service.start(&connect(&server).await).await.unwrap();

    let (status, body) = health(address).await;
    assert_eq!((status, &body["status"]), (200, &json!("degraded")));
    assert_eq!(body["problem"], "the check of cache has panicked");
    assert_eq!(
        (&body["service"], &body["greeted"]),
        (&json!("greeter"), &json!(3))
    );
    assert_eq!(
        body["readers"]["chat"]["last_event_age_seconds"],
        Value::Null
    );

    reading.event();
    reading.set_lag(11);
    let (status, body) = health(address).await;
    assert_eq!(
        (status, &body["problem"]),
        (503, &json!("chat is 11 events behind; 10 may wait"))
    );
    assert!(
        body["readers"]["chat"]["last_event_age_seconds"]
            .as_f64()
            .unwrap()
            < 60.0
    );
    reading.set_lag(0);
    disk_ok.store(false, Ordering::Relaxed);
    assert_eq!(health(address).await.1["problem"], "the disk is full");
    disk_ok.store(true, Ordering::Relaxed);

    server.kill().await.unwrap();
    until(|| async { health(address).await.0 == 503 }).await;
    let (_, body) = health(address).await;
    assert_eq!(
        (&body["nats_connected"], &body["problem"]),
        (&json!(false), &json!("the NATS server is away"))
    );
    server.restart().await.unwrap();
    until(|| async { health(address).await.0 == 200 }).await;
    service.stop(NORMAL_SHUTDOWN).await;
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the port is free again"
    );
    drop(client);
}

#[tokio::test]
async fn metrics_have_legal_names_and_the_service_adds_its_own() {
    let (server, client) = server_and_client().await;
    let lines = Counter::default();
    lines.add(2);
    let pages = Pages::new()
        .counter("chat.lines_total", "Lines read", &lines)
        .gauge_of("temperature", "How warm it is", || 21.5)
        .metrics_text(|| "own_metric 1".to_owned())
        .routes(Router::new().route("/hello", get(|| async { "hello" })));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _service = Service::builder("my-bot", "1.0")
        .command("ping", |_: NoParameters| async { Ok("pong") })
        .serve(listener, pages)
        .start(&connect(&server).await)
        .await
        .unwrap();
    let nats = client.nats();
    let answer = nats.request("kryten.my-bot.command", r#"{"command":"ping"}"#.into());
    answer.await.unwrap();

    let (status, head, text) = ask(address, "GET", "/metrics").await;
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    for line in [
        "my_bot_service_status 1",
        "my_bot_nats_connected 1",
        "# TYPE my_bot_chat_lines_total counter",
        "my_bot_chat_lines_total 2",
        "my_bot_temperature 21.5",
        "my_bot_commands_total 1",
        "own_metric 1",
    ] {
        assert!(
            text.lines().any(|known| known == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(text.ends_with('\n'));
    assert_eq!(ask(address, "GET", "/hello").await.2, "hello");
    assert_eq!(ask(address, "HEAD", "/health").await.2, "");
    assert_eq!(ask(address, "POST", "/health").await.0, 405);
    assert_eq!(ask(address, "GET", "/health/").await.0, 404);
}

//! The page while something else is away.

use axum::http::StatusCode;
use kryten_web::WebConfig;
use serde_json::json;

use crate::bench::{Bench, eventually, get};

#[tokio::test]
async fn while_nats_is_away_the_statistics_are_shown_and_the_page_says_so() {
    let mut bench = Bench::new().await;
    bench.evening().await;
    let page = bench.page().await;
    bench.server.stop().await.unwrap();
    eventually("the page knows that NATS is away", || async {
        get(&page, "/kv").await.status == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    for path in [
        "/",
        "/channels/Lounge/leaderboards",
        "/channels/Lounge/history",
        "/channels",
        "/person?name=bob",
        "/service",
    ] {
        let answer = get(&page, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.body.contains("the NATS server is away"), "{path}");
    }
    let live = get(&page, "/api/v1/channels/Lounge/live").await.json();
    assert_eq!(
        (&live["present_count"], &live["coming"]["is_current"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(
        get(&page, "/health").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    bench.server.restart().await.unwrap();
    eventually("the buckets are back", || async {
        get(&page, "/kv").await.status == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn after_a_restart_without_nats_the_page_shows_what_the_database_knows() {
    let mut bench = Bench::new().await;
    bench.evening().await;
    bench.restart_without_nats().await;
    let page = bench.page_with(&WebConfig::default());
    let live = get(&page, "/api/v1/channels/Lounge/live").await.json();
    assert_eq!(
        (&live["now_playing"]["title"], &live["present_count"]),
        (&json!("Night of the Living"), &json!(2)),
        "{live:#}"
    );
    let body = get(&page, "/").await.body;
    for shown in ["Night of the Living", "alice", "the NATS server is away"] {
        assert!(body.contains(shown), "{shown} in {body}");
    }
}

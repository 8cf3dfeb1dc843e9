//! What the pages show.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use kryten_client::command;
use kryten_protocol::command::Request as CommandRequest;
use serde_json::json;

use crate::bench::{Bench, ask, get};

#[tokio::test]
async fn every_page_shows_what_is_counted() {
    let bench = Bench::new().await;
    bench.evening().await;
    bench.put("things", "user:bob", "7").await;
    let page = bench.page().await;
    for (path, what) in [
        ("/", "Night of the Living"),
        (
            "/channels/lounge",
            "<a href=\"/person?name=alice&#38;domain=cytu%2Ebe\">alice</a>",
        ),
        ("/channels/Lounge?domain=cytu.be", "Most lines"),
        (
            "/channels/Lounge/leaderboards",
            "<span class=\"count\">3</span>",
        ),
        (
            "/channels/Lounge/history?days=7",
            "3 chat lines in the last 7 days.",
        ),
        // All of it is of this day.
        (
            "/channels/Lounge/history",
            "3 chat lines in the last 24 hours.",
        ),
        ("/channels/Lounge/history?days=30", "Chat lines per day"),
        ("/channels", "Side by side"),
        ("/person?name=BOB", "<p class=\"number\">3</p>"),
        ("/service", "all is well"),
        ("/service", "<td class=\"words\">emotes</td>"),
        ("/kv", "things"),
        ("/kv/things", "user:bob"),
        (
            "/kv/things/value?key=user%3Abob",
            "<pre tabindex=\"0\" role=\"region\" aria-labelledby=\"h-value\">7</pre>",
        ),
    ] {
        let answer = get(&page, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        assert!(
            answer.body.contains(what),
            "{what} on {path}: {}",
            answer.body
        );
        assert!(answer.header("content-type").starts_with("text/html"));
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_in_a_sentence() {
    let bench = Bench::new().await;
    let page = bench.page().await;
    for (path, status, sentence) in [
        ("/nope", StatusCode::NOT_FOUND, "there is no such page"),
        (
            "/channels/other",
            StatusCode::NOT_FOUND,
            "no such channel is counted here",
        ),
        (
            "/channels/Lounge?domain=else",
            StatusCode::NOT_FOUND,
            "no such channel is counted here",
        ),
        (
            "/person?name=nobody",
            StatusCode::NOT_FOUND,
            "is known here",
        ),
        ("/person", StatusCode::OK, "Give a name"),
        (
            "/kv/missing",
            StatusCode::NOT_FOUND,
            "no such bucket or key",
        ),
        (
            "/kv/not%20a%20name",
            StatusCode::NOT_FOUND,
            "no such bucket or key",
        ),
        (
            "/channels/Lounge/history?days=x",
            StatusCode::BAD_REQUEST,
            "cannot be read",
        ),
    ] {
        let answer = get(&page, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(sentence), "{path}: {}", answer.body);
    }
    let answer = ask(&page, Method::POST, "/channels", &[], None, "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    let answer = get(&page, "/api/v1/channels/other").await;
    assert_eq!(
        answer.json(),
        json!({"error": "no such channel is counted here"})
    );
}

#[tokio::test]
async fn health_and_metrics_are_where_they_were() {
    let bench = Bench::new().await;
    bench.evening().await;
    let page = bench.page().await;
    let health = get(&page, "/health").await;
    assert_eq!(
        (health.status, health.json()["status"].clone()),
        (StatusCode::OK, json!("healthy"))
    );
    let metrics = get(&page, "/metrics").await;
    assert!(
        metrics.body.contains("userstats_total_messages 3\n"),
        "{}",
        metrics.body
    );
    let old = get(&page, "/api/v1/channels/Lounge").await.json();
    assert_eq!(
        old["top_talkers"][0],
        json!({"username": "bob", "count": 3})
    );
    assert_eq!(old["now_playing"]["title"], "Night of the Living");
    assert_eq!(old["lag_events"], 0);
}

#[tokio::test]
async fn channels_of_one_name_are_told_apart() {
    let bench = Bench::counting(&[("a.invalid", "Lounge"), ("b.invalid", "Lounge")]).await;
    let line = json!({"username": "ann", "msg": "hi", "meta": {}, "time": 1});
    bench
        .event_in(("b.invalid", "Lounge"), "chatMsg", &line)
        .await;
    bench.counted().await;
    let page = bench.page().await;
    let sides = get(&page, "/api/v1/channels").await.json();
    assert_eq!(
        sides["channels"][1]["page"],
        "/channels/Lounge?domain=b%2Einvalid"
    );
    let path = "/api/v1/channels/Lounge/leaderboards?domain=b.invalid";
    assert_eq!(
        get(&page, path).await.json()["messages"][0]["username"],
        "ann"
    );
    let first = get(&page, "/channels/Lounge/leaderboards").await;
    assert!(!first.body.contains(">ann<"));
    assert!(
        first
            .body
            .contains("/channels/Lounge/leaderboards?domain=b%2Einvalid")
    );
}

#[tokio::test]
async fn many_keys_are_shown_page_by_page() {
    let bench = Bench::new().await;
    for number in 0..203 {
        bench.put("many", &format!("key.{number:03}"), "x").await;
    }
    bench.put("many", "other", vec![0xff, 0x00]).await;
    let page = bench.page().await;
    let first = get(&page, "/api/v1/kv/many?prefix=key.").await.json();
    assert_eq!(
        (&first["count"], &first["more"]),
        (&json!(203), &json!(true))
    );
    let last = first["keys"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    let next = get(&page, &format!("/api/v1/kv/many?prefix=key.&after={last}"))
        .await
        .json();
    assert_eq!(next["keys"], json!(["key.200", "key.201", "key.202"]));
    let value = get(&page, "/api/v1/kv/many/value?key=other").await.json();
    assert_eq!(
        (&value["value"]["kind"], &value["value"]["text"]),
        (&json!("bytes"), &json!("ff00"))
    );
}

#[tokio::test]
async fn who_opted_out_is_on_no_page() {
    let bench = Bench::new().await;
    bench.evening().await;
    let wish = |command: &str| {
        let request = CommandRequest::new("userstats", command).with("username", "BOB");
        command::request(&bench.client, "userstats", request, Duration::from_secs(10))
    };
    let page = bench.page().await;
    let paths = [
        "/",
        "/channels/Lounge",
        "/channels/Lounge/leaderboards",
        "/channels/Lounge/history",
        "/channels",
        "/service",
        "/api/v1/channels/Lounge/live",
        "/api/v1/channels/Lounge/leaderboards",
    ];
    let shows_bob = async || {
        let mut found = Vec::new();
        for path in paths {
            let answer = get(&page, path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            if answer.body.contains("bob") {
                found.push(path);
            }
        }
        found
    };
    let shown = shows_bob().await;
    assert_eq!(
        shown.len(),
        6,
        "all but the history and the service: {shown:?}"
    );
    wish("privacy.opt_out").await.unwrap();
    assert_eq!(shows_bob().await, [""; 0]);
    for path in ["/person?name=bob", "/api/v1/person?name=bob"] {
        let answer = get(&page, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    wish("privacy.opt_in").await.unwrap();
    assert_eq!(shows_bob().await, shown);
}

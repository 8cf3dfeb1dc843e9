//! The JSON API and what its document says of it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Bench, get};

#[tokio::test]
async fn every_route_answers_as_its_document_says() {
    let bench = Bench::new().await;
    bench.evening().await;
    bench.put("things", "user:bob", "7").await;
    let page = bench.page().await;
    let document = get(&page, "/api/v1/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 11);
    for (path, operations) in paths {
        let filled = path
            .replace("{channel}", "Lounge")
            .replace("{bucket}", "things");
        let query = match path.as_str() {
            "/api/v1/person" => "?name=bob",
            "/api/v1/kv/{bucket}/value" => "?key=user%3Abob",
            _ => "",
        };
        let kinds = &operations["get"]["responses"]["200"]["content"];
        let Some(schema) = kinds.get("application/json") else {
            assert!(kinds.get("text/event-stream").is_some(), "{path}");
            continue;
        };
        let answer = get(&page, &format!("{filled}{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        let mut schema = schema["schema"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let answer = answer.json();
        let problems: Vec<String> = validator
            .iter_errors(&answer)
            .map(|error| error.to_string())
            .collect();
        assert!(problems.is_empty(), "{path}: {problems:?}");
        for parameter in operations["get"]["parameters"].as_array().unwrap() {
            let is_in_path = path.contains(&format!("{{{}}}", parameter["name"].as_str().unwrap()));
            assert_eq!(is_in_path, parameter["in"] == "path", "{path}");
        }
    }
}

#[tokio::test]
async fn the_page_and_the_statistics_say_the_same() {
    let bench = Bench::new().await;
    bench.evening().await;
    let page = bench.page().await;
    let person = get(&page, "/api/v1/person?name=bob").await.json();
    assert_eq!(
        (&person["messages"], &person["present"]),
        (&json!(3), &json!(true))
    );
    let alice = get(&page, "/api/v1/person?name=alice").await.json();
    assert_eq!(
        (&alice["kudos"], &alice["kudos_plusplus"]),
        (&json!(1), &json!(1))
    );
    let history = get(&page, "/api/v1/channels/Lounge/history?days=1")
        .await
        .json();
    let lines: i64 = history["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["messages"].as_i64().unwrap())
        .sum();
    assert_eq!((lines, &history["totals"]["messages"]), (3, &json!(3)));
    let live = get(&page, "/api/v1/channels/Lounge/live").await.json();
    let names: Vec<&Value> = live["present"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["name"])
        .collect();
    assert_eq!(names, ["alice", "bob"]);
    assert_eq!(live["hour"]["kudos"], 1);
}

#[tokio::test]
async fn without_the_browser_of_buckets_there_is_no_trace_of_it() {
    let bench = Bench::new().await;
    let config = kryten_web::WebConfig {
        kv: Some(false),
        ..Default::default()
    };
    let page = bench.page_with(&config);
    for path in ["/kv", "/kv/things", "/api/v1/kv", "/api/v1/kv/things"] {
        assert_eq!(
            get(&page, path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert!(!get(&page, "/").await.body.contains("/kv"));
    let document = get(&page, "/api/v1/openapi.json").await;
    assert!(!document.body.contains("/api/v1/kv"));
}

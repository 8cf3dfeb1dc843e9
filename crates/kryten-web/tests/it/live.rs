//! Live pages: what happens is seen within a second.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::bench::{Bench, get, within};

/// The live views of a page, as they come.
struct Events {
    body: axum::body::BodyDataStream,
    text: String,
}

impl Events {
    async fn open(page: &axum::Router) -> Self {
        let request = Request::get("/api/v1/channels/Lounge/events")
            .body(Body::empty())
            .unwrap();
        let response = page.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.lines().find_map(|line| {
                    line.strip_prefix("data: ")
                        .or_else(|| line.strip_prefix("data:"))
                });
                let view = data.map(|data| serde_json::from_str(data).unwrap());
                self.text = rest.to_owned();
                if view.is_some() {
                    return view;
                }
                continue;
            }
            let more = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&more).unwrap());
        }
    }

    async fn until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        within(what, async {
            loop {
                let view = self.next().await.unwrap();
                if is_it(&view) {
                    return view;
                }
            }
        })
        .await
    }
}

#[tokio::test]
async fn who_comes_and_what_is_said_is_seen_within_a_second() {
    let bench = Bench::new().await;
    bench.evening().await;
    let page = bench.page().await;
    let mut events = Events::open(&page).await;
    let first = events.until("the first view", |_| true).await;
    assert_eq!(first["present_count"], 2);
    bench
        .event("addUser", &json!({"name": "carol", "rank": 1, "meta": {}}))
        .await;
    let came = Instant::now();
    let view = events
        .until("carol is seen", |view| view["present_count"] == 3)
        .await;
    assert!(
        came.elapsed() < Duration::from_secs(1),
        "{:?}",
        came.elapsed()
    );
    assert_eq!(view["present"][2]["name"], "carol");
    bench.say("carol", "hi").await;
    let said = Instant::now();
    events
        .until("the line is seen", |view| view["hour"]["messages"] == 4)
        .await;
    assert!(
        said.elapsed() < Duration::from_secs(1),
        "{:?}",
        said.elapsed()
    );
    events
        .until("the minute is counted", |view| {
            view["rate"]["this_minute"].as_i64().unwrap()
                + view["rate"]["last_minute"].as_i64().unwrap()
                >= 1
        })
        .await;
}

#[tokio::test]
async fn what_comes_next_follows_the_playlist() {
    let bench = Bench::new().await;
    let film = |uid: i64, title: &str| json!({"uid": uid, "temp": true, "queueby": "ann", "media": {"title": title, "type": "yt", "id": title, "seconds": 95, "duration": "01:35", "meta": {}}});
    let current = json!({"title": "one", "type": "yt", "id": "one", "seconds": 95, "duration": "01:35", "meta": {}, "currentTime": 0, "paused": false, "uid": 1});
    bench
        .put("kryten_Lounge_playlist", "current", current.to_string())
        .await;
    bench
        .put(
            "kryten_Lounge_playlist",
            "items",
            json!([film(1, "one"), film(2, "two")]).to_string(),
        )
        .await;
    let page = bench.page().await;
    let mut events = Events::open(&page).await;
    let coming = |view: &Value| view["coming"]["films"][0]["title"].clone();
    events
        .until("two comes next", |view| coming(view) == "two")
        .await;
    bench
        .put(
            "kryten_Lounge_playlist",
            "items",
            json!([film(1, "one"), film(3, "three"), film(2, "two")]).to_string(),
        )
        .await;
    let view = events
        .until("three comes next", |view| coming(view) == "three")
        .await;
    assert_eq!(
        (
            &view["coming"]["playlist_length"],
            &view["coming"]["is_current"]
        ),
        (&json!(3), &json!(true))
    );
}

#[tokio::test]
async fn more_live_pages_than_there_is_room_for_are_refused() {
    let bench = Bench::new().await;
    let page = bench.page().await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(Events::open(&page).await);
    }
    assert_eq!(
        get(&page, "/api/v1/channels/Lounge/events").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    open.pop();
    Events::open(&page).await;
}

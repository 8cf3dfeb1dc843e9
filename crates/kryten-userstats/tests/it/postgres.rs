//! What only a database server can do: refuse, go away, come back; and what it cannot store.

use std::time::Duration;

use axum::http::StatusCode;
use kryten_protocol::time::WireTime;
use kryten_servers::PostgresServer;
use kryten_userstats::Userstats;
use kryten_userstats::store::{ChannelBatch, Store};
use kryten_userstats::tally::{EventView, Sums};
use serde_json::{Value, json};

use crate::bench::{Bench, CHANNEL, DOMAIN, eventually, get, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_login_and_a_missing_database_are_told_at_once() {
    let server = PostgresServer::shared().await;
    let right = server.url("postgres");
    let bench = Bench::new().await;
    let (user, rest) = right.split_once('@').unwrap();
    let (scheme, _) = user.rsplit_once(':').unwrap();
    for (url, what) in [
        (
            format!("{scheme}:wrong@{rest}"),
            "refuses the user kryten or the password",
        ),
        (
            server.url("nowhere"),
            "has no database nowhere; make it with `createdb nowhere`",
        ),
    ] {
        let mut config = bench.config();
        config.database_url = Some(url.parse().unwrap());
        let error = Userstats::bind(config).await.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        assert!(!error.contains("wrong@"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for_and_counting_goes_on_exactly() {
    let mut server = PostgresServer::ephemeral().await;
    let url = server.database().await;
    server.crash().await;
    let bench = Bench::new().await;
    bench.stream().await;
    for second in 0..20 {
        bench.say(second, "bob", "before the database").await;
    }
    let mut config = bench.config();
    config.database_url = Some(url.parse().unwrap());
    let service = Userstats::bind(config).await.unwrap();
    let router = service.router();
    let (status, body) = get(&router, "/health").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &body["database"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"disconnected".into())
    );
    server.restart().await.unwrap();
    within("the service is ready", service.ready()).await;
    assert_eq!(get(&router, "/health").await.0, StatusCode::OK);
    for round in 1..4 {
        server.crash().await;
        let from = round * 20;
        for second in from..from + 20 {
            bench.say(second, "bob", "the database is away").await;
        }
        eventually("a commit has failed", || async {
            !service.status().view().database_ok
        })
        .await;
        server.restart().await.unwrap();
        bench.counted(&service).await;
    }
    let store = Store::connect(&url.parse().unwrap());
    assert_eq!(store.messages_of("bob", CHANNEL, DOMAIN).await.unwrap(), 80);
    assert!(service.status().view().is_healthy());
    within("it stops", service.shutdown()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_postgresql_refuses_are_stored_as_near_as_can_be() {
    let server = PostgresServer::shared().await;
    let store = Store::connect(&server.database().await.parse().unwrap());
    store.prepare().await.unwrap();
    let mut tally = store.load(&[]).await.unwrap();
    let claim = store.claim(CHANNEL).await.unwrap();
    let mut sums = Sums::default();
    let long = "x".repeat(5000);
    for (second, title) in [(0, "a\0b"), (1, "a\u{fffd}b"), (2, &long)] {
        let film = json!({"type": "yt", "id": title, "title": title});
        for (name, payload) in [
            ("changeMedia", film),
            (
                "chatMsg",
                json!({"username": title, "msg": "movie++", "time": 1_795_364_000_000_i64 + second}),
            ),
        ] {
            let event = EventView {
                domain: DOMAIN,
                channel: CHANNEL,
                name,
                payload: &payload.to_string(),
                time: WireTime::from_millis(1_795_364_000_000 + second),
                line_id: None,
                epoch: 0,
            };
            tally.apply(&event, &mut sums);
        }
    }
    tally.remember(&mut sums);
    let batch = ChannelBatch {
        token: &claim.token,
        epoch: claim.epoch,
        sums: &sums,
        position: None,
        seals: None,
    };
    let batches = [batch];
    let commit = tokio::time::timeout(Duration::from_secs(20), store.commit(&batches));
    assert!(commit.await.unwrap().unwrap().lost.is_empty());
    assert_eq!(
        store
            .messages_of("a\u{fffd}b", CHANNEL, DOMAIN)
            .await
            .unwrap(),
        2
    );
    assert_eq!(store.totals().await.unwrap().messages, 3);
}

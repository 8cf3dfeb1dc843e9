//! The service as others meet it: configuration, lifecycle messages, pages, the original's own events.

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use futures_util::StreamExt;
use kryten_client::round_trip::round_trip;
use kryten_userstats::{ChannelConfig, Config, Userstats, UserstatsError};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tower::ServiceExt;

use crate::bench::{Bench, eventually, get, within};
use crate::original;

fn load(folder: &Path, text: &str) -> Result<Config, String> {
    let file = folder.join("config.json");
    std::fs::write(&file, text).unwrap();
    Config::load(&file).map_err(|error| error.to_string())
}

/// Writes nonsense over a table; what is read first of all stays whole.
async fn damage(database: &Path, table: &str) {
    let url = format!("sqlite://{}", database.display());
    let mut sqlite = SqliteConnection::connect(&url).await.unwrap();
    let page = sqlx::query_scalar("SELECT rootpage FROM sqlite_master WHERE name = $1");
    let page: i64 = page.bind(table).fetch_one(&mut sqlite).await.unwrap();
    let size = sqlx::query_scalar("PRAGMA page_size");
    let size: i64 = size.fetch_one(&mut sqlite).await.unwrap();
    sqlite.close().await.unwrap();
    let file = std::fs::File::options().write(true).open(database).unwrap();
    let nonsense = vec![0xff; usize::try_from(size).unwrap()];
    let at = u64::try_from((page - 1) * size).unwrap();
    file.write_all_at(&nonsense, at).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_database_is_damaged_ends_and_says_so_in_its_health() {
    let bench = Bench::new().await;
    bench.store().await.close().await;
    damage(&bench.database(), "kryten_position").await;
    let service = Userstats::bind(bench.config()).await.unwrap();
    within("the service is ready or has ended", service.ready()).await;
    assert!(service.has_ended());
    let (status, health) = get(&service.router(), "/health").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!(health["problem"], "counting has ended; the log says why");
    let why = service.join().await.unwrap_err();
    assert!(matches!(why, UserstatsError::Counting(_)), "{why}");
    service.shutdown().await.unwrap();
}

#[test]
fn a_wrong_configuration_is_refused_with_the_key_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let nats = r#""nats": {"servers": ["nats://localhost:4222"]}"#;
    let channels = r#""channels": [{"domain": "cytu.be", "channel": "x"}]"#;
    for (text, key) in [
        ("{".to_owned(), "not valid JSON"),
        ("{}".to_owned(), "nats"),
        (format!("{{{nats}}}"), "channels"),
        (
            format!(r#"{{"nats": {{"servers": []}}, {channels}}}"#),
            "nats.servers",
        ),
        (
            format!(r#"{{{nats}, "channels": [{{"domain": "", "channel": "x"}}]}}"#),
            "channels[0].domain",
        ),
        (
            format!(r#"{{{nats}, "channels": [{{"domain": "d", "channel": ""}}]}}"#),
            "channels[0].channel",
        ),
        (
            format!(r#"{{{nats}, {channels}, "metrics": {{}}}}"#),
            "metrics",
        ),
        (
            format!(r#"{{{nats}, {channels}, "metrics": {{"port": 0}}}}"#),
            "metrics.port",
        ),
        (
            format!(r#"{{{nats}, {channels}, "service": {{"heartbeat_interval": 4}}}}"#),
            "heartbeat_interval",
        ),
        (
            format!(r#"{{{nats}, {channels}, "snapshots": {{"interval_seconds": 0}}}}"#),
            "snapshots",
        ),
        (
            format!(r#"{{{nats}, {channels}, "log_level": "LOUD"}}"#),
            "log_level",
        ),
        (
            format!(r#"{{{nats}, {channels}, "compat": "exact"}}"#),
            "compat",
        ),
        (
            format!(
                r#"{{{nats}, {channels}, "compat": "strict", "detectors": {{"real_names": true}}}}"#
            ),
            "detectors",
        ),
    ] {
        let error = load(folder.path(), &text).unwrap_err();
        assert!(error.contains(key), "{text}: {error}");
    }
    let least = load(folder.path(), &format!("{{{nats}, {channels}}}")).unwrap();
    assert_eq!(least.service_name, "userstats");
    assert_eq!(least.http.unwrap().port(), 28282);
    assert_eq!(least.database, Path::new("data/userstats.db"));
    assert!(
        least.metrics_endpoint.is_none(),
        "nothing is advertised without a metrics object"
    );
}

#[tokio::test]
async fn lifecycle_messages_are_those_of_the_original() {
    let bench = Bench::new().await;
    let nats = bench.client.nats();
    let mut heard = nats
        .subscribe("kryten.lifecycle.userstats.>")
        .await
        .unwrap();
    assert!(round_trip(&nats).await);
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../fixtures/userstats_config.json");
    let mut config = load(folder.path(), text).unwrap();
    config.nats = bench.config().nats;
    config.database = bench.database();
    config.http = None;
    let service = Userstats::bind(config).await.unwrap();
    within("the service is ready", service.ready()).await;
    let mut next = async || {
        let message = within("a lifecycle message comes", heard.next())
            .await
            .unwrap();
        let what = message.subject.rsplit('.').next().unwrap().to_owned();
        let body: Value = serde_json::from_slice(&message.payload).unwrap();
        let keys: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        (what, body, keys.join(" "))
    };
    let (what, body, keys) = next().await;
    assert_eq!(what, "startup");
    assert_eq!(
        keys,
        "service version hostname timestamp uptime_seconds metadata instance"
    );
    // Ours, by which two on one host are told apart.
    assert_eq!(body["instance"], service.status().view().sharing.instance);
    assert_eq!(
        body["metadata"]["endpoints"]["health"],
        json!({"port": 28392, "path": "/health"})
    );
    nats.publish("kryten.lifecycle.robot.startup", "{}".into())
        .await
        .unwrap();
    let (what, body, _) = next().await;
    assert_eq!(
        (what.as_str(), &body["re_announcement"]),
        ("startup", &true.into())
    );
    assert_eq!(
        (&body["channels_configured"], &body["metrics_port"]),
        (&2.into(), &28392.into())
    );
    nats.publish("kryten.service.discovery.poll", "{}".into())
        .await
        .unwrap();
    assert_eq!(next().await.2, keys);
    service.shutdown().await.unwrap();
    let (what, body, _) = next().await;
    assert_eq!(
        (what.as_str(), &body["reason"]),
        ("shutdown", &"Normal shutdown".into())
    );
}

#[tokio::test]
async fn the_port_has_health_and_metrics_and_nothing_else() {
    let bench = Bench::new().await;
    let service = bench.start().await;
    let router = service.router();
    for path in ["/", "/channels/Lounge", "/nope", "/metrics/"] {
        let answer = get(&router, path).await;
        assert_eq!(answer, (StatusCode::NOT_FOUND, "404: Not Found".to_owned()));
    }
    let request = HttpRequest::post("/metrics").body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
}

#[tokio::test]
async fn a_taken_port_is_told_at_once() {
    let bench = Bench::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = bench.config();
    config.http = Some(listener.local_addr().unwrap());
    let error = Userstats::bind(config).await.unwrap_err().to_string();
    assert!(error.contains("metrics.port"), "{error}");
}

on_both! {
    async fn what_the_original_was_sent_gives_its_rows_but_for_what_is_mended(backend) {
        let bench = Bench::with(backend).await;
        bench.seed_recorded_kv().await;
        let mut config = bench.config();
        let channel = |name: &str| ChannelConfig {
            domain: "cytu.be".into(),
            channel: name.into(),
        };
        config.channels = vec![channel("420grindhouse"), channel("Lounge")];
        config.default_phrases = ["lol", "rofl", "lmao", "haha", "😂", "🤣", "😆"]
            .map(str::to_owned)
            .to_vec();
        let service = Userstats::bind(config).await.unwrap();
        within("the service is ready", service.ready()).await;
        for (owner, alias) in [("Alice", "al"), ("BOB", "bobby"), ("GhostUser", "ghosty")] {
            let request = kryten_protocol::command::Request::new("userstats", "alias.add")
                .with("username", owner)
                .with("alias", alias);
            bench.ask(request).await.unwrap();
        }
        for text in include_str!("../fixtures/userstats_events.jsonl").lines() {
            let event: Value = serde_json::from_str(text).unwrap();
            let body = match &event["data_raw"] {
                Value::String(raw) => raw.clone(),
                _ => event["data"].to_string(),
            };
            let subject = event["subject"].as_str().unwrap().to_owned();
            let ack = bench.client.jetstream().publish(subject, body.into()).await;
            ack.unwrap().await.unwrap();
        }
        eventually("the last line is counted", || async {
            let store = bench.store().await;
            store.user_seen("Otto").await.unwrap().is_some()
                && store.user_seen("NoTs").await.unwrap().is_some()
        })
        .await;
        service.shutdown().await.unwrap();
        let ours: BTreeSet<String> = original::dump_of(&bench.place)
            .await
            .into_iter()
            .collect();
        let path = bench.folder.path().join("original.db");
        original::write(&path, |_| true).await;
        let theirs: BTreeSet<String> = original::dump(&path).await.into_iter().collect();
        let more: Vec<&str> = ours.difference(&theirs).map(String::as_str).collect();
        let less: Vec<&str> = theirs.difference(&ours).map(String::as_str).collect();
        assert_eq!(
            more,
            [
                // The emotes follow `updateEmote`, and an emptied list is empty.
                "emote_usage: bob|420grindhouse|cytu.be|kappa|3",
                "emote_usage: bob|420grindhouse|cytu.be|newone|1",
                // A numeric id is taken as a text.
                "media_changes: 420grindhouse|cytu.be|Numeric id|fi|77",
                // What plays is under the key `current`.
                "movie_votes: 420grindhouse|cytu.be|Actually Playing|vi|play02|Alice|1",
                // A repeated join does not begin anew, and a leader's rank of 1.5 loses nobody.
                "user_activity: Dave|420grindhouse|cytu.be|1|1",
                "user_activity: Lead|420grindhouse|cytu.be|5|5",
                "users: Lead",
            ]
        );
        assert_eq!(
            less,
            [
                "emote_usage: bob|420grindhouse|cytu.be|kappa|4",
                "movie_votes: 420grindhouse|cytu.be|First In List|||Alice|1",
                "user_activity: Dave|420grindhouse|cytu.be|0|0",
                // Where the user list is known, a line of somebody who is not in it opens no visit.
                "user_activity: Unseen|420grindhouse|cytu.be|3|3",
            ]
        );
    }
}

//! The four enhancements that the initial-state document leaves for later, which the original never had.

use std::time::Duration;

use axum::http::StatusCode;
use kryten_client::EventStream;
use kryten_protocol::command::Request;
use kryten_protocol::state::StateMark;
use kryten_userstats::{Config, Userstats};
use serde_json::{Value, json};

use crate::bench::{Bench, CHANNEL, DOMAIN, eventually, get, within};
use crate::logs::Logs;

async fn mark(stream: &EventStream) -> Option<StateMark> {
    let info = stream.info().await.unwrap();
    Some(StateMark {
        stream_created: info.created_nanos,
        sequence: info.last_sequence,
        epoch: 1,
    })
}

async fn drift(bench: &Bench, check: bool) -> Value {
    let request = Request::new("userstats", "system.drift").with("check", check);
    bench.ask(request).await.unwrap()
}

/// The events tell alice and bob, two emotes and a film.
async fn told(bench: &Bench) -> EventStream {
    let stream = bench.stream().await;
    let users = json!([{"name": "alice"}, {"name": "bob", "meta": {"afk": true}}]);
    bench.event(0, "userlist", &users).await;
    let emotes = json!([{"name": "#Kappa"}, {"name": "#lul"}]);
    bench.event(1, "emoteList", &emotes).await;
    let film = json!({"type": "yt", "id": "x", "title": "A Film"});
    bench.event(2, "changeMedia", &film).await;
    stream
}

on_both! {
    async fn seed_b_16_the_state_is_refreshed_every_so_often(backend) {
        let bench = Bench::with(backend).await;
        let stream = told(&bench).await;
        let mut config = bench.config();
        config.refresh_interval = Some(Duration::from_millis(50));
        let service = Userstats::bind(config).await.unwrap();
        within("the service is ready", service.ready()).await;
        bench.say(3, "alice", "hi").await;
        bench.counted(&service).await;
        // Nobody announces anything: only KV has carol, whose joining got lost.
        let users = json!([{"name": "alice"}, {"name": "bob"}, {"name": "carol"}]);
        let key = ("kryten_Lounge_userlist", "users");
        bench.put(key.0, key.1, &users, mark(&stream).await).await;
        eventually("carol is there", || async {
            bench.user("carol").await["present"] == true
        })
        .await;
        let total = service.status().view().drift;
        assert_eq!(total, 2, "carol, and bob who is back at the keyboard");
        service.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn seed_b_16_the_interval_is_in_the_configuration() {
    let mut file = json!({
        "nats": {"servers": ["nats://localhost:4222"]},
        "channels": [{"domain": DOMAIN, "channel": CHANNEL}],
    });
    let every = |file: &Value| Config::read(file.clone()).map(|config| config.refresh_interval);
    assert_eq!(every(&file).unwrap(), Some(Duration::from_secs(300)));
    file["state"] = json!({"refresh_seconds": 1.5});
    assert_eq!(every(&file).unwrap(), Some(Duration::from_millis(1500)));
    file["state"] = json!({"refresh_seconds": 0});
    assert_eq!(every(&file).unwrap(), None);
    file["state"] = json!({"refresh_seconds": -1});
    let error = every(&file).unwrap_err().to_string();
    assert!(error.starts_with("state.refresh_seconds: "), "{error}");
}

#[tokio::test]
async fn seed_b_17_what_differs_is_told_for_each_kind_and_healed() {
    let (logs, _guard) = Logs::listen();
    let bench = Bench::new().await;
    let stream = told(&bench).await;
    let service = bench.start().await;
    bench.say(3, "alice", "hi").await;
    bench.counted(&service).await;
    let clean = drift(&bench, true).await;
    assert_eq!(clean["total"], 0, "{clean:#}");

    let at = mark(&stream).await;
    let users = json!([{"name": "alice", "meta": {"afk": true}}, {"name": "dave"}]);
    let film = json!({"type": "yt", "id": "y", "title": "Another"});
    for (bucket, key, value) in [
        ("kryten_Lounge_userlist", "users", users),
        (
            "kryten_Lounge_emotes",
            "list",
            json!([{"name": "#Kappa"}, {"name": "#new"}]),
        ),
        ("kryten_Lounge_playlist", "current", film),
    ] {
        bench.put(bucket, key, &value, at).await;
    }
    let told = drift(&bench, true).await;
    let channel = &told["channels"][0];
    assert_eq!(
        (&channel["domain"], &channel["channel"]),
        (&DOMAIN.into(), &CHANNEL.into())
    );
    let kinds = &channel["kinds"];
    for (kind, missing, surplus) in [
        ("users", json!(["dave"]), json!(["bob"])),
        ("afk", json!(["alice"]), json!([])),
        ("emotes", json!(["new"]), json!(["lul"])),
        ("media", json!(["Another"]), json!(["A Film"])),
    ] {
        assert_eq!(kinds[kind]["missing"], missing, "{kind}: {told:#}");
        assert_eq!(kinds[kind]["surplus"], surplus, "{kind}: {told:#}");
        assert_eq!(kinds[kind]["healed"], true, "{kind}");
        assert!(kinds[kind]["checked_at"].is_string());
        assert_eq!(logs.count("INFO", &format!("kind=\"{kind}\"")), 1, "{kind}");
    }
    assert_eq!(told["total"], 6);
    let (_, metrics) = get(&service.router(), "/metrics").await;
    for line in [
        "userstats_state_drift_total 6".to_owned(),
        format!(
            "userstats_channel_drift_total{{domain=\"{DOMAIN}\",channel=\"{CHANNEL}\",kind=\"users\"}} 2"
        ),
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} in {metrics}");
    }
    assert_eq!(bench.user("bob").await["present"], false);
    assert_eq!(bench.user("dave").await["present"], true);

    let again = drift(&bench, true).await;
    assert_eq!(again["total"], 6, "healed, so nothing differs any more");
    assert_eq!(again["channels"][0]["kinds"]["users"]["differences"], 0);
}

on_both! {
    async fn seed_b_17_a_state_that_is_older_than_the_events_is_not_taken_for_drift(backend) {
        let bench = Bench::with(backend).await;
        let stream = told(&bench).await;
        let service = bench.start().await;
        let users = json!([{"name": "alice"}, {"name": "bob", "meta": {"afk": true}}]);
        let key = ("kryten_Lounge_userlist", "users");
        bench.put(key.0, key.1, &users, mark(&stream).await).await;
        bench.event(5, "userLeave", &json!({"name": "bob"})).await;
        bench.counted(&service).await;
        let told = drift(&bench, true).await;
        assert_eq!(told["total"], 0, "{told:#}");
        assert_eq!(bench.user("bob").await["present"], false);
    }

    async fn seed_b_17_a_silence_before_a_comparison_ends_no_visit(backend) {
        let bench = Bench::with(backend).await;
        let stream = told(&bench).await;
        let mut service = bench.start().await;
        let users = json!([{"name": "alice"}, {"name": "bob", "meta": {"afk": true}}]);
        let key = ("kryten_Lounge_userlist", "users");
        bench.put(key.0, key.1, &users, mark(&stream).await).await;
        // Nothing plays, and somebody says something every ten minutes.
        for tenth in 1..=3 {
            bench.say(tenth * 600, "alice", "hi").await;
            bench.counted(&service).await;
            assert_eq!(drift(&bench, true).await["total"], 0);
            service.shutdown().await.unwrap();
            service = bench.start().await;
        }
        bench.event(2000, "userLeave", &json!({"name": "alice"})).await;
        bench.counted(&service).await;
        assert_eq!(bench.user("alice").await["activity"]["total_time_seconds"], 2000);
        service.shutdown().await.unwrap();
    }

    async fn seed_b_17_what_a_python_robot_keeps_is_compared_and_the_events_win(backend) {
        let bench = Bench::with(backend).await;
        told(&bench).await;
        let service = bench.start().await;
        let users =
            json!([{"name": "alice"}, {"name": "bob", "meta": {"afk": true}}, {"name": "ghost"}]);
        bench
            .put("kryten_Lounge_userlist", "users", &users, None)
            .await;
        let first = drift(&bench, true).await;
        assert_eq!(first["total"], 0, "it may be a moment ahead");
        let second = drift(&bench, true).await;
        let users = &second["channels"][0]["kinds"]["users"];
        assert_eq!(
            (&users["missing"], &users["healed"]),
            (&json!(["ghost"]), &false.into())
        );
        assert_eq!(bench.user("ghost").await["present"], false);
        service.shutdown().await.unwrap();
    }

    async fn seed_b_19_a_restart_knows_the_state_without_kv_and_without_nats(backend) {
        let mut bench = Bench::with(backend).await;
        bench.seed_kv().await;
        let service = bench.start().await;
        service.shutdown().await.unwrap();
        for bucket in [
            "kryten_Lounge_userlist",
            "kryten_Lounge_emotes",
            "kryten_Lounge_playlist",
        ] {
            let stream = format!("KV_{bucket}");
            let js = bench.client.jetstream();
            js.delete_stream(stream).await.unwrap();
        }
        let service = bench.start().await;
        bench.say(1, "bob", "#kappa movie++").await;
        bench.counted(&service).await;
        let bob = bench.user("bob").await;
        assert_eq!(
            (&bob["present"], &bob["emotes"][0]["count"]),
            (&true.into(), &1.into())
        );
        service.shutdown().await.unwrap();

        bench.say(2, "alice", "said while nobody counts").await;
        bench.server.stop().await.unwrap();
        let service = Userstats::bind(bench.config()).await.unwrap();
        let (status, health) = get(&service.router(), "/health").await;
        let health: Value = serde_json::from_str(&health).unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            (&health["active_sessions"], &health["problem"]),
            (&3.into(), &"the NATS server is away".into())
        );

        bench.server.restart().await.unwrap();
        within("the service catches up", service.ready()).await;
        assert_eq!(bench.user("alice").await["messages"], 1);
        assert_eq!(get(&service.router(), "/health").await.0, StatusCode::OK);
    }
}

//! One test for each promise of the initial-state document about what is missing, broken or away, and what the log says.

use axum::http::StatusCode;
use kryten_protocol::command::Request;
use serde_json::{Value, json};

use crate::bench::{Bench, CHANNEL, DOMAIN, eventually, get, line};
use crate::logs::Logs;

#[tokio::test]
async fn seed_b_12_without_a_bucket_the_service_warns_once_for_each_and_goes_on() {
    let (logs, _guard) = Logs::listen();
    let bench = Bench::new().await;
    bench
        .put(
            "kryten_Lounge_emotes",
            "list",
            &json!([{"name": "Kappa"}]),
            None,
        )
        .await;
    let service = bench.start().await;
    bench.say(1, "bob", "#kappa").await;
    bench.counted(&service).await;
    assert_eq!(bench.user("bob").await["messages"], 1);
    assert_eq!(logs.count("WARN", "cannot load users"), 1);
    assert_eq!(logs.count("WARN", "cannot load current media"), 1);
    assert_eq!(logs.count("WARN", ""), 2, "{:#?}", logs.lines());
}

#[tokio::test]
async fn seed_b_12_without_jetstream_the_service_counts_live_and_says_so() {
    let (logs, _guard) = Logs::listen();
    let bench = Bench::without_jetstream().await;
    let service = bench.start().await;
    bench
        .event_like_python(1, "chatMsg", &line(1, "bob", "alice++"))
        .await;
    eventually("the line is counted", || async {
        bench.user("bob").await["messages"] == 1
    })
    .await;
    for what in ["users", "emotes", "current media"] {
        assert_eq!(logs.count("WARN", &format!("cannot load {what}")), 1);
    }
    assert_eq!(
        logs.count("WARN", "only what happens from now on is counted"),
        1
    );
    assert_eq!(logs.count("WARN", ""), 4, "{:#?}", logs.lines());
    let (status, health) = get(&service.router(), "/health").await;
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!(
        (status, &health["status"]),
        (StatusCode::OK, &"degraded".into())
    );
    service.shutdown().await.unwrap();
}

#[tokio::test]
async fn seed_b_12_a_jetstream_that_is_switched_off_later_is_waited_for() {
    let (logs, _guard) = Logs::listen();
    let mut bench = Bench::new().await;
    let service = bench.start().await;
    bench.say(1, "bob", "before").await;
    bench.counted(&service).await;
    bench.server.set_jetstream(false);
    bench.server.restart().await.unwrap();
    eventually("it answers on the server without JetStream", || async {
        let about_bob = Request::new("userstats", "user.stats").with("username", "bob");
        bench.ask(about_bob).await.is_ok()
    })
    .await;
    // What makes it ask for the stream meanwhile.
    let nats = bench.client.nats();
    nats.publish("kryten.lifecycle.robot.startup", "{}".into())
        .await
        .unwrap();
    eventually("it is told", || async {
        logs.count("INFO", "the event stream cannot be read now") > 0
    })
    .await;
    bench.server.set_jetstream(true);
    bench.server.restart().await.unwrap();
    bench.stream().await;
    bench.say(2, "bob", "after").await;
    bench.counted(&service).await;
    assert_eq!(bench.user("bob").await["messages"], 2);
    assert_eq!(logs.count("WARN", "only what happens from now on"), 0);
    service.shutdown().await.unwrap();
}

#[tokio::test]
async fn seed_b_12_bad_json_and_wrong_shapes_are_warned_of_and_passed_over() {
    let (logs, _guard) = Logs::listen();
    let bench = Bench::new().await;
    bench.seed_kv().await;
    let raw = |bucket: &'static str, key: &'static str, value: &'static str| {
        let client = bench.client.clone();
        async move {
            let bucket = kryten_client::KvBucket::open(&client, bucket)
                .await
                .unwrap();
            bucket.put_text(key, value).await.unwrap();
        }
    };
    raw("kryten_Lounge_userlist", "users", "{not json").await;
    raw("kryten_Lounge_emotes", "list", "42").await;
    let _service = bench.start().await;
    assert_eq!(logs.count("WARN", "is not JSON"), 1);
    assert_eq!(logs.count("WARN", "is not a list of emotes"), 1);
    assert_eq!(logs.count("WARN", ""), 2, "{:#?}", logs.lines());
    assert_eq!(
        logs.count("INFO", "Actually Playing"),
        1,
        "the third part is loaded"
    );
}

#[tokio::test]
async fn seed_b_12_an_absent_server_is_waited_for() {
    let mut bench = Bench::new().await;
    bench.server.stop().await.unwrap();
    let service = kryten_userstats::Userstats::bind(bench.config())
        .await
        .unwrap();
    let (status, _) = get(&service.router(), "/health").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let reads = service.reads();
    let top = reads.store.top_users(CHANNEL, DOMAIN, 10).await;
    assert!(top.is_ok(), "the page can be read");
    bench.server.restart().await.unwrap();
    crate::bench::within("the service is ready", service.ready()).await;
    assert_eq!(get(&service.router(), "/health").await.0, StatusCode::OK);
}

#[tokio::test]
async fn seed_b_13_the_log_tells_what_was_loaded() {
    let (logs, _guard) = Logs::listen();
    let bench = Bench::new().await;
    bench.seed_kv().await;
    let _service = bench.start().await;
    // Nothing waits in the stream, so it may answer before its reader is there.
    let listening = "listening to kryten.events.cytube.lounge.>";
    eventually("it listens", || async { logs.count("INFO", listening) > 0 }).await;
    for (level, part) in [
        ("INFO", "connected to NATS"),
        ("INFO", "loading the state of cytu.be/Lounge from KV"),
        ("INFO", "loaded 3 users from KV"),
        ("DEBUG", "alice is in the channel"),
        ("INFO", "loaded 2 emotes from KV"),
        ("INFO", "now plays Actually Playing"),
        ("INFO", listening),
    ] {
        assert_eq!(logs.count(level, part), 1, "{part}: {:#?}", logs.lines());
    }
}

//! Nothing twice and nothing lost, whatever is killed, deleted, set back or sent again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kryten_protocol::line::LineKey;
use kryten_protocol::subject;
use kryten_userstats::Userstats;
use kryten_userstats::store::{ChannelBatch, Store};
use kryten_userstats::tally::{EventView, Sums};
use serde_json::{Value, json};

use crate::backend::Place;
use crate::bench::{Bench, CHANNEL, DOMAIN, START, at, envelope, eventually, line, within};
use crate::busy::{Dice, busy_channel, publish};
use crate::original;

/// The rows that one fold over all events gives.
async fn folded(path: &Path, events: &[(i64, &'static str, Value)]) -> Vec<String> {
    let store = Store::open(path).await.unwrap();
    let phrases = store
        .phrases_or(&["lol".into(), "haha".into()])
        .await
        .unwrap();
    let mut tally = store.load(&phrases).await.unwrap();
    let mut sums = Sums::default();
    for (second, name, payload) in events {
        let event = EventView {
            domain: DOMAIN,
            channel: CHANNEL,
            name,
            payload: &payload.to_string(),
            time: at(*second),
            line_id: None,
            epoch: 0,
        };
        tally.apply(&event, &mut sums);
    }
    let claim = store.claim(CHANNEL).await.unwrap();
    let batch = ChannelBatch {
        token: &claim.token,
        epoch: claim.epoch,
        sums: &sums,
        position: None,
        seals: None,
    };
    store.commit(&[batch]).await.unwrap();
    store.close().await;
    original::dump(path).await
}

/// Runs the service for a while in a runtime of its own, and drops it where it stands.
fn run_and_kill(config: kryten_userstats::Config, time: Duration) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let _service = Userstats::bind(config).await.unwrap();
        tokio::time::sleep(time).await;
    });
    runtime.shutdown_background();
}

on_both! {
async fn twenty_kills_leave_the_totals_exact(backend) {
    let bench = Arc::new(Bench::with(backend).await);
    bench.stream().await;
    let events = Arc::new(busy_channel(7, 20_000));
    let expected = folded(&bench.folder.path().join("expected.db"), &events).await;
    let published = Arc::new(AtomicBool::new(false));
    let publisher = {
        let (bench, events, published) = (bench.clone(), events.clone(), published.clone());
        tokio::spawn(async move {
            publish(&bench, &events).await;
            published.store(true, Ordering::Relaxed);
        })
    };
    let mut dice = Dice(11);
    for _ in 0..20 {
        let (config, time) = (bench.config(), Duration::from_millis(30 + dice.roll(150)));
        tokio::task::spawn_blocking(move || run_and_kill(config, time))
            .await
            .unwrap();
    }
    publisher.await.unwrap();
    assert!(published.load(Ordering::Relaxed));
    let service = bench.start().await;
    bench.counted(&service).await;
    service.shutdown().await.unwrap();
    let rows = original::dump_of(&bench.place).await;
    let differences: Vec<&String> = rows
        .iter()
        .filter(|row| !expected.contains(row))
        .chain(expected.iter().filter(|row| !rows.contains(row)))
        .collect();
    assert!(differences.is_empty(), "{differences:#?}");
}
}

on_both! {
async fn a_line_that_is_sent_again_counts_once(backend) {
    let bench = Bench::with(backend).await;
    let service = bench.start().await;
    let payload = line(1, "bob", "alice++ said this");
    bench.event(0, "addUser", &json!({"name": "alice"})).await;
    let id = LineKey {
        domain: DOMAIN,
        channel: CHANNEL,
        event: "chatMsg",
        time: START + 1000,
        username: "bob",
        message: "alice++ said this",
        nth: 1,
    }
    .id();
    let subject = subject::event(CHANNEL, "chatMsg").unwrap();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", id.as_str());
    let body = envelope(1, "chatMsg", &payload);
    let jetstream = bench.client.jetstream();
    let ack = jetstream.publish_with_headers(subject, headers, body.into());
    ack.await.unwrap().await.unwrap();
    // The Python robot gives no ids, and sends CyTube's replay again after a restart.
    bench.event_like_python(30, "chatMsg", &payload).await;
    bench.event_like_python(60, "chatMsg", &payload).await;
    bench.say(61, "bob", "last").await;
    bench.counted(&service).await;
    let stats = bench.user("bob").await;
    assert_eq!(stats["messages"], 2);
    assert_eq!(bench.user("alice").await["kudos_plusplus"], 1);
    assert_eq!(service.status().view().counters.repeated, 2);
}
}

on_both! {
async fn a_stream_deleted_underneath_is_made_anew_and_the_hole_is_reported(backend) {
    let bench = Bench::with(backend).await;
    let service = bench.start().await;
    for second in 0..40 {
        bench.say(second, "bob", "before").await;
    }
    bench.counted(&service).await;
    let name = bench.stream().await.name().to_owned();
    bench.client.jetstream().delete_stream(&name).await.unwrap();
    eventually("the stream is there again", || async {
        bench.client.jetstream().get_stream(&name).await.is_ok()
    })
    .await;
    // A robot sends its last lines again; the numbers of the new stream are those of the old one.
    for second in 30..70 {
        bench
            .say(second, "bob", if second < 40 { "before" } else { "after" })
            .await;
    }
    eventually("all lines are counted", || async {
        bench.user("bob").await["messages"].as_i64() >= Some(70)
    })
    .await;
    assert_eq!(bench.user("bob").await["messages"], 70);
    assert_eq!(bench.stats().await["gaps"], 1);
}
}

on_both! {
async fn sequence_numbers_that_are_used_again_are_not_taken_for_counted(backend) {
    let mut bench = Bench::with(backend).await;
    bench.stream().await;
    let store = bench.server.data_dir().to_owned();
    let copy = bench.folder.path().join("copy");
    let mut second = 0;
    let mut said = 0;
    for (lines, before) in [(50, ""), (30, "copy"), (60, "restore")] {
        if !before.is_empty() {
            bench.server.stop().await.unwrap();
            let (from, to) = match before {
                "copy" => (&store, &copy),
                _ => (&copy, &store),
            };
            copy_folder(&from.join("store"), &to.join("store"));
            bench.server.restart().await.unwrap();
            within("the connection stands", bench.client.connected()).await;
        }
        for _ in 0..lines {
            second += 1;
            said += 1;
            bench.say(second, "bob", "hi").await;
        }
        let service = bench.start().await;
        bench.counted(&service).await;
        assert_eq!(bench.user("bob").await["messages"], said);
        service.shutdown().await.unwrap();
    }
}
}

on_both! {
async fn a_whole_stream_replayed_into_an_empty_database_gives_the_same_rows(backend) {
    let bench = Bench::with(backend).await;
    bench.stream().await;
    let events = busy_channel(23, 3_000);
    for part in events.chunks(1_000) {
        let service = bench.start().await;
        publish(&bench, part).await;
        bench.counted(&service).await;
        service.shutdown().await.unwrap();
    }
    let live = original::dump_of(&bench.place).await;
    assert!(live.len() > 300, "{}", live.len());
    let empty = Place::new(backend, bench.folder.path().join("replayed.db")).await;
    let mut config = bench.config();
    empty.put_into(&mut config);
    let service = Userstats::bind(config).await.unwrap();
    within("the service is ready", service.ready()).await;
    bench.counted(&service).await;
    service.shutdown().await.unwrap();
    assert_eq!(original::dump_of(&empty).await, live);
}
}

#[tokio::test]
async fn events_dropped_before_they_were_counted_are_reported_with_their_number() {
    let bench = Bench::new().await;
    let service = bench.start().await;
    for second in 0..10 {
        bench.say(second, "bob", "counted").await;
    }
    bench.counted(&service).await;
    service.shutdown().await.unwrap();
    for second in 10..40 {
        bench.say(second, "bob", "said while nobody counted").await;
    }
    let name = bench.stream().await.name().to_owned();
    let stream = bench.client.jetstream().get_stream(&name).await.unwrap();
    stream.purge().sequence(31).await.unwrap();
    let service = bench.start().await;
    bench.counted(&service).await;
    let store = bench.store().await;
    assert_eq!(store.messages_of("bob", CHANNEL, DOMAIN).await.unwrap(), 20);
    let gaps = store.gaps(CHANNEL, DOMAIN, 10).await.unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(
        (gaps[0].reason.as_str(), gaps[0].lost),
        ("stream_truncated", Some(20))
    );
}

#[tokio::test]
async fn a_batch_that_the_database_refuses_waits_and_is_not_folded_again() {
    let bench = Bench::new().await;
    let service = bench.start().await;
    bench.say(1, "bob", "hi").await;
    bench.counted(&service).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(bench.database());
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(
        "CREATE TRIGGER full BEFORE UPDATE ON message_counts BEGIN SELECT RAISE(FAIL, 'disk full'); END",
    )
    .execute(&pool)
    .await
    .unwrap();
    for second in 2..12 {
        bench.say(second, "bob", "hi").await;
    }
    eventually("a commit has failed", || async {
        service.status().view().failed_commits > 0
    })
    .await;
    assert_eq!(
        bench.user("bob").await["messages"],
        1,
        "what is not committed is not told"
    );
    assert!(service.status().view().problem().is_some());
    sqlx::query("DROP TRIGGER full")
        .execute(&pool)
        .await
        .unwrap();
    bench.counted(&service).await;
    assert_eq!(bench.user("bob").await["messages"], 11);
    assert!(service.status().view().is_healthy());
}

#[tokio::test]
async fn the_state_is_loaded_again_when_a_robot_starts() {
    let bench = Bench::new().await;
    bench.seed_kv().await;
    let service = bench.start().await;
    assert_eq!(bench.user("dave").await["known"], false);
    bench
        .put(
            "kryten_Lounge_userlist",
            "users",
            &json!([{"name": "dave"}]),
            None,
        )
        .await;
    let nats = bench.client.nats();
    nats.publish("kryten.lifecycle.robot.startup", "{}".into())
        .await
        .unwrap();
    eventually("dave is known", || async {
        bench.user("dave").await["known"] == true
    })
    .await;
    service.shutdown().await.unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

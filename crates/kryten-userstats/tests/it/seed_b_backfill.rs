//! The third enhancement of the initial-state document: the past is counted, once.

use std::fmt::Write;
use std::path::Path;

use kryten_protocol::command::Request;
use kryten_userstats::{Config, Userstats};
use serde_json::{Value, json};

use crate::bench::{Bench, CHANNEL, DOMAIN, at, envelope, eventually, line, within};
use crate::original;

fn config(bench: &Bench) -> Config {
    let mut config = bench.config();
    config.backfill_folder = Some(bench.folder.path().join("past"));
    std::fs::create_dir_all(bench.folder.path().join("past")).unwrap();
    config
}

async fn start(config: Config) -> Userstats {
    let service = Userstats::bind(config).await.unwrap();
    within("the service is ready", service.ready()).await;
    service
}

async fn backfill(bench: &Bench, source: &str) -> Result<Value, String> {
    let request = Request::new("userstats", "backfill.run")
        .with("source", source)
        .with("timezone", "UTC")
        .with("date", "2026-11-22");
    bench.ask(request).await.map_err(|error| error.to_string())
}

/// A recording as `kryten record` writes it.
fn record(bench: &Bench, name: &str, events: &[(i64, &str, Value)]) {
    let mut text = String::from("not a line of it\n");
    for (second, event, payload) in events {
        let subject = kryten_protocol::subject::event(CHANNEL, event).unwrap();
        let json: Value = serde_json::from_str(&envelope(*second, event, payload)).unwrap();
        let ts = at(*second).micros() as f64 / 1e6;
        let line = json!({"t": 0, "ts": ts, "subject": subject, "headers": null, "json": json});
        writeln!(text, "{line}").unwrap();
    }
    std::fs::write(bench.folder.path().join("past").join(name), text).unwrap();
}

/// A day in the channel.
fn day(from: i64) -> Vec<(i64, &'static str, Value)> {
    let film = json!({"type": "yt", "id": format!("f{from}"), "title": format!("Film {from}")});
    vec![
        (from, "userlist", json!([{"name": "alice"}])),
        (from, "emoteList", json!([{"name": "#Kappa"}])),
        (from, "changeMedia", film),
        (from + 1, "drinkCount", json!(0)),
        (from + 1, "addUser", json!({"name": "bob"})),
        (
            from + 2,
            "chatMsg",
            line(from + 2, "alice", "bob++ #kappa movie++"),
        ),
        (from + 3, "chatMsg", line(from + 3, "bob", "lol alice")),
        (from + 4, "pm", line(from + 4, "bob", "psst")),
        (from + 61, "userLeave", json!({"name": "bob"})),
        (from + 62, "chatMsg", line(from + 62, "alice", "bye")),
    ]
}

on_both! {
    async fn seed_b_18_a_recording_is_counted_once_and_nothing_of_what_was_counted_live(backend) {
        let bench = Bench::with(backend).await;
        bench.stream().await;
        let service = start(config(&bench)).await;
        for (second, name, payload) in day(10_000) {
            bench.event(second, name, &payload).await;
        }
        bench.counted(&service).await;
        let live = original::dump_of(&bench.place).await;

        // The recording has what was counted live, too.
        let both: Vec<_> = day(0).into_iter().chain(day(10_000)).collect();
        record(&bench, "old.jsonl", &both);
        let added = backfill(&bench, "old.jsonl").await.unwrap();
        assert_eq!(
            (&added["lines"], &added["counted_before"]),
            (&4.into(), &10.into()),
            "{added}"
        );
        let alice = bench.user("alice").await;
        for (field, value) in [("messages", json!(4)), ("kudos_plusplus", json!(0))] {
            assert_eq!(alice[field], value, "{field}");
        }
        let bob = bench.user("bob").await;
        assert_eq!(
            (&bob["kudos_plusplus"], &bob["pms"]),
            (&2.into(), &2.into())
        );
        assert_eq!(bob["activity"]["total_time_seconds"], 120);
        assert_eq!(bob["first_seen_at"], at(1).to_string());
        assert_eq!(bob["present"], false);
        assert_eq!(alice["present"], true, "the visit of now goes on");
        let votes = Request::new("userstats", "channel.movie_votes").with("channel", CHANNEL);
        assert_eq!(bench.ask(votes).await.unwrap().as_array().unwrap().len(), 2);

        let once = original::dump_of(&bench.place).await;
        assert_ne!(once, live);
        let again = backfill(&bench, "old.jsonl").await.unwrap();
        assert_eq!(
            (&again["events"], &again["lines"]),
            (&0.into(), &0.into()),
            "{again}"
        );
        assert_eq!(original::dump_of(&bench.place).await, once);
        // Also after a restart; and counting goes on as before.
        service.shutdown().await.unwrap();
        let mut config = config(&bench);
        config.backfill_at_start = vec!["old.jsonl".into(), "stream".into()];
        let service = start(config).await;
        bench.say(20_000, "bob", "hi").await;
        bench.counted(&service).await;
        assert_eq!(bench.user("bob").await["messages"], 3);
        // The two at the start are done before this one.
        assert_eq!(backfill(&bench, "stream").await.unwrap()["events"], 0);
        let after = original::dump_of(&bench.place).await;
        let changed = after.iter().filter(|row| !once.contains(row)).count();
        assert_eq!(changed, 1, "only what bob said");
        service.shutdown().await.unwrap();
    }

    async fn seed_b_18_presence_around_what_is_counted_is_counted_once(backend) {
        const HOUR: i64 = 3600;
        let bench = Bench::with(backend).await;
        bench.stream().await;
        let service = start(config(&bench)).await;
        let user = |name: &str| json!({"name": name});
        let there = json!([{"name": "bob"}, {"name": "carol"}]);
        let a = [
            (10 * HOUR, "userlist", there),
            (11 * HOUR, "userLeave", user("bob")),
            (12 * HOUR, "drinkCount", json!(0)),
        ];
        // Bob leaves within the hours of the first recording, carol stays throughout, dave comes within them.
        let b = [
            (9 * HOUR, "userlist", json!([])),
            (9 * HOUR + 1800, "addUser", user("bob")),
            (9 * HOUR + 1800, "addUser", user("carol")),
            (11 * HOUR, "userLeave", user("bob")),
            (11 * HOUR + 1800, "addUser", user("dave")),
            (13 * HOUR, "drinkCount", json!(0)),
        ];
        record(&bench, "a.jsonl", &a);
        record(&bench, "b.jsonl", &b);
        let sources = ["a.jsonl", "b.jsonl", "a.jsonl", "b.jsonl"];
        let expected = [(3600, 7200, 0), (5400, 12_600, 3600), (5400, 12_600, 3600), (5400, 12_600, 3600)];
        for (source, (bob, carol, dave)) in sources.into_iter().zip(expected) {
            backfill(&bench, source).await.unwrap();
            for (name, seconds) in [("bob", bob), ("carol", carol), ("dave", dave)] {
                let counted = bench.user(name).await["activity"]["total_time_seconds"].clone();
                assert_eq!(counted.as_i64().unwrap_or(0), seconds, "{name} after {source}");
            }
        }
        let overlapping = "SELECT a.username FROM kryten_visits a JOIN kryten_visits b
             ON a.username = b.username AND a.opened_at < b.opened_at AND a.closed_at > b.opened_at";
        assert_eq!(bench.place.texts(overlapping).await, Vec::<String>::new());
        service.shutdown().await.unwrap();
    }

    async fn seed_b_18_what_the_stream_still_has_is_counted_at_the_start(backend) {
        let bench = Bench::with(backend).await;
        let stream = bench.stream().await;
        start(config(&bench)).await.shutdown().await.unwrap();
        for (second, name, payload) in day(0) {
            bench.event(second, name, &payload).await;
        }
        // As if counting had begun here.
        let info = stream.info().await.unwrap();
        let (created, last) = (info.created_nanos, info.last_sequence);
        let position = format!(
            "UPDATE kryten_position SET stream_created = '{created}', sequence = {last}, message_id = NULL, message_time = 0"
        );
        bench.place.execute(&position).await;
        let service = start(config(&bench)).await;
        assert_eq!(bench.user("alice").await["messages"], 0);
        service.shutdown().await.unwrap();
        for _ in 0..2 {
            let mut config = config(&bench);
            config.backfill_at_start = vec!["stream".into()];
            let service = start(config).await;
            eventually("the past is counted", || async {
                bench.user("alice").await["messages"] == 2
            })
            .await;
            assert_eq!(bench.user("bob").await["kudos_plusplus"], 1);
            service.shutdown().await.unwrap();
        }
    }

    async fn seed_b_18_the_audit_log_of_the_chat_is_counted_by_the_second(backend) {
        let bench = Bench::with(backend).await;
        bench.stream().await;
        let service = start(config(&bench)).await;
        // Half past four in the afternoon, by UTC.
        let clock = |second: i64| at(second).to_string()[11..19].to_owned();
        bench.say(100, "alice", "counted live").await;
        bench.say(101, "bob", "counted live, too").await;
        bench.counted(&service).await;
        let log = format!(
            "{} <bob>: hello\n{} <alice>: bob++\n{} <alice>: bob++\n{} <alice>: counted live\n{} <bob>: counted live, too\n",
            clock(-60),
            clock(-58),
            clock(-58),
            clock(100),
            clock(101)
        );
        std::fs::write(bench.folder.path().join("past/chat-messages.log"), log).unwrap();
        for lines in [3, 0] {
            let added = backfill(&bench, "chat-messages.log").await.unwrap();
            assert_eq!(added["lines"], lines, "{added}");
            assert_eq!(bench.user("alice").await["messages"], 3);
            let bob = bench.user("bob").await;
            assert_eq!(
                (&bob["messages"], &bob["kudos_plusplus"]),
                (&2.into(), &2.into())
            );
        }
        service.shutdown().await.unwrap();
    }

    async fn seed_b_18_real_recordings_of_both_kinds_are_counted_once(backend) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings");
        // CyTube said 451. The original published 423 of them, 27 of these twice.
        for (file, lines) in [
            ("robot_nats.jsonl", 423),
            ("cytube_frames.jsonl", 451),
        ] {
            let bench = Bench::with(backend).await;
            let mut config = bench.config();
            config.channels[0].domain = "localhost:18443".into();
            config.channels[0].channel = "Grindhouse420".into();
            config.backfill_folder = Some(fixtures.clone());
            let service = start(config).await;
            let added = backfill(&bench, file).await.unwrap();
            assert!(added["lines"].as_u64().unwrap() > 400, "{file}: {added}");
            let total = bench.stats().await["total_messages"].as_i64().unwrap();
            let once = original::dump_of(&bench.place).await;
            assert_eq!(backfill(&bench, file).await.unwrap()["events"], 0, "{file}");
            assert_eq!(original::dump_of(&bench.place).await, once, "{file}");
            assert_eq!(total, lines, "{file}");
            service.shutdown().await.unwrap();
        }
    }

    async fn seed_b_18_who_is_forgotten_does_not_come_back_by_the_past(backend) {
        let bench = Bench::with(backend).await;
        bench.stream().await;
        let service = start(config(&bench)).await;
        record(&bench, "old.jsonl", &day(0));
        let request = Request::new("userstats", "privacy.forget").with("username", "BOB");
        bench.ask(request).await.unwrap();
        backfill(&bench, "old.jsonl").await.unwrap();
        assert_eq!(bench.user("bob").await["known"], false);
        assert_eq!(bench.user("alice").await["messages"], 2);
        service.shutdown().await.unwrap();
    }

    async fn seed_b_18_only_files_of_the_folder_are_read(backend) {
        let bench = Bench::with(backend).await;
        let service = start(config(&bench)).await;
        for (source, part) in [
            ("", "source required"),
            ("../userstats.db", "name a file in the folder"),
            ("/etc/passwd", "name a file in the folder"),
            ("missing.jsonl", "cannot read"),
        ] {
            let error = backfill(&bench, source).await.unwrap_err();
            assert!(error.contains(part), "{source}: {error}");
        }
        std::fs::write(bench.folder.path().join("past/empty.jsonl"), "").unwrap();
        let error = backfill(&bench, "empty.jsonl").await.unwrap_err();
        assert!(error.contains("nothing in it"), "{error}");
        service.shutdown().await.unwrap();
        let service = bench.start().await;
        let error = backfill(&bench, "old.jsonl").await.unwrap_err();
        assert!(error.contains("set backfill.folder"), "{error}");
        service.shutdown().await.unwrap();
        let file = json!({
            "nats": {"servers": ["nats://localhost:4222"]},
            "channels": [{"domain": DOMAIN, "channel": CHANNEL}],
            "backfill": {"at_start": ["old.jsonl"]},
        });
        let error = Config::read(file).unwrap_err().to_string();
        assert!(error.starts_with("backfill.folder: "), "{error}");
    }
}

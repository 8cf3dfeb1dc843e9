//! One test for each promise of the initial-state document.

use axum::http::StatusCode;
use kryten_protocol::command::Request;
use kryten_protocol::state::StateMark;
use kryten_userstats::Config;
use serde_json::{Value, json};

use crate::bench::{Bench, CHANNEL, DOMAIN, at, eventually, get};
use crate::original;

async fn votes(bench: &Bench) -> Value {
    let request = Request::new("userstats", "channel.movie_votes").with("channel", CHANNEL);
    bench.ask(request).await.unwrap()
}

fn count_of(stats: &Value, emote: &str) -> i64 {
    let emotes = stats["emotes"].as_array().unwrap();
    let found = emotes.iter().find(|entry| entry["emote"] == emote);
    found.map_or(0, |entry| entry["count"].as_i64().unwrap())
}

on_both! {
    async fn seed_b_01_users_emotes_and_media_are_loaded_from_kv_at_the_start(backend) {
        let bench = Bench::with(backend).await;
        bench.seed_kv().await;
        let service = bench.start().await;
        assert_eq!(bench.user("bob").await["present"], true);
        bench.say(1, "bob", "#kappa movie++").await;
        bench.counted(&service).await;
        assert_eq!(count_of(&bench.user("bob").await, "kappa"), 1);
        assert_eq!(votes(&bench).await[0]["media_title"], "Actually Playing");
    }
}

#[tokio::test]
async fn seed_b_02_everybody_in_the_channel_is_known_from_the_first_moment() {
    let bench = Bench::new().await;
    bench.seed_kv().await;
    let _service = bench.start().await;
    for name in ["alice", "bob", "altkey"] {
        let stats = bench.user(name).await;
        assert_eq!(
            (&stats["known"], &stats["present"]),
            (&true.into(), &true.into()),
            "{name}"
        );
    }
    assert_eq!(bench.stats().await["total_users"], 3);
    assert_eq!(bench.user("carol").await["known"], false);
}

#[tokio::test]
async fn seed_b_03_emotes_are_found_at_once() {
    let bench = Bench::new().await;
    bench.seed_kv().await;
    bench.stream().await;
    // The line is in the stream before the service starts, and nothing in the stream tells the emotes.
    bench.say(1, "bob", "#pogchamp #Kappa #unknown").await;
    let _service = bench.start().await;
    let stats = bench.user("bob").await;
    assert_eq!(
        (count_of(&stats, "pogchamp"), count_of(&stats, "kappa")),
        (1, 1)
    );
    assert_eq!(count_of(&stats, "unknown"), 0);
}

#[tokio::test]
async fn seed_b_04_votes_go_to_what_was_playing_before() {
    let bench = Bench::new().await;
    bench.seed_kv().await;
    let service = bench.start().await;
    bench.say(1, "bob", "great movie++").await;
    bench.counted(&service).await;
    let votes = votes(&bench).await;
    assert_eq!(
        votes[0]["media_title"], "Actually Playing",
        "not the first of the list"
    );
    assert_eq!(
        (&votes[0]["media_type"], &votes[0]["media_id"]),
        (&"vi".into(), &"play02".into())
    );
}

#[tokio::test]
async fn seed_b_05_the_documents_own_key_names_are_tried() {
    let bench = Bench::new().await;
    let media = json!([{"title": "Top Level", "type": "yt", "id": "t1", "duration": 9}]);
    bench
        .put(
            "kryten_Lounge_emotes",
            "emotes",
            &json!([{"name": "Kappa"}]),
            None,
        )
        .await;
    bench
        .put("kryten_Lounge_playlist", "playlist", &media, None)
        .await;
    bench
        .put(
            "kryten_Lounge_userlist",
            "userlist",
            &json!([{"name": "alice"}]),
            None,
        )
        .await;
    let service = bench.start().await;
    bench.say(1, "alice", "#kappa movie++").await;
    bench.counted(&service).await;
    assert_eq!(count_of(&bench.user("alice").await, "kappa"), 1);
    assert_eq!(votes(&bench).await[0]["media_title"], "Top Level");
}

#[tokio::test]
async fn seed_b_06_the_documents_own_bucket_names_are_tried() {
    for prefix in ["kryten_lounge", "cytube_cytu_be_lounge"] {
        let bench = Bench::new().await;
        let users = json!([{"name": "alice"}]);
        bench
            .put(&format!("{prefix}_userlist"), "users", &users, None)
            .await;
        let _service = bench.start().await;
        assert_eq!(bench.user("alice").await["known"], true, "{prefix}");
    }
}

#[tokio::test]
async fn seed_b_07_values_are_read_in_every_shape_of_the_document() {
    let bench = Bench::new().await;
    let users = json!([
        {"name": "alice", "rank": 1.5, "profile": {"image": "", "text": ""}, "extra": 1},
        {"username": "altkey"}, {"name": ""}, "junk", null
    ]);
    let emotes = json!([{"name": "#Kappa", "image": "x"}, {"name": null}, "plain", 7]);
    let current = json!({"media": {"title": "Nested.mkv", "type": "fi", "id": 77}, "uid": 0});
    bench
        .put("kryten_Lounge_userlist", "users", &users, None)
        .await;
    bench
        .put("kryten_Lounge_emotes", "list", &emotes, None)
        .await;
    bench
        .put("kryten_Lounge_playlist", "current", &current, None)
        .await;
    let service = bench.start().await;
    bench.say(1, "alice", "#kappa #plain movie--").await;
    bench.counted(&service).await;
    assert_eq!(bench.user("altkey").await["present"], true);
    let stats = bench.user("alice").await;
    assert_eq!(
        (count_of(&stats, "kappa"), count_of(&stats, "plain")),
        (1, 1)
    );
    let votes = votes(&bench).await;
    assert_eq!(
        (&votes[0]["media_title"], &votes[0]["media_id"]),
        (&"Nested".into(), &"77".into())
    );
}

on_both! {
    async fn seed_b_08_nothing_falls_between_the_initial_state_and_the_events(backend) {
        let bench = Bench::with(backend).await;
        let stream = bench.stream().await;
        bench
            .event(0, "userlist", &json!([{"name": "early"}]))
            .await;
        // KV says that it reflects the events up to the first; what follows is newer than it.
        let created = stream.info().await.unwrap().created_nanos;
        let mark = StateMark {
            stream_created: created,
            sequence: 1,
            epoch: 1,
        };
        let users = json!([{"name": "early"}]);
        bench
            .put("kryten_Lounge_userlist", "users", &users, Some(mark))
            .await;
        bench.event(1, "addUser", &json!({"name": "between"})).await;
        bench.event(2, "userLeave", &json!({"name": "early"})).await;
        let _service = bench.start().await;
        assert_eq!(bench.user("between").await["present"], true);
        let early = bench.user("early").await;
        assert_eq!(
            (&early["known"], &early["present"]),
            (&true.into(), &false.into())
        );
        assert_eq!(early["activity"]["total_time_seconds"], 2);
    }

    async fn seed_b_09_users_are_marked_as_joined_and_their_time_counts(backend) {
        let bench = Bench::with(backend).await;
        bench.seed_kv().await;
        let service = bench.start().await;
        eventually("three visits are open", || async {
            bench.stats().await["active_sessions"] == 3
        })
        .await;
        // Both times are far after the moment at which KV was written.
        let later = 100_000_000;
        bench
            .event(later, "setAFK", &json!({"name": "bob", "afk": false}))
            .await;
        bench
            .event(later + 10, "userLeave", &json!({"name": "bob"}))
            .await;
        bench.counted(&service).await;
        let activity = bench.user("bob").await["activity"].clone();
        assert_eq!(
            activity["not_afk_time_seconds"], 10,
            "away since before the start"
        );
        assert!(activity["total_time_seconds"].as_i64().unwrap() > 10);
    }

    async fn seed_b_10_every_delta_is_followed(backend) {
        let bench = Bench::with(backend).await;
        bench.seed_kv().await;
        let service = bench.start().await;
        bench
            .event(
                1,
                "addUser",
                &json!({"name": "carol", "rank": 1.5, "meta": {"afk": false}}),
            )
            .await;
        bench.event(2, "userLeave", &json!({"name": "alice"})).await;
        bench
            .event(3, "updateEmote", &json!({"name": "#fresh"}))
            .await;
        bench
            .event(
                4,
                "renameEmote",
                &json!({"old": "#Kappa", "name": "#kreygasm"}),
            )
            .await;
        bench
            .event(5, "removeEmote", &json!({"name": "#PogChamp"}))
            .await;
        let film = json!({"id": "n1", "title": "New.Film.mp4", "type": "yt", "seconds": 1.5, "currentTime": 0});
        bench.event(6, "changeMedia", &film).await;
        bench
            .say(
                7,
                "carol",
                "#fresh #kappa #kreygasm #pogchamp alice++ lol bob movie++",
            )
            .await;
        bench.counted(&service).await;
        assert_eq!(bench.user("alice").await["present"], false);
        let carol = bench.user("carol").await;
        assert_eq!(
            (&carol["present"], &carol["messages"]),
            (&true.into(), &1.into())
        );
        let emotes: Vec<&Value> = carol["emotes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| &e["emote"])
            .collect();
        assert_eq!(emotes, ["kreygasm", "fresh"]);
        assert_eq!(bench.user("alice").await["kudos_plusplus"], 1);
        assert_eq!(bench.user("bob").await["kudos_phrases"][0]["phrase"], "lol");
        assert_eq!(votes(&bench).await[0]["media_title"], "New Film");
    }
}

#[tokio::test]
async fn seed_b_11_the_state_of_kv_and_the_state_of_the_events_do_not_drift() {
    let bench = Bench::new().await;
    let stream = bench.stream().await;
    bench
        .event(0, "emoteList", &json!([{"name": "#Kappa"}]))
        .await;
    bench
        .event(0, "userlist", &json!([{"name": "alice"}, {"name": "bob"}]))
        .await;
    bench.event(1, "userLeave", &json!({"name": "bob"})).await;
    let info = stream.info().await.unwrap();
    let mark = Some(StateMark {
        stream_created: info.created_nanos,
        sequence: info.last_sequence,
        epoch: 1,
    });
    bench
        .put(
            "kryten_Lounge_userlist",
            "users",
            &json!([{"name": "alice"}]),
            mark,
        )
        .await;
    bench
        .put(
            "kryten_Lounge_emotes",
            "list",
            &json!([{"name": "#Kappa"}]),
            mark,
        )
        .await;
    let service = bench.start().await;
    assert_eq!(service.status().view().drift, 0);
    assert_eq!(bench.user("bob").await["present"], false);
}

#[tokio::test]
async fn seed_b_14_a_user_who_came_before_the_service_is_shown_at_once() {
    let bench = Bench::new().await;
    bench.seed_kv().await;
    let _service = bench.start().await;
    let alice = bench.user("alice").await;
    assert_eq!(
        (&alice["username"], &alice["known"]),
        (&"alice".into(), &true.into())
    );
    assert!(alice["first_seen_at"].is_string());
}

#[tokio::test]
async fn seed_b_15_an_existing_installation_works_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::write(&file, include_str!("../fixtures/userstats_config.json")).unwrap();
    let mut config = Config::load(&file).unwrap();
    assert_eq!(config.channels[1].channel, CHANNEL);
    assert_eq!(config.http.unwrap().port(), 28392);
    assert_eq!(config.default_phrases.len(), 7);
    assert_eq!(config.snapshot_interval.as_secs(), 4);

    let bench = Bench::new().await;
    original::write(&bench.database(), |_| true).await;
    let before = original::dump(&bench.database()).await;
    // What the original counted is in the stream, too, if somebody had it kept: it must not count again.
    bench.stream().await;
    bench.say(1, "Lena", "hi lounge").await;
    config.nats = bench.config().nats;
    config.database = bench.database();
    config.http = None;
    let service = kryten_userstats::Userstats::bind(config).await.unwrap();
    crate::bench::within("the service is ready", service.ready()).await;
    assert_eq!(original::dump(&bench.database()).await, before);
    bench.say(2, "Lena", "al++").await;
    bench.counted(&service).await;
    let rows = original::dump(&bench.database()).await;
    let changed: Vec<&String> = rows.iter().filter(|row| !before.contains(row)).collect();
    assert_eq!(
        changed,
        [
            "message_counts: Lena|Lounge|cytu.be|4",
            "kudos_plusplus: Alice|Lounge|cytu.be|1"
        ]
    );
}

#[tokio::test]
async fn seed_b_20_metrics_and_queries_are_part_of_the_system() {
    let bench = Bench::new().await;
    bench.seed_kv().await;
    let service = bench.start().await;
    bench.say(1, "bob", "alice++ #kappa").await;
    bench.counted(&service).await;
    let (status, text) = get(&service.router(), "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    let original = include_str!("../fixtures/userstats_metrics.txt");
    let heads = |text: &str| -> Vec<String> {
        let heads = text.lines().filter(|line| line.starts_with('#'));
        heads.map(str::to_owned).collect()
    };
    let (ours, theirs) = (heads(&text), heads(original));
    assert_eq!(
        &ours[..theirs.len()],
        &theirs[..],
        "the original's metrics come first"
    );
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    for line in [
        "userstats_total_messages 1",
        "userstats_total_kudos 1",
        "userstats_active_sessions 3",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in {text}");
    }
    let (status, health) = get(&service.router(), "/health").await;
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!(
        (status, &health["status"]),
        (StatusCode::OK, &"healthy".into())
    );
    assert_eq!(health["total_users_tracked"], 3);
    let stats = bench.stats().await;
    assert_eq!(
        (
            &stats["total_messages"],
            &stats["lag_events"],
            &stats["gaps"]
        ),
        (&1.into(), &0.into(), &0.into())
    );
    let reads = service.reads();
    let playing = reads.store.now_playing(CHANNEL, DOMAIN).await.unwrap();
    assert_eq!(playing.unwrap().title, "Actually Playing");
    let top = reads.store.top_users(CHANNEL, DOMAIN, 10).await.unwrap();
    assert_eq!(top[0].username, "bob");
    assert!(reads.status.view().last_event_micros >= at(1).micros());
}

//! Measures how many mixed events a second are decoded, folded and committed: `cargo run --release -p
//! kryten-userstats --example throughput`; into PostgreSQL with ` -- postgres`, or ` -- URL` of an empty database. A
//! second argument says how many people there are (500).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement, not a service"
)]

use std::time::Instant;

use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::time::WireTime;
use kryten_servers::PostgresServer;
use kryten_userstats::store::{ChannelBatch, Position, Store};
use kryten_userstats::tally::{EventView, Sums};
use serde_json::{Value, json};

const EVENTS: i64 = 500_000;
const BATCH: usize = 5000;
const START: i64 = 1_795_364_000_000;

fn event(n: i64, people: i64) -> (&'static str, Value) {
    let user = format!("user{}", n * 7919 % people);
    let line =
        |text: &str| json!({"username": user, "msg": text, "meta": {}, "time": START + n * 10});
    match n % 20 {
        0 => (
            "addUser",
            json!({"name": user, "rank": 1, "profile": {}, "meta": {"afk": false}}),
        ),
        1 => ("userLeave", json!({"name": user})),
        2 => ("setAFK", json!({"name": user, "afk": n % 40 == 2})),
        3 | 4 => (
            "mediaUpdate",
            json!({"currentTime": 15.008, "paused": false}),
        ),
        5 => (
            "chatMsg",
            line(&format!("thanks user{}++ you are great", n % 97)),
        ),
        6 => (
            "chatMsg",
            line(&format!("lol user{} that was good haha", n % 89)),
        ),
        7 | 8 => ("chatMsg", line("#kappa #kappa well #pogchamp")),
        9 => ("chatMsg", line("great movie++")),
        10 => (
            "pm",
            json!({"username": user, "msg": "psst", "to": "bot", "time": START + n * 10}),
        ),
        _ => (
            "chatMsg",
            line("some ordinary talk about the film that runs, nothing to see"),
        ),
    }
}

#[tokio::main]
async fn main() {
    let people = std::env::args().nth(2);
    let people = people.map_or(500, |people| people.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let url = match std::env::args().nth(1).as_deref() {
        None | Some("sqlite") => None,
        Some("postgres") => Some(PostgresServer::shared().await.database().await),
        Some(url) => Some(url.to_owned()),
    };
    let store = match url {
        Some(url) => Store::connect(&url.parse().unwrap()),
        None => Store::open(&folder.path().join("userstats.db"))
            .await
            .unwrap(),
    };
    store.prepare().await.unwrap();
    let phrases = ["lol", "rofl", "haha"].map(str::to_owned);
    let mut tally = store
        .load(&store.phrases_or(&phrases).await.unwrap())
        .await
        .unwrap();
    let claim = store.claim("bench").await.unwrap();
    let envelope = |n: i64, name: &str, payload: &Value| {
        json!({
            "event_name": name, "payload": payload, "channel": "bench", "domain": "cytu.be",
            "timestamp": WireTime::from_millis(START + n * 10).to_string(), "correlation_id": "x",
        })
        .to_string()
    };
    let emotes = json!([{"name": "#kappa"}, {"name": "#pogchamp"}]);
    let film = json!({"title": "Film.mkv", "type": "yt", "id": "x", "currentTime": 0});
    let mut bodies = vec![
        envelope(0, "emoteList", &emotes),
        envelope(0, "drinkCount", &json!(0)),
        envelope(0, "changeMedia", &film),
    ];
    bodies.extend((1..=EVENTS).map(|n| {
        let (name, payload) = event(n, people);
        envelope(n, name, &payload)
    }));
    let begin = Instant::now();
    let (mut folding, mut sequence) = (std::time::Duration::ZERO, 0);
    for batch in bodies.chunks(BATCH) {
        let fold = Instant::now();
        let mut sums = Sums::default();
        for body in batch {
            sequence += 1;
            let envelope = EnvelopeRef::parse(body.as_bytes()).unwrap();
            let view = EventView::of(&envelope, WireTime::default(), None, 0);
            tally.apply(&view, &mut sums);
        }
        tally.remember(&mut sums);
        folding += fold.elapsed();
        let position = Position {
            stream_created: 1,
            sequence,
            message_id: None,
            message_time: 0,
        };
        let batch = ChannelBatch {
            token: &claim.token,
            epoch: claim.epoch,
            sums: &sums,
            position: Some(&position),
            seals: None,
        };
        store.commit(&[batch]).await.unwrap();
    }
    let seconds = begin.elapsed().as_secs_f64();
    let totals = store.totals().await.unwrap();
    println!(
        "{} events in {seconds:.2} s: {:.0} events/s; folding {:.0} %, the rest is the database; {} lines, {} kudos",
        bodies.len(),
        bodies.len() as f64 / seconds,
        folding.as_secs_f64() / seconds * 100.0,
        totals.messages,
        totals.kudos_plusplus + totals.kudos_phrases,
    );
}

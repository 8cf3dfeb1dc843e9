//! The database: exactness of a commit, epochs, files of the original.

use std::ops::Range;
use std::path::Path;

use kryten_protocol::time::WireTime;
use kryten_userstats::store::{ChannelBatch, Claim, Position, Store};
use kryten_userstats::tally::{EventView, Sums, Tally};
use serde_json::{Value, json};
use sqlx::Row;

use crate::backend::Place;
use crate::original;

const START: i64 = 1_795_364_000_000;

fn send(tally: &mut Tally, sums: &mut Sums, second: i64, name: &str, payload: &Value) {
    let event = EventView {
        domain: "cytu.be",
        channel: "Lounge",
        name,
        payload: &payload.to_string(),
        time: WireTime::from_millis(START + second * 1000),
        line_id: None,
        epoch: 0,
    };
    tally.apply(&event, sums);
}

fn line(user: &str, text: &str, second: i64) -> Value {
    json!({"username": user, "msg": text, "time": START + second * 1000})
}

fn position(sequence: u64) -> Position {
    Position {
        stream_created: 1_795_000_000_123_456_789,
        sequence,
        message_id: Some(format!("id-{sequence}")),
        message_time: 1_795_364_000_000_000_001,
    }
}

async fn commit(store: &Store, claim: &Claim, sums: &Sums, at: &Position) -> Vec<String> {
    let batch = ChannelBatch {
        token: &claim.token,
        epoch: claim.epoch,
        sums,
        position: Some(at),
        seals: None,
    };
    store.commit(&[batch]).await.unwrap().lost
}

async fn open(path: &Path) -> (Store, Tally) {
    open_at(&Place::File(path.to_owned())).await
}

async fn open_at(place: &Place) -> (Store, Tally) {
    let store = place.open().await;
    let phrases = store.phrases_or(&["lol".to_owned()]).await.unwrap();
    let tally = store.load(&phrases).await.unwrap();
    (store, tally)
}

on_both! {
async fn a_restart_goes_on_as_of_the_stored_position(backend) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(backend, folder.path().join("data/userstats.db")).await;
    let (store, mut tally) = open_at(&place).await;
    let claim = store.claim("Lounge").await.unwrap();
    assert_eq!(
        (claim.epoch, &claim.position, claim.has_counts),
        (1, &None, false)
    );
    let mut sums = Sums::default();
    let film = json!({"type": "yt", "id": "x", "title": "A.Film.mkv"});
    send(
        &mut tally,
        &mut sums,
        0,
        "emoteList",
        &json!([{"name": "#Kappa"}]),
    );
    send(&mut tally, &mut sums, 0, "drinkCount", &json!(0));
    send(&mut tally, &mut sums, 0, "changeMedia", &film);
    send(
        &mut tally,
        &mut sums,
        0,
        "userlist",
        &json!([{"name": "alice"}, {"name": "bob"}]),
    );
    send(
        &mut tally,
        &mut sums,
        1,
        "chatMsg",
        &line("bob", "#kappa alice++ lol alice", 1),
    );
    tally.remember(&mut sums);
    assert!(commit(&store, &claim, &sums, &position(5)).await.is_empty());
    store.close().await;

    let (store, mut tally) = open_at(&place).await;
    let claim = store.claim("lounge").await.unwrap();
    assert_eq!(claim.position, Some(position(5)));
    assert_eq!((claim.epoch, claim.has_counts), (2, true));
    let mut sums = Sums::default();
    send(
        &mut tally,
        &mut sums,
        1,
        "chatMsg",
        &line("bob", "#kappa alice++ lol alice", 1),
    );
    assert_eq!(sums.counters.repeated, 1, "the line is known");
    send(
        &mut tally,
        &mut sums,
        2,
        "chatMsg",
        &line("bob", "#kappa movie++", 2),
    );
    send(&mut tally, &mut sums, 3, "changeMedia", &film);
    send(
        &mut tally,
        &mut sums,
        9,
        "userLeave",
        &json!({"name": "bob"}),
    );
    tally.remember(&mut sums);
    assert!(commit(&store, &claim, &sums, &position(9)).await.is_empty());
    let rows = original::dump_of(&place).await;
    let expected = [
        "users: alice",
        "users: bob",
        "message_counts: bob|Lounge|cytu.be|2",
        "emote_usage: bob|Lounge|cytu.be|kappa|2",
        "kudos_plusplus: alice|Lounge|cytu.be|1",
        "kudos_phrases: alice|Lounge|cytu.be|lol|1",
        "media_changes: Lounge|cytu.be|A Film|yt|x",
        "movie_votes: Lounge|cytu.be|A Film|yt|x|bob|1",
        "user_activity: bob|Lounge|cytu.be|9|9",
        "kudos_trigger_phrases: lol",
    ];
    assert_eq!(rows, expected);
    let present = store.present("Lounge", "cytu.be").await.unwrap();
    let present: Vec<&str> = present.iter().map(|who| &*who.username).collect();
    assert_eq!(present, ["alice"]);
    let hours = store.hours("Lounge", "cytu.be", 0).await.unwrap();
    assert_eq!(
        (hours[0].messages, hours[0].emotes, hours[0].votes),
        (2, 2, 1)
    );
}
}

on_both! {
async fn a_holder_that_was_replaced_cannot_write(backend) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(backend, folder.path().join("userstats.db")).await;
    let (store, mut tally) = open_at(&place).await;
    let old = store.claim("Lounge").await.unwrap();
    let kept = store.claim("Other").await.unwrap();
    let new = store.claim("Lounge").await.unwrap();
    let (mut sums, mut others) = (Sums::default(), Sums::default());
    send(&mut tally, &mut sums, 1, "chatMsg", &line("bob", "hi", 1));
    send(
        &mut tally,
        &mut others,
        2,
        "chatMsg",
        &line("carol", "hi", 2),
    );
    let at = position(7);
    let batch = |claim: &Claim, sums| (claim.token.clone(), claim.epoch, sums);
    let batches = [batch(&old, &sums), batch(&kept, &others)];
    let batches: Vec<ChannelBatch<'_>> = batches
        .iter()
        .map(|(token, epoch, sums)| ChannelBatch {
            token,
            epoch: *epoch,
            sums,
            position: Some(&at),
            seals: None,
        })
        .collect();
    assert_eq!(store.commit(&batches).await.unwrap().lost, ["lounge"]);
    assert!(
        store.user_seen("bob").await.unwrap().is_none(),
        "nothing of the lost channel"
    );
    assert!(
        store.user_seen("carol").await.unwrap().is_some(),
        "the rest is stored"
    );
    assert!(commit(&store, &new, &sums, &at).await.is_empty());
    assert!(store.user_seen("bob").await.unwrap().is_some());
}
}

#[tokio::test]
async fn a_database_of_the_original_is_carried_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("userstats.db");
    original::write(&path, |_| true).await;
    let before = original::dump(&path).await;
    let (store, mut tally) = open(&path).await;
    assert_eq!(
        original::dump(&path).await,
        before,
        "opening changes no row"
    );
    let claim = store.claim("Lounge").await.unwrap();
    assert!(claim.has_counts && claim.position.is_none());
    let mut sums = Sums::default();
    let film = json!({"type": "yt", "id": "L1", "title": "Lounge.Clip.webm"});
    send(&mut tally, &mut sums, 0, "changeMedia", &film);
    send(
        &mut tally,
        &mut sums,
        1,
        "chatMsg",
        &line("Lena", "al++ BOB++ lol", 1),
    );
    tally.remember(&mut sums);
    commit(&store, &claim, &sums, &position(2)).await;
    let rows = original::dump(&path).await;
    let changed: Vec<&String> = rows.iter().filter(|row| !before.contains(row)).collect();
    assert_eq!(
        changed,
        [
            "message_counts: Lena|Lounge|cytu.be|4",
            "kudos_plusplus: Alice|Lounge|cytu.be|1",
            "kudos_plusplus: bob|Lounge|cytu.be|2",
        ],
        "the film is the newest row already; aliases and spellings are those of the database"
    );
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let row = sqlx::query("SELECT last_seen_at FROM users WHERE username = 'Lena'")
        .fetch_one(&pool)
        .await
        .unwrap();
    let text: String = row.try_get(0).unwrap();
    assert_eq!(
        text, "2026-11-22T16:13:22.871477+00:00",
        "an earlier time does not go back"
    );
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
}

on_both! {
async fn only_the_last_lines_are_remembered(backend) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(backend, folder.path().join("userstats.db")).await;
    let (store, mut tally) = open_at(&place).await;
    let claim = store.claim("Lounge").await.unwrap();
    for batch in 0..5 {
        let mut sums = Sums::default();
        for second in batch * 130..(batch + 1) * 130 {
            send(
                &mut tally,
                &mut sums,
                second,
                "chatMsg",
                &line("bob", "hi", second),
            );
        }
        tally.remember(&mut sums);
        commit(&store, &claim, &sums, &position(batch.unsigned_abs() + 1)).await;
    }
    let (_, mut tally) = open_at(&place).await;
    let mut sums = Sums::default();
    for second in 0..650 {
        send(
            &mut tally,
            &mut sums,
            650,
            "chatMsg",
            &line("bob", "hi", second),
        );
    }
    assert_eq!(
        sums.counters.repeated, 0,
        "old lines push the remembered ones out"
    );
    let (_, mut tally) = open_at(&place).await;
    let mut sums = Sums::default();
    for second in 450..650 {
        send(
            &mut tally,
            &mut sums,
            650,
            "chatMsg",
            &line("bob", "hi", second),
        );
    }
    assert_eq!(sums.counters.repeated, 200);
}
}

on_both! {
async fn notices_take_no_places_from_lines(backend) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(backend, folder.path().join("userstats.db")).await;
    let (store, mut tally) = open_at(&place).await;
    let claim = store.claim("Lounge").await.unwrap();
    let say = |tally: &mut Tally, sums: &mut Sums, user: &str, seconds: Range<i64>| {
        for second in seconds {
            send(tally, sums, second, "chatMsg", &line(user, "hi", second));
        }
    };
    for (number, (user, seconds)) in [("bob", 0..15), ("[server]", 0..130), ("[server]", 130..500), ("bob", 15..20)]
        .into_iter()
        .enumerate()
    {
        let mut sums = Sums::default();
        say(&mut tally, &mut sums, user, seconds);
        tally.remember(&mut sums);
        commit(&store, &claim, &sums, &position(number as u64 + 1)).await;
    }
    let (_, mut tally) = open_at(&place).await;
    for (user, seconds, known) in [("bob", 0..20, 20), ("[server]", 300..500, 200), ("[server]", 0..300, 0)] {
        let mut sums = Sums::default();
        say(&mut tally, &mut sums, user, seconds);
        assert_eq!(sums.counters.repeated, known, "{user}");
    }
}
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "this is not a database, but somebody's notes".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

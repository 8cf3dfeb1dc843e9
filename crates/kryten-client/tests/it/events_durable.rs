use std::time::Duration;

use kryten_client::events::{
    CONSUMERS_BUCKET, DurableEvents, DurableItem, PositionError, StoredEvent,
};
use kryten_client::{Client, EventStream, KvBucket};
use kryten_protocol::event::Event;
use kryten_protocol::subject;
use kryten_servers::NatsServer;
use serde_json::json;

use crate::fixture::{
    connect, copy_folder, freeze, in_time, server_and_client, signal, until, until_no_consumer,
};

/// Publishes until the stream has it, as the robot does when a server may go away.
async fn store(client: &Client, channel: &str, number: u64) -> u64 {
    let body = json!({"event_name": "usercount", "payload": number, "channel": channel, "domain": "cytu.be"});
    let subject = subject::event(channel, "usercount").unwrap();
    let body = serde_json::to_vec(&body).unwrap();
    in_time(async {
        loop {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{channel}-{number}").as_str());
            let sent = client
                .jetstream()
                .publish_with_headers(subject.clone(), headers, body.clone().into())
                .await;
            if let Ok(ack) = sent
                && let Ok(Ok(ack)) = tokio::time::timeout(Duration::from_millis(500), ack).await
            {
                return ack.sequence;
            }
        }
    })
    .await
}

async fn store_all(client: &Client, range: std::ops::Range<u64>) {
    for number in range {
        store(client, "Lounge", number).await;
    }
}

async fn next_item(events: &mut DurableEvents) -> DurableItem {
    in_time(events.next()).await.unwrap().unwrap()
}

async fn next(events: &mut DurableEvents) -> StoredEvent {
    match next_item(events).await {
        DurableItem::Event(stored) => stored,
        other => panic!("{other:?}"),
    }
}

fn number(stored: &StoredEvent) -> i64 {
    match &stored.event {
        Event::Usercount(count) => **count,
        other => panic!("{other:?}"),
    }
}

async fn next_number(events: &mut DurableEvents) -> i64 {
    number(&next(events).await)
}

#[tokio::test]
async fn each_start_gives_what_it_says_in_order() {
    let (_server, client) = server_and_client().await;
    EventStream::open_or_create(&client).await.unwrap();
    store_all(&client, 0..5).await;
    store(&client, "Other", 100).await;
    let mut now = client.events("Lounge").from_now().await.unwrap();
    let mut start = client.events("lounge").from_sequence(0).await.unwrap();
    let mut third = client.events("Lounge").from_sequence(3).await.unwrap();
    for number in 0..5 {
        let stored = next(&mut start).await;
        assert_eq!(
            (self::number(&stored), stored.sequence),
            (number, number as u64 + 1)
        );
        // Without a name there is nothing to note.
        stored.done().await.unwrap();
    }
    assert_eq!(next_number(&mut third).await, 2);
    let fourth = {
        let mut again = client.events("Lounge").from_sequence(4).await.unwrap();
        next(&mut again).await
    };
    let time = jiff::Timestamp::from_nanosecond(fourth.stored_nanos).unwrap();
    let mut timed = client.events("Lounge").from_time(time).await.unwrap();
    assert_eq!(next_number(&mut timed).await, number(&fourth));
    store_all(&client, 5..6).await;
    assert_eq!(next_number(&mut now).await, 5);
    assert_eq!(next_number(&mut start).await, 5);
    drop((now, start, third, timed));
    until_no_consumer(&client, "KRYTEN_EVENTS").await;
}

#[tokio::test]
async fn nothing_is_missed_or_twice_over_restarts_of_the_server() {
    let (mut server, client) = server_and_client().await;
    let mut events = client.events("Lounge").from_now().await.unwrap();
    let publisher = connect(&server).await;
    let publishing = tokio::spawn(async move { store_all(&publisher, 0..300).await });
    for number in 0..300 {
        assert_eq!(next_number(&mut events).await, number);
        if number == 50 || number == 200 {
            server.restart().await.unwrap();
        }
    }
    publishing.await.unwrap();
}

#[tokio::test]
async fn a_named_consumer_goes_on_after_what_was_done() {
    let (mut server, client) = server_and_client().await;
    let lounge = || client.events("Lounge").from_where_stopped("greeter");
    EventStream::open_or_create(&client).await.unwrap();
    store_all(&client, 0..3).await;
    // The first time: from now on; and that is where it starts again if nothing is said to be done.
    drop(lounge().await.unwrap());
    store_all(&client, 3..10).await;
    let mut events = lounge().await.unwrap();
    assert_eq!(next_number(&mut events).await, 3);
    let fourth = next(&mut events).await;
    let fifth = next(&mut events).await;
    fifth.done().await.unwrap();
    // Earlier ones are done with it.
    fourth.done().await.unwrap();
    assert_eq!(next_number(&mut events).await, 6);
    drop(events);
    server.restart().await.unwrap();
    let mut events = lounge().await.unwrap();
    assert_eq!(next_number(&mut events).await, 6);
    let bucket = KvBucket::open(&client, CONSUMERS_BUCKET).await.unwrap();
    let position: serde_json::Value = bucket.get_json("greeter:lounge").await.unwrap().unwrap();
    assert_eq!(position["sequence"], 6);
    // Another channel and another name are other positions.
    assert_eq!(bucket.keys().await.unwrap(), ["greeter:lounge"]);
}

#[tokio::test]
async fn a_second_program_under_the_same_name_is_noticed() {
    let (_server, client) = server_and_client().await;
    let lounge = || client.events("Lounge").from_where_stopped("greeter");
    let (mut one, mut other) = (lounge().await.unwrap(), lounge().await.unwrap());
    store_all(&client, 0..2).await;
    next(&mut one).await.done().await.unwrap();
    let taken = next(&mut other).await.done().await;
    assert!(
        matches!(taken, Err(PositionError::TakenOver { .. })),
        "{taken:?}"
    );
}

#[tokio::test]
async fn a_done_that_was_given_up_is_no_other_program() {
    let (server, client) = server_and_client().await;
    let mut events = client
        .events("Lounge")
        .from_where_stopped("greeter")
        .await
        .unwrap();
    store_all(&client, 0..3).await;
    let bucket = KvBucket::open(&client, CONSUMERS_BUCKET).await.unwrap();
    let revision = || async {
        let entry = bucket.entry("greeter:lounge").await.unwrap().unwrap();
        entry.revision
    };
    let before = revision().await;
    let first = next(&mut events).await;
    // It is sent and not answered before it is given up.
    freeze(&server).await;
    let given_up = tokio::time::timeout(Duration::from_millis(100), first.done()).await;
    assert!(given_up.is_err(), "{given_up:?}");
    signal(&server, nix::sys::signal::Signal::SIGCONT);
    until(|| async { revision().await > before }).await;
    next(&mut events).await.done().await.unwrap();
    next(&mut events).await.done().await.unwrap();
    let position: serde_json::Value = bucket.get_json("greeter:lounge").await.unwrap().unwrap();
    assert_eq!(position["sequence"], 3);
}

/// A server whose stream has ten events, a copy of its store, and then the stream as it is with twenty, all of them done.
async fn done_with_more_than_the_copy_has() -> (NatsServer, Client, tempfile::TempDir, DurableEvents)
{
    let (mut server, client) = server_and_client().await;
    let lounge = client.events("Lounge").from_where_stopped("greeter");
    let mut events = lounge.await.unwrap();
    store_all(&client, 0..10).await;
    server.stop().await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&stream_folder(&server), copy.path());
    server.restart().await.unwrap();
    client.connected().await;
    store_all(&client, 10..20).await;
    for number in 0..19 {
        assert_eq!(next_number(&mut events).await, number);
    }
    let last = next(&mut events).await;
    last.done().await.unwrap();
    (server, client, copy, events)
}

fn stream_folder(server: &NatsServer) -> std::path::PathBuf {
    let streams = server.data_dir().join("store/jetstream/$G/streams");
    streams.join("KRYTEN_EVENTS")
}

async fn restore(server: &mut NatsServer, copy: &tempfile::TempDir) {
    server.stop().await.unwrap();
    let folder = stream_folder(server);
    std::fs::remove_dir_all(&folder).unwrap();
    copy_folder(copy.path(), &folder);
    server.restart().await.unwrap();
}

async fn is_set_back(events: &mut DurableEvents) {
    let item = next_item(events).await;
    assert!(
        matches!(&item, DurableItem::Replaced { old, new } if old.created_nanos == new.created_nanos),
        "{item:?}"
    );
}

#[tokio::test]
async fn what_is_done_in_a_stream_that_was_set_back_is_noted_and_nothing_is_skipped() {
    let (mut server, client, copy, mut events) = done_with_more_than_the_copy_has().await;
    let bucket = KvBucket::open(&client, CONSUMERS_BUCKET).await.unwrap();
    restore(&mut server, &copy).await;
    client.connected().await;
    is_set_back(&mut events).await;
    let noted = || async {
        let noted = bucket.get_json::<serde_json::Value>("greeter:lounge").await;
        noted.unwrap().unwrap()["sequence"].as_u64().unwrap()
    };
    assert_eq!(noted().await, 10);
    store_all(&client, 100..112).await;
    let first = next(&mut events).await;
    assert_eq!((number(&first), first.sequence), (100, 11));
    first.done().await.unwrap();
    assert_eq!(noted().await, 11);
    drop(events);
    let lounge = client.events("Lounge").from_where_stopped("greeter");
    let mut events = lounge.await.unwrap();
    for number in 101..112 {
        assert_eq!(next_number(&mut events).await, number);
    }
}

#[tokio::test]
async fn a_stream_that_was_set_back_while_nobody_read_and_is_as_long_again_is_noticed() {
    let (mut server, client, copy, events) = done_with_more_than_the_copy_has().await;
    drop(events);
    restore(&mut server, &copy).await;
    client.connected().await;
    store_all(&client, 100..115).await;
    let lounge = || client.events("Lounge").from_where_stopped("greeter");
    // Told until something is done.
    drop(lounge().await.unwrap());
    let mut events = lounge().await.unwrap();
    is_set_back(&mut events).await;
    for number in 100..115 {
        let stored = next(&mut events).await;
        assert_eq!(self::number(&stored), number);
        if number == 101 {
            stored.done().await.unwrap();
        }
    }
    drop(events);
    let mut events = lounge().await.unwrap();
    assert_eq!(next_number(&mut events).await, 102);
}

#[tokio::test]
async fn a_stream_made_anew_and_a_cut_stream_are_told() {
    let (_server, client) = server_and_client().await;
    let lounge = || client.events("Lounge").from_where_stopped("greeter");
    let mut events = lounge().await.unwrap();
    store_all(&client, 0..3).await;
    assert_eq!(next_number(&mut events).await, 0);
    next(&mut events).await.done().await.unwrap();
    drop(events);
    client
        .jetstream()
        .delete_stream("KRYTEN_EVENTS")
        .await
        .unwrap();
    EventStream::open_or_create(&client).await.unwrap();
    store_all(&client, 10..20).await;
    let mut events = lounge().await.unwrap();
    assert!(matches!(
        next_item(&mut events).await,
        DurableItem::Replaced { .. }
    ));
    let first = next(&mut events).await;
    assert_eq!(number(&first), 10);
    first.done().await.unwrap();
    drop(events);

    let stream = client
        .jetstream()
        .get_stream("KRYTEN_EVENTS")
        .await
        .unwrap();
    stream.purge().sequence(6).await.unwrap();
    let mut events = lounge().await.unwrap();
    let missed = next_item(&mut events).await;
    assert!(
        matches!(
            missed,
            DurableItem::Missed {
                expected: 2,
                first_sequence: 6
            }
        ),
        "{missed:?}"
    );
    assert_eq!(next_number(&mut events).await, 15);
}

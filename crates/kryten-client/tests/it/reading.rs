use std::time::{Duration, Instant};

use kryten_client::round_trip::round_trip;
use kryten_client::{Client, EventReader, EventStream, ReaderItem, ReaderOptions};

use crate::fixture::{
    connect, consumers_of, copy_folder, in_time, server_and_client, store, until_no_consumer,
};

const SUBJECT: &str = "kryten.events.cytube.demo.chatmsg";
const WAIT: Duration = Duration::from_millis(5);

async fn publish(client: &Client, from: u64, to: u64) {
    let bodies = (from..to).map(|number| (SUBJECT.to_owned(), number.to_string().into()));
    store(client, bodies).await;
}

/// Publishes until the stream has it, one by one, as the robot does when a server may go away.
async fn publish_surely(client: &Client, number: u64) {
    loop {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", number.to_string().as_str());
        let body = number.to_string().into();
        let sent = client
            .jetstream()
            .publish_with_headers(SUBJECT, headers, body)
            .await;
        if let Ok(ack) = sent
            && tokio::time::timeout(Duration::from_millis(500), ack)
                .await
                .is_ok_and(|ack| ack.is_ok())
        {
            return;
        }
    }
}

async fn stream_and_reader(client: &Client) -> (EventStream, EventReader) {
    let stream = EventStream::open_or_create(client).await.unwrap();
    let reader = EventReader::open(&stream, ReaderOptions::default())
        .await
        .unwrap();
    (stream, reader)
}

/// The next item that is not idleness.
async fn next(reader: &mut EventReader) -> ReaderItem {
    in_time(async {
        loop {
            match reader.next_batch(1000, WAIT).await.unwrap() {
                ReaderItem::Idle => {}
                item => return item,
            }
        }
    })
    .await
}

async fn sequences(reader: &mut EventReader, until: u64) -> Vec<u64> {
    let mut sequences = Vec::new();
    while sequences.last() != Some(&until) {
        match next(reader).await {
            ReaderItem::Batch(batch) => {
                sequences.extend(batch.iter().map(|message| message.sequence))
            }
            other => panic!("{other:?}"),
        }
    }
    sequences
}

#[tokio::test]
async fn everything_is_delivered_in_order_then_what_comes() {
    let (_server, client) = server_and_client().await;
    let (_stream, mut reader) = stream_and_reader(&client).await;
    publish(&client, 0, 5000).await;
    assert!(sequences(&mut reader, 5000).await.into_iter().eq(1..=5000));
    publish(&client, 0, 3).await;
    assert_eq!(sequences(&mut reader, 5003).await, [5001, 5002, 5003]);
    assert_eq!(reader.next_sequence(), 5004);
    reader.close().await;
    until_no_consumer(&client, "KRYTEN_EVENTS").await;
}

#[tokio::test]
async fn a_silent_stream_gives_idle_turns_and_a_batch_does_not_wait_longer_than_asked() {
    let (_server, client) = server_and_client().await;
    let (_stream, mut reader) = stream_and_reader(&client).await;
    let started = Instant::now();
    assert_eq!(reader.next_batch(10, WAIT).await.unwrap(), ReaderItem::Idle);
    assert!(started.elapsed() < Duration::from_secs(4));
    publish(&client, 0, 1).await;
    let started = Instant::now();
    assert!(matches!(next(&mut reader).await, ReaderItem::Batch(batch) if batch.len() == 1));
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn filters_choose_and_a_start_is_kept() {
    let (_server, client) = server_and_client().await;
    let stream = EventStream::open_or_create(&client).await.unwrap();
    for number in 0..100 {
        let subject = format!(
            "kryten.events.cytube.{}.chatmsg",
            ["a", "b", "c"][number % 3]
        );
        client
            .nats()
            .publish(subject, number.to_string().into())
            .await
            .unwrap();
    }
    assert!(round_trip(&client.nats()).await);
    let options = ReaderOptions {
        filter_subjects: vec![
            "kryten.events.cytube.a.>".into(),
            "kryten.events.cytube.c.>".into(),
        ],
        start_sequence: 50,
        ..ReaderOptions::default()
    };
    let mut reader = EventReader::open(&stream, options).await.unwrap();
    let expected: Vec<u64> = (50..=100)
        .filter(|sequence| (sequence - 1) % 3 != 1)
        .collect();
    assert_eq!(sequences(&mut reader, 100).await, expected);

    let overlapping = ReaderOptions {
        filter_subjects: vec!["kryten.events.>".into(), "kryten.events.cytube.>".into()],
        ..ReaderOptions::default()
    };
    let mut reader = EventReader::open(&stream, overlapping).await.unwrap();
    assert!(in_time(reader.next_batch(10, WAIT)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_come_once_and_in_order_while_the_server_is_killed_and_restarted() {
    let (mut server, client) = server_and_client().await;
    let (_stream, mut reader) = stream_and_reader(&client).await;
    publish(&client, 0, 19_500).await;
    let writer = connect(&server).await;
    let writing = tokio::spawn(async move {
        for number in 19_500..20_000 {
            publish_surely(&writer, number).await;
        }
    });
    let mut delivered: Vec<u64> = Vec::new();
    let mut kills = [3000, 9000, 19_600, 19_800].into_iter().peekable();
    while delivered.len() < 20_000 {
        match next(&mut reader).await {
            ReaderItem::Batch(batch) => {
                delivered.extend(batch.iter().map(|message| message.sequence));
                let bodies = batch.iter().map(|message| message.body.clone());
                assert!(
                    bodies
                        .zip(&batch)
                        .all(|(body, message)| body == (message.sequence - 1).to_string())
                );
            }
            other => panic!("{other:?}"),
        }
        if kills.next_if(|at| delivered.len() > *at).is_some() {
            server.kill().await.unwrap();
            server.restart().await.unwrap();
        }
    }
    assert!(delivered.into_iter().eq(1..=20_000));
    assert_eq!(kills.next(), None);
    in_time(writing).await.unwrap();
}

#[tokio::test]
async fn a_stream_made_anew_under_the_reader_is_told_and_read_from_where_the_caller_says() {
    let (_server, client) = server_and_client().await;
    let (_stream, mut reader) = stream_and_reader(&client).await;
    publish(&client, 0, 10).await;
    assert_eq!(sequences(&mut reader, 10).await.len(), 10);
    client
        .jetstream()
        .delete_stream("KRYTEN_EVENTS")
        .await
        .unwrap();
    let again = EventStream::open_or_create(&client).await.unwrap();
    // More than there were before: the numbers alone would tell nothing.
    publish(&client, 0, 15).await;
    let replaced = next(&mut reader).await;
    let ReaderItem::Replaced { old, new } = &replaced else {
        panic!("{replaced:?}");
    };
    assert_eq!(old.last_sequence, 10);
    assert_ne!(old.created_nanos, new.created_nanos);
    assert_eq!(new.created_nanos, again.identity().created_nanos);
    assert_eq!(
        next(&mut reader).await,
        replaced,
        "until the caller decides"
    );
    reader.resume_at(new.first_sequence);
    assert!(sequences(&mut reader, 15).await.into_iter().eq(1..=15));
}

#[tokio::test]
async fn a_stream_that_is_gone_is_waited_for() {
    let (_server, client) = server_and_client().await;
    let (_stream, mut reader) = stream_and_reader(&client).await;
    publish(&client, 0, 3).await;
    assert_eq!(sequences(&mut reader, 3).await.len(), 3);
    client
        .jetstream()
        .delete_stream("KRYTEN_EVENTS")
        .await
        .unwrap();
    in_time(async {
        while !reader.is_stream_missing() {
            assert_eq!(reader.next_batch(10, WAIT).await.unwrap(), ReaderItem::Idle);
        }
    })
    .await;
    EventStream::open_or_create(&client).await.unwrap();
    assert!(matches!(
        next(&mut reader).await,
        ReaderItem::Replaced { .. }
    ));
}

#[tokio::test]
async fn another_stream_than_the_caller_knows_is_told_first() {
    let (_server, client) = server_and_client().await;
    let stream = EventStream::open_or_create(&client).await.unwrap();
    publish(&client, 0, 5).await;
    let options = ReaderOptions {
        start_sequence: 4,
        expected_created_nanos: Some(1),
        ..ReaderOptions::default()
    };
    let mut reader = EventReader::open(&stream, options).await.unwrap();
    let item = next(&mut reader).await;
    assert!(
        matches!(&item, ReaderItem::Replaced { old, .. } if old.created_nanos == 1 && old.last_sequence == 3),
        "{item:?}"
    );
}

#[tokio::test]
async fn messages_removed_before_they_were_read_are_told() {
    let (_server, client) = server_and_client().await;
    let (stream, mut reader) = stream_and_reader(&client).await;
    publish(&client, 0, 10).await;
    assert_eq!(sequences(&mut reader, 10).await.len(), 10);
    reader.close().await;
    publish(&client, 10, 30).await;
    let keep_few = client
        .jetstream()
        .get_stream("KRYTEN_EVENTS")
        .await
        .unwrap();
    keep_few.purge().keep(5).await.unwrap();
    let options = ReaderOptions {
        start_sequence: 11,
        expected_created_nanos: Some(stream.identity().created_nanos),
        ..ReaderOptions::default()
    };
    let mut reader = EventReader::open(&stream, options).await.unwrap();
    let cut = ReaderItem::Truncated {
        expected: 11,
        first_sequence: 26,
    };
    assert_eq!(next(&mut reader).await, cut);
    assert_eq!(next(&mut reader).await, cut);
    reader.resume_at(26);
    assert!(sequences(&mut reader, 30).await.into_iter().eq(26..=30));

    // Under a reader that waits at the end nothing is lost by it.
    keep_few.purge().await.unwrap();
    publish(&client, 0, 2).await;
    assert_eq!(sequences(&mut reader, 32).await, [31, 32]);
}

#[tokio::test]
async fn a_stream_set_back_to_an_older_copy_is_told() {
    let (mut server, client) = server_and_client().await;
    let (_stream, mut reader) = stream_and_reader(&client).await;
    publish(&client, 0, 10).await;
    assert_eq!(sequences(&mut reader, 10).await.len(), 10);
    server.stop().await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    let (store, saved) = (server.data_dir().join("store"), copy.path().join("store"));
    copy_folder(&store, &saved);
    server.restart().await.unwrap();
    client.connected().await;
    publish(&client, 10, 20).await;
    assert_eq!(sequences(&mut reader, 20).await.len(), 10);

    server.stop().await.unwrap();
    std::fs::remove_dir_all(&store).unwrap();
    copy_folder(&saved, &store);
    server.restart().await.unwrap();
    let item = next(&mut reader).await;
    assert!(
        matches!(&item, ReaderItem::Replaced { old, new }
            if old.created_nanos == new.created_nanos && old.last_sequence == 20 && new.last_sequence == 10),
        "{item:?}"
    );

    // Numbers that are used again are told even when there are as many as before.
    reader.resume_at(11);
    client.connected().await;
    publish(&client, 100, 105).await;
    assert_eq!(sequences(&mut reader, 15).await.len(), 5);
    server.stop().await.unwrap();
    std::fs::remove_dir_all(&store).unwrap();
    copy_folder(&saved, &store);
    server.restart().await.unwrap();
    let writer = connect(&server).await;
    publish(&writer, 200, 210).await;
    let item = next(&mut reader).await;
    assert!(matches!(&item, ReaderItem::Replaced { .. }), "{item:?}");
}

#[tokio::test]
async fn a_consumer_removed_under_the_reader_is_replaced_and_nothing_is_missed() {
    let (_server, client) = server_and_client().await;
    let (_stream, mut reader) = stream_and_reader(&client).await;
    publish(&client, 0, 10).await;
    assert_eq!(sequences(&mut reader, 10).await.len(), 10);
    for name in consumers_of(&client, "KRYTEN_EVENTS").await {
        let stream = client
            .jetstream()
            .get_stream("KRYTEN_EVENTS")
            .await
            .unwrap();
        stream.delete_consumer(&name).await.unwrap();
    }
    publish(&client, 10, 20).await;
    assert!(sequences(&mut reader, 20).await.into_iter().eq(11..=20));
}

#[tokio::test]
async fn giving_up_a_wait_loses_nothing() {
    let (_server, client) = server_and_client().await;
    let (_stream, mut reader) = stream_and_reader(&client).await;
    let writer = client.clone();
    let writing = tokio::spawn(async move {
        for number in 0..200 {
            publish(&writer, number, number + 1).await;
        }
    });
    let mut delivered = Vec::new();
    in_time(async {
        while delivered.len() < 200 {
            let wait = Duration::from_micros(300);
            if let Ok(item) = tokio::time::timeout(wait, reader.next_batch(7, WAIT)).await
                && let ReaderItem::Batch(batch) = item.unwrap()
            {
                assert!(batch.len() <= 7);
                delivered.extend(batch.iter().map(|message| message.sequence));
            }
        }
    })
    .await;
    assert!(delivered.into_iter().eq(1..=200));
    writing.await.unwrap();
}

#[tokio::test]
async fn messages_as_large_as_the_server_takes_come_too() {
    let (_server, client) = server_and_client().await;
    let (_stream, mut reader) = stream_and_reader(&client).await;
    for _ in 0..5 {
        let body = vec![b'x'; 8 * 1024 * 1024];
        store(&client, [(SUBJECT.to_owned(), body.into())]).await;
    }
    publish(&client, 0, 5).await;
    assert!(sequences(&mut reader, 10).await.into_iter().eq(1..=10));
}

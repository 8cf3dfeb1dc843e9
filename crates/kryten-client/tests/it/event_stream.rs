use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::{Config, StorageType};
use kryten_client::{EventStream, StreamError};
use kryten_servers::NatsServer;

use crate::fixture::{connect, in_time, server_and_client, until_no_consumer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_openers_share_one_stream_of_our_making() {
    let (server, client) = server_and_client().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let client = connect(&server).await;
        tasks.spawn(async move {
            EventStream::open_or_create(&client)
                .await
                .unwrap()
                .identity()
        });
    }
    let identities = in_time(tasks.join_all()).await;
    assert!(identities.iter().all(|identity| *identity == identities[0]));
    assert_eq!(identities[0].name, "KRYTEN_EVENTS");
    let stream = EventStream::open_or_create(&client).await.unwrap();
    assert!(
        stream.differences().is_empty(),
        "{:?}",
        stream.differences()
    );
    let config = client
        .jetstream()
        .get_stream("KRYTEN_EVENTS")
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    assert_eq!(config.subjects, ["kryten.events.>"]);
    assert_eq!(config.storage, StorageType::File);
    assert_eq!(config.duplicate_window, Duration::from_secs(600));
    assert_eq!(config.max_age, Duration::from_secs(30 * 24 * 3600));
    assert!(config.allow_direct);
    let info = stream.info().await.unwrap();
    assert_eq!((info.last_sequence, info.messages), (0, 0));
}

#[tokio::test]
async fn a_stream_that_covers_the_subjects_is_used_as_it_is_and_its_differences_are_told() {
    let (_server, client) = server_and_client().await;
    let partial = Config {
        name: "SOME".into(),
        subjects: vec!["kryten.lifecycle.>".into()],
        ..Default::default()
    };
    client.jetstream().create_stream(partial).await.unwrap();
    let covering = Config {
        name: "ARCHIVE".into(),
        subjects: vec!["kryten.events.>".into(), "other".into()],
        storage: StorageType::Memory,
        ..Default::default()
    };
    client.jetstream().create_stream(covering).await.unwrap();
    let stream = EventStream::open_or_create(&client).await.unwrap();
    assert_eq!(stream.name(), "ARCHIVE");
    let told = stream.differences().join("; ");
    for part in [
        "is ARCHIVE, not KRYTEN_EVENTS",
        "in memory",
        "keeps events for 0 s",
    ] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    client
        .jetstream()
        .publish("kryten.events.cytube.a.chatmsg", "x".into())
        .await
        .unwrap()
        .await
        .unwrap();
    assert_eq!(stream.get(1).await.unwrap().unwrap().body, "x");
}

#[tokio::test]
async fn a_stream_that_takes_a_part_of_the_subjects_is_told_by_its_name() {
    let (_server, client) = server_and_client().await;
    let partial = Config {
        name: "PART".into(),
        subjects: vec!["kryten.events.cytube.lounge.>".into()],
        ..Default::default()
    };
    client.jetstream().create_stream(partial).await.unwrap();
    let error = EventStream::open_or_create(&client).await.unwrap_err();
    assert!(
        matches!(&error, StreamError::Overlap { streams } if streams == "PART"),
        "{error:?}"
    );
}

#[tokio::test]
async fn jetstream_that_is_off_is_told() {
    let server = NatsServer::ephemeral_with(|options| options.jetstream = false).await;
    let client = connect(&server).await;
    let opened = EventStream::open_or_create(&client).await;
    assert!(
        matches!(opened, Err(StreamError::JetStreamOff)),
        "{opened:?}"
    );
}

#[tokio::test]
async fn messages_are_read_back_by_sequence_by_subject_and_from_the_tail() {
    let (_server, client) = server_and_client().await;
    let stream = EventStream::open_or_create(&client).await.unwrap();
    assert!(stream.tail("kryten.events.>", 10).await.unwrap().is_empty());
    assert_eq!(stream.last_for("kryten.events.>").await.unwrap(), None);
    assert_eq!(stream.get(1).await.unwrap(), None);

    let mut acks = Vec::new();
    for number in 0..3000_u32 {
        let channel = if number % 1000 == 7 { "rare" } else { "busy" };
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("id-{number}").as_str());
        headers.insert("Kryten-Epoch", "4");
        let subject = format!("kryten.events.cytube.{channel}.chatmsg");
        let body = number.to_string().into();
        acks.push(
            client
                .jetstream()
                .publish_with_headers(subject, headers, body)
                .await
                .unwrap(),
        );
    }
    for ack in acks {
        ack.await.unwrap();
    }
    let message = stream.get(8).await.unwrap().unwrap();
    assert_eq!((message.sequence, message.body.as_ref()), (8, &b"7"[..]));
    assert_eq!(message.subject, "kryten.events.cytube.rare.chatmsg");
    assert_eq!(message.message_id.as_deref(), Some("id-7"));
    assert_eq!(message.epoch, Some(4));
    assert!(message.time_nanos > 1_700_000_000_000_000_000);
    let last = stream
        .last_for("kryten.events.cytube.rare.>")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(last.body, "2007");

    let bodies = |messages: Vec<kryten_client::StoredMessage>| -> Vec<String> {
        let body =
            |message: kryten_client::StoredMessage| String::from_utf8(message.body.into()).unwrap();
        messages.into_iter().map(body).collect()
    };
    assert_eq!(
        bodies(
            stream
                .tail("kryten.events.cytube.rare.>", 20)
                .await
                .unwrap()
        ),
        ["7", "1007", "2007"]
    );
    assert_eq!(
        bodies(stream.tail("kryten.events.cytube.rare.>", 2).await.unwrap()),
        ["1007", "2007"]
    );
    assert_eq!(
        bodies(stream.tail("kryten.events.>", 3).await.unwrap()),
        ["2997", "2998", "2999"]
    );
    assert!(
        stream
            .tail("kryten.events.cytube.none.>", 5)
            .await
            .unwrap()
            .is_empty()
    );
    let from = stream
        .messages_from("kryten.events.cytube.rare.>", 9)
        .await
        .unwrap();
    assert_eq!(bodies(from), ["1007", "2007"]);
    until_no_consumer(&client, "KRYTEN_EVENTS").await;

    let before = stream.identity();
    client
        .jetstream()
        .delete_stream("KRYTEN_EVENTS")
        .await
        .unwrap();
    assert!(matches!(
        stream.info().await,
        Err(StreamError::Missing { .. })
    ));
    assert!(matches!(
        stream.get(1).await,
        Err(StreamError::Missing { .. })
    ));
    let again = EventStream::open_or_create(&client).await.unwrap();
    assert_ne!(again.identity(), before);
}

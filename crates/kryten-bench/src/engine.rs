//! What the engines below can do by themselves: the stream, the databases, a request.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_nats::jetstream;
use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::context::PublishAckFuture;
use futures_util::StreamExt;
use kryten_client::{Client, EventStream};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::talk::Event;

/// Messages that wait for the server's word, at most.
const AT_ONCE: usize = 1_000;
/// Events of one transaction, as ours has them at most.
const BATCH: u64 = 5_000;

const COUNTS: &str =
    "CREATE TABLE counts (username TEXT, channel TEXT, domain TEXT, messages BIGINT,
                      PRIMARY KEY (username, channel, domain))";

/// Publishes all in their order, as the robot does, and waits until all are stored.
pub(crate) async fn publish(client: &Client, events: Vec<Event>) -> anyhow::Result<()> {
    let context = client.jetstream();
    let mut waiting = VecDeque::with_capacity(AT_ONCE);
    for event in events {
        if waiting.len() == AT_ONCE
            && let Some(oldest) = waiting.pop_front()
        {
            stored(oldest).await?;
        }
        let sent = context.publish_with_headers(event.subject, event.headers, event.body);
        waiting.push_back(sent.await?);
    }
    for sent in waiting {
        stored(sent).await?;
    }
    Ok(())
}

async fn stored(sent: PublishAckFuture) -> anyhow::Result<()> {
    let ack = sent.await?;
    ensure!(
        !ack.duplicate,
        "the stream took an event for one that it had"
    );
    Ok(())
}

/// Seconds from the first event published until all have come back from the stream by an ordered consumer.
pub(crate) async fn through_the_stream(
    publisher: &Client,
    reader: &Client,
    events: Vec<Event>,
) -> anyhow::Result<Duration> {
    let count = events.len();
    let stream = EventStream::open_or_create(publisher).await?;
    let stream = reader.jetstream().get_stream(stream.name()).await?;
    let mut messages = consumer(reader, &stream).await?;
    let started = Instant::now();
    let reading = async {
        for _ in 0..count {
            messages.next().await.context("the pass ended early")??;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(publish(publisher, events), reading)?;
    Ok(started.elapsed())
}

/// Seconds for one pass over a stream that is there.
pub(crate) async fn pass(reader: &Client, name: &str) -> anyhow::Result<Duration> {
    let stream = reader.jetstream().get_stream(name).await?;
    let count = stream.get_info().await?.state.messages;
    let started = Instant::now();
    let mut messages = consumer(reader, &stream).await?;
    for _ in 0..count {
        messages.next().await.context("the pass ended early")??;
    }
    Ok(started.elapsed())
}

async fn consumer(
    reader: &Client,
    stream: &jetstream::stream::Stream,
) -> anyhow::Result<jetstream::consumer::push::Ordered> {
    let config = OrderedConfig {
        deliver_subject: reader.nats().new_inbox(),
        ..OrderedConfig::default()
    };
    Ok(stream.create_consumer(config).await?.messages().await?)
}

/// One upsert for each of so many events, made within SQLite: no statement is sent but one for a batch.
pub(crate) async fn sqlite_upserts(folder: &Path, events: u64) -> anyhow::Result<f64> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("raw.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let mut database = options.connect().await?;
    sqlx::query(COUNTS).execute(&mut database).await?;
    let started = Instant::now();
    for batch in 0..events.div_ceil(BATCH) {
        let mut transaction = database.begin().await?;
        sqlx::query(
            "WITH RECURSIVE n(x) AS (SELECT $1 UNION ALL SELECT x + 1 FROM n WHERE x < $2)
             INSERT INTO counts SELECT 'user' || (x * 7919 % 100), 'bench', 'cytu.be', 1 FROM n WHERE true
             ON CONFLICT DO UPDATE SET messages = messages + 1",
        )
        .bind(i64::try_from(batch * BATCH)?)
        .bind(i64::try_from(events.min((batch + 1) * BATCH))? - 1)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let sum: i64 = sqlx::query_scalar("SELECT SUM(messages) FROM counts")
        .fetch_one(&mut database)
        .await?;
    ensure!(
        sum.cast_unsigned() == events,
        "SQLite has {sum} of {events}"
    );
    database.close().await?;
    Ok(events as f64 / seconds)
}

/// As [`sqlite_upserts`], within PostgreSQL.
pub(crate) async fn postgres_upserts(url: &str, events: u64) -> anyhow::Result<f64> {
    let mut database = PgConnection::connect(url).await?;
    sqlx::query(COUNTS).execute(&mut database).await?;
    sqlx::raw_sql(
        "CREATE FUNCTION upserts(a BIGINT, b BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN
             FOR x IN a..b LOOP
                 INSERT INTO counts VALUES ('user' || (x::BIGINT * 7919 % 100), 'bench', 'cytu.be', 1)
                 ON CONFLICT (username, channel, domain) DO UPDATE SET messages = counts.messages + 1;
             END LOOP; END $$",
    )
    .execute(&mut database)
    .await?;
    let started = Instant::now();
    for batch in 0..events.div_ceil(BATCH) {
        sqlx::query("SELECT upserts($1, $2)")
            .bind(i64::try_from(batch * BATCH)?)
            .bind(i64::try_from(events.min((batch + 1) * BATCH))? - 1)
            .execute(&mut database)
            .await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let sum: i64 = sqlx::query_scalar("SELECT CAST(SUM(messages) AS BIGINT) FROM counts")
        .fetch_one(&mut database)
        .await?;
    ensure!(
        sum.cast_unsigned() == events,
        "PostgreSQL has {sum} of {events}"
    );
    database.close().await?;
    Ok(events as f64 / seconds)
}

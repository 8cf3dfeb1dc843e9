//! Publishes events on a robot's subjects.

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_nats::HeaderMap;
use kryten_client::Client;
use kryten_protocol::subject;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::events::{Event, Events};

/// How many wait for their acknowledgement.
const WINDOW: usize = 1_000;
/// An event that is not stored by then never will be.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// All that there are, as fast as they are stored; how many, and how long it took.
pub(super) async fn at_once(
    client: &Client,
    events: &mut Events,
) -> anyhow::Result<(u64, Duration)> {
    let started = Instant::now();
    let mut acks = VecDeque::new();
    let mut count = 0;
    for event in events {
        let subject = subject::event(&event.channel, event.name)?;
        let sent = client
            .jetstream()
            .publish(subject, event.body.into())
            .await?;
        acks.push_back(sent.into_future());
        count += 1;
        if acks.len() >= WINDOW
            && let Some(ack) = acks.pop_front()
        {
            ack.await?;
        }
    }
    for ack in acks {
        ack.await?;
    }
    Ok((count, started.elapsed()))
}

/// One after the other at a pace, each until it is stored, also over the election of a leader. Gives the events back,
/// with the longest time that one took.
pub(super) async fn at_a_pace(
    client: Client,
    mut events: Events,
    pace: f64,
    tells: watch::Sender<u64>,
) -> anyhow::Result<(Events, Duration)> {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / pace));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut longest = Duration::ZERO;
    for event in events.by_ref() {
        ticks.tick().await;
        let took = until_stored(&client, &event).await?;
        longest = longest.max(took);
        tells.send_modify(|stored| *stored += 1);
    }
    Ok((events, longest))
}

async fn until_stored(client: &Client, event: &Event) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let id: serde_json::Value = serde_json::from_str(&event.body)?;
    let id = id["correlation_id"].as_str().context("each has an id")?;
    loop {
        // Whether one without an answer was stored is not known; the stream keeps one of each id.
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let subject = subject::event(&event.channel, event.name)?;
        let sent = client
            .jetstream()
            .publish_with_headers(subject, headers, event.body.clone().into())
            .await;
        let stored = match sent {
            Ok(ack) => ack.await.map(drop),
            Err(error) => Err(error),
        };
        match stored {
            Ok(()) => return Ok(started.elapsed()),
            Err(error) => ensure!(started.elapsed() < PATIENCE, "not stored: {error}"),
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

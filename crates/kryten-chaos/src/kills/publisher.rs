//! Publishes the events at a steady pace, each acknowledged by the stream.

use std::time::Duration;

use anyhow::{Context, ensure};
use kryten_client::{Client, EventStream};
use kryten_protocol::subject;
use kryten_sim::Ledger;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::events::Events;

const TICK: Duration = Duration::from_millis(10);
/// It goes on for so long after the moment of a kill that has not come yet.
const AHEAD: Duration = Duration::from_secs(2);

/// A publisher at work.
#[derive(Debug)]
pub(crate) struct Publisher {
    task: JoinHandle<anyhow::Result<Ledger>>,
    stored: watch::Receiver<u64>,
    kills: watch::Sender<usize>,
}

impl Publisher {
    pub(crate) fn start(client: Client, events: Events, moments: Vec<u64>, pace: f64) -> Self {
        let (kills, killed) = watch::channel(0);
        let (tells, stored) = watch::channel(0);
        let task = tokio::spawn(publish(client, events, moments, pace, killed, tells));
        Self {
            task,
            stored,
            kills,
        }
    }

    /// Waits until so many events are stored.
    pub(crate) async fn reached(&self, count: u64) -> anyhow::Result<()> {
        let mut stored = self.stored.clone();
        let reached = stored.wait_for(|stored| *stored >= count).await;
        reached.map(drop).context("events are no longer published")
    }

    pub(crate) fn killed(&self) {
        self.kills.send_modify(|kills| *kills += 1);
    }

    /// Waits until all are stored; what they mean.
    pub(crate) async fn finish(self) -> anyhow::Result<Ledger> {
        self.task.await?
    }
}

async fn publish(
    client: Client,
    mut events: Events,
    moments: Vec<u64>,
    pace: f64,
    mut killed: watch::Receiver<usize>,
    tells: watch::Sender<u64>,
) -> anyhow::Result<Ledger> {
    EventStream::open_or_create(&client).await?;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ahead = (pace * AHEAD.as_secs_f64()) as u64;
    let (mut stored, mut due) = (0, 0.0);
    let mut last = Instant::now();
    loop {
        ticks.tick().await;
        let next = *killed.borrow_and_update();
        if moments
            .get(next)
            .is_some_and(|moment| stored > moment + ahead)
        {
            killed.changed().await?;
            last = Instant::now();
            continue;
        }
        due += last.elapsed().as_secs_f64() * pace;
        last = Instant::now();
        let mut acks = Vec::new();
        while due >= 1.0 {
            let Some(event) = events.next() else { break };
            due -= 1.0;
            let subject = subject::event(&event.channel, event.name)?;
            let ack = client
                .jetstream()
                .publish(subject, event.body.into())
                .await?;
            acks.push(ack);
        }
        if due >= 1.0 && acks.is_empty() {
            break;
        }
        for ack in acks {
            let ack = ack.await?;
            ensure!(
                !ack.duplicate,
                "the stream takes an event for one that it has"
            );
            stored += 1;
        }
        tells.send_replace(stored);
    }
    Ok(events.ledger().clone())
}

//! Channels on three nats-servers that keep all of it, with PostgreSQL: 1, 2 and 4 instances share them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kryten_client::{Client, EventStream};
use kryten_servers::PostgresServer;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Instances, Options, PATIENCE, PEOPLE, STEP, buckets, load, names, per_second};
use crate::bus::Bus;
use crate::database::Place;
use crate::events::Events;

const INSTANCES: [usize; 3] = [1, 2, 4];
/// So many are published each after the one before was stored.
const ONE_BY_ONE: u64 = 1_000;
const AS_FAST_AS_IT_GOES: f64 = 100_000.0;
/// Events in a second while an instance and a node are killed.
const PACE: f64 = 250.0;

pub(super) async fn run(options: &Options) -> anyhow::Result<Value> {
    let channels = names(options.channels);
    let folder = tempfile::tempdir()?;
    let mut bus = Bus::start(3).await;
    let postgres = PostgresServer::ephemeral().await;
    let client = Client::connect(&bus.config()).await?;
    EventStream::open_or_create(&client).await?;
    let mut events = Events::new(options.seed, options.events, channels.clone(), PEOPLE);
    let (count, took) = load::at_once(&client, &mut events).await?;
    let stored = per_second(count, took);
    let (bytes, messages) = bus.stored(&client).await?;
    let each = bytes as f64 / messages as f64;
    println!(
        "{} channels, {} people, three nats-servers that keep all: {count} events published at {stored:.0}/s, {each:.0} \
         bytes each on each server",
        channels.len(),
        options.channels * PEOPLE
    );
    let started = Instant::now();
    events.add(ONE_BY_ONE);
    let (tells, _) = watch::channel(0);
    let (mut events, _) =
        load::at_a_pace(client.clone(), events, AS_FAST_AS_IT_GOES, tells).await?;
    let in_a_row = per_second(ONE_BY_ONE, started.elapsed());
    println!(
        "one after the other, as a robot sends those of a channel to a cluster: {in_a_row:.0}/s"
    );
    println!(
        "instances | channels of each | shared after | counted/s | MB of all | database bytes/event | one killed: taken over \
         | leader of the stream killed: longest wait | totals equal"
    );
    let mut rows = Vec::new();
    for count in INSTANCES {
        let place = Place::Url(postgres.database().await);
        let mut round = Round {
            folder: folder.path(),
            bus: &mut bus,
            client: &client,
            channels: &channels,
        };
        let (row, back) = round.run(events, place, count, options.live_events).await?;
        events = back;
        rows.push(row);
    }
    let cost = buckets::make(&bus, &client, &channels).await?;
    println!("{}", cost.line());
    Ok(json!({
        "buckets": cost.figures(), "channels": channels.len(), "people": options.channels * PEOPLE, "servers": 3,
        "published_per_second": stored, "published_one_by_one_per_second": in_a_row, "stream_bytes_per_event": each, "instances": rows,
    }))
}

struct Round<'a> {
    folder: &'a Path,
    bus: &'a mut Bus,
    client: &'a Client,
    channels: &'a [String],
}

impl Round<'_> {
    /// Counts what waits, then goes on while an instance and a node are killed.
    async fn run(
        &mut self,
        mut events: Events,
        place: Place,
        count: usize,
        live_events: u64,
    ) -> anyhow::Result<(Value, Events)> {
        let (_, waiting) = self.bus.stored(self.client).await?;
        let mut instances =
            Instances::start(self.folder, self.bus, self.channels, place, count).await?;
        let empty = instances.database.bytes().await?;
        let shared = instances.share(self.channels.len()).await?;
        self.counted(&instances).await?;
        let counted = per_second(waiting, instances.started.elapsed());
        let memory = instances.memory()?;
        let shares = instances.shares().await?;
        let bytes = instances.database.bytes().await?.saturating_sub(empty) as f64 / waiting as f64;

        events.add(live_events);
        let (tells, mut stored) = watch::channel(0);
        let publishing = load::at_a_pace(self.client.clone(), events, PACE, tells);
        let publishing = tokio::spawn(publishing);
        stored.wait_for(|stored| *stored > live_events / 3).await?;
        let takeover = self.kill_an_instance(&mut instances).await?;
        stored
            .wait_for(|stored| *stored > 2 * live_events / 3)
            .await?;
        let leader = self.bus.leader_of(self.client, "KRYTEN_EVENTS").await?;
        self.bus.node(leader).kill().await?;
        let (events, longest) = publishing.await??;
        self.bus.node(leader).restart().await?;
        self.bus.ready().await?;
        self.counted(&instances).await?;
        let totals = instances.are_exact(events.ledger()).await?;
        instances.stop()?;
        let [shared, takeover, longest] =
            [shared, takeover, longest].map(|time| time.as_secs_f64());
        println!(
            "{count} | {shares:?} | {shared:.2} s | {counted:.0} | {memory:.0} | {bytes:.1} | {takeover:.2} s | {longest:.2} s \
             | {totals}"
        );
        let row = json!({
            "instances": count, "channels_of_each": shares, "shared_after_s": shared, "counted_per_second": counted,
            "memory_mb": memory, "database_bytes_per_event": bytes, "takeover_s": takeover,
            "longest_wait_over_an_election_s": longest, "totals_equal": totals,
        });
        Ok((row, events))
    }

    async fn counted(&self, instances: &Instances) -> anyhow::Result<()> {
        let database = &instances.database;
        database
            .counted_to_the_end(self.client, self.channels, PATIENCE)
            .await
    }

    /// Kills one; how long it takes until all that it counted is counted by others, or by itself where it is alone.
    async fn kill_an_instance(&self, instances: &mut Instances) -> anyhow::Result<Duration> {
        let victim = instances.processes.first_mut().context("there are some")?;
        let held = instances.database.held_by(victim.pid()).await?;
        let killed = Instant::now();
        victim.sigkill()?;
        if instances.processes.len() == 1 {
            instances.processes[0].start_again()?;
        }
        while !instances.database.epochs_above(&held).await? {
            if killed.elapsed() > PATIENCE {
                bail!("nobody takes {held:?} over");
            }
            tokio::time::sleep(STEP).await;
        }
        let took = killed.elapsed();
        if instances.processes.len() > 1 {
            instances.processes[0].start_again()?;
        }
        Ok(took)
    }
}

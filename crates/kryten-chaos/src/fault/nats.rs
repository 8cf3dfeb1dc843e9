//! What is done to the nats-servers, their routes and the buckets.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kryten_protocol::state::StateBucket;
use nix::sys::signal::Signal;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::ELECTION;
use super::perform::Takeover;
use crate::process::signal;
use crate::stage::Stage;

/// All at once, as a power cut does it.
pub(super) async fn all_killed(
    stage: &mut Stage,
    random: &mut StdRng,
    short: Duration,
) -> anyhow::Result<()> {
    for number in 0..stage.bus.size() {
        stage.bus.node(number).kill().await?;
    }
    // Ten minutes, divided by 60.
    let long = Duration::from_secs(10);
    tokio::time::sleep(if random.random_bool(0.2) { long } else { short }).await;
    for number in 0..stage.bus.size() {
        stage.bus.node(number).restart().await?;
    }
    stage.bus.ready().await
}

pub(super) async fn slow(stage: &Stage, random: &mut StdRng) -> anyhow::Result<()> {
    let pid = stage.bus.pid(random.random_range(0..stage.bus.size()))?;
    for _ in 0..5 {
        signal(pid, Signal::SIGSTOP)?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        signal(pid, Signal::SIGCONT)?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// A stream that has met a full disk stores nothing more until the server is started again, with room.
pub(super) async fn disk_full(stage: &mut Stage, short: Duration) -> anyhow::Result<()> {
    let disk = stage.nats_disk.as_ref();
    let disk = disk.context("there is no small disk of the nats-server")?;
    disk.fill()?;
    tokio::time::sleep(2 * short).await;
    disk.free()?;
    Ok(stage.bus.node(0).restart().await?)
}

pub(super) async fn node_killed(
    stage: &mut Stage,
    random: &mut StdRng,
    short: Duration,
) -> anyhow::Result<Option<Takeover>> {
    let number = random.random_range(0..stage.bus.size());
    killed(stage, number, "a node killed", short).await
}

/// The leader of the stream that keeps the events.
pub(super) async fn leader_killed(
    stage: &mut Stage,
    short: Duration,
) -> anyhow::Result<Option<Takeover>> {
    let number = stage.bus.leader_of(&stage.nats, "KRYTEN_EVENTS").await?;
    killed(stage, number, "the stream's leader killed", short).await
}

/// The other nodes go on by themselves; only then it comes back.
async fn killed(
    stage: &mut Stage,
    number: usize,
    what: &'static str,
    short: Duration,
) -> anyhow::Result<Option<Takeover>> {
    let killed = Instant::now();
    stage.bus.node(number).kill().await?;
    stage.marked().await?;
    let took = killed.elapsed();
    tokio::time::sleep(short).await;
    stage.bus.node(number).restart().await?;
    stage.bus.ready().await?;
    Ok(Some(Takeover {
        what,
        took,
        limit: ELECTION,
    }))
}

/// Too short for an election, or long enough for one.
pub(super) async fn node_suspended(
    stage: &Stage,
    random: &mut StdRng,
    short: Duration,
) -> anyhow::Result<()> {
    let pid = stage.bus.pid(random.random_range(0..stage.bus.size()))?;
    let long = Duration::from_secs(12);
    signal(pid, Signal::SIGSTOP)?;
    tokio::time::sleep(if random.random_bool(0.5) { long } else { short }).await;
    signal(pid, Signal::SIGCONT)?;
    stage.bus.ready().await
}

/// All routes between the nodes end, or carry nothing, so that none of them has the majority.
pub(super) async fn routes(stage: &Stage, is_cut: bool, short: Duration) -> anyhow::Result<()> {
    let cluster = stage.bus.cluster()?;
    match is_cut {
        true => cluster.cut_routes(),
        false => cluster.silence_routes(),
    }
    tokio::time::sleep(4 * short).await;
    cluster.mend_routes();
    stage.bus.ready().await
}

pub(super) async fn bucket_deleted(stage: &Stage, random: &mut StdRng) -> anyhow::Result<()> {
    const PATIENCE: Duration = Duration::from_secs(30);
    const STEP: Duration = Duration::from_millis(100);
    let bucket = *StateBucket::ALL.choose(random).context("there are four")?;
    let name = bucket.name(stage.steady.channel.name());
    let started = Instant::now();
    // One that has no leader yet after the last fault cannot be deleted.
    while let Err(error) = stage.nats.jetstream().delete_key_value(&name).await {
        if started.elapsed() > PATIENCE {
            bail!("{name} cannot be deleted: {error}");
        }
        tokio::time::sleep(STEP).await;
    }
    Ok(())
}

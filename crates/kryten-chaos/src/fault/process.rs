//! What is done to robots and to instances of the statistics.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::TAKEOVER;
use super::perform::Takeover;
use crate::process::Process;
use crate::stage::{Scene, Stage};

/// How often the one that works is hit, where others stand by.
const THE_ONE_AT_WORK: f64 = 0.7;
/// How often a suspension is so long that another one takes over.
const LONG: f64 = 0.5;
/// How far a clock is set ahead or back at most, in microseconds: an hour.
const CLOCK: i64 = 3_600_000_000;
const STEP: Duration = Duration::from_millis(20);

/// Which of several is hit, where the one at work is known.
fn victim(random: &mut StdRng, count: usize, at_work: Option<usize>) -> (usize, bool) {
    let hits_work = random.random_bool(THE_ONE_AT_WORK);
    let any = random.random_range(0..count);
    let number = match (hits_work, at_work) {
        (true, Some(at_work)) => at_work,
        _ => any,
    };
    (number, at_work == Some(number))
}

fn takeover(what: &'static str, since: Instant) -> Takeover {
    Takeover {
        what,
        took: since.elapsed(),
        limit: TAKEOVER,
    }
}

pub(super) async fn robot_killed(
    stage: &mut Stage,
    random: &mut StdRng,
    short: Duration,
) -> anyhow::Result<Option<Takeover>> {
    let serving = stage.killed.serving(&stage.nats).await?;
    let count = stage.killed.robots.len();
    let (number, is_serving) = victim(random, count, serving);
    let killed = Instant::now();
    stage.killed.robots[number].sigkill()?;
    let mut taken_over = None;
    if count == 1 {
        tokio::time::sleep(short).await;
    } else {
        stage.marked().await?;
        taken_over = is_serving.then(|| takeover("a robot killed", killed));
    }
    stage.killed.robots[number].start_again()?;
    Ok(taken_over)
}

pub(super) async fn robot_suspended(
    stage: &mut Stage,
    random: &mut StdRng,
    short: Duration,
) -> anyhow::Result<Option<Takeover>> {
    let serving = stage.steady.serving(&stage.nats).await?;
    let count = stage.steady.robots.len();
    let (number, is_serving) = victim(random, count, serving);
    let is_long = count > 1 && random.random_bool(LONG);
    let suspended = Instant::now();
    stage.steady.robots[number].suspend()?;
    let mut taken_over = None;
    if is_long {
        stage.marked().await?;
        taken_over = is_serving.then(|| takeover("a robot suspended", suspended));
    } else {
        tokio::time::sleep(short).await;
    }
    stage.steady.robots[number].resume()?;
    Ok(taken_over)
}

/// The instance that counts the channel, and its epoch.
async fn counting(scene: &Scene) -> anyhow::Result<(Option<usize>, Vec<(String, i64)>)> {
    for (number, process) in scene.userstats.iter().enumerate() {
        let held = scene.database.held_by(process.pid()).await?;
        if !held.is_empty() {
            return Ok((Some(number), held));
        }
    }
    Ok((None, Vec::new()))
}

async fn somebody_else_counts(scene: &Scene, held: &[(String, i64)]) -> anyhow::Result<()> {
    let since = Instant::now();
    while !scene.database.epochs_above(held).await? {
        if since.elapsed() > 3 * TAKEOVER {
            bail!("nobody counts {held:?} any more");
        }
        tokio::time::sleep(STEP).await;
    }
    Ok(())
}

pub(super) async fn userstats_killed(
    stage: &mut Stage,
    random: &mut StdRng,
    short: Duration,
) -> anyhow::Result<Option<Takeover>> {
    let scene = &mut stage.killed;
    let (at_work, held) = counting(scene).await?;
    let (number, counts) = victim(random, scene.userstats.len(), at_work);
    let killed = Instant::now();
    scene.userstats[number].sigkill()?;
    let mut taken_over = None;
    if scene.userstats.len() == 1 || !counts {
        tokio::time::sleep(short).await;
    } else {
        somebody_else_counts(scene, &held).await?;
        taken_over = Some(takeover("statistics killed", killed));
    }
    scene.userstats[number].start_again()?;
    Ok(taken_over)
}

pub(super) async fn userstats_suspended(
    stage: &mut Stage,
    random: &mut StdRng,
    short: Duration,
) -> anyhow::Result<Option<Takeover>> {
    let scene = &mut stage.steady;
    let (at_work, held) = counting(scene).await?;
    let (number, counts) = victim(random, scene.userstats.len(), at_work);
    let is_long = scene.userstats.len() > 1 && random.random_bool(LONG);
    let suspended = Instant::now();
    scene.userstats[number].suspend()?;
    let mut taken_over = None;
    if is_long && counts {
        somebody_else_counts(scene, &held).await?;
        taken_over = Some(takeover("statistics suspended", suspended));
    } else {
        tokio::time::sleep(short).await;
    }
    scene.userstats[number].resume()?;
    Ok(taken_over)
}

/// The clock of one process is set ahead or back; a process that is started again has the machine's.
pub(super) fn clock_set(stage: &Stage, random: &mut StdRng) -> anyhow::Result<()> {
    let scenes = stage.scenes();
    let processes = scenes
        .iter()
        .flat_map(|scene| scene.robots.iter().chain(&scene.userstats));
    let processes: Vec<&Process> = processes.collect();
    let process = processes.choose(random).context("there is no process")?;
    process.set_clock(random.random_range(-CLOCK..=CLOCK))
}

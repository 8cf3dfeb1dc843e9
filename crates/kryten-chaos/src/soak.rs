//! Eight simulated hours in 48 minutes without a fault: memory and open files stay, stream and databases grow as
//! predicted, and the totals are those of the ledger all the time.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::check;
use crate::growth::{Growth, Size};
use crate::memory::Memory;
use crate::stage::Stage;

/// Simulated seconds in a second.
pub(crate) const SPEED: f64 = 10.0;
/// How long it takes unless something else is said, in minutes.
pub(crate) const MINUTES: f64 = 48.0;
/// An hour of the eight; of a shorter run a part of it.
const PARTS: u32 = 8;
const SAMPLE: Duration = Duration::from_secs(2);

pub(crate) async fn run(stage: &mut Stage, minutes: f64) -> anyhow::Result<()> {
    let length = Duration::from_secs_f64(minutes * 60.0);
    let part = length / PARTS;
    let mut memory = Memory::new(part);
    let mut growth = Growth::default();
    growth.note(size(stage).await?);
    let started = Instant::now();
    for number in 1..=PARTS {
        while started.elapsed() < part * number {
            tokio::time::sleep(SAMPLE.min(part / 4)).await;
            stage.nobody_has_died()?;
            memory.sample(stage, started.elapsed())?;
        }
        let checked = check::everything(stage).await?;
        growth.note(size(stage).await?);
        println!("{number} of {PARTS}: {checked}; {}", memory.last());
    }
    let verdict = memory.verdict(started.elapsed());
    println!("memory: {verdict}");
    stage.stop()?;
    if let Some(prediction) = growth.prediction() {
        println!("growth: {prediction}");
        ensure!(prediction.holds(), "it has not grown as predicted");
    }
    ensure!(verdict.holds(), "memory has grown");
    Ok(())
}

async fn size(stage: &Stage) -> anyhow::Result<Size> {
    let (stream, events) = stage.bus.stored(&stage.nats).await?;
    let mut database = 0;
    for scene in stage.scenes() {
        database += scene.database.bytes().await?;
    }
    Ok(Size {
        events,
        stream,
        database,
    })
}

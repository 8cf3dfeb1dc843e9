//! Many channels on three nats-servers, PostgreSQL and several instances of the statistics; and very many on one server
//! and SQLite. What came out is a table; the road from there to more is in `docs/scale.md`.
//!
//! Events are published on a robot's subjects, and what they mean is counted by other code, as for `kills`.
//!
//! - [`load`]: how they are published: as fast as it goes, or at a pace over faults;
//! - [`cluster`]: 1, 2 and 4 instances share the channels; one is killed, and a node;
//! - [`buckets`]: what the state of so many channels costs the servers;
//! - [`crowd`]: one instance with very many channels.

mod buckets;
mod cluster;
mod crowd;
mod load;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use kryten_sim::Ledger;
use serde_json::{Value, json};

use crate::bus::Bus;
use crate::database::{Database, Place};
use crate::events::DOMAIN;
use crate::process::Process;
use crate::totals;

/// How long a backlog may take to be counted.
const PATIENCE: Duration = Duration::from_secs(600);
const STEP: Duration = Duration::from_millis(20);
/// In each channel.
const PEOPLE: u32 = 20;

/// Many channels on several servers and instances, and very many on one: what it takes, as a table
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// How many channels there are on three nats-servers; 0 leaves this part out
    #[arg(long, value_name = "N", default_value_t = 50)]
    channels: u32,
    /// How many events wait there when the instances start
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    events: u64,
    /// How many more are published while an instance and a node are killed
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    live_events: u64,
    /// How many channels there are on one nats-server; 0 leaves this part out
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    crowd: u32,
    /// How many events wait there
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    crowd_events: u64,
    /// What is said is decided by this number
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Write the figures into this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    ensure!(
        options.channels + options.crowd > 0,
        "nothing is left to do; give --channels or --crowd a number above 0"
    );
    let mut figures = json!({"seed": options.seed});
    if options.channels > 0 {
        figures["cluster"] = cluster::run(&options).await?;
    }
    if options.crowd > 0 {
        figures["crowd"] = crowd::run(&options).await?;
    }
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&figures)?;
        std::fs::write(file, text + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    println!("everything holds");
    Ok(ExitCode::SUCCESS)
}

/// Names of which none is the beginning of another.
fn names(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("c{number:04}")).collect()
}

/// Instances of the statistics that share channels and a database.
struct Instances {
    processes: Vec<Process>,
    database: Database,
    started: Instant,
}

impl Instances {
    async fn start(
        folder: &Path,
        bus: &Bus,
        channels: &[String],
        place: Place,
        count: usize,
    ) -> anyhow::Result<Self> {
        let database = Database::open(place.clone()).await?;
        let channels = channels.iter();
        let channels: Vec<Value> = channels
            .map(|channel| json!({"domain": DOMAIN, "channel": channel}))
            .collect();
        let config =
            json!({"nats": bus.section(), "channels": channels, "database": place.section()});
        let started = Instant::now();
        let mut processes = Vec::new();
        for number in 0..count {
            let file = folder.join(format!("{count}-instance{number}.json"));
            std::fs::write(&file, config.to_string())?;
            processes.push(Process::start("userstats", &file)?);
        }
        Ok(Self {
            processes,
            database,
            started,
        })
    }

    /// Waits until so many channels are held by the processes that run; how long that took since the start.
    async fn share(&self, channels: usize) -> anyhow::Result<Duration> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shares = self.shares().await?;
            let is_shared =
                shares.iter().sum::<usize>() == channels && shares.iter().all(|share| *share > 0);
            if is_shared {
                return Ok(self.started.elapsed());
            }
            ensure!(
                Instant::now() < deadline,
                "of {channels} channels the instances hold {shares:?}"
            );
            tokio::time::sleep(STEP).await;
        }
    }

    /// How many channels each of the processes holds.
    async fn shares(&self) -> anyhow::Result<Vec<usize>> {
        let shares = self.database.shares().await?;
        let share = |process: &Process| shares.get(&u64::from(process.pid())).copied();
        let all = self.processes.iter();
        Ok(all.map(|process| share(process).unwrap_or(0)).collect())
    }

    /// Resident MB of all.
    fn memory(&self) -> anyhow::Result<f64> {
        let mut sum = 0;
        for process in &self.processes {
            sum += process.memory()?;
        }
        Ok(sum as f64 / 1024.0)
    }

    async fn are_exact(&self, ledger: &Ledger) -> anyhow::Result<usize> {
        let counted = self.database.totals().await?;
        let differences = totals::differences(&counted, ledger)?;
        let first: Vec<_> = differences.iter().take(5).collect();
        ensure!(
            differences.is_empty(),
            "{} totals differ (counted, then the ledger's): {first:?}",
            differences.len()
        );
        totals::count(ledger)
    }

    fn stop(mut self) -> anyhow::Result<()> {
        self.processes.iter_mut().try_for_each(Process::stop)
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

//! Simulated days full of faults: robots and statistics as processes, and each simulated hour everything is compared.
//!
//! `cargo run --release -p kryten-chaos -- --minutes N --seed S`. The simulator goes 60 times as fast as life, and our
//! intervals are divided by 60, so a minute is an hour. In reading order:
//!
//! - [`form`]: how many nats-servers, robots and statistics, and which database;
//! - [`stage`]: two channels, the servers, and the processes; those of one channel are never killed, so that their
//!   memory tells something;
//! - [`watcher`]: tells the simulator which lines are safe, so that what is lost is our fault;
//! - [`fault`]: what is done to them, by chance;
//! - [`check`]: stream = KV = database = ledger;
//! - [`memory`]: memory and open files of those that are never killed;
//! - [`kills`]: statistics alone, killed while events come, on either database and several at once;
//! - [`soak`]: no fault at all, for eight simulated hours;
//! - [`scale`]: many channels on several servers and instances;
//! - [`service`]: what this program is when it is started as one of the processes.
#![allow(clippy::print_stdout, reason = "its report is what it is run for")]

mod bus;
mod check;
mod database;
mod disk;
mod events;
mod fault;
mod form;
mod growth;
mod kills;
mod memory;
mod process;
mod scale;
mod service;
mod soak;
mod stage;
mod times;
mod totals;
mod watcher;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::ensure;
use cap::Cap;
use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::fault::{Fault, Faults};
use crate::form::Form;
use crate::memory::Memory;
use crate::stage::Stage;

/// As in `kryten`, whose memory this is to tell, and counting what is allocated.
#[global_allocator]
static ALLOCATOR: Cap<MiMalloc> = Cap::new(MiMalloc, usize::MAX);

/// How long it takes unless something else is said, in minutes.
const MINUTES: f64 = 24.0;
/// Simulated seconds in a second.
const SPEED: f64 = 60.0;
/// A simulated hour.
const HOUR: Duration = Duration::from_secs(60);

/// Simulated days full of faults; exit code 1 when something does not hold.
#[derive(Debug, Parser)]
struct Options {
    /// How long, in minutes; each is a simulated hour. Without it 24, or with --soak 48
    #[arg(long, value_name = "N")]
    minutes: Option<f64>,
    /// No faults, ten times as fast as life: memory, open files and sizes over eight simulated hours
    #[arg(long)]
    soak: bool,
    /// What is done and said is decided by this number; without it by the clock
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only this fault, by the name that is told of it, such as DiskFull; again and again
    #[arg(long, value_name = "FAULT")]
    only: Option<Fault>,
    /// Keep configurations, logs and databases in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
    #[command(subcommand)]
    service: Option<Service>,
}

/// What else this program does, and what it starts itself as.
#[derive(Debug, Clone, Subcommand)]
enum Service {
    Kills(kills::Options),
    Scale(scale::Options),
    /// A robot
    #[command(hide = true)]
    Robot {
        file: PathBuf,
    },
    /// Statistics
    #[command(hide = true)]
    Userstats {
        file: PathBuf,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    // Whoever is first wins; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match options.service {
        Some(Service::Kills(options)) => return kills::run(options).await,
        Some(Service::Scale(options)) => return scale::run(options).await,
        Some(Service::Robot { file }) => return service::robot(&file).await,
        Some(Service::Userstats { file }) => return service::userstats(&file).await,
        None => {}
    }
    let (speed, usual) = match options.soak {
        true => (soak::SPEED, soak::MINUTES),
        false => (SPEED, MINUTES),
    };
    let minutes = options.minutes.unwrap_or(usual);
    ensure!(
        minutes.is_finite() && minutes > 0.0,
        "--minutes takes a number above 0"
    );
    let seed = options.seed.unwrap_or_else(rand::random);
    let form = options.form.whole();
    let hours = minutes * speed / 60.0;
    println!("seed {seed}, {hours:.2} simulated hours, {form}");
    let (folder, _temporary) = match options.keep {
        Some(folder) => {
            std::fs::create_dir_all(&folder)?;
            (folder, None)
        }
        None => {
            let temporary = tempfile::tempdir()?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    let mut stage = Stage::start(folder, seed, form, speed).await?;
    match options.soak {
        true => soak::run(&mut stage, minutes).await?,
        false => run(&mut stage, seed, minutes, options.only).await?,
    }
    println!("everything holds");
    Ok(ExitCode::SUCCESS)
}

async fn run(
    stage: &mut Stage,
    seed: u64,
    minutes: f64,
    only: Option<Fault>,
) -> anyhow::Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut faults = Faults::of(only);
    let mut memory = Memory::new(HOUR);
    let started = Instant::now();
    let length = Duration::from_secs_f64(minutes * 60.0);
    let mut next_check = HOUR.min(length / 2);
    while started.elapsed() < length {
        tokio::time::sleep(Duration::from_millis(random.random_range(200..4_000))).await;
        faults.one(stage, &mut random).await?;
        stage.nobody_has_died()?;
        memory.sample(stage, started.elapsed())?;
        if started.elapsed() >= next_check {
            let checked = check::everything(stage).await?;
            println!(
                "{:>5.1} h: {checked}; {}",
                started.elapsed().as_secs_f64() / HOUR.as_secs_f64(),
                memory.last()
            );
            next_check += HOUR;
        }
    }
    let checked = check::everything(stage).await?;
    memory.sample(stage, started.elapsed())?;
    println!("  end: {checked}; {}", memory.last());
    println!("faults: {faults}");
    for line in faults.takeovers() {
        println!("{line}");
    }
    let verdict = memory.verdict(started.elapsed());
    println!("memory: {verdict}");
    stage.stop()?;
    ensure!(verdict.holds(), "memory has grown");
    Ok(())
}

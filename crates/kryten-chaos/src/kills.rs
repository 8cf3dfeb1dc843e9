//! Statistics are killed again and again while events come; then every total is compared.
//!
//! `cargo run --release -p kryten-chaos -- kills --database sqlite --instances 2 --kills 100 --events 100000 --seed 1`.
//! There is no robot and no CyTube: events are published on a robot's subjects, each acknowledged by the stream, and what
//! they mean is counted by the simulator's code, which shares nothing with the statistics.
//!
//! - [`publisher`]: at a steady pace, so that each kill meets counting at work;
//!
//! What is published is in `events`, who holds which channel and every total in `database`.

mod publisher;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use clap::Args;
use kryten_client::{Client, NatsConfig};
use kryten_servers::{NatsServer, PostgresServer};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::database::{Database, Kind, Place};
use crate::events::{DOMAIN, Events};
use crate::process::Process;
use crate::times::Times;
use crate::totals;
use publisher::Publisher;

const CHANNELS: [&str; 4] = ["red", "green", "blue", "white"];
/// In each of them.
const PEOPLE: u32 = 30;

/// How much time there is for a kill, on average.
const FOR_A_KILL: Duration = Duration::from_millis(2500);
/// Within this time somebody else counts what a killed instance counted.
const TAKEOVER: Duration = Duration::from_secs(10);
/// How long the last events may take to be counted.
const PATIENCE: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(10);
/// So many totals are told of those that differ.
const TOLD: usize = 20;

/// Kills statistics while events come, and compares every total
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Where they count
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    database: Kind,
    /// How many instances share the channels
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    instances: u8,
    /// How often one of them is killed
    #[arg(long, value_name = "N", default_value_t = 100)]
    kills: u64,
    /// How many events are published meanwhile
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    events: u64,
    /// What is said and who is killed when is decided by this number; without it by the clock
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Keep configurations, logs and a database of SQLite in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    ensure!(
        options.events > options.kills,
        "--events takes a number above that of the kills"
    );
    let seed = options.seed.unwrap_or_else(rand::random);
    println!(
        "seed {seed}: {:?}, {} instances, {} kills, {} events in {} channels",
        options.database,
        options.instances,
        options.kills,
        options.events,
        CHANNELS.len()
    );
    let temporary = tempfile::tempdir()?;
    let folder = options.keep.clone();
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let server = NatsServer::ephemeral().await;
    let nats = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
    let client = Client::connect(&nats).await?;
    let postgres = match options.database {
        Kind::Sqlite => None,
        Kind::Postgres => Some(PostgresServer::ephemeral().await),
    };
    let place = match &postgres {
        None => Place::File(folder.join("userstats.db")),
        Some(postgres) => Place::Url(postgres.database().await),
    };
    let mut instances = (0..options.instances)
        .map(|number| start(&folder, number, &server, &place))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let database = Database::open(place).await?;
    let mut random = StdRng::seed_from_u64(seed);
    let moments = moments(&mut random, options.kills, options.events);
    let pace = pace(&options);
    let channels: Vec<String> = CHANNELS.map(str::to_owned).into();
    let events = Events::new(seed, options.events, channels.clone(), PEOPLE);
    let began = Instant::now();
    let publisher = Publisher::start(client.clone(), events, moments.clone(), pace);
    let mut takeovers = Times::default();
    for moment in moments {
        publisher.reached(moment).await?;
        let victim = random.random_range(0..instances.len());
        let held = database.held_by(instances[victim].pid()).await?;
        let killed = Instant::now();
        instances[victim].sigkill()?;
        publisher.killed();
        if instances.len() == 1 {
            instances[victim].start_again()?;
        }
        let others = taken_over(&database, &held, killed).await?;
        if !held.is_empty() {
            takeovers.note(others);
        }
        if instances.len() > 1 {
            instances[victim].start_again()?;
        }
        for (at, instance) in instances.iter_mut().enumerate() {
            if at != victim {
                instance.is_well()?;
            }
        }
    }
    let ledger = publisher.finish().await?;
    let length = began.elapsed();
    database
        .counted_to_the_end(&client, &channels, PATIENCE)
        .await?;
    for instance in &mut instances {
        instance.stop()?;
    }
    println!(
        "{} kills while {} events came in {:.0} s; {} of them hit one that counted",
        options.kills,
        options.events,
        length.as_secs_f64(),
        takeovers.count()
    );
    println!("takeover: {}", takeovers.spread(TAKEOVER));
    let counted = database.totals().await?;
    let differences = totals::differences(&counted, &ledger)?;
    if differences.is_empty() {
        println!("all {} totals are equal", totals::count(&ledger)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} totals differ (counted, then the ledger's):",
        differences.len()
    );
    for (total, [ours, theirs]) in differences.iter().take(TOLD) {
        println!("  {total}: {ours}, {theirs}");
    }
    Ok(ExitCode::FAILURE)
}

fn start(folder: &Path, number: u8, server: &NatsServer, place: &Place) -> anyhow::Result<Process> {
    let channels = CHANNELS.map(|channel| json!({"domain": DOMAIN, "channel": channel}));
    let config = json!({
        "nats": {"servers": [server.url()], "user": server.user(), "password": server.password()},
        "channels": channels, "database": place.section(),
    });
    let file = folder.join(format!("instance{number}.json"));
    std::fs::write(&file, config.to_string())?;
    Process::start("userstats", &file)
}

/// After which events somebody is killed; not among the first, which tell who and what there is.
fn moments(random: &mut StdRng, kills: u64, events: u64) -> Vec<u64> {
    let mut moments: Vec<u64> = (0..kills)
        .map(|_| random.random_range(events / 100..events))
        .collect();
    moments.sort_unstable();
    moments
}

/// Events in a second.
fn pace(options: &Options) -> f64 {
    let kills = u32::try_from(options.kills.max(2)).unwrap_or(u32::MAX);
    options.events as f64 / (FOR_A_KILL * kills).as_secs_f64()
}

/// Waits until somebody else counts these channels; how long it took.
async fn taken_over(
    database: &Database,
    held: &[(String, i64)],
    killed: Instant,
) -> anyhow::Result<Duration> {
    loop {
        if database.epochs_above(held).await? {
            return Ok(killed.elapsed());
        }
        if killed.elapsed() > TAKEOVER * 3 {
            bail!("nobody takes {held:?} over");
        }
        tokio::time::sleep(STEP).await;
    }
}

//! Two channels on one simulator, each with robots and statistics of its own, and what carries and keeps their events.

mod scene;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use kryten_client::Client;
use kryten_servers::PostgresServer;
use kryten_sim::{ChannelConfig, ScriptConfig, Sim, SimConfig, SimHandle, Speed};

use crate::bus::Bus;
use crate::database::{Database, Kind, Place};
use crate::disk::Disk;
use crate::form::Form;
use crate::watcher::Watcher;
pub(crate) use scene::Scene;
use scene::Surroundings;

const DOMAIN: &str = "sim.invalid";
/// Its robot and statistics are killed again and again.
const KILLED: &str = "killed";
/// Its robot and statistics live all the time.
const STEADY: &str = "steady";
/// How many lines may be unseen when a robot dies: CyTube replays 15, and the robot has to know one of them to be sure
/// that none is missing.
const UNSEEN: u64 = 14;
/// How long everything may take to be as before after a fault.
const PATIENCE: Duration = Duration::from_secs(90);

/// Everything that runs.
pub(crate) struct Stage {
    pub(crate) form: Form,
    pub(crate) sim: SimHandle,
    pub(crate) bus: Bus,
    pub(crate) postgres: Option<PostgresServer>,
    /// Where the database of the first channel is, if it can be full.
    pub(crate) disk: Option<Disk>,
    /// Where one nats-server keeps what it stores, if it can be full.
    pub(crate) nats_disk: Option<Disk>,
    pub(crate) nats: Client,
    pub(crate) watcher: Watcher,
    pub(crate) killed: Scene,
    pub(crate) steady: Scene,
}

impl Stage {
    /// Starts everything; `speed` is how many simulated seconds there are in a second.
    pub(crate) async fn start(
        folder: PathBuf,
        seed: u64,
        form: Form,
        speed: f64,
    ) -> anyhow::Result<Self> {
        let nats_folder = folder.join("nats");
        let nats_disk = match form.is_cluster() {
            true => None,
            false => Disk::mount(&nats_folder, 512)?,
        };
        let bus = match nats_disk {
            Some(_) => Bus::start_in(&nats_folder).await,
            None => Bus::start(form.nats).await,
        };
        let (postgres, disk) = match form.database {
            Kind::Postgres => (Some(PostgresServer::ephemeral().await), None),
            Kind::Sqlite => (None, Disk::mount(&folder.join("disk"), 64)?),
        };
        let wants_disks = !form.is_cluster() || form.database == Kind::Sqlite;
        if wants_disks && disk.is_none() && nats_disk.is_none() {
            println!("left out: full disks, since mounting is not allowed here");
        }
        let mut places = Vec::new();
        for name in [KILLED, STEADY] {
            places.push(match &postgres {
                Some(postgres) => Place::Url(postgres.database().await),
                None if name == KILLED && disk.is_some() => {
                    Place::File(folder.join("disk/killed.db"))
                }
                None => Place::File(folder.join(format!("{name}.db"))),
            });
        }
        let sim = start_sim(seed, speed).await?;
        let channel = |name| sim.channel(name).context("the simulator lacks a channel");
        let nats = bus.config();
        let watcher = Watcher::start(&nats, vec![channel(KILLED)?, channel(STEADY)?]).await?;
        let around = Surroundings {
            folder: &folder,
            bus: &bus,
            sim: &sim,
            form,
            speed,
        };
        let mut scenes = Vec::new();
        for (name, place) in [KILLED, STEADY].into_iter().zip(places) {
            let database = Database::open(place.clone()).await?;
            scenes.push(Scene::start(&around, channel(name)?, &place, database)?);
        }
        let (Some(steady), Some(killed)) = (scenes.pop(), scenes.pop()) else {
            unreachable!("there are two channels")
        };
        let mut stage = Self {
            killed,
            steady,
            nats: Client::connect(&nats).await?,
            form,
            sim,
            bus,
            postgres,
            disk,
            nats_disk,
            watcher,
        };
        stage.recovered().await?;
        Ok(stage)
    }

    pub(crate) fn scenes(&self) -> [&Scene; 2] {
        [&self.killed, &self.steady]
    }

    /// Holds what CyTube does not replay, and waits until everything of it is in the stream: what a fault now takes
    /// away is nobody's loss.
    pub(crate) async fn hold(&mut self) -> anyhow::Result<()> {
        for scene in self.scenes() {
            scene.channel.hold(true, false).await?;
        }
        self.marked().await
    }

    /// Waits until both channels reach the stream again, and lets everything go on.
    pub(crate) async fn recovered(&mut self) -> anyhow::Result<()> {
        self.marked().await?;
        for scene in self.scenes() {
            scene.channel.hold(false, false).await?;
        }
        Ok(())
    }

    /// Waits until a mark of each channel is in the stream; one that is sent while the robot is out is lost.
    pub(crate) async fn marked(&mut self) -> anyhow::Result<()> {
        for scene in [&mut self.killed, &mut self.steady] {
            let name = scene.channel.name().to_owned();
            let marked = scene.marked(&self.watcher);
            tokio::time::timeout(PATIENCE, marked)
                .await
                .with_context(|| format!("the robot of {name} has not come back"))??;
        }
        Ok(())
    }

    /// Whether every process that should be alive is.
    pub(crate) fn nobody_has_died(&mut self) -> anyhow::Result<()> {
        self.watcher.is_well()?;
        for scene in [&mut self.killed, &mut self.steady] {
            for process in scene.processes() {
                process.is_well()?;
            }
        }
        self.bus.is_well()
    }

    /// All processes end as an operator ends them.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        for scene in [&mut self.killed, &mut self.steady] {
            for process in scene.processes() {
                process.stop()?;
            }
        }
        Ok(())
    }
}

async fn start_sim(seed: u64, speed: f64) -> anyhow::Result<SimHandle> {
    let script = |seed| ScriptConfig {
        users: 40,
        seed,
        rate: 2.0,
        speed: Speed::Times(speed),
        ..ScriptConfig::default()
    };
    let config = SimConfig {
        ping_interval: Duration::from_secs_f64(25.0 / speed),
        // Not divided: a machine that is busy for two seconds is no fault of the channel.
        ping_timeout: Duration::from_secs(10),
        window: Some(UNSEEN),
        hold_others_while_bot_is_out: true,
        channels: vec![ChannelConfig {
            window: Some(UNSEEN),
            hold_others_while_bot_is_out: true,
            ..ChannelConfig::lively(STEADY, script(seed.wrapping_add(1)))
        }],
        ..SimConfig::lively(KILLED, script(seed))
    };
    Ok(Sim::start(config).await?)
}

//! Two channels on one simulator and one nats-server, each with a robot and statistics of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use kryten_client::{Client, NatsConfig};
use kryten_servers::NatsServer;
use kryten_sim::{
    ChannelConfig, ChannelHandle, Operation, ScriptConfig, Sim, SimConfig, SimHandle, Speed,
};
use serde_json::json;

use crate::process::Process;
use crate::watcher::{MARK, Watcher};

const DOMAIN: &str = "sim.invalid";
/// Its robot and statistics are killed again and again.
const KILLED: &str = "killed";
/// Its robot and statistics live all the time.
const STEADY: &str = "steady";
/// How many lines may be unseen when a robot dies: CyTube replays 15, and the robot has to know one of them to be sure
/// that none is missing.
const UNSEEN: u64 = 14;
/// Simulated seconds in a second.
const SPEED: f64 = 60.0;
/// How long everything may take to be as before after a fault.
const PATIENCE: Duration = Duration::from_secs(90);

/// A channel with its processes.
pub(crate) struct Scene {
    pub(crate) channel: ChannelHandle,
    pub(crate) robot: Process,
    pub(crate) userstats: Process,
    pub(crate) database: PathBuf,
    marks: u64,
}

/// Everything that runs.
pub(crate) struct Stage {
    pub(crate) sim: SimHandle,
    pub(crate) server: NatsServer,
    pub(crate) nats: Client,
    pub(crate) watcher: Watcher,
    pub(crate) killed: Scene,
    pub(crate) steady: Scene,
}

impl Stage {
    pub(crate) async fn start(folder: PathBuf, seed: u64) -> anyhow::Result<Self> {
        let server = NatsServer::ephemeral().await;
        let sim = start_sim(seed).await?;
        let nats = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
        let channel = |name| sim.channel(name).context("the simulator lacks a channel");
        let channels = vec![channel(KILLED)?, channel(STEADY)?];
        let watcher = Watcher::start(&nats, channels).await?;
        let scene = |channel: ChannelHandle| Scene::start(&folder, &server, &sim, channel);
        let mut stage = Self {
            killed: scene(channel(KILLED)?)?,
            steady: scene(channel(STEADY)?)?,
            nats: Client::connect(&nats).await?,
            sim,
            server,
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
            scene.robot.is_well()?;
            scene.userstats.is_well()?;
        }
        ensure!(self.server.pid().is_some(), "the nats-server has ended");
        Ok(())
    }

    /// All processes end as an operator ends them.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        for scene in [&mut self.killed, &mut self.steady] {
            scene.robot.stop()?;
            scene.userstats.stop()?;
        }
        Ok(())
    }
}

impl Scene {
    fn start(
        folder: &Path,
        server: &NatsServer,
        sim: &SimHandle,
        channel: ChannelHandle,
    ) -> anyhow::Result<Self> {
        let name = channel.name().to_owned();
        let nats = json!({"servers": [server.url()], "user": server.user(), "password": server.password()});
        let robot = json!({
            "cytube": {
                "url": sim.url(), "domain": DOMAIN, "channel": name, "user": "KrytenBot", "password": "secret",
                "aggressive_reconnect": true, "reconnect_base_delay": 5.0 / SPEED, "reconnect_max_delay": 60.0 / SPEED,
            },
            "nats": nats, "health": {"enabled": false},
            // 15 minutes and an hour, as they are without it.
            "verify": {"minutes": 15.0 / SPEED, "look_minutes": 60.0 / SPEED},
        });
        let database = folder.join(format!("{name}.db"));
        let userstats = json!({
            "nats": nats, "channels": [{"domain": DOMAIN, "channel": name}],
            "service": {"name": format!("userstats-{name}")}, "database": {"path": database},
        });
        let robot_file = folder.join(format!("{name}-robot.json"));
        let userstats_file = folder.join(format!("{name}-userstats.json"));
        std::fs::write(&robot_file, robot.to_string())?;
        std::fs::write(&userstats_file, userstats.to_string())?;
        Ok(Self {
            channel,
            robot: Process::start("robot", &robot_file)?,
            userstats: Process::start("userstats", &userstats_file)?,
            database,
            marks: 0,
        })
    }

    async fn marked(&mut self, watcher: &Watcher) -> anyhow::Result<()> {
        const AGAIN_AFTER: Duration = Duration::from_millis(300);
        const STEP: Duration = Duration::from_millis(5);
        let first = self.marks + 1;
        loop {
            self.marks += 1;
            let mark = Operation::Emit {
                event: MARK.to_owned(),
                payload: Some(self.marks.into()),
                times: None,
            };
            self.channel.run(mark).await?;
            let stored = async {
                while watcher.look(self.channel.name()).mark < first {
                    tokio::time::sleep(STEP).await;
                }
            };
            if tokio::time::timeout(AGAIN_AFTER, stored).await.is_ok() {
                return Ok(());
            }
        }
    }
}

async fn start_sim(seed: u64) -> anyhow::Result<SimHandle> {
    let script = |seed| ScriptConfig {
        users: 40,
        seed,
        rate: 2.0,
        speed: Speed::Times(SPEED),
        ..ScriptConfig::default()
    };
    let config = SimConfig {
        ping_interval: Duration::from_secs_f64(25.0 / SPEED),
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

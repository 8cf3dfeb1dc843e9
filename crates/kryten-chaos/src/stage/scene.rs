//! A channel with its robots and statistics.

use std::path::Path;
use std::time::Duration;

use kryten_client::kv::KvError;
use kryten_client::{Client, KvBucket};
use kryten_protocol::token::normalize;
use kryten_sim::{ChannelHandle, Operation, SimHandle};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::DOMAIN;
use crate::bus::Bus;
use crate::database::{Database, Place};
use crate::form::Form;
use crate::process::Process;
use crate::watcher::{MARK, Watcher};

/// How long the bucket of leases may be without a leader after one of its nodes was away.
const ELECTION: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(50);

/// A channel with its processes.
pub(crate) struct Scene {
    pub(crate) channel: ChannelHandle,
    pub(crate) robots: Vec<Process>,
    pub(crate) userstats: Vec<Process>,
    pub(crate) database: Database,
    marks: u64,
}

/// What a channel's processes are put into.
pub(super) struct Surroundings<'a> {
    pub(super) folder: &'a Path,
    pub(super) bus: &'a Bus,
    pub(super) sim: &'a SimHandle,
    pub(super) form: Form,
    pub(super) speed: f64,
}

impl Scene {
    pub(super) fn start(
        around: &Surroundings<'_>,
        channel: ChannelHandle,
        place: &Place,
        database: Database,
    ) -> anyhow::Result<Self> {
        let name = channel.name().to_owned();
        let speed = around.speed;
        let nats = around.bus.section();
        let robot = json!({
            "cytube": {
                "url": around.sim.url(), "domain": DOMAIN, "channel": name, "user": "KrytenBot", "password": "secret",
                "aggressive_reconnect": true, "reconnect_base_delay": 5.0 / speed, "reconnect_max_delay": 60.0 / speed,
            },
            "nats": nats, "health": {"enabled": false},
            // 15 minutes and an hour, as they are without it.
            "verify": {"minutes": 15.0 / speed, "look_minutes": 60.0 / speed},
        });
        let userstats = json!({
            "nats": nats, "channels": [{"domain": DOMAIN, "channel": name}],
            "service": {"name": format!("userstats-{name}")}, "database": place.section(),
        });
        let start = |kind, config: &Value, count: u8| {
            let started = (0..count).map(|number| {
                let file = around.folder.join(format!("{name}-{kind}{number}.json"));
                std::fs::write(&file, config.to_string())?;
                Process::start(kind, &file)
            });
            started.collect::<anyhow::Result<Vec<_>>>()
        };
        Ok(Self {
            robots: start("robot", &robot, around.form.robots)?,
            userstats: start("userstats", &userstats, around.form.instances)?,
            channel,
            database,
            marks: 0,
        })
    }

    /// All of them.
    pub(crate) fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.robots.iter_mut().chain(&mut self.userstats)
    }

    /// Which of the robots serves the channel, as the lease says; waits for an election.
    pub(crate) async fn serving(&self, nats: &Client) -> anyhow::Result<Option<usize>> {
        let deadline = Instant::now() + ELECTION;
        let record = loop {
            match self.lease(nats).await {
                Err(error) if error.is_transient() && Instant::now() < deadline => {
                    tokio::time::sleep(AGAIN).await;
                }
                record => break record?,
            }
        };
        let pid = record.map(|record| record["process"]["pid"].clone());
        Ok(self
            .robots
            .iter()
            .position(|robot| Some(Value::from(robot.pid())) == pid))
    }

    async fn lease(&self, nats: &Client) -> Result<Option<Value>, KvError> {
        let leases = KvBucket::open(nats, "kryten_leases").await?;
        let key = format!("robot.{}", normalize(self.channel.name()));
        leases.get_json(&key).await
    }

    pub(super) async fn marked(&mut self, watcher: &Watcher) -> anyhow::Result<()> {
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

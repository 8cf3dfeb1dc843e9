//! What is done to a running system, by chance.
//!
//! What is left out is what a robot is to answer by giving up (a ban, a wrong password) or cannot answer by itself (the
//! stream deleted, the disk full); these have tests of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::Context;
use kryten_protocol::state::StateBucket;
use kryten_sim::{Garbage, Operation};
use nix::sys::signal::Signal;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::process;
use crate::stage::Stage;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    ConnectionsCut,
    Kicked,
    CytubeRestarted,
    CytubeDown,
    ConnectionsRefused,
    RateLimited,
    Frozen,
    SlowSocket,
    GarbageFrame,
    OversizeFrame,
    NatsKilled,
    NatsSlow,
    BucketDeleted,
    RobotKilled,
    RobotSuspended,
    UserstatsKilled,
    UserstatsSuspended,
}

impl Fault {
    const ALL: [Self; 17] = [
        Self::ConnectionsCut,
        Self::Kicked,
        Self::CytubeRestarted,
        Self::CytubeDown,
        Self::ConnectionsRefused,
        Self::RateLimited,
        Self::Frozen,
        Self::SlowSocket,
        Self::GarbageFrame,
        Self::OversizeFrame,
        Self::NatsKilled,
        Self::NatsSlow,
        Self::BucketDeleted,
        Self::RobotKilled,
        Self::RobotSuspended,
        Self::UserstatsKilled,
        Self::UserstatsSuspended,
    ];

    /// Whether something that CyTube never sends again may be lost on its way to the robot.
    fn loses_frames(self) -> bool {
        !matches!(
            self,
            Self::NatsKilled
                | Self::NatsSlow
                | Self::BucketDeleted
                | Self::UserstatsKilled
                | Self::UserstatsSuspended
        )
    }
}

/// Which faults there were.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    done: BTreeMap<Fault, u32>,
}

impl Faults {
    /// Does one, and waits until the channels reach the stream again.
    pub(crate) async fn one(
        &mut self,
        stage: &mut Stage,
        random: &mut StdRng,
    ) -> anyhow::Result<()> {
        // Each comes before any comes again, so that a short run has seen many.
        let least = Fault::ALL.map(|fault| self.times(fault)).into_iter().min();
        let next: Vec<Fault> = Fault::ALL
            .into_iter()
            .filter(|fault| Some(self.times(*fault)) == least)
            .collect();
        let fault = *next.choose(random).context("there is always a next one")?;
        if fault.loses_frames() {
            stage.hold().await?;
        }
        let done = do_to(stage, fault, random).await;
        done.with_context(|| format!("cannot do {fault:?}"))?;
        let recovered = stage.recovered().await;
        recovered.with_context(|| format!("after {fault:?}"))?;
        *self.done.entry(fault).or_default() += 1;
        Ok(())
    }

    fn times(&self, fault: Fault) -> u32 {
        self.done.get(&fault).copied().unwrap_or_default()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u32 = self.done.values().sum();
        write!(f, "{total}:")?;
        for (fault, times) in &self.done {
            write!(f, " {fault:?} {times}")?;
        }
        Ok(())
    }
}

async fn do_to(stage: &mut Stage, fault: Fault, random: &mut StdRng) -> anyhow::Result<()> {
    let short = Duration::from_millis(random.random_range(100..2_000));
    let is_on = Operation::Refuse {
        connections: fault == Fault::ConnectionsRefused,
        rate_limited: fault == Fault::RateLimited,
    };
    let is_off = Operation::Refuse {
        connections: false,
        rate_limited: false,
    };
    match fault {
        Fault::ConnectionsCut => stage.sim.drop_connections().await?,
        Fault::Kicked => {
            for scene in stage.scenes() {
                scene.channel.kick_bots("out with you").await?;
            }
        }
        Fault::CytubeRestarted => drop(stage.sim.run(Operation::Restart).await?),
        Fault::CytubeDown => {
            stage.sim.run(Operation::Down { seconds: None }).await?;
            tokio::time::sleep(short).await;
            stage.sim.run(Operation::Up).await?;
        }
        Fault::ConnectionsRefused | Fault::RateLimited => {
            stage.sim.run(is_on).await?;
            stage.sim.drop_connections().await?;
            tokio::time::sleep(short).await;
            stage.sim.run(is_off).await?;
        }
        Fault::Frozen => {
            // Either too short for anybody to give up, or long enough for everybody.
            let long = Duration::from_secs(14);
            let pause = if random.random_bool(0.3) { long } else { short };
            stage.sim.run(Operation::Freeze { frozen: true }).await?;
            tokio::time::sleep(pause).await;
            stage.sim.run(Operation::Freeze { frozen: false }).await?;
        }
        Fault::SlowSocket => {
            let slow = |bytes_per_second| Operation::Slow {
                name: None,
                bytes_per_second,
            };
            stage.sim.run(slow(Some(2_000))).await?;
            tokio::time::sleep(short).await;
            stage.sim.run(slow(None)).await?;
        }
        Fault::GarbageFrame => {
            let kinds = [
                Garbage::Packet,
                Garbage::Json,
                Garbage::Shape,
                Garbage::Utf8,
                Garbage::Binary,
                Garbage::Websocket,
            ];
            let kind = *kinds.choose(random).context("there are kinds")?;
            stage.sim.run(Operation::Garbage { kind }).await?;
        }
        Fault::OversizeFrame => {
            let operation = Operation::Oversize {
                bytes: random.random_range(1 << 20..4 << 20),
                announce_only: false,
            };
            stage.sim.run(operation).await?;
        }
        Fault::NatsKilled => {
            stage.server.kill().await?;
            // Ten minutes, divided by 60.
            let long = Duration::from_secs(10);
            tokio::time::sleep(if random.random_bool(0.2) { long } else { short }).await;
            stage.server.restart().await?;
        }
        Fault::NatsSlow => {
            let pid = stage.server.pid().context("the nats-server has ended")?;
            for _ in 0..5 {
                process::signal(pid, Signal::SIGSTOP)?;
                tokio::time::sleep(Duration::from_millis(300)).await;
                process::signal(pid, Signal::SIGCONT)?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Fault::BucketDeleted => {
            let bucket = *StateBucket::ALL.choose(random).context("there are four")?;
            let name = bucket.name(stage.steady.channel.name());
            stage.nats.jetstream().delete_key_value(&name).await?;
        }
        Fault::RobotKilled => {
            stage.killed.robot.sigkill()?;
            tokio::time::sleep(short).await;
            stage.killed.robot.start_again()?;
        }
        Fault::RobotSuspended => {
            stage.steady.robot.suspend()?;
            tokio::time::sleep(short).await;
            stage.steady.robot.resume()?;
        }
        Fault::UserstatsKilled => {
            stage.killed.userstats.sigkill()?;
            tokio::time::sleep(short).await;
            stage.killed.userstats.start_again()?;
        }
        Fault::UserstatsSuspended => {
            stage.steady.userstats.suspend()?;
            tokio::time::sleep(short).await;
            stage.steady.userstats.resume()?;
        }
    }
    Ok(())
}

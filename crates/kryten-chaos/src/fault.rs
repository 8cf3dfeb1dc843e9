//! What is done to a running system, by chance. Which one comes next is decided here, `perform` does it.
//!
//! What is left out is what a robot is to answer by giving up (a ban, a wrong password) or cannot answer by itself (the
//! stream deleted); these have tests of their own.

mod nats;
mod perform;
mod process;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::database::Kind;
use crate::stage::Stage;
use crate::times::Times;

/// Within this time another robot or another instance has taken over.
const TAKEOVER: Duration = Duration::from_secs(10);
/// Within this time the other nodes have a new leader, and what is sent is stored again.
const ELECTION: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum Fault {
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
    /// All of them at once, where there are several.
    NatsKilled,
    NatsSlow,
    NatsDiskFull,
    NodeKilled,
    LeaderKilled,
    NodeSuspended,
    RoutesCut,
    RoutesSilent,
    BucketDeleted,
    RobotKilled,
    RobotSuspended,
    UserstatsKilled,
    UserstatsSuspended,
    ClockSet,
    DatabaseCrashed,
    DiskFull,
}

impl Fault {
    const ALL: [Self; 26] = [
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
        Self::NatsDiskFull,
        Self::NodeKilled,
        Self::LeaderKilled,
        Self::NodeSuspended,
        Self::RoutesCut,
        Self::RoutesSilent,
        Self::BucketDeleted,
        Self::RobotKilled,
        Self::RobotSuspended,
        Self::UserstatsKilled,
        Self::UserstatsSuspended,
        Self::ClockSet,
        Self::DatabaseCrashed,
        Self::DiskFull,
    ];

    /// Whether something that CyTube never sends again may be lost on its way to the robot.
    fn loses_frames(self, robots: u8) -> bool {
        let robots_may_change = robots > 1;
        match self {
            // Who cannot renew its lease leaves the channel.
            Self::NatsKilled
            | Self::NatsSlow
            | Self::NatsDiskFull
            | Self::NodeKilled
            | Self::LeaderKilled
            | Self::NodeSuspended
            | Self::RoutesCut
            | Self::RoutesSilent
            | Self::BucketDeleted => robots_may_change,
            Self::UserstatsKilled
            | Self::UserstatsSuspended
            | Self::ClockSet
            | Self::DatabaseCrashed
            | Self::DiskFull => false,
            _ => true,
        }
    }

    fn is_possible(self, stage: &Stage) -> bool {
        match self {
            Self::NodeKilled
            | Self::LeaderKilled
            | Self::NodeSuspended
            | Self::RoutesCut
            | Self::RoutesSilent => stage.form.is_cluster(),
            Self::DatabaseCrashed => stage.form.database == Kind::Postgres,
            Self::NatsDiskFull => stage.nats_disk.is_some(),
            Self::DiskFull => stage.disk.is_some(),
            _ => true,
        }
    }
}

/// Which faults there were, and how long it took until all was well.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    only: Option<Fault>,
    done: BTreeMap<Fault, Times>,
    takeovers: BTreeMap<&'static str, Times>,
}

impl Faults {
    /// All that are possible, or one of them.
    pub(crate) fn of(only: Option<Fault>) -> Self {
        Self {
            only,
            ..Self::default()
        }
    }

    /// Does one, and waits until the channels reach the stream again.
    pub(crate) async fn one(
        &mut self,
        stage: &mut Stage,
        random: &mut StdRng,
    ) -> anyhow::Result<()> {
        let fault = self.next(stage, random)?;
        if fault.loses_frames(stage.form.robots) {
            let held = stage.hold().await;
            held.with_context(|| format!("before {fault:?}"))?;
        }
        let takeover = perform::perform(stage, fault, random).await;
        if let Some(takeover) = takeover.with_context(|| format!("cannot do {fault:?}"))? {
            ensure!(
                takeover.took <= takeover.limit,
                "{}: taken over after {:?} where {:?} are allowed",
                takeover.what,
                takeover.took,
                takeover.limit
            );
            let times = self.takeovers.entry(takeover.what).or_default();
            times.note(takeover.took);
        }
        let over = Instant::now();
        let recovered = stage.recovered().await;
        recovered.with_context(|| format!("after {fault:?}"))?;
        self.done.entry(fault).or_default().note(over.elapsed());
        Ok(())
    }

    /// Each comes before any comes again, so that a short run has seen many.
    fn next(&self, stage: &Stage, random: &mut StdRng) -> anyhow::Result<Fault> {
        let possible = Fault::ALL
            .into_iter()
            .filter(|fault| fault.is_possible(stage))
            .filter(|fault| self.only.is_none_or(|only| only == *fault));
        let least = possible.clone().map(|fault| self.times(fault)).min();
        let next: Vec<Fault> = possible
            .filter(|fault| Some(self.times(*fault)) == least)
            .collect();
        next.choose(random)
            .copied()
            .context("the fault of --only is not possible in this form; name another one")
    }

    fn times(&self, fault: Fault) -> usize {
        self.done.get(&fault).map_or(0, Times::count)
    }

    /// How long it took until another one had taken over, a line for each kind.
    pub(crate) fn takeovers(&self) -> impl Iterator<Item = String> {
        let lines = self.takeovers.iter();
        lines.map(|(what, times)| format!("taken over, {what}: {} times, {times}", times.count()))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: usize = self.done.values().map(Times::count).sum();
        write!(f, "{total}, with the longest time until all was well:")?;
        for (fault, times) in &self.done {
            let longest = times.longest().unwrap_or_default().as_secs_f64();
            write!(f, " {fault:?} {} {longest:.1} s,", times.count())?;
        }
        Ok(())
    }
}

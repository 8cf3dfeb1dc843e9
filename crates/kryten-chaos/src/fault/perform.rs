//! Does one fault.

use std::time::Duration;

use anyhow::Context;
use kryten_sim::{Garbage, Operation};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{Fault, nats, process};
use crate::stage::Stage;

/// Somebody else has taken over what one did.
#[derive(Debug)]
pub(super) struct Takeover {
    pub(super) what: &'static str,
    pub(super) took: Duration,
    pub(super) limit: Duration,
}

/// Does it; tells of what was taken over, where something was.
pub(super) async fn perform(
    stage: &mut Stage,
    fault: Fault,
    random: &mut StdRng,
) -> anyhow::Result<Option<Takeover>> {
    let short = Duration::from_millis(random.random_range(100..2_000));
    match fault {
        Fault::NatsKilled => nats::all_killed(stage, random, short).await?,
        Fault::NatsSlow => nats::slow(stage, random).await?,
        Fault::NatsDiskFull => nats::disk_full(stage, short).await?,
        Fault::NodeKilled => return nats::node_killed(stage, random, short).await,
        Fault::LeaderKilled => return nats::leader_killed(stage, short).await,
        Fault::NodeSuspended => nats::node_suspended(stage, random, short).await?,
        Fault::RoutesCut | Fault::RoutesSilent => {
            nats::routes(stage, fault == Fault::RoutesCut, short).await?;
        }
        Fault::BucketDeleted => nats::bucket_deleted(stage, random).await?,
        Fault::RobotKilled => return process::robot_killed(stage, random, short).await,
        Fault::RobotSuspended => return process::robot_suspended(stage, random, short).await,
        Fault::UserstatsKilled => return process::userstats_killed(stage, random, short).await,
        Fault::UserstatsSuspended => {
            return process::userstats_suspended(stage, random, short).await;
        }
        Fault::ClockSet => process::clock_set(stage, random)?,
        Fault::DatabaseCrashed => {
            let postgres = stage.postgres.as_mut().context("there is no PostgreSQL")?;
            postgres.crash().await;
            tokio::time::sleep(short).await;
            postgres.restart().await?;
        }
        Fault::DiskFull => {
            let disk = stage.disk.as_ref().context("there is no small disk")?;
            disk.fill()?;
            tokio::time::sleep(2 * short).await;
            disk.free()?;
        }
        _ => cytube(stage, fault, random, short).await?,
    }
    Ok(None)
}

/// What CyTube and the network to it do.
async fn cytube(
    stage: &mut Stage,
    fault: Fault,
    random: &mut StdRng,
    short: Duration,
) -> anyhow::Result<()> {
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
        other => anyhow::bail!("{other:?} is nothing that CyTube does"),
    }
    Ok(())
}

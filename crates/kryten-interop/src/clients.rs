//! The other programs of the original family, unchanged, with our robot and our statistics.

mod cli;
mod forms;
mod original;
mod recording;
mod userstats;

use std::time::Duration;

use anyhow::ensure;
use kryten_testkit::{SeenEvent, TestChannel};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::checks::Report;

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than all checks together take.
const LONGEST: Duration = Duration::from_secs(300);

/// Runs all checks.
pub(crate) async fn run(report: &mut Report) {
    forms::run(report).await;
    cli::run(report).await;
    userstats::run(report).await;
    recording::run(report).await;
}

/// Waits for an event of the channel, after the first `seen`.
async fn event(
    channel: &TestChannel,
    seen: usize,
    matches: impl Fn(&SeenEvent) -> bool,
) -> anyhow::Result<()> {
    wait("no such event came", async || {
        channel.events().iter().skip(seen).any(&matches)
    })
    .await
}

/// Waits until the simulator's state is as it should be.
async fn state(channel: &TestChannel, is_right: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
    wait("the channel is not as it should be", async || {
        channel
            .sim()
            .state()
            .await
            .is_ok_and(|state| is_right(&state))
    })
    .await
}

async fn wait(what: &str, mut condition: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        ensure!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

//! What must be equal when nothing is on its way: stream, KV and database, and what the simulator knows.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use kryten_client::state;
use kryten_client::{Client, KvBucket};
use kryten_protocol::state::{EMOTES, ITEMS, StateBucket, USERS};
use serde_json::Value;
use tokio::time::Instant;

use crate::stage::{Scene, Stage};
use crate::totals;

/// How long the last changes may take to be written and counted.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(50);

/// What was found equal.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    events: u64,
    lines: u64,
    gaps: u64,
    /// Those of which the robot could not be sure that no chat is missing.
    in_doubt: u64,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} events stored, {} lines and all else = ledger, KV = CyTube, {} gaps reported, chat in doubt in {}",
            self.events, self.lines, self.gaps, self.in_doubt
        )
    }
}

/// Holds both channels, compares, and lets them go on.
pub(crate) async fn everything(stage: &mut Stage) -> anyhow::Result<Checked> {
    for scene in stage.scenes() {
        scene.channel.hold(true, true).await?;
    }
    stage.marked().await?;
    let mut checked = Checked::default();
    for scene in stage.scenes() {
        let found = one(stage, scene).await;
        let found = found.with_context(|| format!("channel {}", scene.channel.name()))?;
        checked.events += found.events;
        checked.lines += found.lines;
        checked.gaps += found.gaps;
        checked.in_doubt += found.in_doubt;
    }
    stage.recovered().await?;
    Ok(checked)
}

async fn one(stage: &Stage, scene: &Scene) -> anyhow::Result<Checked> {
    let channel = scene.channel.name();
    let seen = stage.watcher.look(channel);
    let progress = scene.channel.progress().borrow().clone();
    ensure!(progress.lost_lines == 0, "the test has let lines be lost");
    let stored = (seen.chat, seen.notices, seen.pms);
    let said = (progress.chat_lines, progress.notices, progress.pms);
    ensure!(
        stored == said,
        "the stream has {stored:?} lines, notices and private messages, CyTube had {said:?}"
    );
    let ledger = scene.channel.ledger().await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let counted = scene.database.totals().await?;
        let differences = totals::differences(&counted, &ledger)?;
        if differences.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            let first: Vec<_> = differences.iter().take(5).collect();
            bail!(
                "{} totals differ (counted, then the ledger's): {first:?}",
                differences.len()
            );
        }
        tokio::time::sleep(STEP).await;
    }
    state_is_true(stage, scene).await?;
    Ok(Checked {
        events: seen.events,
        lines: seen.chat,
        gaps: seen.gaps,
        in_doubt: seen.gaps_in_chat,
    })
}

async fn state_is_true(stage: &Stage, scene: &Scene) -> anyhow::Result<()> {
    let channel = scene.channel.name();
    let lists = [
        (StateBucket::Userlist, USERS, "users", "name"),
        (StateBucket::Playlist, ITEMS, "items", ""),
        (StateBucket::Emotes, EMOTES, "emotes", "name"),
    ];
    let deadline = Instant::now() + PATIENCE;
    for (bucket, key, field, order) in lists {
        loop {
            let expected = sorted(&scene.channel.state().await?[field], order);
            // A bucket that was deleted is made again with the next change.
            let stored = read(&stage.nats, &bucket.name(channel), key).await;
            let found = sorted(stored.as_ref().unwrap_or(&Value::Null), order);
            if stored.is_ok() && found == expected {
                break;
            }
            if Instant::now() > deadline {
                let wrong = found
                    .iter()
                    .zip(&expected)
                    .find(|(ours, theirs)| ours != theirs);
                bail!(
                    "{} in {} is not CyTube's: {} and {} entries, {wrong:?}; {:?}",
                    key,
                    bucket.name(channel),
                    found.len(),
                    expected.len(),
                    stored.err()
                );
            }
            tokio::time::sleep(STEP).await;
        }
    }
    Ok(())
}

async fn read(nats: &Client, bucket: &str, key: &str) -> anyhow::Result<Value> {
    let bucket = KvBucket::open(nats, bucket).await?;
    let list = state::list(&bucket, key).await?.context("nothing there")?;
    Ok(serde_json::from_slice(&list.json)?)
}

/// The order of users and emotes means nothing; that of the playlist does.
fn sorted(list: &Value, order: &str) -> Vec<Value> {
    let mut list = list.as_array().cloned().unwrap_or_default();
    if !order.is_empty() {
        list.sort_by_key(|entry| entry[order].to_string());
    }
    list
}

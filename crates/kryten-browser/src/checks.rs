//! All checks, in the order in which they are told.

mod accessible;
mod hostile;
mod live;
mod values;
mod without_scripts;

use crate::axe::Axe;
use crate::chromium::Chromium;
use crate::demo::Demo;
use crate::report::Report;
use crate::stage::{CHANNEL, Stage};

/// The pages of a channel and those beside it.
pub(crate) fn paths(channel: &str, person: &str, bucket: &str, key: &str) -> Vec<String> {
    vec![
        format!("/channels/{channel}"),
        format!("/channels/{channel}/leaderboards"),
        format!("/channels/{channel}/history?days=7"),
        format!("/channels/{channel}/history?days=30"),
        "/channels".to_owned(),
        format!("/person?name={person}"),
        "/person?name=nobody-at-all".to_owned(),
        "/service".to_owned(),
        "/kv".to_owned(),
        format!("/kv/{bucket}"),
        format!("/kv/{bucket}/value?key={key}"),
    ]
}

/// The stage's pages.
pub(crate) fn stage_paths() -> Vec<String> {
    paths(CHANNEL, "mira", "my_counters", "last%20winner")
}

pub(crate) async fn all(
    report: &mut Report,
    chromium: &Chromium,
    demo: &Demo,
    stage: &Stage,
) -> anyhow::Result<()> {
    values::all(report, chromium, demo).await?;
    live::all(report, chromium, demo, stage).await?;
    without_scripts::all(report, chromium, demo).await?;
    let axe = Axe::install()?;
    accessible::all(report, chromium, &axe, stage).await?;
    // Last, since what is hostile stays in the channel.
    hostile::all(report, chromium, &axe, stage).await
}

//! What happens is seen without a reload, within a second.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use crate::chromium::Chromium;
use crate::demo::Demo;
use crate::report::Report;
use crate::stage::{CHANNEL, Stage};
use crate::tab::Tab;

const SOON: Duration = Duration::from_secs(1);

pub(super) async fn all(
    report: &mut Report,
    chromium: &Chromium,
    demo: &Demo,
    stage: &Stage,
) -> anyhow::Result<()> {
    let tab = chromium.tab().await?;
    report.take(
        "the demo's numbers move by themselves",
        moves(&tab, demo).await,
    );
    report.take("and its console is silent", tab.is_clean(&demo.url));
    tab.close().await?;
    let tab = chromium.tab().await?;
    tab.open(&format!("{}/channels/{CHANNEL}", stage.url))
        .await?;
    tab.until(
        "the page is live",
        "document.querySelector('[data-state]').textContent === 'live'",
    )
    .await?;
    report.take(
        "who comes and goes is seen within a second",
        people(&tab, stage).await,
    );
    report.take(
        "a film that begins is seen within a second",
        film(&tab, stage).await,
    );
    report.take(
        "the first key leads past the navigation",
        keyboard(&tab).await,
    );
    report.take(
        "live pages ask for nothing foreign",
        tab.is_clean(&stage.url),
    );
    tab.close().await
}

async fn moves(tab: &Tab, demo: &Demo) -> anyhow::Result<()> {
    tab.open(&format!("{}/", demo.url)).await?;
    tab.value("window.stayed = true").await?;
    let first = tab.text("[data-text='hour.messages_text']").await?;
    let changed = format!(
        "document.querySelector('[data-text=\"hour.messages_text\"]').textContent.trim() !== {}",
        json!(first)
    );
    tab.until("the lines of the hour change", &changed).await?;
    ensure!(
        tab.value("window.stayed").await? == true,
        "the page was loaded anew"
    );
    Ok(())
}

async fn people(tab: &Tab, stage: &Stage) -> anyhow::Result<()> {
    let is_here = "[...document.querySelectorAll('[data-list=present] a')].some(link => link.textContent === 'Zelda')";
    for (event, payload, condition) in [
        (
            "addUser",
            json!({"name": "Zelda", "rank": 1, "meta": {"afk": false}}),
            is_here.to_owned(),
        ),
        (
            "userLeave",
            json!({"name": "Zelda"}),
            format!("!({is_here})"),
        ),
    ] {
        stage.event(event, &payload).await?;
        soon(tab, event, &condition).await?;
    }
    Ok(())
}

async fn film(tab: &Tab, stage: &Stage) -> anyhow::Result<()> {
    let film = json!({"title": "The Late Reel", "type": "yt", "id": "late", "seconds": 60, "duration": "01:00", "currentTime": 0, "paused": false, "meta": {}});
    stage.event("changeMedia", &film).await?;
    soon(
        tab,
        "the film",
        "document.querySelector('.film').textContent === 'The Late Reel'",
    )
    .await
}

async fn soon(tab: &Tab, what: &str, condition: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    tab.until(what, condition).await?;
    let took = began.elapsed();
    ensure!(took < SOON, "{what} took {took:?}");
    Ok(())
}

async fn keyboard(tab: &Tab) -> anyhow::Result<()> {
    tab.press_tab().await?;
    tab.until("the first key focuses the way to the content", "document.activeElement.className === 'skip' && document.activeElement.getBoundingClientRect().left >= 0").await
}

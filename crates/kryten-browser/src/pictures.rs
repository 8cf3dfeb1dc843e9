//! The pictures of the documents.

use std::path::Path;

use anyhow::Context;

use crate::checks::stage_paths;
use crate::chromium::Chromium;
use crate::demo::Demo;
use crate::stage::{CHANNEL, Stage};
use crate::tab::{Look, Tab};
use crate::terminal;

/// Makes them, and beside them, in `all/`, every page in every look, for those who review them by eye.
pub(crate) async fn make(
    folder: &Path,
    chromium: &Chromium,
    demo: &Demo,
    stage: &Stage,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    demo.is_lively().await?;
    let tab = chromium.tab().await?;
    tab.open(&format!("{}/channels/demo", demo.url)).await?;
    let is_live = "document.querySelector('[data-state]').textContent === 'live'";
    tab.until("the page is live", is_live).await?;
    tab.picture(&folder.join("demo.png"), true).await?;
    tab.look(Look::Dark).await?;
    tab.picture(&folder.join("demo-dark.png"), true).await?;
    tab.look(Look::Light).await?;
    tab.open(&format!("{}/channels/{CHANNEL}/history?days=7", stage.url))
        .await?;
    tab.picture(&folder.join("history.png"), true).await?;
    tab.look(Look::Phone).await?;
    tab.open(&format!("{}/channels/{CHANNEL}/leaderboards", stage.url))
        .await?;
    tab.picture(&folder.join("phone.png"), false).await?;
    tab.look(Look::Light).await?;
    terminal::make(folder, &tab, demo).await?;
    if std::env::var_os("KRYTEN_BROWSER_ALL").is_some() {
        everything(folder, &tab, demo, stage).await?;
    }
    tab.close().await
}

async fn everything(folder: &Path, tab: &Tab, demo: &Demo, stage: &Stage) -> anyhow::Result<()> {
    let folder = folder.join("all");
    std::fs::create_dir_all(&folder)?;
    let mut pages = vec![
        ("demo-live".to_owned(), format!("{}/", demo.url)),
        ("demo-service".to_owned(), format!("{}/service", demo.url)),
        ("demo-kv".to_owned(), format!("{}/kv", demo.url)),
        (
            "demo-value".to_owned(),
            format!("{}/kv/kryten_demo_userlist/value?key=users", demo.url),
        ),
        (
            "demo-history".to_owned(),
            format!("{}/channels/demo/history?days=1", demo.url),
        ),
        ("missing".to_owned(), format!("{}/nope", demo.url)),
    ];
    for (number, path) in stage_paths().iter().enumerate() {
        pages.push((format!("stage-{number:02}"), format!("{}{path}", stage.url)));
    }
    for look in Look::ALL {
        tab.look(look).await?;
        for (name, url) in &pages {
            tab.open(url).await?;
            let name = format!("{name}-{look:?}.png").to_lowercase();
            tab.picture(&folder.join(name), true).await?;
        }
    }
    Ok(())
}

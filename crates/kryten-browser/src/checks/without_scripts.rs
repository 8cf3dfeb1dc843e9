//! Everything can be read with scripts off.

use anyhow::ensure;
use serde_json::json;

use crate::checks::paths;
use crate::chromium::Chromium;
use crate::demo::Demo;
use crate::report::Report;
use crate::tab::Tab;

pub(super) async fn all(
    report: &mut Report,
    chromium: &Chromium,
    demo: &Demo,
) -> anyhow::Result<()> {
    let tab = chromium.tab().await?;
    tab.without_scripts().await?;
    report.take(
        "every page can be read with scripts off",
        reads(&tab, demo).await,
    );
    report.take(
        "with scripts off the live page renews itself",
        renews(&tab, demo).await,
    );
    report.take("and the console is silent", tab.is_clean(&demo.url));
    tab.close().await
}

async fn reads(tab: &Tab, demo: &Demo) -> anyhow::Result<()> {
    for path in paths("demo", "KrytenBot", "kryten_demo_userlist", "users") {
        tab.open(&format!("{}{path}", demo.url)).await?;
        let said = tab.text("main").await?;
        ensure!(said.len() > 40, "{path} says only {said:?}");
    }
    Ok(())
}

async fn renews(tab: &Tab, demo: &Demo) -> anyhow::Result<()> {
    tab.open(&format!("{}/channels/demo", demo.url)).await?;
    let first = tab.text("[data-text='as_of_text']").await?;
    let changed = format!(
        "document.querySelector('[data-text=\"as_of_text\"]').textContent.trim() !== {}",
        json!(first)
    );
    tab.until("a later event is shown", &changed).await
}

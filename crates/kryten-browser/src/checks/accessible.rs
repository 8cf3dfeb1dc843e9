//! What axe-core finds, in the light, in the dark and on a phone, and whether anything sticks out of the page.

use anyhow::ensure;

use crate::axe::Axe;
use crate::checks::stage_paths;
use crate::chromium::Chromium;
use crate::report::Report;
use crate::stage::Stage;
use crate::tab::{Look, Tab};

pub(super) async fn all(
    report: &mut Report,
    chromium: &Chromium,
    axe: &Axe,
    stage: &Stage,
) -> anyhow::Result<()> {
    let tab = chromium.tab().await?;
    tab.without_policy().await?;
    for look in Look::ALL {
        tab.look(look).await?;
        for path in stage_paths() {
            let outcome = page(&tab, axe, &format!("{}{path}", stage.url)).await;
            report.take(&format!("{path} is accessible ({look:?})"), outcome);
        }
    }
    tab.close().await
}

async fn page(tab: &Tab, axe: &Axe, url: &str) -> anyhow::Result<()> {
    tab.open(url).await?;
    let sticks_out = tab
        .value("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        .await?;
    ensure!(
        sticks_out.as_f64() == Some(0.0),
        "the page is wider than the screen by {sticks_out} px"
    );
    axe.look(tab).await
}

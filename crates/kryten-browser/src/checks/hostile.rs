//! What hostile people write does nothing in a real browser.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::axe::Axe;
use crate::checks::paths;
use crate::chromium::Chromium;
use crate::report::Report;
use crate::stage::{CHANNEL, Stage};
use crate::tab::Tab;

/// What breaks out of a text, an attribute, a comment, a title, a style or a script: a JSON list.
const HOSTILE: &str = include_str!("../../../../fixtures/hostile_texts.json");
/// Elements and attributes that none of our pages has.
const FOREIGN: &str = "[...document.querySelectorAll('script, iframe, img, style, object, embed, base, math, foreignObject, form')]\
.filter(e => !(e.localName === 'script' && e.getAttribute('src') === '/assets/kryten.js') && !(e.localName === 'form' && ['/person', '/logout'].includes(e.getAttribute('action')) || e.className.includes?.('filter')))\
.map(e => e.outerHTML)\
.concat([...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style')).map(e => e.outerHTML))\
.concat([...document.links].filter(a => a.origin !== location.origin).map(a => a.href))";

pub(super) async fn all(
    report: &mut Report,
    chromium: &Chromium,
    axe: &Axe,
    stage: &Stage,
) -> anyhow::Result<()> {
    let hostile: Vec<String> = serde_json::from_str(HOSTILE)?;
    let tab = chromium.tab().await?;
    tab.open(&format!("{}/channels/{CHANNEL}", stage.url))
        .await?;
    tab.until(
        "the page is live",
        "document.querySelector('[data-state]').textContent === 'live'",
    )
    .await?;
    report.take(
        "hostile names that come while the page is open are text",
        come(&tab, stage, &hostile).await,
    );
    report.take("and do nothing", inert(&tab, stage).await);
    for evil in &hostile {
        let name: String = evil.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let mut outcome = Ok(());
        for path in paths(CHANNEL, &name, "hostile", &name) {
            let opened = tab.open(&format!("{}{path}", stage.url)).await;
            outcome = outcome.and(opened).and(inert(&tab, stage).await);
        }
        report.take(&format!("{evil} is text on every page"), outcome);
    }
    tab.close().await?;
    let tab = chromium.tab().await?;
    tab.without_policy().await?;
    tab.open(&format!("{}/channels/{CHANNEL}", stage.url))
        .await?;
    report.take("a hostile channel is accessible", axe.look(&tab).await);
    report.take(
        "without its policy the page would do nothing foreign either",
        inert(&tab, stage).await,
    );
    tab.close().await
}

async fn come(tab: &Tab, stage: &Stage, hostile: &[String]) -> anyhow::Result<()> {
    for evil in hostile {
        stage
            .event(
                "addUser",
                &json!({"name": evil, "rank": 1, "meta": {"afk": true}}),
            )
            .await?;
        let film = json!({"title": evil, "type": evil, "id": evil, "seconds": 1, "duration": evil, "currentTime": 0, "paused": false, "meta": {}});
        stage.event("changeMedia", &film).await?;
        stage
            .event(
                "chatMsg",
                &json!({"username": evil, "msg": "mira++", "meta": {}, "time": 1}),
            )
            .await?;
        stage.put("hostile", evil, evil).await?;
        let shown = format!(
            "[...document.querySelectorAll('[data-list=present] a')].some(link => link.textContent === {})",
            json!(evil)
        );
        tab.until(&format!("{evil} is shown as text"), &shown)
            .await?;
    }
    stage.counted().await
}

async fn inert(tab: &Tab, stage: &Stage) -> anyhow::Result<()> {
    let foreign = tab.value(FOREIGN).await?;
    ensure!(foreign == Value::Array(Vec::new()), "there is {foreign}");
    tab.is_clean(&stage.url)
}

//! The values on the pages are those of `kryten stats --json`.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::chromium::Chromium;
use crate::demo::Demo;
use crate::report::Report;
use crate::tab::Tab;

/// A list of names with numbers, as a page shows it.
const BOARD: &str = "Object.fromEntries([...document.querySelectorAll('[aria-labelledby=ID] .ranks li')]\
.map(li => [li.querySelector('.name').textContent, Number(li.querySelector('.count').textContent.replace(/[^0-9-]/g, ''))]))";
/// So many entries must not have changed meanwhile, for a comparison to say something.
const ENOUGH: usize = 3;

pub(super) async fn all(
    report: &mut Report,
    chromium: &Chromium,
    demo: &Demo,
) -> anyhow::Result<()> {
    let tab = chromium.tab().await?;
    demo.is_lively().await?;
    for (what, id, question, field) in [
        (
            "lines",
            "h-messages",
            &["channel", "top", "demo", "--limit", "25"][..],
            "username",
        ),
        (
            "kudos",
            "h-kudos",
            &["leaderboard", "kudos", "--limit", "25"][..],
            "username",
        ),
        (
            "emotes",
            "h-emotes",
            &["leaderboard", "emotes", "--limit", "25"][..],
            "emote",
        ),
    ] {
        let outcome = board(&tab, demo, id, question, field).await;
        report.take(
            &format!("the leaderboard of {what} is that of kryten stats"),
            outcome,
        );
    }
    report.take(
        "a person's page is that of kryten stats",
        person(&tab, demo).await,
    );
    report.take(
        "the API and the page of all channels agree with kryten stats",
        totals(&tab, demo).await,
    );
    report.take(
        "the console is silent and nothing foreign is asked for",
        tab.is_clean(&demo.url),
    );
    tab.close().await
}

/// The demo goes on, so statistics are asked before and after: who has not changed in between must be on the page so.
async fn board(
    tab: &Tab,
    demo: &Demo,
    id: &str,
    question: &[&str],
    field: &str,
) -> anyhow::Result<()> {
    let before = counts(&demo.stats(question)?, field);
    tab.open(&format!(
        "{}/channels/demo/leaderboards?limit=500",
        demo.url
    ))
    .await?;
    let shown = tab.value(&BOARD.replace("ID", id)).await?;
    let shown = shown
        .as_object()
        .context("the page has no such list")?
        .clone();
    let after = counts(&demo.stats(question)?, field);
    let mut compared = 0;
    for (name, count) in &before {
        let on_page = shown
            .get(name)
            .and_then(Value::as_i64)
            .with_context(|| format!("{name} is not on the page"))?;
        let later = after.get(name).copied().unwrap_or(i64::MAX);
        ensure!(
            (*count..=later).contains(&on_page),
            "{name} has {on_page} on the page, and {count} to {later} in the statistics"
        );
        compared += usize::from(*count == later);
    }
    ensure!(
        compared >= ENOUGH,
        "only {compared} entries of {} stood still",
        before.len()
    );
    Ok(())
}

async fn person(tab: &Tab, demo: &Demo) -> anyhow::Result<()> {
    let top = counts(
        &demo.stats(&["channel", "top", "demo", "--limit", "25"])?,
        "username",
    );
    let mut compared = 0;
    for name in top.keys().take(8) {
        let before = demo.stats(&["user", name])?;
        tab.open(&format!("{}/person?name={name}", demo.url))
            .await?;
        let shown = digits(&tab.text(".figures .figure:nth-child(1) .number").await?)?;
        let kudos = digits(&tab.text(".figures .figure:nth-child(2) .number").await?)?;
        let after = demo.stats(&["user", name])?;
        ensure!(
            (messages(&before)..=messages(&after)).contains(&shown),
            "{name} has {shown} lines on the page; {before}"
        );
        ensure!(
            (all_kudos(&before)..=all_kudos(&after)).contains(&kudos),
            "{name} has {kudos} kudos on the page; {before}"
        );
        compared += usize::from(messages(&before) == messages(&after));
    }
    ensure!(compared >= ENOUGH, "only {compared} people stood still");
    Ok(())
}

async fn totals(tab: &Tab, demo: &Demo) -> anyhow::Result<()> {
    let total = |stats: &Value| stats["total_messages"].as_i64().unwrap_or(-1);
    let before = demo.stats(&["system", "stats"])?;
    tab.open(&format!("{}/service", demo.url)).await?;
    let shown = tab.value("[...document.querySelectorAll('dl > div')].find(row => row.textContent.startsWith('Lines counted')).querySelector('dd').textContent").await?;
    let shown = digits(shown.as_str().unwrap_or_default())?;
    let of_api = tab.value("fetch('/api/v1/service').then(answer => answer.json()).then(service => service.statistics.messages)").await?;
    let after = demo.stats(&["system", "stats"])?;
    for lines in [shown, of_api.as_i64().unwrap_or(-1)] {
        ensure!(
            (total(&before)..=total(&after)).contains(&lines),
            "{lines} lines on the page; {before}"
        );
    }
    Ok(())
}

/// Names with numbers, wherever they are in an answer.
fn counts(answer: &Value, field: &str) -> BTreeMap<String, i64> {
    match answer {
        Value::Array(entries) => entries
            .iter()
            .flat_map(|entry| counts(entry, field))
            .collect(),
        Value::Object(fields) => match (fields.get(field), fields.get("count")) {
            (Some(Value::String(name)), Some(count)) => {
                BTreeMap::from([(name.clone(), count.as_i64().unwrap_or(-1))])
            }
            _ => fields
                .values()
                .flat_map(|value| counts(value, field))
                .collect(),
        },
        _ => BTreeMap::new(),
    }
}

fn messages(stats: &Value) -> i64 {
    let channels = stats["all_messages"].as_array();
    channels.map_or(0, |channels| {
        channels
            .iter()
            .filter_map(|channel| channel["count"].as_i64())
            .sum()
    })
}

fn all_kudos(stats: &Value) -> i64 {
    let phrases = stats["kudos_phrases"].as_array();
    let phrases: i64 = phrases.map_or(0, |phrases| {
        phrases
            .iter()
            .filter_map(|phrase| phrase["count"].as_i64())
            .sum()
    });
    phrases + stats["kudos_plusplus"].as_i64().unwrap_or(0)
}

fn digits(text: &str) -> anyhow::Result<i64> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits
        .parse()
        .with_context(|| format!("{text:?} is no number"))
}

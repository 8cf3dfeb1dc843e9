//! P9, the robot's part: what grows with the number of channels and with the length of a list.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use kryten_sim::Operation;
use serde_json::json;
use tokio::time::timeout;

use crate::films;
use crate::grid::{Grid, median, shown};
use crate::sides::Sync;
use crate::theatre::{KvTraffic, Once, PATIENCE, Robots, Theatre, Who, line, text_of};

/// Lines that are said in all channels together.
const LINES: usize = 20_000;

pub(super) async fn run(robots: &Robots, quick: bool) -> anyhow::Result<Grid> {
    let mut grid = Grid::new(&["what", "robot", "size", "time", "and"]);
    let (counts, lines): (&[usize], _) = match quick {
        true => (&[1, 3], 300),
        false => (&[1, 10, 100], LINES),
    };
    let rounds = if quick { 1 } else { 3 };
    for count in counts {
        channels(&mut grid, robots, Who::Ours, *count, lines, rounds).await?;
    }
    channels(&mut grid, robots, Who::Original, 1, lines, 1).await?;
    let (films, changes): (&[u64], _) = match quick {
        true => (&[40, 400], 2),
        false => (&[40, 400, 4_000, 40_000], 10),
    };
    for count in films {
        for who in Who::BOTH {
            // NATS takes no value of 10 MB, and the original has no other way.
            if who == Who::Original && *count > 10_000 {
                continue;
            }
            lists(&mut grid, robots, who, *count, changes).await?;
        }
    }
    let sorted: Vec<&serde_json::Value> = grid
        .samples
        .iter()
        .filter(|sample| sample["robot"] == "ours" && sample["channels"].is_u64())
        .collect();
    if let (Some(first), Some(last)) = (sorted.first(), sorted.last()) {
        let of = |sample: &serde_json::Value| sample["microseconds"].as_f64().unwrap_or(f64::NAN);
        let ratio = of(last) / of(first);
        grid.at_most("time for an event, most channels to one", ratio, 1.5);
    }
    grid.note(
        "The original serves one channel in a process, so for more its memory is that of as many processes. A change \
         of a list is one move, made when the list has been quiet; its time is from the frame to the put that completes \
         the list in KV, at a subscriber.",
    );
    Ok(grid)
}

async fn channels(
    grid: &mut Grid,
    robots: &Robots,
    who: Who,
    count: usize,
    lines: usize,
    rounds: usize,
) -> anyhow::Result<()> {
    let theatre = Theatre::open(robots, who, Sync::Default, count).await?;
    let before = theatre.memory()?;
    let mut micros = Vec::new();
    for _ in 0..rounds {
        let took = said(&theatre, who, lines / count * count).await?;
        micros.push(took.as_secs_f64() * 1e6 / (lines / count * count) as f64);
    }
    let each = theatre.memory()? / count as f64;
    let name = name(who);
    grid.line([
        format!("channels in one process, {lines} lines over all"),
        name.to_owned(),
        count.to_string(),
        format!("{} µs an event", shown(&micros)),
        format!(
            "{each:.2} MB a channel ({before:.1} MB before the lines); {:.2} s to be in all",
            theatre.first_answer.as_secs_f64()
        ),
    ]);
    grid.samples.push(json!({
        "robot": name, "channels": count, "microseconds": median(&micros), "samples": micros,
        "megabytes_a_channel": each, "first_answer_seconds": theatre.first_answer.as_secs_f64(),
    }));
    theatre.close().await
}

/// From the first line to the last one at a subscriber; each channel's in order.
async fn said(theatre: &Theatre, who: Who, lines: usize) -> anyhow::Result<Duration> {
    let mut events = theatre.events().await?;
    theatre.nats.nats().flush().await?;
    let each = theatre
        .channels
        .iter()
        .map(|name| theatre.sim.channel(name));
    let each: Option<Vec<_>> = each.collect();
    let each = each.context("a channel is not there")?;
    let started = Instant::now();
    let sending = async {
        for number in 0..lines {
            let emit = Operation::Emit {
                event: "chatMsg".to_owned(),
                payload: Some(line(format!("{}", number / each.len()))),
                times: None,
            };
            each[number % each.len()].run(emit).await?;
        }
        anyhow::Ok(())
    };
    let hearing = async {
        let mut heard: BTreeMap<String, Once> = BTreeMap::new();
        for _ in 0..lines {
            let (subject, text) = loop {
                let message = timeout(PATIENCE, events.next()).await?;
                let message = message.context("the subscription ended")?;
                if let Some(text) = text_of(&message) {
                    break (message.subject.to_string(), text);
                }
            };
            let heard = heard.entry(subject).or_insert_with(|| Once::new(who));
            heard.take(&text)?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(sending, hearing)?;
    Ok(started.elapsed())
}

async fn lists(
    grid: &mut Grid,
    robots: &Robots,
    who: Who,
    count: u64,
    changes: u64,
) -> anyhow::Result<()> {
    let theatre = Theatre::open(robots, who, Sync::Default, 1).await?;
    let mut uids: Vec<u64> = (0..count).collect();
    let list = films::playlist(&uids);
    let size = list.to_string().len();
    theatre.emit("bench", "playlist", list).await?;
    films::wait_for(&theatre, who, &uids).await?;
    let traffic = KvTraffic::watch(&theatre, who).await?;
    let mut millis = Vec::new();
    // A list of 10 MB is not written again for 2.5 s.
    let quiet = Duration::from_millis(100 + size as u64 / 3500);
    for number in 0..changes as usize {
        tokio::time::sleep(quiet).await;
        let before = traffic.lists();
        let moved = films::move_one(&mut uids, number * 7919, number * 104_729);
        let started = Instant::now();
        theatre.emit("bench", "moveVideo", moved).await?;
        while traffic.lists() == before {
            ensure!(
                started.elapsed() < PATIENCE,
                "{who:?} does not write the list"
            );
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        millis.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    films::wait_for(&theatre, who, &uids).await?;
    let bytes = traffic.bytes() as f64 / changes as f64;
    let name = name(who);
    grid.line([
        "one change of a list".to_owned(),
        name.to_owned(),
        format!("{count} items, {:.2} MB", size as f64 / 1e6),
        format!("{} ms until in KV", shown(&millis)),
        format!("{:.1} KB written", bytes / 1e3),
    ]);
    grid.samples.push(json!({
        "robot": name, "items": count, "bytes": size, "milliseconds": millis, "bytes_written": bytes,
    }));
    theatre.close().await
}

fn name(who: Who) -> &'static str {
    match who {
        Who::Ours => "ours",
        Who::Original => "kryten-robot",
    }
}

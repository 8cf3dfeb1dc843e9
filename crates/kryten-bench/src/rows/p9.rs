//! P9: what grows with the number of channels, of users, of events, and with the length of a list.

mod counting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::grid::{Grid, median, shown};
use crate::load::{WINDOW, say};
use crate::sides::Sync;
use crate::theatre::{KvTraffic, PATIENCE, Programs, Theatre, Who};
use crate::{crowd, films};

/// Lines that are said in all channels together.
const LINES: usize = 20_000;

/// NATS takes no larger value, and the original has no other way.
const LARGEST_VALUE: usize = 1_000_000;

pub(super) async fn run(programs: &Programs, quick: bool) -> anyhow::Result<Grid> {
    let mut grid = Grid::new(&["what", "program", "size", "time", "and"]);
    let (counts, lines, rounds): (&[usize], _, _) = match quick {
        true => (&[1, 3], 300, 1),
        false => (&[1, 10, 100, 1_000], LINES, 3),
    };
    for count in counts {
        channels(&mut grid, programs, Who::Ours, *count, lines, rounds).await?;
    }
    if !quick {
        channels(&mut grid, programs, Who::Original, 1, lines, 1).await?;
    }
    let (films, users, changes): (&[usize], &[usize], _) = match quick {
        true => (&[40], &[10], 2),
        false => (&[40, 400, 4_000, 40_000], &[10, 100, 1_000, 10_000], 10),
    };
    for count in films {
        for who in Who::BOTH {
            lists(&mut grid, programs, who, *count, changes).await?;
        }
    }
    for count in users {
        for who in Who::BOTH {
            crowds(&mut grid, programs, who, *count, changes).await?;
        }
    }
    counting::run(&mut grid, programs, quick).await?;
    for (what, unit, of, limit) in [
        (
            "time for an event, most channels to one",
            "channels",
            "microseconds",
            1.5,
        ),
        (
            "memory of a channel, most channels to one",
            "channels",
            "megabytes_a_channel",
            1.0,
        ),
        (
            "time for a counted event, most events to fewest",
            "events",
            "microseconds",
            1.0,
        ),
        (
            "memory, most counted events to fewest",
            "events",
            "megabytes",
            2.0,
        ),
        (
            "time for a counted event, most people to fewest",
            "people",
            "microseconds",
            1.5,
        ),
    ] {
        let grown = growth(&grid.samples, unit, of);
        grid.at_most(what, grown, limit);
    }
    grid.note(format!(
        "The original serves one channel in a process, so for more its memory is that of as many processes. At most \
         {WINDOW} lines are on their way in all channels together. A change of a list is one move, a change of the users \
         one who goes away; each is made when the list has been quiet, and its time is from the frame to the put that \
         completes the list in KV, at a subscriber. A list of more than 1 MB the original cannot store at all.",
    ));
    Ok(grid)
}

/// What a figure of ours is at the largest size, to that at the smallest.
fn growth(samples: &[Value], unit: &str, of: &str) -> f64 {
    let ours = |sample: &&Value| sample["robot"] == "ours" && sample[unit].is_u64();
    let mut figures = samples
        .iter()
        .filter(ours)
        .filter_map(|sample| sample[of].as_f64());
    let first = figures.next().unwrap_or(f64::NAN);
    figures.next_back().unwrap_or(first) / first
}

async fn channels(
    grid: &mut Grid,
    programs: &Programs,
    who: Who,
    count: usize,
    lines: usize,
    rounds: usize,
) -> anyhow::Result<()> {
    let theatre = Theatre::open(programs, who, Sync::Default, count).await?;
    let before = theatre.memory()?;
    let lines = lines / count * count;
    let (mut micros, mut heard) = (Vec::new(), 0);
    let used = theatre.processor()?;
    for _ in 0..rounds {
        let said = say(&theatre, who, lines as u64, Some(WINDOW)).await?;
        heard += said.heard;
        micros.push(1e6 / said.rate());
    }
    let each = theatre.memory()? / count as f64;
    let name = name(who);
    let said = lines * rounds;
    let now = theatre.processor()?;
    let [robot, server] = [0, 1].map(|who| 1e6 * (now[who] - used[who]) / said as f64);
    grid.line([
        format!("channels in one process, {lines} lines over all"),
        name.to_owned(),
        count.to_string(),
        format!(
            "{} µs an event, {heard} of {said} heard; {robot:.1} µs of the robot's processor, {server:.1} of nats-server's",
            shown(&micros)
        ),
        format!(
            "{each:.2} MB a channel ({before:.1} MB before the lines); {:.2} s to be in all",
            theatre.first_answer.as_secs_f64()
        ),
    ]);
    grid.samples.push(json!({
        "robot": name, "channels": count, "microseconds": median(&micros), "samples": micros, "heard": heard, "said": said,
        "robot_processor_microseconds": robot, "nats_processor_microseconds": server,
        "megabytes_a_channel": each, "first_answer_seconds": theatre.first_answer.as_secs_f64(),
    }));
    theatre.close().await
}

async fn lists(
    grid: &mut Grid,
    programs: &Programs,
    who: Who,
    count: usize,
    changes: usize,
) -> anyhow::Result<()> {
    let mut uids: Vec<u64> = (1..=count as u64).collect();
    let list = films::playlist(&uids);
    let size = list.to_string().len();
    if who == Who::Original && size > LARGEST_VALUE {
        return Ok(());
    }
    let theatre = Theatre::open(programs, who, Sync::Default, 1).await?;
    theatre.emit("bench", "playlist", list).await?;
    films::wait_for(&theatre, who, &uids).await?;
    let traffic = KvTraffic::watch(&theatre, who, "playlist.items").await?;
    let mut millis = Vec::new();
    for number in 0..changes {
        let moved = films::move_one(&mut uids, number * 7919, number * 104_729);
        millis.push(change(&theatre, &traffic, size, "moveVideo", moved).await?);
    }
    films::wait_for(&theatre, who, &uids).await?;
    let what = Changed {
        what: "one change of a list",
        unit: "items",
        count,
        size,
        bytes: traffic.bytes() as f64 / changes as f64,
        millis,
    };
    what.write(grid, who);
    theatre.close().await
}

async fn crowds(
    grid: &mut Grid,
    programs: &Programs,
    who: Who,
    count: usize,
    changes: usize,
) -> anyhow::Result<()> {
    let list = crowd::userlist(count);
    let size = list.to_string().len();
    if who == Who::Original && size > LARGEST_VALUE {
        return Ok(());
    }
    let theatre = Theatre::open(programs, who, Sync::Default, 1).await?;
    theatre.emit("bench", "userlist", list).await?;
    crowd::wait_for(&theatre, who, count, 0).await?;
    let traffic = KvTraffic::watch(&theatre, who, "userlist.users").await?;
    let mut millis = Vec::new();
    for number in 0..changes {
        let away = json!({"name": crowd::name(number * 7919 % count), "afk": true});
        // Ten are there at least, and ten steps come to none of them twice.
        millis.push(change(&theatre, &traffic, size, "setAFK", away).await?);
    }
    crowd::wait_for(&theatre, who, count, changes).await?;
    let what = Changed {
        what: "one change of the users",
        unit: "users",
        count,
        size,
        bytes: traffic.bytes() as f64 / changes as f64,
        millis,
    };
    what.write(grid, who);
    theatre.close().await
}

/// Milliseconds from the frame to the put that completes the list.
async fn change(
    theatre: &Theatre,
    traffic: &Arc<KvTraffic>,
    size: usize,
    event: &str,
    payload: Value,
) -> anyhow::Result<f64> {
    // A list of 10 MB is not written again for 2.5 s.
    tokio::time::sleep(Duration::from_millis(100 + size as u64 / 3500)).await;
    let before = traffic.lists();
    let started = Instant::now();
    theatre.emit("bench", event, payload).await?;
    while traffic.lists() == before {
        ensure!(started.elapsed() < PATIENCE, "the list is not written");
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}

/// What changes of one list came to.
struct Changed {
    what: &'static str,
    unit: &'static str,
    count: usize,
    size: usize,
    bytes: f64,
    millis: Vec<f64>,
}

impl Changed {
    fn write(self, grid: &mut Grid, who: Who) {
        let name = name(who);
        let Self {
            what, unit, count, ..
        } = self;
        grid.line([
            what.to_owned(),
            name.to_owned(),
            format!("{count} {unit}, {:.3} MB", self.size as f64 / 1e6),
            format!("{} ms until in KV", shown(&self.millis)),
            format!("{:.1} KB written", self.bytes / 1e3),
        ]);
        grid.samples.push(json!({
            "robot": name, unit: count, "bytes": self.size, "milliseconds": median(&self.millis),
            "samples": self.millis, "bytes_written": self.bytes,
        }));
    }
}

fn name(who: Who) -> &'static str {
    match who {
        Who::Ours => "ours",
        Who::Original => "kryten-robot",
    }
}

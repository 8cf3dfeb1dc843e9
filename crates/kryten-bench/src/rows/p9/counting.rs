//! P9, the part of the statistics: what grows with the number of events and of people.

use serde_json::json;

use crate::clerk::{self, Job};
use crate::grid::Grid;
use crate::rows::p5::{catching_up, fill_stream};
use crate::sides::Sync;
use crate::talk::{Kind, Talk};
use crate::theatre::{Programs, Who};

/// Events where the number of people grows.
const EVENTS: u64 = 200_000;
/// People where the number of events grows.
const PEOPLE: u64 = 100;

pub(super) async fn run(grid: &mut Grid, programs: &Programs, quick: bool) -> anyhow::Result<()> {
    let (events, people): (&[u64], &[u64]) = match quick {
        true => (&[500, 1_000], &[10]),
        false => (
            &[10_000, 100_000, 1_000_000, 10_000_000],
            &[10, 100, 1_000, 10_000],
        ),
    };
    for count in events {
        step(grid, programs, "events", *count, *count, PEOPLE).await?;
    }
    for count in people {
        let events = if quick { 500 } else { EVENTS };
        step(grid, programs, "people", *count, events, *count).await?;
    }
    Ok(())
}

async fn step(
    grid: &mut Grid,
    programs: &Programs,
    unit: &str,
    size: u64,
    lines: u64,
    people: u64,
) -> anyhow::Result<()> {
    let server = clerk::server(Sync::Default).await;
    let nats = clerk::connect(&server).await?;
    let talk = Talk::until_now(people, Kind::Mixed, lines);
    fill_stream(&nats, &talk, lines).await?;
    let job = Job::new(Who::Ours, &server);
    let counted = catching_up(programs, job, &talk, lines).await?;
    let micros = 1e6 / counted.rate;
    let what = match unit {
        "events" => format!("events of {people} people counted from the stream"),
        _ => format!("people in {lines} events counted from the stream"),
    };
    grid.line([
        what,
        "ours".to_owned(),
        size.to_string(),
        format!("{micros:.2} µs an event, from the start of the process"),
        format!("{:.1} MB at the end", counted.megabytes),
    ]);
    grid.samples.push(json!({
        "robot": "ours", unit: size, "lines": lines, "microseconds": micros, "megabytes": counted.megabytes,
    }));
    Ok(())
}

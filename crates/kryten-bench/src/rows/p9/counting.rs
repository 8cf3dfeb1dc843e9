//! P9, the part of the statistics: what grows with the number of events and of people.

use serde_json::json;

use crate::clerk::{self, Job};
use crate::grid::{Grid, median, shown};
use crate::rows::p5::{Counted, Kept, Live, catching_up, count_live, fill_stream};
use crate::sides::Sync;
use crate::talk::{Kind, Talk};
use crate::theatre::{Programs, Who};

/// Events where the number of people grows.
const EVENTS: u64 = 200_000;
/// People where the number of events grows.
const PEOPLE: u64 = 100;

/// How often each size is looked at, in turn, so that what else the machine does falls on all of them.
const ROUNDS: usize = 5;

pub(super) async fn run(grid: &mut Grid, programs: &Programs, quick: bool) -> anyhow::Result<()> {
    let (events, people, rounds): (&[u64], &[u64], _) = match quick {
        true => (&[500, 1_000], &[10], 1),
        false => (
            &[10_000, 100_000, 1_000_000, 10_000_000],
            &[10, 100, 1_000, 10_000],
            ROUNDS,
        ),
    };
    beside_the_original(grid, programs, quick).await?;
    for count in events {
        let seen = look(programs, *count, PEOPLE).await?;
        let what = format!(
            "events of {PEOPLE} people, counted from the stream and the start of the process"
        );
        write(grid, Who::Ours, &what, "events", *count, &[seen]);
    }
    let lines = if quick { 500 } else { EVENTS };
    let mut seen = vec![Vec::new(); people.len()];
    for round in 0..rounds {
        let mut sizes: Vec<usize> = (0..people.len()).collect();
        if round % 2 == 1 {
            sizes.reverse();
        }
        for size in sizes {
            seen[size].push(look(programs, lines, people[size]).await?);
        }
    }
    let what =
        format!("people in {lines} events, counted from the stream and the start of the process");
    for (count, seen) in people.iter().zip(&seen) {
        write(grid, Who::Ours, &what, "people", *count, seen);
    }
    Ok(())
}

/// What both count while it is said: of what was in the stream before it started the original counts nothing.
async fn beside_the_original(
    grid: &mut Grid,
    programs: &Programs,
    quick: bool,
) -> anyhow::Result<()> {
    let work = Live {
        kept: Kept::Sqlite,
        kind: Kind::Mixed,
        sync: Sync::Default,
        people: PEOPLE,
        lines: 1_500,
    };
    let (events, people): (&[u64], &[u64]) = match quick {
        true => (&[60], &[]),
        false => (&[500, 5_000], &[10, 1_000]),
    };
    for lines in events {
        for who in Who::BOTH {
            let seen = count_live(
                programs,
                who,
                Live {
                    lines: *lines,
                    ..work
                },
            )
            .await?;
            let what = format!("events of {PEOPLE} people, counted while they are said");
            write(grid, who, &what, "live_events", *lines, &[seen]);
        }
    }
    for people in people {
        for who in Who::BOTH {
            let people = *people;
            let seen = count_live(programs, who, Live { people, ..work }).await?;
            let what = format!(
                "people in {} events, counted while they are said",
                work.lines
            );
            write(grid, who, &what, "live_people", people, &[seen]);
        }
    }
    Ok(())
}

/// One start of the statistics before a full stream.
async fn look(programs: &Programs, lines: u64, people: u64) -> anyhow::Result<Counted> {
    let server = clerk::server(Sync::Default).await;
    let nats = clerk::connect(&server).await?;
    let talk = Talk::until_now(people, Kind::Mixed, lines);
    fill_stream(&nats, &talk, lines).await?;
    let job = Job::new(Who::Ours, &server);
    catching_up(programs, job, &talk, lines).await
}

fn write(grid: &mut Grid, who: Who, what: &str, unit: &str, size: u64, seen: &[Counted]) {
    let micros: Vec<f64> = seen.iter().map(|seen| 1e6 / seen.rate).collect();
    let megabytes: Vec<f64> = seen.iter().map(|seen| seen.megabytes).collect();
    let megabytes = median(&megabytes);
    let name = match who {
        Who::Ours => "ours",
        Who::Original => "kryten-userstats",
    };
    grid.line([
        what.to_owned(),
        name.to_owned(),
        size.to_string(),
        format!("{} µs an event", shown(&micros)),
        format!("{megabytes:.1} MB at the end"),
    ]);
    grid.samples.push(json!({
        "robot": name, unit: size, "microseconds": median(&micros), "samples": micros, "megabytes": megabytes,
    }));
}

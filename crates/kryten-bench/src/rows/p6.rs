//! P6: CyTube's frames into the stream and into KV, beside the real kryten-robot.

mod moves;

use std::time::Duration;

use anyhow::ensure;
use async_nats::jetstream;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::grid::{Grid, median, shown};
use crate::load::{Delays, Heard, WINDOW, delays_of, raw_delays, say};
use crate::sides::Sync;
use crate::theatre::{Programs, Theatre, Who};

/// How much is done.
struct Amount {
    lines: u64,
    rounds: usize,
    films: u64,
    moves: u64,
    time: Duration,
}

/// Paces at which delays are measured, in lines a second; the target is that of the last.
const PACES: [u32; 2] = [100, 1000];

/// What one side did in all rounds.
#[derive(Default)]
struct Seen {
    /// With a window; as fast as CyTube can say it; with a window and flushing always.
    windowed: Vec<Heard>,
    at_once: Vec<Heard>,
    always: Vec<Heard>,
    delays: [Vec<Delays>; PACES.len()],
}

/// What the engine can do.
#[derive(Default)]
struct Raw {
    lines: Vec<f64>,
    always: Vec<f64>,
    delays: [Vec<Delays>; PACES.len()],
}

pub(super) async fn run(programs: &Programs, quick: bool) -> anyhow::Result<Grid> {
    let amount = match quick {
        true => Amount {
            lines: 300,
            rounds: 1,
            films: 60,
            moves: 20,
            time: Duration::from_millis(500),
        },
        false => Amount {
            lines: 20_000,
            rounds: 3,
            films: 4_000,
            moves: 1_000,
            time: Duration::from_secs(30),
        },
    };
    let (mut ours, mut theirs, mut raw) = (Seen::default(), Seen::default(), Raw::default());
    for round in 0..amount.rounds {
        for who in Who::in_turn(round) {
            let seen = match who {
                Who::Ours => &mut ours,
                Who::Original => &mut theirs,
            };
            visit(programs, who, &amount, seen, &mut raw).await?;
        }
    }
    if !quick {
        for who in Who::BOTH {
            let theatre = Theatre::open(programs, who, Sync::Always, 1).await?;
            let heard = say(&theatre, who, amount.lines, Some(WINDOW)).await?;
            match who {
                Who::Ours => {
                    ours.always.push(heard);
                    raw.always.push(raw_lines(&theatre, amount.lines).await?);
                }
                Who::Original => theirs.always.push(heard),
            }
            theatre.close().await?;
        }
    }
    let mut grid = Grid::new(&[
        "work",
        "flush",
        "ours",
        "kryten-robot",
        "raw async-nats",
        "ours against it",
    ]);
    lines(&mut grid, &amount, &ours, &theirs, &raw);
    latency(&mut grid, &ours, &theirs, &raw);
    moves::run(&mut grid, programs, &amount).await?;
    grid.note(
        "Ours is in the stream, acknowledged, when the time is taken; the original publishes without a stream, so its \
         time ends at a subscriber. Raw is the same number of messages of the same size published to a stream, 256 at \
         once, all acknowledged; for latency it is publisher to subscriber, without CyTube.",
    );
    grid.note(format!(
        "The original keeps at most 1,000 events that it has not published, and throws the oldest away for each \
         further one. So the rate that counts is that with at most {WINDOW} lines said and not yet heard, for both: \
         the fastest pace at which it can deliver everything. What comes when all lines are said at once is shown \
         below it; a rate there is of the lines heard. Of ours every line must come, once and in order, always.",
    ));
    Ok(grid)
}

async fn visit(
    programs: &Programs,
    who: Who,
    amount: &Amount,
    seen: &mut Seen,
    raw: &mut Raw,
) -> anyhow::Result<()> {
    let theatre = Theatre::open(programs, who, Sync::Default, 1).await?;
    for (place, pace) in PACES.into_iter().enumerate() {
        seen.delays[place].push(delays_of(&theatre, who, pace, amount.time).await?);
        if who == Who::Ours {
            raw.delays[place].push(raw_delays(&theatre, pace, amount.time).await?);
        }
    }
    seen.windowed
        .push(say(&theatre, who, amount.lines, Some(WINDOW)).await?);
    if who == Who::Ours {
        raw.lines.push(raw_lines(&theatre, amount.lines).await?);
    }
    seen.at_once
        .push(say(&theatre, who, amount.lines, None).await?);
    theatre.close().await
}

fn lines(grid: &mut Grid, amount: &Amount, ours: &Seen, theirs: &Seen, raw: &Raw) {
    let count = amount.lines;
    let works = [
        (
            format!("{count} chat lines, at most {WINDOW} on their way, lines/s"),
            Sync::Default,
            &ours.windowed,
            &theirs.windowed,
            &raw.lines,
        ),
        (
            format!("{count} chat lines, all said at once, lines/s"),
            Sync::Default,
            &ours.at_once,
            &theirs.at_once,
            &raw.lines,
        ),
        (
            format!("{count} chat lines, at most {WINDOW} on their way, lines/s"),
            Sync::Always,
            &ours.always,
            &theirs.always,
            &raw.always,
        ),
    ];
    for (number, (work, sync, ours, theirs, raw)) in works.into_iter().enumerate() {
        let rates = |heard: &[Heard]| heard.iter().map(Heard::rate).collect::<Vec<_>>();
        let (ours_rates, their_rates) = (rates(ours), rates(theirs));
        if ours_rates.is_empty() {
            continue;
        }
        let ratio = median(&ours_rates) / median(&their_rates);
        grid.line([
            work,
            sync.name().to_owned(),
            shown(&ours_rates),
            format!("{}{}", shown(&their_rates), of_them(theirs)),
            shown(raw),
            format!("{ratio:.1} ×"),
        ]);
        let numbers = |heard: &[Heard]| -> Vec<_> {
            heard
                .iter()
                .map(|heard| json!({"said": heard.said, "heard": heard.heard, "late": heard.late, "seconds": heard.took.as_secs_f64()}))
                .collect()
        };
        grid.samples.push(json!({
            "lines": sync.name(), "window": (number != 1).then_some(WINDOW),
            "ours": numbers(ours), "original": numbers(theirs), "raw": raw,
        }));
        if number == 0 {
            grid.at_least("chat lines/s, times the original's", ratio, 20.0);
        }
    }
}

/// How many lines came, where not all did, and whether they were in order.
fn of_them(heard: &[Heard]) -> String {
    let sum = |pick: fn(&Heard) -> u64| heard.iter().map(pick).sum::<u64>();
    let (said, came, late) = (
        sum(|heard| heard.said),
        sum(|heard| heard.heard),
        sum(|heard| heard.late),
    );
    let mut text = format!(", heard {came} of {said}");
    if late > 0 {
        text += &format!(", {late} of them behind a later one");
    }
    text
}

/// Messages a second.
async fn raw_lines(theatre: &Theatre, count: u64) -> anyhow::Result<f64> {
    let context = &theatre.nats.jetstream();
    let config = jetstream::stream::Config {
        name: "RAW".to_owned(),
        subjects: vec!["raw.stored".to_owned()],
        ..jetstream::stream::Config::default()
    };
    context.create_stream(config).await?;
    let body = bytes::Bytes::from(vec![b'x'; 400]);
    let started = std::time::Instant::now();
    let acks = stream::iter(0..count).map(|_| {
        let body = body.clone();
        async move {
            let sent = context.publish("raw.stored", body).await?;
            anyhow::Ok(sent.await?)
        }
    });
    let acks: Vec<_> = acks.buffered(256).try_collect().await?;
    ensure!(acks.len() as u64 == count, "not all were acknowledged");
    let took = started.elapsed();
    context.delete_stream("RAW").await?;
    Ok(count as f64 / took.as_secs_f64())
}

fn latency(grid: &mut Grid, ours: &Seen, theirs: &Seen, raw: &Raw) {
    for (place, pace) in PACES.into_iter().enumerate() {
        for (name, part, limit) in [("p50", 0.5, 1.0), ("p99", 0.99, 5.0)] {
            let of = |delays: &[Vec<Delays>]| -> Vec<f64> {
                let delays = delays[place].iter();
                delays.map(|delays| delays.quantile(part)).collect()
            };
            let (ours, original, raw) = (of(&ours.delays), of(&theirs.delays), of(&raw.delays));
            let said: usize = theirs.delays[place].iter().map(|delays| delays.said).sum();
            let heard: usize = theirs.delays[place].iter().map(Delays::heard).sum();
            let lost = match said - heard {
                0 => String::new(),
                _ => format!(", heard {heard} of {said}"),
            };
            grid.line([
                format!("frame to subscriber at {pace} lines/s, {name} in ms"),
                Sync::Default.name().to_owned(),
                shown(&ours),
                format!("{}{lost}", shown(&original)),
                shown(&raw),
                format!("1/{:.1}", median(&original) / median(&ours)),
            ]);
            if pace == 1000 {
                let added = median(&ours) - median(&raw);
                grid.at_most(
                    &format!("added latency at 1,000 lines/s in ms, {name}"),
                    added,
                    limit,
                );
            }
            grid.samples.push(json!({
                "latency": name, "pace": pace, "ours": ours, "original": original, "raw": raw, "original_heard": heard, "said": said,
            }));
        }
    }
}

//! R5: a flood in one channel, and what the others notice of it.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::stream::select_all;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::grid::Grid;
use crate::load::{Delays, delays, emit, line, trips};
use crate::sides::Sync;
use crate::theatre::{PATIENCE, Programs, Theatre, Who};

struct Amount {
    channels: usize,
    /// Lines a second into the first channel.
    flood: u32,
    time: Duration,
    /// Lines a second into all others together.
    others: u32,
}

/// What the flood came to.
struct Flood {
    said: u64,
    took: Duration,
    /// From its last line until the stream had it all.
    behind: Duration,
    /// Resident MB: before it, at most, and when the stream had it all.
    memory: [f64; 3],
    /// How many were given up and reported as a gap.
    lost: u64,
}

pub(super) async fn run(programs: &Programs, quick: bool) -> anyhow::Result<Grid> {
    let amount = match quick {
        true => Amount {
            channels: 3,
            flood: 500,
            time: Duration::from_secs(1),
            others: 50,
        },
        false => Amount {
            channels: 10,
            flood: 10_000,
            time: Duration::from_secs(60),
            others: 180,
        },
    };
    let theatre = Theatre::open(programs, Who::Ours, Sync::Default, amount.channels).await?;
    // Before and after, so that what else the machine does falls on both.
    let (mut calm, mut calm_trips) = others(&theatre, &amount, amount.time / 2).await?;
    let over = CancellationToken::new();
    let flooding = flood(&theatre, &amount, over.clone());
    let quiet = async {
        let seen = others(&theatre, &amount, amount.time).await;
        over.cancel();
        seen
    };
    let (flood, (loud, loud_trips)) = tokio::try_join!(flooding, quiet)?;
    let (lines, trips) = others(&theatre, &amount, amount.time / 2).await?;
    calm.add(&lines);
    calm_trips.add(&trips);
    theatre.close().await?;
    let trips = [&calm_trips, &loud_trips];
    Ok(table(&amount, &flood, [&calm, &loud], trips))
}

/// Lines in all channels but the first: each must come. And round trips through nats-server beside them.
async fn others(
    theatre: &Theatre,
    amount: &Amount,
    time: Duration,
) -> anyhow::Result<(Delays, Delays)> {
    let nats = theatre.connect().await?;
    let mut events = Vec::new();
    for name in &theatre.channels[1..] {
        let subject = format!("kryten.events.cytube.{name}.>");
        events.push(nats.subscribe(&subject).await?);
    }
    let channels = theatre.handles()?;
    let say = async |number, text| {
        let channel = &channels[1 + number % (channels.len() - 1)];
        emit(channel, line(text)).await
    };
    let hearing = delays(select_all(events), Who::Ours, amount.others, time, say);
    let beside = theatre.connect().await?;
    let (heard, trips) = tokio::try_join!(hearing, trips(&beside, time))?;
    ensure!(
        heard.heard() == heard.said,
        "a line of another channel was lost"
    );
    Ok((heard, trips))
}

async fn flood(
    theatre: &Theatre,
    amount: &Amount,
    over: CancellationToken,
) -> anyhow::Result<Flood> {
    let mut gaps = theatre
        .nats
        .subscribe("kryten.events.robot.bench.gap")
        .await?;
    let before = stored(theatre).await?;
    let first = theatre.memory()?;
    let channels = theatre.handles()?;
    let started = Instant::now();
    let saying = async {
        let wanted = (f64::from(amount.flood) * amount.time.as_secs_f64()) as u64;
        let mut turns = interval(Duration::from_millis(1));
        turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut said = 0_u64;
        while said < wanted && !over.is_cancelled() {
            turns.tick().await;
            let due = (started.elapsed().as_secs_f64() * f64::from(amount.flood)) as u64;
            while said < due.min(wanted) {
                emit(&channels[0], line(format!("flood {said}"))).await?;
                said += 1;
            }
        }
        anyhow::Ok((said, started.elapsed()))
    };
    let done = CancellationToken::new();
    let watching = async {
        let mut most = first;
        while !done.is_cancelled() {
            most = most.max(theatre.memory()?);
            sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(most)
    };
    let flooding = async {
        let (said, took) = saying.await?;
        let ended = Instant::now();
        let mut lost = 0;
        while stored(theatre).await? - before + lost < said {
            ensure!(
                ended.elapsed() < PATIENCE,
                "of {said} lines {} are in the stream and {lost} reported as lost",
                stored(theatre).await? - before
            );
            let wait = sleep(Duration::from_millis(50));
            tokio::select! {
                () = wait => {}
                Some(gap) = gaps.next() => {
                    let gap: Value = serde_json::from_slice(&gap.payload)?;
                    lost += gap["lost"].as_u64().unwrap_or(0);
                }
            }
        }
        done.cancel();
        let last = theatre.memory()?;
        anyhow::Ok((said, took, ended.elapsed(), last, lost))
    };
    let ((said, took, behind, last, lost), most) = tokio::try_join!(flooding, watching)?;
    Ok(Flood {
        said,
        took,
        behind,
        memory: [first, most, last],
        lost,
    })
}

/// How many chat lines of the first channel the stream has.
async fn stored(theatre: &Theatre) -> anyhow::Result<u64> {
    let stream = theatre.nats.jetstream().get_stream("KRYTEN_EVENTS").await?;
    let subject = "kryten.events.cytube.bench.chatmsg";
    let subjects = stream.info_with_subjects(subject).await?;
    let counts: Vec<(String, usize)> = subjects.try_collect().await?;
    let count = counts.first().context("no line is stored")?;
    Ok(count.1 as u64)
}

fn table(
    amount: &Amount,
    flood: &Flood,
    [calm, loud]: [&Delays; 2],
    [calm_trips, loud_trips]: [&Delays; 2],
) -> Grid {
    let mut grid = Grid::new(&["what", "without the flood", "with it"]);
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("most", 1.0)] {
        grid.line([
            format!("frame to subscriber in the other channels, {name} in ms"),
            format!("{:.2}", calm.quantile(part)),
            format!("{:.2}", loud.quantile(part)),
        ]);
    }
    for (name, part) in [("p99", 0.99), ("most", 1.0)] {
        grid.line([
            format!("round trip through nats-server beside it, {name} in ms"),
            format!("{:.2}", calm_trips.quantile(part)),
            format!("{:.2}", loud_trips.quantile(part)),
        ]);
    }
    grid.line([
        "lines in the other channels, all heard".to_owned(),
        calm.heard().to_string(),
        loud.heard().to_string(),
    ]);
    let pace = flood.said as f64 / flood.took.as_secs_f64();
    grid.line([
        "lines of the flood".to_owned(),
        "-".to_owned(),
        format!(
            "{} said, {pace:.0} a second; {} in the stream, {} reported as lost; the last one stored {:.2} s after it \
             was said",
            flood.said,
            flood.said - flood.lost,
            flood.lost,
            flood.behind.as_secs_f64()
        ),
    ]);
    let [first, most, last] = flood.memory;
    grid.line([
        "resident MB of the robot".to_owned(),
        format!("{first:.1}"),
        format!("{most:.1} at most, {last:.1} when all was stored"),
    ]);
    grid.samples.push(json!({
        "channels": amount.channels, "flood": amount.flood, "said": flood.said, "seconds": flood.took.as_secs_f64(),
        "behind": flood.behind.as_secs_f64(), "lost": flood.lost, "megabytes": flood.memory,
        "calm": [calm.quantile(0.5), calm.quantile(0.99), calm.quantile(1.0)],
        "loud": [loud.quantile(0.5), loud.quantile(0.99), loud.quantile(1.0)],
        "trips": {
            "calm": [calm_trips.quantile(0.5), calm_trips.quantile(0.99), calm_trips.quantile(1.0)],
            "loud": [loud_trips.quantile(0.5), loud_trips.quantile(0.99), loud_trips.quantile(1.0)],
        },
    }));
    let ratio = loud.quantile(0.99) / calm.quantile(0.99);
    grid.at_most(
        "p99 of the other channels, with the flood to without",
        ratio,
        2.0,
    );
    // What waits for the stream may be 64 MiB for a channel.
    grid.at_most("MB that the flood added at most", most - first, 128.0);
    grid.at_least(
        "part of the intended pace that was said",
        pace / f64::from(amount.flood),
        0.95,
    );
    grid.note(format!(
        "{} channels in one robot; the flood goes into the first, the others have {} lines a second together, half of \
         the calm lines before the flood and half after it. Simulator, robot, nats-server and subscriber share the \
         processors. Every line of the flood is in the stream or reported as lost, else there is no figure.",
        amount.channels, amount.others
    ));
    grid
}

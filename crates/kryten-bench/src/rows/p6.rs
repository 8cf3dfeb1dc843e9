//! P6: CyTube's frames into the stream and into KV, beside the real kryten-robot.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_nats::{Subscriber, jetstream};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::time::timeout;

use crate::films;
use crate::grid::{Grid, median, shown};
use crate::sides::Sync;
use crate::theatre::{KvTraffic, Once, PATIENCE, Robots, Theatre, Who, line, text_of};

/// How much is done.
struct Amount {
    lines: u64,
    rounds: usize,
    films: u64,
    moves: u64,
    seconds: u64,
}

pub(super) async fn run(robots: &Robots, quick: bool) -> anyhow::Result<Grid> {
    let amount = match quick {
        true => Amount {
            lines: 300,
            rounds: 1,
            films: 60,
            moves: 20,
            seconds: 1,
        },
        false => Amount {
            lines: 20_000,
            rounds: 3,
            films: 4_000,
            moves: 1_000,
            seconds: 5,
        },
    };
    let mut grid = Grid::new(&[
        "work",
        "flush",
        "ours",
        "kryten-robot",
        "raw async-nats",
        "ours against it",
    ]);
    for sync in Sync::ALL {
        lines(&mut grid, robots, sync, &amount).await?;
    }
    moves(&mut grid, robots, &amount).await?;
    latency(&mut grid, robots, &amount).await?;
    grid.note(
        "Ours is in the stream, acknowledged, when the time is taken; the original publishes without a stream, so its \
         time ends at a subscriber. Raw is the same number of messages of the same size published to a stream, 256 at \
         once, all acknowledged; for latency it is publisher to subscriber, without CyTube.",
    );
    Ok(grid)
}

async fn lines(
    grid: &mut Grid,
    robots: &Robots,
    sync: Sync,
    amount: &Amount,
) -> anyhow::Result<()> {
    let rounds = match sync {
        Sync::Default => amount.rounds,
        Sync::Always => 1,
    };
    let [mut ours, mut theirs, mut raw] = [const { Vec::new() }; 3];
    for round in 0..rounds {
        for who in Who::in_turn(round) {
            let theatre = Theatre::open(robots, who, sync, 1).await?;
            let took = said(&theatre, who, amount.lines).await?;
            if who == Who::Ours {
                raw.push(
                    amount.lines as f64 / raw_lines(&theatre, amount.lines).await?.as_secs_f64(),
                );
            }
            theatre.close().await?;
            let rate = amount.lines as f64 / took.as_secs_f64();
            match who {
                Who::Ours => ours.push(rate),
                Who::Original => theirs.push(rate),
            }
        }
    }
    let ratio = median(&ours) / median(&theirs);
    grid.line([
        format!("{} chat lines, lines/s", amount.lines),
        sync.name().to_owned(),
        shown(&ours),
        shown(&theirs),
        shown(&raw),
        format!("{ratio:.1} ×"),
    ]);
    grid.samples
        .push(json!({"lines": sync.name(), "ours": ours, "original": theirs, "raw": raw}));
    if sync == Sync::Default {
        grid.at_least("chat lines/s, times the original's", ratio, 20.0);
    }
    Ok(())
}

/// From the first line to the last one at a subscriber, and for ours in the stream; each number exactly once.
async fn said(theatre: &Theatre, who: Who, count: u64) -> anyhow::Result<Duration> {
    let mut events = theatre.events().await?;
    theatre.nats.nats().flush().await?;
    let channel = theatre.sim.channel("bench").context("no channel")?;
    let before = match who {
        Who::Ours => theatre.stored().await?,
        Who::Original => 0,
    };
    let texts: Vec<_> = (0..count).map(|number| line(number.to_string())).collect();
    let started = Instant::now();
    let sending = async {
        for payload in texts {
            let emit = kryten_sim::Operation::Emit {
                event: "chatMsg".to_owned(),
                payload: Some(payload),
                times: None,
            };
            channel.run(emit).await?;
        }
        anyhow::Ok(())
    };
    let hearing = async {
        let mut heard = Once::new(who);
        for number in 0..count {
            let text = next_text(&mut events).await;
            let text = text.with_context(|| format!("{who:?}: {number} of {count} lines heard"))?;
            heard.take(&text)?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(sending, hearing)?;
    if who == Who::Ours {
        while theatre.stored().await? < before + count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(started.elapsed())
}

async fn raw_lines(theatre: &Theatre, count: u64) -> anyhow::Result<Duration> {
    let context = theatre.nats.jetstream();
    let config = jetstream::stream::Config {
        name: "RAW".to_owned(),
        subjects: vec!["raw.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    context.create_stream(config).await?;
    let body = bytes::Bytes::from(vec![b'x'; 400]);
    let started = Instant::now();
    let acks = stream::iter(0..count).map(|_| {
        let body = body.clone();
        async move {
            let sent = context.publish("raw.line", body).await?;
            anyhow::Ok(sent.await?)
        }
    });
    let acks: Vec<_> = acks.buffered(256).try_collect().await?;
    ensure!(acks.len() as u64 == count, "not all were acknowledged");
    Ok(started.elapsed())
}

/// Seconds, bytes, puts, and puts that complete a list.
type Moved = (f64, f64, u64, u64);

async fn moves(grid: &mut Grid, robots: &Robots, amount: &Amount) -> anyhow::Result<()> {
    let mut seen = Vec::new();
    for who in Who::BOTH {
        let theatre = Theatre::open(robots, who, Sync::Default, 1).await?;
        let mut uids: Vec<u64> = (0..amount.films).collect();
        theatre
            .emit("bench", "playlist", films::playlist(&uids))
            .await?;
        films::wait_for(&theatre, who, &uids).await?;
        let traffic = KvTraffic::watch(&theatre, who).await?;
        let started = Instant::now();
        for number in 0..amount.moves as usize {
            let moved = films::move_one(&mut uids, number * 7919, number * 104_729);
            theatre.emit("bench", "moveVideo", moved).await?;
        }
        let took = match who {
            Who::Ours => {
                films::wait_for(&theatre, who, &uids).await?;
                started.elapsed()
            }
            // It puts the list for each move; whether in the right order is told, not demanded.
            Who::Original => {
                while traffic.lists() < amount.moves && started.elapsed() < PATIENCE {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                started.elapsed()
            }
        };
        let is_true = films::is_stored(&theatre, who, &uids).await?;
        ensure!(
            is_true || who == Who::Original,
            "the list in KV is not true any more"
        );
        if !is_true {
            grid.note(
                "The original's playlist in KV was in another order than CyTube's after the moves.",
            );
        }
        // What was put just before may still be on its way to the subscriber.
        theatre.nats.nats().flush().await?;
        seen.push((
            took.as_secs_f64(),
            traffic.bytes() as f64,
            traffic.puts(),
            traffic.lists(),
        ));
        theatre.close().await?;
    }
    let [ours, theirs] = [seen[0], seen[1]];
    let work = format!("{} moves on {} items", amount.moves, amount.films);
    let cells = |what: &str, pick: &dyn Fn(&Moved) -> f64| {
        let (ours, theirs) = (pick(&ours), pick(&theirs));
        [
            format!("{work}, {what}"),
            Sync::Default.name().to_owned(),
            shown(&[ours]),
            shown(&[theirs]),
            "-".to_owned(),
            format!("1/{:.0}", theirs / ours),
        ]
    };
    grid.line(cells("seconds until true in KV", &|seen| seen.0));
    grid.line(cells("MB written to KV", &|seen| seen.1 / 1e6));
    grid.line(cells("puts", &|seen| seen.2 as f64));
    grid.line(cells("puts that complete a list", &|seen| seen.3 as f64));
    grid.samples.push(
        json!({"moves": ["seconds", "bytes", "puts", "lists"], "ours": ours, "original": theirs}),
    );
    grid.at_least(
        "KV bytes of the original, times ours",
        theirs.1 / ours.1,
        50.0,
    );
    Ok(())
}

async fn latency(grid: &mut Grid, robots: &Robots, amount: &Amount) -> anyhow::Result<()> {
    let [mut ours, mut theirs, mut raw] = [const { [const { Vec::new() }; 2] }; 3];
    for round in 0..amount.rounds {
        for who in Who::in_turn(round) {
            let theatre = Theatre::open(robots, who, Sync::Default, 1).await?;
            let delays = delays(&theatre, amount.seconds, false).await?;
            if who == Who::Ours {
                let plain = self::delays(&theatre, amount.seconds, true).await?;
                raw[0].push(plain.0);
                raw[1].push(plain.1);
            }
            let of = match who {
                Who::Ours => &mut ours,
                Who::Original => &mut theirs,
            };
            of[0].push(delays.0);
            of[1].push(delays.1);
            theatre.close().await?;
        }
    }
    for (place, name, limit) in [(0, "p50", 1.0), (1, "p99", 5.0)] {
        grid.line([
            format!("frame to subscriber at 1,000 events/s, {name} in ms"),
            Sync::Default.name().to_owned(),
            shown(&ours[place]),
            shown(&theirs[place]),
            shown(&raw[place]),
            format!("1/{:.0}", median(&theirs[place]) / median(&ours[place])),
        ]);
        let added = median(&ours[place]) - median(&raw[place]);
        grid.at_most(&format!("added latency in ms, {name}"), added, limit);
        grid.samples.push(json!({"latency": name, "ours": ours[place], "original": theirs[place], "raw": raw[place]}));
    }
    Ok(())
}

/// p50 and p99 in milliseconds, of a line each millisecond.
async fn delays(theatre: &Theatre, seconds: u64, is_raw: bool) -> anyhow::Result<(f64, f64)> {
    let count = seconds * 1000;
    let mut events = theatre.events().await?;
    let nats = theatre.nats.nats();
    nats.flush().await?;
    let begin = Instant::now();
    let sending = async {
        let mut turns = tokio::time::interval(Duration::from_millis(1));
        for _ in 0..count {
            turns.tick().await;
            let text = begin.elapsed().as_nanos().to_string();
            match is_raw {
                true => {
                    let body = json!({"event_name": "chatMsg", "payload": line(text)}).to_string();
                    nats.publish("kryten.events.cytube.raw.chatmsg", body.into())
                        .await?;
                }
                false => theatre.line("bench", text).await?,
            }
        }
        anyhow::Ok(())
    };
    let hearing = async {
        let mut delays = Vec::new();
        while (delays.len() as u64) < count {
            let text = next_text(&mut events).await?;
            let now = begin.elapsed();
            let sent = Duration::from_nanos(text.parse()?);
            delays.push((now - sent).as_secs_f64() * 1000.0);
        }
        anyhow::Ok(delays)
    };
    let ((), mut delays) = tokio::try_join!(sending, hearing)?;
    delays.sort_by(f64::total_cmp);
    Ok((delays[delays.len() / 2], delays[delays.len() * 99 / 100]))
}

async fn next_text(events: &mut Subscriber) -> anyhow::Result<String> {
    loop {
        let message = timeout(PATIENCE, events.next()).await?;
        if let Some(text) = text_of(&message.context("the subscription ended")?) {
            return Ok(text);
        }
    }
}

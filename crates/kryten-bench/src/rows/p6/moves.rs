//! Many moves on a long playlist: what they cost in KV.

use std::time::{Duration, Instant};

use anyhow::ensure;
use kryten_client::round_trip::round_trip;
use serde_json::json;

use super::Amount;
use crate::films;
use crate::grid::{Grid, shown};
use crate::sides::Sync;
use crate::theatre::{KvTraffic, PATIENCE, Programs, Theatre, Who};

/// The original puts the list for each move; when no further put came for this long, none will.
const SILENCE: Duration = Duration::from_secs(20);

/// Seconds, bytes, puts, and puts that complete a list.
type Moved = (f64, f64, u64, u64);

pub(super) async fn run(
    grid: &mut Grid,
    programs: &Programs,
    amount: &Amount,
) -> anyhow::Result<()> {
    let mut seen = Vec::new();
    for who in Who::BOTH {
        let theatre = Theatre::open(programs, who, Sync::Default, 1).await?;
        let mut uids: Vec<u64> = (1..=amount.films).collect();
        theatre
            .emit("bench", "playlist", films::playlist(&uids))
            .await?;
        films::wait_for(&theatre, who, &uids).await?;
        let traffic = KvTraffic::watch(&theatre, who, "playlist.items").await?;
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
            // Whether in the right order is told, not demanded.
            Who::Original => last_put(&traffic, started, amount.moves).await,
        };
        let is_true = films::is_stored(&theatre, who, &uids).await?;
        ensure!(
            is_true || who == Who::Original,
            "the list in KV is not true any more"
        );
        if !is_true {
            grid.note(format!(
                "After the moves the original's playlist in KV was not CyTube's; it had put the list {} times.",
                traffic.lists()
            ));
        }
        // What was put just before may still be on its way to the subscriber.
        ensure!(
            round_trip(&theatre.nats.nats()).await,
            "NATS does not answer"
        );
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
    grid.line(cells("seconds until all is in KV", &|seen| seen.0));
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

/// How long after the start the last put of the list came.
async fn last_put(traffic: &KvTraffic, started: Instant, moves: u64) -> Duration {
    let (mut lists, mut last) = (traffic.lists(), started.elapsed());
    while lists < moves && started.elapsed() < last + SILENCE && last < PATIENCE {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if traffic.lists() > lists {
            (lists, last) = (traffic.lists(), started.elapsed());
        }
    }
    last
}

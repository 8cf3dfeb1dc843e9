//! P3: counters.

use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::jetstream::kv::Store;
use futures_util::{StreamExt, TryStreamExt, stream};
use kryten_client::KvBucket;
use kryten_client::kv::BucketConfig;
use serde_json::json;

use crate::contest::{self, Measure, Visit, Work};
use crate::figure::{Figure, Of};
use crate::rows::seconds_of;
use crate::sides::{Bench, Side, Sync};
use crate::spread::Spread;

pub(super) const SCRIPT: &str = include_str!("../../python/p3.py");

/// Increments that are on their way at once.
const AT_ONCE: usize = 50;

pub(super) async fn run(mut bench: Bench, quick: bool) -> anyhow::Result<Vec<Figure>> {
    let sync = bench.sync;
    let (count, rounds) = match (quick, sync) {
        (true, _) => (100, 2),
        (false, Sync::Default) => (1000, 25),
        (false, Sync::Always) => (1000, 7),
    };
    let bucket = KvBucket::open_or_create(&bench.ours, BucketConfig::new("counts")).await?;
    let raw = bench.raw.get_key_value("counts").await?;
    let mut figures = Vec::new();
    for counters in [
        Counters::One,
        Counters::ManyNew,
        Counters::Many,
        Counters::ManyCompared,
    ] {
        let mut work = Increments {
            bucket: &bucket,
            raw: &raw,
            counters,
            count,
        };
        let figure = contest::run(&mut work, &[Side::Ours, Side::Raw], sync, rounds).await?;
        figures.extend(figure.into_iter().map(|figure| match counters {
            Counters::One => figure.with_target(Of::Rate, 2000.0),
            Counters::ManyNew => figure,
            Counters::Many => figure.with_target(Of::Raw, 0.8),
            Counters::ManyCompared => figure.with_note(
                "Where raw reads too it gets each key and puts it if its revision is still that: what an exact increment \
                 of a plain value needs, by async-nats alone, with nobody else at the same key.",
            ),
        }));
    }
    let mut arrived = Vec::new();
    let mut seconds = Duration::ZERO;
    for round in 0..rounds.min(5) {
        let request = json!({"do": "count", "bucket": "counts", "key": format!("python.{round}"), "times": count, "at_once": AT_ONCE});
        let answer = bench.python.ask(&request).await?;
        arrived.push(answer["arrived"].as_f64().context("no count")?);
        seconds += seconds_of(&answer["took"])?;
    }
    let arrived = Spread::of(arrived).context("nothing was counted")?.median;
    let note = format!(
        "kryten-py has no counter. Read, add and put with it, {AT_ONCE} at once, as the original's document shows it: \
         {arrived:.0} of {count} increments arrived ({sync:?} flush), so there is no rate to compare with.",
    );
    let raw_note =
        "Raw is 50 plain puts at once of other keys: what the server stores, without any counting.";
    figures = figures
        .into_iter()
        .map(|figure| figure.with_note(raw_note))
        .collect();
    let first = figures.remove(0).with_note(note);
    figures.insert(0, first);
    Ok(figures)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counters {
    /// All increments of one counter.
    One,
    /// Each of a counter of its own that is not there before.
    ManyNew,
    /// Each of a counter of its own.
    Many,
    /// As many, and raw reads and compares too.
    ManyCompared,
}

struct Increments<'a> {
    bucket: &'a KvBucket,
    raw: &'a Store,
    counters: Counters,
    count: u32,
}

impl Work for Increments<'_> {
    fn measures(&self) -> Vec<Measure> {
        let work = match self.counters {
            Counters::One => "increment one counter, 50 at once",
            Counters::ManyNew => "increment new counters, 50 at once",
            Counters::Many => "increment 1,000 counters, 50 at once",
            Counters::ManyCompared => "increment 1,000 counters, 50 at once; raw reads too",
        };
        vec![Measure {
            work: work.to_owned(),
            unit: "increments",
            count: self.count,
        }]
    }

    async fn visit(&mut self, side: Side, round: usize) -> anyhow::Result<Visit> {
        let keys: Vec<String> = (0..self.count)
            .map(|number| match self.counters {
                Counters::One => format!("{side:?}.one.{round}"),
                Counters::ManyNew => format!("{side:?}.new.{round}.{number}"),
                Counters::Many => format!("{side:?}.many.{number}"),
                Counters::ManyCompared => format!("{side:?}.compared.{number}"),
            })
            .collect();
        let are_there = matches!(self.counters, Counters::Many | Counters::ManyCompared);
        if are_there && round == 0 {
            for put in self
                .bucket
                .put_many(keys.iter().map(|key| (key, "0")))
                .await
            {
                put?;
            }
        }
        let started = Instant::now();
        if side == Side::Ours {
            let adds: Vec<_> = keys.iter().map(|key| self.bucket.incr(key, 1)).collect();
            let sums: Vec<i64> = stream::iter(adds)
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
            let took = started.elapsed();
            anyhow::ensure!(sums.len() == keys.len(), "not every increment gave its sum");
            Ok(Visit {
                times: vec![took],
                proof: json!(self.arrived(&keys, round).await?),
            })
        } else {
            let compared = self.counters == Counters::ManyCompared;
            let adds = keys.iter().map(async |key| match compared {
                true => self.read_and_put(key).await,
                false => Ok(self.raw.put(key, "1".into()).await?),
            });
            let adds: Vec<_> = adds.collect();
            let put: Vec<u64> = stream::iter(adds)
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
            Ok(Visit {
                times: vec![started.elapsed()],
                proof: json!(put.len()),
            })
        }
    }
}

impl Increments<'_> {
    /// An increment by async-nats alone.
    async fn read_and_put(&self, key: &str) -> anyhow::Result<u64> {
        let entry = self.raw.entry(key).await?.context("no such counter")?;
        let count: i64 = std::str::from_utf8(&entry.value)?.parse()?;
        let next = (count + 1).to_string();
        Ok(self.raw.update(key, next.into(), entry.revision).await?)
    }

    /// How many increments of this round the bucket has.
    async fn arrived(&self, keys: &[String], round: usize) -> anyhow::Result<i64> {
        let mut keys = keys.to_vec();
        keys.dedup();
        let mut arrived = 0;
        for value in self.bucket.get_many(&keys).await?.values() {
            arrived += std::str::from_utf8(value)?.parse::<i64>()?;
        }
        let before = match self.counters {
            Counters::Many | Counters::ManyCompared => {
                i64::from(self.count) * i64::try_from(round)?
            }
            Counters::One | Counters::ManyNew => 0,
        };
        Ok(arrived - before)
    }
}

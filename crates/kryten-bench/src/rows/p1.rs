//! P1: JSON values put and read, one by one and many at once.

use std::time::Instant;

use anyhow::Context;
use async_nats::jetstream::kv::Store;
use futures_util::{StreamExt, TryStreamExt, stream};
use kryten_client::KvBucket;
use kryten_client::kv::BucketConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::contest::{self, Measure, Visit, Work};
use crate::figure::{Figure, Of};
use crate::rows::seconds_of;
use crate::sides::{Bench, Side, Sync};

pub(super) const SCRIPT: &str = include_str!("../../python/p1.py");

/// Requests that raw async-nats has on their way at once.
const AT_ONCE: usize = 256;
/// Keys of one visit that goes one by one: short, so that other work on the machine falls on all sides alike.
const SLICE: u32 = 250;
/// Keys of the whole work.
const KEYS: u32 = 5000;

/// The values that are put.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Viewer {
    name: String,
    rank: f64,
    lines: u64,
    is_afk: bool,
}

impl Viewer {
    fn new(number: u32) -> Self {
        Self {
            name: format!("viewer_{number:05}"),
            rank: 2.0,
            lines: u64::from(number),
            is_afk: false,
        }
    }
}

pub(super) async fn run(mut bench: Bench, quick: bool) -> anyhow::Result<Vec<Figure>> {
    let sync = bench.sync;
    let (slices, rounds) = match (quick, sync) {
        (true, _) => (2, 2),
        (false, Sync::Default) => (60, 15),
        (false, Sync::Always) => (20, 5),
    };
    let keys = if quick { 500 } else { KEYS };
    let mut one_by_one = OneByOne {
        ours: KvBucket::open_or_create(&bench.ours, BucketConfig::new("ours")).await?,
        raw: raw_bucket(&bench, "raw").await?,
        bench: &mut bench,
    };
    one_by_one
        .bench
        .python
        .ask(&json!({"do": "create", "bucket": "python"}))
        .await?;
    let figures = contest::run(&mut one_by_one, &Side::ALL, sync, slices).await?;
    let mut figures: Vec<Figure> = figures
        .into_iter()
        .map(|figure| {
            figure
                .with_target(Of::Raw, 0.97)
                .with_target(Of::Python, 1.5)
        })
        .collect();
    let mut at_once = AtOnce {
        bench: &mut bench,
        keys,
    };
    let many = contest::run(&mut at_once, &Side::ALL, sync, rounds).await?;
    figures.extend(many.into_iter().map(|figure| {
        figure.with_target(Of::Python, 10.0).with_note(
            "Many at once: ours by `put_many` and `get_many`, raw by 256 requests at once, kryten-py, which has nothing \
             for it, one by one.",
        )
    }));
    Ok(figures)
}

/// A bucket as ours are, made without us.
async fn raw_bucket(bench: &Bench, name: &str) -> anyhow::Result<Store> {
    // Made by ours, so that both have the same configuration.
    KvBucket::open_or_create(&bench.ours, BucketConfig::new(name)).await?;
    Ok(bench.raw.get_key_value(name).await?)
}

struct OneByOne<'a> {
    bench: &'a mut Bench,
    ours: KvBucket,
    raw: Store,
}

impl Work for OneByOne<'_> {
    fn measures(&self) -> Vec<Measure> {
        ["put one by one", "get one by one"]
            .map(|work| Measure {
                work: work.to_owned(),
                unit: "keys",
                count: SLICE,
            })
            .into()
    }

    async fn visit(&mut self, side: Side, round: usize) -> anyhow::Result<Visit> {
        let slices = KEYS / SLICE;
        let first = u32::try_from(round)? % slices * SLICE;
        let viewers: Vec<Viewer> = (first..first + SLICE).map(Viewer::new).collect();
        if side == Side::Python {
            let request = json!({"do": "one_by_one", "bucket": "python", "viewers": viewers});
            return python_visit(self.bench.python.ask(&request).await?);
        }
        let started = Instant::now();
        for viewer in &viewers {
            match side {
                Side::Ours => self.ours.put_json(&viewer.name, viewer).await?,
                _ => {
                    self.raw
                        .put(&viewer.name, serde_json::to_vec(viewer)?.into())
                        .await?
                }
            };
        }
        let put = started.elapsed();
        let started = Instant::now();
        let mut lines = 0;
        for viewer in &viewers {
            let read: Viewer = match side {
                Side::Ours => self
                    .ours
                    .get_json(&viewer.name)
                    .await?
                    .context("not there")?,
                _ => serde_json::from_slice(
                    &self.raw.get(&viewer.name).await?.context("not there")?,
                )?,
            };
            lines += read.lines;
        }
        Ok(Visit {
            times: vec![put, started.elapsed()],
            proof: json!(lines),
        })
    }
}

struct AtOnce<'a> {
    bench: &'a mut Bench,
    keys: u32,
}

impl Work for AtOnce<'_> {
    fn measures(&self) -> Vec<Measure> {
        ["put many at once", "get many at once"]
            .map(|work| Measure {
                work: work.to_owned(),
                unit: "keys",
                count: self.keys,
            })
            .into()
    }

    async fn visit(&mut self, side: Side, round: usize) -> anyhow::Result<Visit> {
        let bucket = format!("many_{side:?}_{round}");
        let viewers: Vec<Viewer> = (0..self.keys).map(Viewer::new).collect();
        let names: Vec<&str> = viewers.iter().map(|viewer| viewer.name.as_str()).collect();
        let visit = match side {
            Side::Ours => {
                let kv =
                    KvBucket::open_or_create(&self.bench.ours, BucketConfig::new(&bucket)).await?;
                let started = Instant::now();
                let values: Result<Vec<_>, _> = viewers
                    .iter()
                    .map(|viewer| Ok((viewer.name.as_str(), serde_json::to_vec(viewer)?)))
                    .collect::<serde_json::Result<_>>();
                for put in kv.put_many(values?).await {
                    put?;
                }
                let put = started.elapsed();
                let started = Instant::now();
                let read = kv.get_many(&names).await?;
                let lines = lines_of(read.values().map(AsRef::as_ref))?;
                Visit {
                    times: vec![put, started.elapsed()],
                    proof: json!(lines),
                }
            }
            Side::Raw => {
                let kv = raw_bucket(self.bench, &bucket).await?;
                let started = Instant::now();
                let puts = viewers.iter().map(|viewer| async {
                    Ok(kv
                        .put(&viewer.name, serde_json::to_vec(viewer)?.into())
                        .await?)
                });
                let puts: Vec<_> = puts.collect();
                stream::iter(puts)
                    .buffered(AT_ONCE)
                    .try_for_each(|_: u64| std::future::ready(anyhow::Ok(())))
                    .await?;
                let put = started.elapsed();
                let started = Instant::now();
                let gets: Vec<_> = names.iter().map(|name| kv.get(*name)).collect();
                let read: Vec<_> = stream::iter(gets)
                    .buffer_unordered(AT_ONCE)
                    .try_collect()
                    .await?;
                let lines = lines_of(read.iter().flatten().map(AsRef::as_ref))?;
                Visit {
                    times: vec![put, started.elapsed()],
                    proof: json!(lines),
                }
            }
            Side::Python => {
                let create = json!({"do": "create", "bucket": bucket});
                self.bench.python.ask(&create).await?;
                let request = json!({"do": "one_by_one", "bucket": bucket, "viewers": viewers});
                python_visit(self.bench.python.ask(&request).await?)?
            }
        };
        self.bench.raw.delete_key_value(&bucket).await?;
        Ok(visit)
    }
}

fn lines_of<'a>(values: impl Iterator<Item = &'a [u8]>) -> anyhow::Result<u64> {
    let mut lines = 0;
    for value in values {
        lines += serde_json::from_slice::<Viewer>(value)?.lines;
    }
    Ok(lines)
}

fn python_visit(mut answer: Value) -> anyhow::Result<Visit> {
    Ok(Visit {
        times: vec![seconds_of(&answer["put"])?, seconds_of(&answer["get"])?],
        proof: answer["lines"].take(),
    })
}

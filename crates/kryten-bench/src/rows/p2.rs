//! P2: a whole bucket read.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, ensure};
use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use kryten_client::KvBucket;
use kryten_client::kv::BucketConfig;
use serde_json::{Value, json};

use crate::contest::{self, Measure, Visit, Work};
use crate::figure::{Figure, Of};
use crate::rows::seconds_of;
use crate::sides::{Bench, Side};

pub(super) const SCRIPT: &str = include_str!("../../python/p2.py");

const VALUE_SIZE: usize = 200;

pub(super) async fn run(mut bench: Bench, quick: bool) -> anyhow::Result<Vec<Figure>> {
    let sizes: &[(u32, usize)] = match quick {
        true => &[(300, 2)],
        false => &[(1000, 25), (10_000, 15), (100_000, 5)],
    };
    let mut figures = Vec::new();
    for (keys, rounds) in sizes {
        let bucket = format!("bucket_{keys}");
        let kv = KvBucket::open_or_create(&bench.ours, BucketConfig::new(&bucket)).await?;
        let values = (0..*keys).map(|number| (format!("user.{number:06}"), value(number)));
        for put in kv.put_many(values).await {
            put?;
        }
        let open = json!({"do": "open", "bucket": bucket});
        bench.python.ask(&open).await?;
        let sync = bench.sync;
        let mut work = WholeBucket {
            bench: &mut bench,
            kv,
            keys: *keys,
        };
        let read = contest::run(&mut work, &Side::ALL, sync, *rounds).await?;
        figures.extend(read.into_iter().map(|figure| {
            match keys {
                10_000 => figure
                    .with_target(Of::Raw, 1.0 / 1.15)
                    .with_target(Of::Python, 50.0),
                100_000 => figure.with_target(Of::Raw, 1.0 / 1.15),
                _ => figure,
            }
        }));
        bench.raw.delete_key_value(&bucket).await?;
    }
    Ok(figures)
}

/// 200 bytes that begin with the number.
fn value(number: u32) -> Bytes {
    let mut value = number.to_string().into_bytes();
    value.resize(VALUE_SIZE, b' ');
    value.into()
}

struct WholeBucket<'a> {
    bench: &'a mut Bench,
    kv: KvBucket,
    keys: u32,
}

impl Work for WholeBucket<'_> {
    fn measures(&self) -> Vec<Measure> {
        vec![Measure {
            work: format!("read a bucket of {} keys", self.keys),
            unit: "keys",
            count: self.keys,
        }]
    }

    async fn visit(&mut self, side: Side, _round: usize) -> anyhow::Result<Visit> {
        let visit = match side {
            Side::Ours => {
                let started = Instant::now();
                let values = self.kv.get_all().await?;
                let took = started.elapsed();
                let left = self.consumers().await?;
                ensure!(
                    left.is_empty(),
                    "ours left consumers on the server: {left:?}"
                );
                Visit {
                    times: vec![took],
                    proof: proof(&values)?,
                }
            }
            Side::Raw => {
                let started = Instant::now();
                let values = self.one_pass().await?;
                Visit {
                    times: vec![started.elapsed()],
                    proof: proof(&values)?,
                }
            }
            Side::Python => {
                let request = json!({"do": "read", "bucket": self.kv.name()});
                let mut answer = self.bench.python.ask(&request).await?;
                Visit {
                    times: vec![seconds_of(&answer["took"])?],
                    proof: answer["proof"].take(),
                }
            }
        };
        // What others leave must not slow the next one down.
        for name in self.consumers().await? {
            self.stream().await?.delete_consumer(&name).await?;
        }
        Ok(visit)
    }
}

impl WholeBucket<'_> {
    async fn stream(&self) -> anyhow::Result<async_nats::jetstream::stream::Stream> {
        Ok(self
            .bench
            .raw
            .get_stream(format!("KV_{}", self.kv.name()))
            .await?)
    }

    async fn consumers(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.stream().await?.consumer_names().try_collect().await?)
    }

    /// What the engine can do: one ordered consumer, the last message of each subject, until none is pending.
    async fn one_pass(&self) -> anyhow::Result<BTreeMap<String, Bytes>> {
        let stream = self.stream().await?;
        let prefix = format!("$KV.{}.", self.kv.name());
        let config = OrderedConfig {
            deliver_subject: self.bench.raw.client().new_inbox(),
            filter_subject: format!("{prefix}>"),
            deliver_policy: DeliverPolicy::LastPerSubject,
            replay_policy: ReplayPolicy::Instant,
            ..OrderedConfig::default()
        };
        let mut messages = stream.create_consumer(config).await?.messages().await?;
        let mut values = BTreeMap::new();
        loop {
            let message = messages.next().await.context("the pass ended early")??;
            let pending = message
                .info()
                .map_err(|error| anyhow::anyhow!(error))?
                .pending;
            let key = message.subject.as_str().strip_prefix(&prefix);
            values.insert(
                key.context("another subject")?.to_owned(),
                message.payload.clone(),
            );
            if pending == 0 {
                return Ok(values);
            }
        }
    }
}

/// How many keys, bytes, and the sum of the numbers in the values.
fn proof(values: &BTreeMap<String, Bytes>) -> anyhow::Result<Value> {
    let (mut bytes, mut sum) = (0, 0);
    for value in values.values() {
        bytes += value.len();
        sum += std::str::from_utf8(value)?.trim_end().parse::<u64>()?;
    }
    Ok(json!([values.len(), bytes, sum]))
}

//! What the buckets of many channels cost the nats-servers: four streams for each channel.

use std::time::{Duration, Instant};

use anyhow::Result;
use kryten_client::kv::BucketConfig;
use kryten_client::{Client, KvBucket};
use kryten_protocol::state::StateBucket;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::bus::Bus;

/// How many are made at the same time.
const AT_ONCE: usize = 16;

/// What they cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    count: usize,
    took: Duration,
    /// Of all servers together.
    kib_each: f64,
}

/// Makes the four buckets of each channel, with a value of some users in each.
pub(super) async fn make(bus: &Bus, client: &Client, channels: &[String]) -> Result<Cost> {
    let names: Vec<String> = channels
        .iter()
        .flat_map(|channel| StateBucket::ALL.map(|bucket| bucket.name(channel)))
        .collect();
    let before = bus.memory()?;
    let started = Instant::now();
    let mut making = JoinSet::new();
    for name in &names {
        if making.len() >= AT_ONCE {
            making.join_next().await.transpose()?.transpose()?;
        }
        making.spawn(fill(client.clone(), name.clone()));
    }
    while let Some(made) = making.join_next().await {
        made??;
    }
    Ok(Cost {
        count: names.len(),
        took: started.elapsed(),
        kib_each: bus.memory()?.saturating_sub(before) as f64 / names.len() as f64,
    })
}

async fn fill(client: Client, name: String) -> Result<()> {
    let users: Vec<Value> = (0..20)
        .map(|number| json!({"name": format!("user{number}"), "rank": 1, "meta": {"afk": false}}))
        .collect();
    let bucket = KvBucket::open_or_create(&client, BucketConfig::new(name)).await?;
    bucket.put_json("users", &users).await?;
    Ok(())
}

impl Cost {
    pub(super) fn figures(&self) -> Value {
        json!({
            "buckets": self.count, "per_second": self.count as f64 / self.took.as_secs_f64(),
            "server_kib_each": self.kib_each,
        })
    }

    pub(super) fn line(&self) -> String {
        format!(
            "{} buckets made in {:.1} s; {:.0} KiB of memory of the servers for each",
            self.count,
            self.took.as_secs_f64(),
            self.kib_each
        )
    }
}

//! The verbs that change a single key, or a bucket as a whole.

use std::io::Read;
use std::time::Duration;

use anyhow::Context as _;
use kryten_client::kv::{BucketConfig, Storage};
use kryten_client::{Client, KvBucket};
use serde_json::json;

use super::arguments::{Create, Purge};
use crate::ask;
use crate::output;

pub(super) async fn create(client: &Client, args: Create, is_json: bool) -> anyhow::Result<()> {
    let config = BucketConfig {
        description: args.description,
        max_value_size: Some(args.max_value_size).filter(|size| *size > 0),
        history: args.history,
        replicas: args.replicas.map(usize::from),
        ttl: args.ttl.map(Duration::from_secs),
        marker_ttl: args.marker_ttl.map(Duration::from_secs),
        storage: match args.memory {
            true => Storage::Memory,
            false => Storage::File,
        },
        ..BucketConfig::new(args.bucket)
    };
    let bucket = KvBucket::open_or_create(client, config).await?;
    for difference in bucket.differences() {
        output::aside(&format!(
            "note: the bucket {} exists and is left as it is: {}",
            bucket.name(),
            output::printable(difference)
        ));
    }
    if is_json {
        output::json(&json!({"bucket": bucket.name(), "differences": bucket.differences()}))?;
    }
    Ok(())
}

pub(super) async fn put(
    bucket: &KvBucket,
    key: &str,
    value: String,
    is_json: bool,
) -> anyhow::Result<()> {
    let revision = bucket.put(key, read_value(value).await?).await?;
    if is_json {
        output::json(&json!({"key": key, "revision": revision}))?;
    }
    Ok(())
}

pub(super) async fn delete(bucket: &KvBucket, key: &str, is_json: bool) -> anyhow::Result<()> {
    bucket.delete(key).await?;
    if is_json {
        output::json(&json!({"key": key, "deleted": true}))?;
    }
    Ok(())
}

pub(super) async fn purge(bucket: &KvBucket, args: &Purge, is_json: bool) -> anyhow::Result<()> {
    let Some(key) = &args.key else {
        return purge_all(bucket, args.yes, is_json).await;
    };
    bucket.purge(key).await?;
    if is_json {
        output::json(&json!({"key": key, "purged": true}))?;
    }
    Ok(())
}

async fn purge_all(bucket: &KvBucket, is_sure: bool, is_json: bool) -> anyhow::Result<()> {
    if !is_sure {
        let keys = bucket.keys().await?.len();
        let name = bucket.name();
        ask::confirm(
            &format!(
                "this removes all {keys} keys of the bucket {name} and their history for good"
            ),
            "--yes",
        )?;
    }
    let removed = bucket.erase_all().await?;
    if is_json {
        output::json(&json!({"bucket": bucket.name(), "removed_values": removed}))?;
    }
    Ok(())
}

async fn read_value(value: String) -> anyhow::Result<Vec<u8>> {
    if value != "-" {
        return Ok(value.into_bytes());
    }
    let read = tokio::task::spawn_blocking(|| {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    });
    read.await?.context("cannot read standard input")
}

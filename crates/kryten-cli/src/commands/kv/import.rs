//! `kryten kv import`: what `export` wrote, or lines like it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::Context as _;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use kryten_client::kv::{BucketConfig, PutOptions};
use kryten_client::{Client, KvBucket, KvError};
use serde_json::json;

use super::arguments::Import;
use super::portable::{self, Head, Line, Record};
use crate::ask;
use crate::output;
use crate::progress;

/// Puts that are on their way at once.
const AT_ONCE: usize = 64;
/// Bad lines that are named.
const NAMED: usize = 5;

pub(super) async fn run(client: &Client, args: &Import, is_json: bool) -> anyhow::Result<()> {
    let text = read(args.file.as_deref()).await?;
    let (head, records) = parse(&text)?;
    let bucket = open(client, args, head.as_ref()).await?;
    let there = match &bucket {
        Some(bucket) => bucket.get_all().await?,
        None => BTreeMap::new(),
    };
    let mut plan = Plan::default();
    for (key, (record, value)) in records {
        match there.get(&key) {
            None => plan.new.push((record, value)),
            Some(old) if *old == value => plan.unchanged += 1,
            Some(_) if args.keep => plan.kept += 1,
            Some(_) => plan.over.push((record, value)),
        }
    }
    if let Some(bucket) = &bucket {
        check(bucket, &plan).await?;
    }
    if args.dry_run {
        plan.tell("would be ", is_json)?;
        return Ok(());
    }
    if !plan.over.is_empty() && !args.force {
        let count = plan.over.len();
        let named: Vec<String> = plan
            .over
            .iter()
            .take(3)
            .map(|(record, _)| output::printable(&record.key))
            .collect();
        let more = if count > named.len() { ", …" } else { "" };
        let what = format!(
            "the import overwrites {count} of the keys that are there ({}{more})",
            named.join(", ")
        );
        ask::confirm(&what, "--force, or --keep to leave them as they are")?;
    }
    let Some(bucket) = bucket else {
        anyhow::bail!("there is no bucket {}", args.bucket);
    };
    write(&bucket, &plan).await?;
    plan.tell("", is_json)?;
    Ok(())
}

/// What is to be done.
#[derive(Default)]
struct Plan {
    new: Vec<(Record, Bytes)>,
    over: Vec<(Record, Bytes)>,
    unchanged: usize,
    kept: usize,
}

impl Plan {
    fn tell(&self, would: &str, is_json: bool) -> Result<(), output::Unprinted> {
        let (new, over) = (self.new.len(), self.over.len());
        if is_json {
            return output::json(&json!({
                "new": new, "overwritten": over, "unchanged": self.unchanged, "kept": self.kept,
                "dry_run": !would.is_empty(),
            }));
        }
        let mut told = vec![format!("{new} {would}new")];
        for (count, what) in [
            (over, "overwritten"),
            (self.unchanged, "equal already"),
            (self.kept, "left as they are"),
        ] {
            if count > 0 {
                told.push(format!("{count} {would}{what}"));
            }
        }
        output::line(&told.join(", "))
    }
}

/// All lines are read before anything is written.
type Records = BTreeMap<String, (Record, Bytes)>;

fn parse(text: &str) -> anyhow::Result<(Option<Head>, Records)> {
    let mut head = None;
    let mut records = BTreeMap::new();
    let mut bad = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match portable::read(line) {
            Ok(Line::Head(found)) => head = Some(found),
            Ok(Line::Record(record, value)) => {
                records.insert(record.key.clone(), (record, value.into()));
            }
            Ok(Line::Blank) => {}
            Err(why) => bad.push(format!("line {}: {why}", at + 1)),
        }
    }
    if !bad.is_empty() {
        let more = bad.len().saturating_sub(NAMED);
        bad.truncate(NAMED);
        let more = match more {
            0 => String::new(),
            more => format!("; and {more} more lines"),
        };
        anyhow::bail!("nothing was imported: {}{more}", bad.join("; "));
    }
    Ok((head, records))
}

/// `None` in a dry run where the bucket would be created.
async fn open(
    client: &Client,
    args: &Import,
    head: Option<&Head>,
) -> anyhow::Result<Option<KvBucket>> {
    match KvBucket::open(client, &args.bucket).await {
        Err(KvError::BucketMissing { bucket }) if !args.create => {
            anyhow::bail!(
                "the bucket {bucket} does not exist; give --create, or `kryten kv create {bucket}` first"
            )
        }
        Err(KvError::BucketMissing { .. }) if args.dry_run => Ok(None),
        Err(KvError::BucketMissing { bucket }) => {
            let config = head.map_or_else(
                || BucketConfig::new(bucket.clone()),
                |head| head.config(&bucket),
            );
            Ok(Some(KvBucket::open_or_create(client, config).await?))
        }
        bucket => Ok(Some(bucket?)),
    }
}

/// What cannot be put is told before anything is.
async fn check(bucket: &KvBucket, plan: &Plan) -> anyhow::Result<()> {
    let info = bucket.info().await?;
    for (record, value) in plan.new.iter().chain(&plan.over) {
        if let Some(limit) = info.max_value_size.filter(|limit| value.len() > *limit) {
            anyhow::bail!(
                "nothing was imported: the value of {:?} has {} bytes, and the bucket {} takes at most {limit}",
                record.key,
                value.len(),
                bucket.name()
            );
        }
        if record.ttl_seconds.is_some() && !info.allows_key_ttl {
            anyhow::bail!(
                "nothing was imported: {:?} has a life of its own, which the bucket {} does not allow; create one with \
                 --marker-ttl",
                record.key,
                bucket.name()
            );
        }
    }
    Ok(())
}

async fn write(bucket: &KvBucket, plan: &Plan) -> anyhow::Result<()> {
    let puts: Vec<_> = plan
        .new
        .iter()
        .map(|one| (one, true))
        .chain(plan.over.iter().map(|one| (one, false)))
        .map(|((record, value), is_new)| put(bucket, record, value.clone(), is_new))
        .collect();
    let all = puts.len();
    let bar = progress::bar(Some(all as u64), "keys");
    let results: Vec<_> = stream::iter(puts)
        .buffered(AT_ONCE)
        .inspect(|_| bar.inc(1))
        .collect()
        .await;
    bar.finish_and_clear();
    let failed = results.iter().filter(|result| result.is_err()).count();
    match results.into_iter().find_map(Result::err) {
        None => Ok(()),
        Some(error) => {
            let error = anyhow::Error::from(error);
            Err(error.context(format!(
                "{failed} of {all} keys were not imported; the first"
            )))
        }
    }
}

/// A key that was not there when it was looked is only created: whoever puts it meanwhile was not asked about.
async fn put(
    bucket: &KvBucket,
    record: &Record,
    value: Bytes,
    is_new: bool,
) -> Result<(), KvError> {
    let mut headers = HeaderMap::new();
    for (name, values) in &record.headers {
        for value in values {
            headers.append(name.as_str(), value.as_str());
        }
    }
    if let Some(life) = record.ttl_seconds {
        headers.insert("Nats-TTL", format!("{}s", life.max(1)).as_str());
    }
    if is_new {
        bucket
            .create_with_headers(&record.key, value, headers)
            .await?;
    } else {
        let options = PutOptions {
            headers,
            ..PutOptions::default()
        };
        bucket.put_at(&record.key, value, options).await?;
    }
    Ok(())
}

async fn read(file: Option<&Path>) -> anyhow::Result<String> {
    let Some(path) = file.filter(|path| *path != Path::new("-")) else {
        let read = tokio::task::spawn_blocking(|| {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text)?;
            Ok::<_, std::io::Error>(text)
        });
        return read.await?.context("cannot read standard input");
    };
    let text = tokio::fs::read_to_string(path).await;
    text.with_context(|| format!("cannot read {}", path.display()))
}

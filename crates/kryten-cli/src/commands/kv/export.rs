//! `kryten kv export`: keys and values as JSON lines.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context as _;
use indicatif::ProgressBar;
use kryten_client::KvBucket;
use kryten_client::kv::{Entry, Operation, WatchItem};

use super::arguments::Export;
use super::portable::{Head, Record};
use super::show;
use crate::output;
use crate::progress;

pub(super) async fn run(bucket: &KvBucket, args: &Export) -> anyhow::Result<()> {
    let info = bucket.info().await?;
    let head = Head::of(&info);
    let bar = progress::bar(Some(info.values), "revisions");
    let entries = entries(bucket, &args.prefix, &bar).await;
    bar.finish_and_clear();
    let entries = entries?;
    let now = jiff::Timestamp::now().as_nanosecond();
    let write = |out: &mut dyn Write| -> io::Result<()> {
        writeln!(out, "{}", serde_json::to_string(&head)?)?;
        for entry in entries.values() {
            let record = Record::of(entry, now, show::time(entry));
            writeln!(out, "{}", serde_json::to_string(&record)?)?;
        }
        out.flush()
    };
    let Some(path) = &args.output else {
        write(&mut BufWriter::new(io::stdout().lock())).map_err(output::Unprinted::from)?;
        return Ok(());
    };
    let named = || format!("cannot write {}", path.display());
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let file = match file {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            anyhow::bail!("{} is there already; name another file", path.display())
        }
        file => file.with_context(named)?,
    };
    let mut out = BufWriter::new(file);
    write(&mut out).with_context(named)?;
    out.get_ref().sync_all().with_context(named)?;
    let keys = if entries.len() == 1 { "key" } else { "keys" };
    output::aside(&format!("{} {keys} in {}", entries.len(), path.display()));
    Ok(())
}

/// The last revision of every key that has a value.
async fn entries(
    bucket: &KvBucket,
    prefix: &str,
    bar: &ProgressBar,
) -> anyhow::Result<BTreeMap<String, Entry>> {
    let mut watch = bucket.watch_prefix(prefix).await?;
    let mut entries = BTreeMap::new();
    while let WatchItem::Entry(entry) = watch.next().await? {
        bar.inc(1);
        match entry.operation {
            Operation::Put => entries.insert(entry.key.clone(), entry),
            Operation::Delete | Operation::Purge => entries.remove(&entry.key),
        };
    }
    watch.close().await;
    Ok(entries)
}

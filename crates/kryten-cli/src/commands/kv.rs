//! `kryten kv`: buckets and keys.

mod show;

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use kryten_client::kv::{BucketConfig, Storage, WatchItem};
use kryten_client::{Client, KvBucket};
use serde_json::json;

use crate::cli::ClientArgs;
use crate::context::Context;
use crate::output;
use crate::stop_signal::StopSignal;

/// Options of `kryten kv`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Examples:
  kryten kv create counters
  kryten kv incr counters user:bob
  kryten kv put notes 'any text' -     < file
  kryten kv dump kryten_demo_userlist --json

A key is any text; one that begins with a dash comes after `--`.
In JSON a value that is JSON is shown as it is, other text as a string,
and bytes that are no text as {\"base64\": …}.")]
pub(crate) struct KvArgs {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: KvCommand,
}

#[derive(Debug, Subcommand)]
enum KvCommand {
    /// List all buckets
    Ls,
    /// Show a bucket's configuration and size
    Info { bucket: String },
    /// Create a bucket; one that exists is left as it is
    Create(CreateArgs),
    /// Print a value
    Get { bucket: String, key: String },
    /// Store a value; `-` reads it from standard input
    Put {
        bucket: String,
        key: String,
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Delete a key; its history may remain
    #[command(visible_alias = "rm")]
    Del { bucket: String, key: String },
    /// Remove a key and its history
    Purge { bucket: String, key: String },
    /// List the keys, one a line; control characters as \xNN
    Keys {
        bucket: String,
        /// Only keys that begin with this
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Print all keys and values
    Dump { bucket: String },
    /// Print what the bucket still knows of a key's past
    History { bucket: String, key: String },
    /// Add to a number (1 unless told otherwise) and print the sum
    Incr {
        bucket: String,
        key: String,
        #[arg(default_value_t = 1, allow_hyphen_values = true)]
        by: i64,
    },
    /// Print what is in a bucket and then every change, until Ctrl-C
    Watch { bucket: String },
}

#[derive(Debug, Args)]
struct CreateArgs {
    bucket: String,
    /// A sentence for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// The largest value in bytes; 0 for no limit
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024, value_parser = clap::value_parser!(i32).range(0..))]
    max_value_size: i32,
    /// How many values of each key are kept
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=64))]
    history: i64,
    /// On how many servers of a cluster the values are kept
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    replicas: u8,
    /// How many seconds a value lives; without it for ever
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    ttl: Option<u64>,
    /// Keep the values in memory; they are gone when the server stops
    #[arg(long)]
    memory: bool,
}

/// Runs one command on a bucket.
pub(crate) async fn run(client: &ClientArgs, args: KvArgs) -> anyhow::Result<ExitCode> {
    let client = Context::find(client)?.connect().await?;
    let open = |bucket: String| {
        let client = client.clone();
        async move { KvBucket::open(&client, &bucket).await }
    };
    let is_json = args.json;
    match args.command {
        KvCommand::Ls => show::names(&KvBucket::names(&client).await?, is_json),
        KvCommand::Info { bucket } => {
            let bucket = open(bucket).await?;
            show::info(&bucket.info().await?, is_json);
        }
        KvCommand::Create(args) => create(&client, args).await?,
        KvCommand::Get { bucket, key } => return get(&open(bucket).await?, &key, is_json).await,
        KvCommand::Put { bucket, key, value } => {
            let bucket = open(bucket).await?;
            let revision = bucket.put(&key, read_value(value).await?).await?;
            if is_json {
                output::json(&json!({"key": key, "revision": revision}));
            }
        }
        KvCommand::Del { bucket, key } => open(bucket).await?.delete(&key).await?,
        KvCommand::Purge { bucket, key } => open(bucket).await?.purge(&key).await?,
        KvCommand::Keys { bucket, prefix } => {
            let keys = open(bucket).await?.keys_with_prefix(&prefix).await?;
            show::names(&keys, is_json);
        }
        KvCommand::Dump { bucket } => show::values(&open(bucket).await?.get_all().await?, is_json)?,
        KvCommand::History { bucket, key } => {
            let entries = open(bucket).await?.history(&key).await?;
            show::history(&entries, is_json)?;
        }
        KvCommand::Incr { bucket, key, by } => {
            let sum = open(bucket).await?.incr(&key, by).await?;
            output::line(&sum.to_string());
        }
        KvCommand::Watch { bucket } => watch(&open(bucket).await?, is_json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(client: &Client, args: CreateArgs) -> anyhow::Result<()> {
    let config = BucketConfig {
        description: args.description,
        max_value_size: Some(args.max_value_size).filter(|size| *size > 0),
        history: args.history,
        replicas: usize::from(args.replicas),
        ttl: args.ttl.map(Duration::from_secs),
        storage: match args.memory {
            true => Storage::Memory,
            false => Storage::File,
        },
        ..BucketConfig::new(args.bucket)
    };
    let bucket = KvBucket::open_or_create(client, config).await?;
    for difference in bucket.differences() {
        eprintln!(
            "note: the bucket {} exists and is left as it is: {}",
            bucket.name(),
            output::printable(difference)
        );
    }
    Ok(())
}

async fn get(bucket: &KvBucket, key: &str, is_json: bool) -> anyhow::Result<ExitCode> {
    let Some(value) = bucket.get(key).await? else {
        anyhow::bail!("there is no key {key:?} in the bucket {}", bucket.name());
    };
    if is_json {
        output::line(show::as_json(&value)?.get());
    } else {
        output::bytes(&value);
    }
    Ok(ExitCode::SUCCESS)
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

async fn watch(bucket: &KvBucket, is_json: bool) -> anyhow::Result<()> {
    let mut stop = StopSignal::listen()?;
    let mut watch = bucket.watch().await?;
    loop {
        let item = tokio::select! {
            item = watch.next() => item?,
            () = stop.received() => break,
        };
        match item {
            WatchItem::Entry(entry) => show::entry(&entry, is_json)?,
            WatchItem::Ready if is_json => output::line(r#"{"ready":true}"#),
            WatchItem::Ready => {}
        }
    }
    watch.close().await;
    Ok(())
}

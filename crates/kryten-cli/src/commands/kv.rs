//! `kryten kv`: a browser for buckets and keys. Only the verbs that say so write.

mod arguments;
mod change;
mod diff;
mod edit;
mod export;
mod import;
mod portable;
mod reindent;
mod show;
mod tree;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use kryten_client::{Client, KvBucket, KvError, state};
use kryten_protocol::state::list;

use crate::cli::ClientArgs;
use crate::context::Context;
use crate::output;

/// Options of `kryten kv`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Examples:
  kryten kv tree counters                   what is there, by prefix
  kryten kv history notes user:bob --diff   what changed, and when
  kryten kv edit notes user:bob             in $EDITOR
  kryten kv export notes > notes.jsonl      import reads it
  kryten kv incr counters user:bob
  kryten kv put notes 'any text' -          < file
  kryten kv get kryten_demo_playlist items --list

ls, info, get, keys, tree, dump, history, watch and export change nothing on the server.
A key is any text; one that begins with a dash comes after `--`.
In JSON a value that is JSON is shown as it is, other text as a string, and bytes that are no text as \
{\"base64\": …}.")]
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
    Ls(arguments::Ls),
    /// Show a bucket's configuration and size
    Info { bucket: String },
    /// Create a bucket; one that exists is left as it is
    Create(arguments::Create),
    /// Print a value
    Get(arguments::Get),
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
    /// Remove a key and its history, or with --all everything in the bucket
    Purge(arguments::Purge),
    /// List the keys, one a line; control characters as \xNN
    Keys {
        bucket: String,
        /// Only keys that begin with this
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Show the keys as a tree, with counts and sizes
    Tree(arguments::Tree),
    /// Print all keys and values
    Dump {
        bucket: String,
        /// Only keys that begin with this
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Print what the bucket still knows of a key's past
    History(arguments::History),
    /// Add to a number (1 unless told otherwise) and print the sum
    Incr {
        bucket: String,
        key: String,
        #[arg(default_value_t = 1, allow_hyphen_values = true)]
        by: i64,
    },
    /// Print what is in a bucket and then every change, until Ctrl-C
    Watch(arguments::Watch),
    /// Change a value in an editor; nothing is written where somebody else has changed it meanwhile
    Edit(arguments::Edit),
    /// Write keys and values as JSON lines, which `import` reads
    Export(arguments::Export),
    /// Put the keys and values of an export; keys that are there stay unless told otherwise
    Import(arguments::Import),
}

/// Runs one command on a bucket.
pub(crate) async fn run(client: &ClientArgs, args: KvArgs) -> anyhow::Result<ExitCode> {
    if let KvCommand::Purge(purge) = &args.command
        && purge.key.is_some() == purge.all
    {
        return Ok(output::usage("name a key to purge, or give --all"));
    }
    let client = Context::find(client)?.connect().await?;
    let open = |bucket: String| {
        let client = client.clone();
        async move {
            let opened = KvBucket::open(&client, &bucket).await;
            opened.map_err(explained)
        }
    };
    let is_json = args.json;
    match args.command {
        KvCommand::Ls(args) => ls(&client, &args, is_json).await?,
        KvCommand::Info { bucket } => {
            let bucket = open(bucket).await?;
            show::info(&bucket.info().await?, is_json)?;
        }
        KvCommand::Create(args) => change::create(&client, args, is_json).await?,
        KvCommand::Get(args) => {
            get(&open(args.bucket).await?, &args.key, args.list, is_json).await?
        }
        KvCommand::Put { bucket, key, value } => {
            change::put(&open(bucket).await?, &key, value, is_json).await?;
        }
        KvCommand::Del { bucket, key } => {
            change::delete(&open(bucket).await?, &key, is_json).await?;
        }
        KvCommand::Purge(args) => {
            change::purge(&open(args.bucket.clone()).await?, &args, is_json).await?
        }
        KvCommand::Keys { bucket, prefix } => {
            let keys = open(bucket).await?.keys_with_prefix(&prefix).await?;
            show::names(&keys, is_json)?;
        }
        KvCommand::Tree(args) => {
            tree::run(&open(args.bucket.clone()).await?, &args, is_json).await?
        }
        KvCommand::Dump { bucket, prefix } => {
            let values = open(bucket).await?.get_all_with_prefix(&prefix).await?;
            show::values(&values, is_json)?;
        }
        KvCommand::History(args) => {
            let bucket = open(args.bucket.clone()).await?;
            let entries = bucket.history(&args.key).await?;
            if entries.is_empty() {
                anyhow::bail!(
                    "the bucket {} knows nothing of a key {:?}",
                    bucket.name(),
                    args.key
                );
            }
            show::history(&entries, args.shows_diffs(is_json), is_json)?;
        }
        KvCommand::Incr { bucket, key, by } => {
            let sum = open(bucket).await?.incr(&key, by).await?;
            output::line(&sum.to_string())?;
        }
        KvCommand::Watch(args) => {
            watch::run(&open(args.bucket.clone()).await?, &args, is_json).await?
        }
        KvCommand::Edit(args) => {
            edit::run(&open(args.bucket.clone()).await?, &args, is_json).await?
        }
        KvCommand::Export(args) => export::run(&open(args.bucket.clone()).await?, &args).await?,
        KvCommand::Import(args) => import::run(&client, &args, is_json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What can be done here about a bucket that cannot be used.
fn explained(error: KvError) -> anyhow::Error {
    match error {
        KvError::BucketMissing { bucket } => anyhow::anyhow!(
            "the bucket {bucket} does not exist; `kryten kv ls` lists those that do"
        ),
        error => error.into(),
    }
}

async fn ls(client: &Client, args: &arguments::Ls, is_json: bool) -> anyhow::Result<()> {
    let names = KvBucket::names(client).await?;
    if !args.long {
        show::names(&names, is_json)?;
        return Ok(());
    }
    let mut buckets = Vec::new();
    for name in names {
        let bucket = match KvBucket::open(client, &name).await {
            // Deleted since it was listed.
            Err(KvError::BucketMissing { .. }) => continue,
            bucket => bucket?,
        };
        buckets.push(bucket.info().await?);
    }
    show::buckets(&buckets, is_json)?;
    Ok(())
}

async fn get(bucket: &KvBucket, key: &str, as_list: bool, is_json: bool) -> anyhow::Result<()> {
    let missing = || anyhow::anyhow!("there is no key {key:?} in the bucket {}", bucket.name());
    let value = match as_list {
        true => {
            let list = state::list(bucket, key).await?.ok_or_else(missing)?;
            if list.omitted > 0 {
                output::aside(&format!(
                    "note: {} entries are left out of this list, since each is too large for a value",
                    list.omitted
                ));
            }
            list.json
        }
        false => bucket.get(key).await?.ok_or_else(missing)?,
    };
    if value.is_empty() && !as_list && bucket.get(&list::manifest_key(key)).await?.is_some() {
        output::aside(&format!(
            "note: {key:?} is a list that is too large for one value; `kryten kv get --list` reads it from its parts"
        ));
    }
    if is_json {
        output::line(show::as_json(&value)?.get())?;
    } else {
        output::bytes(&value)?;
    }
    Ok(())
}

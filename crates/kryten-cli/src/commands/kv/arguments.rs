//! The options of the verbs of `kryten kv`.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use crate::cli::at_least_one;

#[derive(Debug, Args)]
pub(super) struct Ls {
    /// With the number of values, sizes and how much history is kept
    #[arg(long, short)]
    pub(super) long: bool,
}

#[derive(Debug, Args)]
pub(super) struct Get {
    pub(super) bucket: String,
    pub(super) key: String,
    /// Read a list of a channel's state (users, list, items) whole, also where it is kept in parts
    #[arg(long)]
    pub(super) list: bool,
}

#[derive(Debug, Args)]
pub(super) struct Purge {
    pub(super) bucket: String,
    pub(super) key: Option<String>,
    /// Everything in the bucket; the bucket itself stays
    #[arg(long)]
    pub(super) all: bool,
    /// Do not ask before everything is removed
    #[arg(long, short)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct Tree {
    pub(super) bucket: String,
    /// Only keys that begin with this
    #[arg(default_value = "")]
    pub(super) prefix: String,
    /// How many levels are shown
    #[arg(long, value_name = "N", value_parser = at_least_one::<u32>)]
    pub(super) depth: Option<u32>,
    /// The characters after which a key branches
    #[arg(long, value_name = "CHARACTERS", default_value = ".:/")]
    pub(super) separators: String,
    /// Show the parts of lists as the keys that they are
    #[arg(long)]
    pub(super) parts: bool,
}

#[derive(Debug, Args)]
pub(super) struct History {
    pub(super) bucket: String,
    pub(super) key: String,
    /// Show what changed from revision to revision; on a terminal this is so by itself
    #[arg(long)]
    pub(super) diff: bool,
    /// One line for each revision, also on a terminal
    #[arg(long, conflicts_with = "diff")]
    pub(super) no_diff: bool,
}

impl History {
    pub(super) fn shows_diffs(&self, is_json: bool) -> bool {
        self.diff || !self.no_diff && !is_json && std::io::stdout().is_terminal()
    }
}

#[derive(Debug, Args)]
pub(super) struct Watch {
    pub(super) bucket: String,
    /// Only keys that begin with this
    #[arg(default_value = "")]
    pub(super) prefix: String,
    /// Only changes, not what is there when the watch begins
    #[arg(long)]
    pub(super) changes: bool,
    /// End after so many lines
    #[arg(long, value_name = "N", value_parser = at_least_one::<u64>)]
    pub(super) count: Option<u64>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The editor is $VISUAL, else $EDITOR, else vi. JSON on one line is spread over several for the editor and \
stored on one again.
Exit code 1 and nothing stored: somebody else has changed the value meanwhile, JSON became something \
else, or the editor failed. What was written stays in a file then, which is named."
)]
pub(super) struct Edit {
    pub(super) bucket: String,
    pub(super) key: String,
    /// Begin with nothing where the key is not there
    #[arg(long)]
    pub(super) create: bool,
    /// Store also what is no JSON any more
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    pub(super) bucket: String,
    /// Only keys that begin with this
    #[arg(default_value = "")]
    pub(super) prefix: String,
    /// Write into this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    pub(super) bucket: String,
    /// The file; without it, or for `-`, standard input
    pub(super) file: Option<PathBuf>,
    /// Create the bucket where it is not there, configured as the one that was exported
    #[arg(long)]
    pub(super) create: bool,
    /// Overwrite keys that are there with another value; without it they are asked for, or the import fails
    #[arg(long)]
    pub(super) force: bool,
    /// Leave keys that are there as they are
    #[arg(long, conflicts_with = "force")]
    pub(super) keep: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    pub(super) bucket: String,
    /// A sentence for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) description: String,
    /// The largest value in bytes; 0 for no limit
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024, value_parser = clap::value_parser!(i32).range(0..))]
    pub(super) max_value_size: i32,
    /// How many values of each key are kept
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=64))]
    pub(super) history: i64,
    /// On how many servers of a cluster the values are kept; without it as `nats.replicas` says, else on one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub(super) replicas: Option<u8>,
    /// How many seconds a value lives; without it for ever
    #[arg(long, value_name = "SECONDS", value_parser = at_least_one::<u64>)]
    pub(super) ttl: Option<u64>,
    /// Let single keys have a life of their own; the mark of an expired one stays this long
    #[arg(long, value_name = "SECONDS", value_parser = at_least_one::<u64>)]
    pub(super) marker_ttl: Option<u64>,
    /// Keep the values in memory; they are gone when the server stops
    #[arg(long)]
    pub(super) memory: bool,
}

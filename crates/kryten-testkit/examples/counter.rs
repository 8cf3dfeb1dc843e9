//! A service that counts each user's lines in KV, exactly: whatever is killed at whatever moment, no line is missed
//! and none is counted twice.
//!
//! ```text
//! kryten up --demo --data-dir DIR
//! cargo run --example counter -- --data-dir DIR demo
//! kryten --data-dir DIR kv dump example_lines
//! ```
//!
//! Reading a number, adding to it and putting it back goes wrong in three ways, each of which has its answer here:
//!
//! - two who count at once both read 41 and both put 42: [`TypedBucket::update`] compares and swaps;
//! - what is said while the counter is away is lost: events are read from the stream, from where the counter stopped;
//! - what was counted just before a crash comes again: each count knows the last line that is in it.
//!
//! A number that nobody has to count exactly is one line: `bucket.incr("user:bob", 1)`.
#![allow(clippy::print_stdout)]

mod place;

use clap::Parser;
use kryten_client::Client;
use kryten_client::events::{DurableItem, StoredEvent};
use kryten_client::kv::{BucketConfig, KvBucket, KvError, TypedBucket};
use kryten_protocol::event::Event;
use place::Place;
use serde::{Deserialize, Serialize};

/// Counts each user's lines in KV
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    place: Place,
}

/// How often somebody has spoken, and the last line that is in it. A line's time comes first: the sequence begins anew
/// where somebody makes the stream anew.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Lines {
    lines: u64,
    last_stored_nanos: i64,
    last_sequence: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { place } = Arguments::parse();
    let client = place.connect("counter").await?;
    count(&client, &place.channel).await
}

async fn count(client: &Client, channel: &str) -> anyhow::Result<()> {
    // The owner of a bucket creates it; those who only use it call `KvBucket::open`.
    let bucket = KvBucket::open_or_create(client, BucketConfig::new("example_lines")).await?;
    let counts = TypedBucket::new(&bucket);
    let events = client.events(channel).only(["chatMsg"]);
    let mut events = events.from_where_stopped("example_counter").await?;
    println!("counting {channel}");
    while let Some(item) = events.next().await {
        match item? {
            DurableItem::Event(stored) => {
                if let Event::ChatMsg(line) = &stored.event
                    && line.is_from_user()
                {
                    let now = add(&counts, &line.username, &stored).await?;
                    println!("{} has said {}", line.username, now.lines);
                }
                // Only now: what is not done comes again.
                if let Err(error) = stored.done().await {
                    eprintln!("where we are cannot be noted now: {error}");
                }
            }
            DurableItem::Missed {
                expected,
                first_sequence,
            } => {
                eprintln!(
                    "the stream has dropped {expected} to {first_sequence} before they were counted"
                );
            }
            DurableItem::Replaced { .. } => eprintln!("the stream was made anew"),
            _ => {}
        }
    }
    anyhow::bail!("the event stream cannot be read any more")
}

async fn add(
    counts: &TypedBucket<Lines>,
    name: &str,
    stored: &StoredEvent,
) -> Result<Lines, KvError> {
    let nanos = i64::try_from(stored.stored_nanos).unwrap_or(i64::MAX);
    let this = (nanos, stored.sequence);
    let change = |old: Option<Lines>| {
        let old = old.unwrap_or_default();
        match (old.last_stored_nanos, old.last_sequence) < this {
            true => Lines {
                lines: old.lines + 1,
                last_stored_nanos: this.0,
                last_sequence: this.1,
            },
            false => old,
        }
    };
    // CyTube's names are the same in upper and lower case.
    counts
        .update(&format!("user:{}", name.to_lowercase()), change)
        .await
}

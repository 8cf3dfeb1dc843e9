//! Prints who is in a channel, and who comes and goes, from a watch on the robot's user list in KV.
//!
//! ```text
//! kryten up --demo --data-dir DIR
//! cargo run --example watch_userlist -- --data-dir DIR demo
//! ```
//!
//! The watch first tells what is there and then every change; a restart of the server does not end it.
#![allow(clippy::print_stdout)]

mod place;

use std::collections::BTreeSet;

use clap::Parser;
use kryten_client::Client;
use kryten_client::kv::{KvBucket, WatchItem};
use kryten_client::state::{self, StateList};
use kryten_protocol::state::list::manifest_key;
use kryten_protocol::state::{StateBucket, USERS};
use place::Place;
use serde_json::Value;

/// Prints who is in a channel, and who comes and goes
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    place: Place,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { place } = Arguments::parse();
    let client = place.connect("watch_userlist").await?;
    watch_userlist(&client, &place.channel).await
}

/// Tells who is there, then who comes and goes, until the bucket is deleted.
async fn watch_userlist(client: &Client, channel: &str) -> anyhow::Result<()> {
    // The robot owns the bucket, so it is opened and never created here.
    let bucket = KvBucket::open(client, &StateBucket::Userlist.name(channel)).await?;
    let mut watch = bucket.watch().await?;
    let mut present = BTreeSet::new();
    let mut is_ready = false;
    loop {
        match watch.next().await? {
            WatchItem::Ready => is_ready = true,
            // A long list is in parts, and its manifest tells of a change.
            WatchItem::Entry(entry) if entry.key == USERS || entry.key == manifest_key(USERS) => {
                let now = names(state::list(&bucket, USERS).await?.as_ref());
                for name in now.difference(&present) {
                    match is_ready {
                        true => println!("{name} came"),
                        false => println!("{name} is here"),
                    }
                }
                for name in present.difference(&now) {
                    println!("{name} went");
                }
                present = now;
            }
            // Whatever else somebody keeps in this bucket.
            WatchItem::Entry(_) => {}
        }
    }
}

/// The names in a user list; nobody is in a list that was deleted.
fn names(users: Option<&StateList>) -> BTreeSet<String> {
    let users: Vec<Value> = users
        .and_then(|users| serde_json::from_slice(&users.json).ok())
        .unwrap_or_default();
    let name = |user: &Value| user["name"].as_str().map(str::to_owned);
    users.iter().filter_map(name).collect()
}

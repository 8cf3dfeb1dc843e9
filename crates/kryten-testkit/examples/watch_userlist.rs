//! Prints who is in a channel, and who comes and goes, from a watch on the robot's user list in KV.
//!
//! ```text
//! kryten up --demo --data-dir DIR
//! cargo run -p kryten-client --example watch_userlist -- DIR demo
//! ```
//!
//! The watch first tells what is there and then every change; a restart of the server does not end it.
#![allow(clippy::print_stdout)]

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use kryten_client::kv::{KvBucket, KvError, WatchItem};
use kryten_client::{Client, NatsConfig};
use kryten_protocol::state::{StateBucket, USERS};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(data_dir), Some(channel)) = (arguments.next(), arguments.next()) else {
        return Err(
            "usage: watch_userlist DATA_DIR CHANNEL, with the data folder of a running `kryten up`"
                .into(),
        );
    };
    let client = Client::connect(&nats_of(Path::new(&data_dir))?).await?;
    watch_userlist(&client, &channel, |seen| println!("{seen:?}")).await?;
    Ok(())
}

/// What the watch tells of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Was there when the watch began.
    IsHere(String),
    Came(String),
    Went(String),
}

/// Tells who is there, then who comes and goes, until the bucket is deleted.
pub(crate) async fn watch_userlist(
    client: &Client,
    channel: &str,
    mut tell: impl FnMut(Seen),
) -> Result<(), KvError> {
    // The robot owns the bucket, so it is opened and never created here.
    let bucket = KvBucket::open(client, &StateBucket::Userlist.name(channel)).await?;
    let mut watch = bucket.watch().await?;
    let mut present = BTreeSet::new();
    let mut is_ready = false;
    loop {
        match watch.next().await? {
            WatchItem::Ready => is_ready = true,
            WatchItem::Entry(entry) if entry.key == USERS => {
                let now = names(&entry.value);
                for name in now.difference(&present) {
                    tell(match is_ready {
                        true => Seen::Came(name.clone()),
                        false => Seen::IsHere(name.clone()),
                    });
                }
                for name in present.difference(&now) {
                    tell(Seen::Went(name.clone()));
                }
                present = now;
            }
            // Whatever else somebody keeps in this bucket.
            WatchItem::Entry(_) => {}
        }
    }
}

/// The names in a user list; nobody is in a list that was deleted.
fn names(users: &[u8]) -> BTreeSet<String> {
    let users: Vec<Value> = serde_json::from_slice(users).unwrap_or_default();
    let name = |user: &Value| user["name"].as_str().map(str::to_owned);
    users.iter().filter_map(name).collect()
}

/// Where the NATS server of a running `kryten up` is, and how to log in.
fn nats_of(data_dir: &Path) -> Result<NatsConfig, Box<dyn Error>> {
    let connection = std::fs::read_to_string(data_dir.join("connection.json"))?;
    let mut connection: Value = serde_json::from_str(&connection)?;
    Ok(serde_json::from_value(connection["nats"].take())?)
}

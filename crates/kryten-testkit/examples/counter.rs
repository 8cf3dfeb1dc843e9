//! A service that keeps counters in KV, right also when many count at once.
//!
//! Reading a number, adding to it and putting it back loses counts as soon as two do it together: both read 41 and both
//! put 42. [`KvBucket::incr`] adds by compare-and-swap and tries again when another was faster.
//!
//! ```text
//! kryten up --demo --data-dir DIR
//! cargo run -p kryten-client --example counter -- DIR user:bob
//! ```
//!
//! Run it as often as you like, also at the same time: no count is lost. The same counter from the command line:
//! `kryten --data-dir DIR kv get my_counters user:bob`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;

use kryten_client::kv::{BucketConfig, KvBucket, KvError};
use kryten_client::{Client, NatsConfig};
use serde_json::Value;

/// How many add to the counter at once.
const TASKS: i64 = 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(data_dir), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err(
            "usage: counter DATA_DIR KEY, with the data folder of a running `kryten up`".into(),
        );
    };
    let client = Client::connect(&nats_of(Path::new(&data_dir))?).await?;
    let count = count(&client, &key).await?;
    println!("{key} is now {count}");
    Ok(())
}

/// Adds 1 to a counter from ten tasks at once; returns the counter.
pub(crate) async fn count(client: &Client, key: &str) -> Result<i64, KvError> {
    // The owner of a bucket creates it; those who only use it call `KvBucket::open`.
    let bucket = KvBucket::open_or_create(client, BucketConfig::new("my_counters")).await?;
    let additions = (0..TASKS).map(|_| bucket.incr(key, 1));
    let counts = futures_util::future::try_join_all(additions).await?;
    Ok(counts.into_iter().max().unwrap_or_default())
}

/// Where the NATS server of a running `kryten up` is, and how to log in.
fn nats_of(data_dir: &Path) -> Result<NatsConfig, Box<dyn Error>> {
    let connection = std::fs::read_to_string(data_dir.join("connection.json"))?;
    let mut connection: Value = serde_json::from_str(&connection)?;
    Ok(serde_json::from_value(connection["nats"].take())?)
}

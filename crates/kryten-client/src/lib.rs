//! The Kryten client library: NATS connection, key-value helpers, the event stream, commands.
//!
//! In reading order:
//!
//! - [`config`]: configuration files, `${NAME}` in them, and the `nats` section;
//! - [`connection`]: the connection to NATS; [`one_life`]: one that never reconnects;
//! - [`kv`]: key-value buckets whose keys are any text, with strict and forgiving helpers;
//! - [`state`]: the lists of a channel's state, of any size;
//! - [`stream`]: the JetStream stream that keeps all events;
//! - [`reader`]: reads that stream in order, without a hole;
//! - [`events`]: the events of a channel, typed: live, or from the stream and never missed;
//! - [`commands`]: commands to the robot and to the statistics service, typed; [`chat`]: long messages, and the pace;
//! - [`command`]: asks any service; [`respond`]: answers as one; [`round_trip`]: waits for the server.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_client::config::NatsConfig;
//! use kryten_client::{Client, kv::KvBucket};
//!
//! let client = Client::connect(&NatsConfig::for_url("nats://localhost:4222")).await?;
//! let bucket = KvBucket::open(&client, "kryten_user_stats").await?;
//! let points = bucket.incr("user:bob", 1).await?;
//! println!("bob has {points} points");
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

pub mod chat;
pub mod command;
pub mod commands;
pub mod config;
pub mod connection;
pub mod events;
mod exchange;
mod jetstream;
pub mod kv;
pub mod one_life;
pub mod reader;
pub mod respond;
pub mod round_trip;
pub mod state;
pub mod stream;

pub use config::NatsConfig;
pub use connection::{Client, ConnectError};
pub use kv::{KvBucket, KvError};
pub use reader::{EventReader, ReaderItem, ReaderOptions};
pub use stream::{EventStream, StoredMessage, StreamError, StreamInfo};

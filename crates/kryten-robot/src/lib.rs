//! The bridge between CyTube and NATS: publishes every event once and keeps each channel's state in KV.
//!
//! In reading order. Pure:
//!
//! - [`channel`]: the channel's state as a fold of CyTube's frames;
//! - [`history`]: which of the lines that CyTube replays on a join nobody has seen;
//! - [`outbox`]: the bounded line between a channel and the stream;
//! - [`snapshots`]: when a changed value is written;
//! - [`secrets`]: what must not leave the process;
//! - [`commands`]: what is asked of CyTube, at its pace, and what it says to it.
//!
//! Shells:
//!
//! - [`config`]: the original's configuration file;
//! - `bridge`: one channel's task, frame → state → outbox;
//! - `publisher`: outbox → event stream, in order, each event once;
//! - `kv_writer`: state → KV, with the mark of the event that it reflects;
//! - [`health`]: `/health` and `/metrics`;
//! - `queries`: requests that read; `lifecycle`: what the robot tells of itself;
//! - [`robot`]: all of them together.

mod bridge;
pub mod channel;
mod channel_name;
pub mod commands;
pub mod config;
pub mod health;
pub mod history;
mod kv_writer;
mod lifecycle;
pub mod outbox;
mod publisher;
mod queries;
pub mod robot;
pub mod secrets;
mod shared_outbox;
pub mod snapshots;
mod status;

pub use config::{ChannelConfig, RobotConfig};
pub use robot::{Robot, RobotError};
pub use status::ChannelReport;

use kryten_protocol::time::WireTime;

/// The wall clock, read at the edge only.
pub(crate) fn now() -> WireTime {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    WireTime::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

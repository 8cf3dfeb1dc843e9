//! The bridge between CyTube and NATS: publishes every event once and keeps each channel's state in KV.
//!
//! In reading order. Pure:
//!
//! - [`channel`]: the channel's state as a fold of CyTube's frames;
//! - [`history`]: which of the lines that CyTube replays on a join nobody has seen;
//! - [`outbox`]: the bounded line between a channel and the stream;
//! - [`snapshots`]: when a changed value is written;
//! - [`secrets`]: what must not leave the process;
//! - [`lease`]: which of several robots serves a channel; `attendance`: until when it was there;
//! - [`commands`]: what is asked of CyTube, at its pace, and what it says to it;
//! - [`system_pm`]: what private messages may ask;
//! - [`services`], [`rate`]: who else is there, and how often something happens.
//!
//! Shells:
//!
//! - [`config`]: the original's configuration file;
//! - `bridge`: one channel's task, frame → state → outbox; `gap_report`: what it says of an absence;
//! - `publisher`: outbox → event stream, in order, each event once;
//! - `kv_writer`: state → KV, with the mark of the event that it reflects;
//! - `verify`: compares CyTube, memory and KV, and mends what differs; `look`: CyTube's lists through a second connection;
//! - [`health`]: `/health` and `/metrics`;
//! - `requests`: what others ask, with `office` for what all requests share; `answering_pms` for private messages;
//! - `lifecycle`: what the robot tells of itself; `hearing`: what it hears of others; `lease_bucket`: leases in KV;
//! - [`audit`]: the logs of what was asked and done;
//! - `guest`: looks on without NATS;
//! - `house_stream`: the event stream, also where it is there later; `read_back`: what it knows of a channel;
//! - `term`: the tasks of one channel; `seat`: term after term of it; `channels`: all of them;
//! - [`robot`]: everything together.

mod answering_pms;
mod attendance;
pub mod audit;
mod bridge;
pub mod channel;
mod channel_name;
mod channel_view;
mod channels;
pub mod commands;
pub mod config;
mod gap_report;
mod guest;
pub mod health;
mod hearing;
pub mod history;
mod house_stream;
mod kv_writer;
pub mod lease;
mod lease_bucket;
mod lifecycle;
mod look;
mod office;
pub mod outbox;
mod patience;
mod publisher;
pub mod rate;
mod read_back;
mod requests;
pub mod robot;
mod seat;
pub mod secrets;
pub mod services;
mod shared_outbox;
pub mod snapshots;
mod status;
mod stop_asked;
pub mod system_pm;
mod term;
mod verify;

pub use channels::Reloaded;
pub use config::{ChannelConfig, RobotConfig};
pub use guest::Guest;
pub use robot::{Robot, RobotError};
pub use status::ChannelReport;
pub use stop_asked::StopAsked;

pub(crate) use kryten_protocol::clock::now;

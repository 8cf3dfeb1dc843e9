//! Exact statistics of CyTube channels: counts the event stream into SQL and answers queries.
//!
//! In reading order:
//!
//! - [`config`]: what the service needs to know, the original's JSON file unchanged;
//! - [`tally`]: the pure core: events in, sums out;
//! - [`Userstats`]: the service itself.

pub mod config;
pub mod tally;
mod userstats;

pub use config::{ChannelConfig, Config, ConfigError};
pub use userstats::{Userstats, UserstatsError};

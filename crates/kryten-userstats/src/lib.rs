//! Exact statistics of CyTube channels: counts the event stream into SQL and answers queries.
//!
//! In reading order:
//!
//! - [`config`]: what the service needs to know, the original's JSON file unchanged;
//! - [`tally`]: the pure core: events in, sums out;
//! - [`store`]: the only SQL: one transaction per batch, and reads;
//! - [`queries`]: requests over NATS, answered from the store;
//! - [`backfill`]: the past, counted later from recordings and logs;
//! - [`status`]: what the service tells of itself;
//! - [`web`]: health and metrics;
//! - [`Reads`]: what the page of the same process reads;
//! - [`Userstats`]: the service itself.

mod answers;
pub mod backfill;
pub mod config;
mod counting;
mod drift_log;
mod initial_state;
mod instances;
mod lifecycle;
mod metrics;
pub mod queries;
mod reads;
mod report;
mod sharing;
pub mod status;
pub mod store;
pub mod tally;
mod userstats;
pub mod web;

pub use config::{ChannelConfig, Config, ConfigError};
pub use reads::Reads;
pub use userstats::{Userstats, UserstatsError};

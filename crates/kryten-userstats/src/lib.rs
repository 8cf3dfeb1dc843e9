//! Exact statistics of CyTube channels: counts the event stream into SQL and answers queries.
//!
//! In reading order: [`tally`] is the pure core.

pub mod tally;

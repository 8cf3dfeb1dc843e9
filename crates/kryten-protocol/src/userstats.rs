//! The commands of the statistics service, as data: each one becomes a [`Request`](crate::command::Request) on
//! `kryten.userstats.command`; [`reply`] has the types of the answers.
//!
//! ```
//! use kryten_protocol::userstats::{InChannel, UserstatsCommand};
//!
//! let top = UserstatsCommand::ChannelTopUsers { of: InChannel::new("Lounge"), limit: Some(3) };
//! assert_eq!(
//!     serde_json::to_string(&top.into_request())?,
//!     r#"{"command":"channel.top_users","service":"userstats","channel":"Lounge","limit":3}"#
//! );
//! # Ok::<(), serde_json::Error>(())
//! ```

mod commands;
pub mod reply;

pub use commands::{AllStatsLimits, InChannel, OfUser, UserstatsCommand};

/// The service that takes these commands.
pub const SERVICE: &str = "userstats";

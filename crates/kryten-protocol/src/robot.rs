//! The robot's commands, as data: each one becomes a [`Request`](crate::command::Request) on `kryten.robot.command`.
//!
//! Where kryten-py and the Python robot name a thing differently, the request is one that the robot understands:
//! a poll has its choices under both names, an unmute is the chat line `/unmute`, the library's commands have the
//! robot's names.
//!
//! ```
//! use kryten_protocol::robot::{Meta, RobotCommand};
//! use kryten_protocol::time::WireTime;
//!
//! let say = RobotCommand::Say { message: "hi".into() };
//! let meta = Meta {
//!     source: "greeter".into(),
//!     timestamp: WireTime::from_millis(1_795_363_003_000),
//!     domain: "cytu.be".into(),
//!     channel: "Lounge".into(),
//!     request_id: "1".into(),
//! };
//! assert_eq!(
//!     serde_json::to_string(&say.into_request(&meta))?,
//!     r#"{"command":"say","args":{"message":"hi"},"meta":{"source":"greeter","timestamp":"2026-11-22T15:56:43+00:00","domain":"cytu.be","channel":"Lounge","request_id":"1"}}"#
//! );
//! # Ok::<(), serde_json::Error>(())
//! ```

mod commands;
pub mod reply;
mod request;

pub use commands::{Filter, Position, RobotCommand, StateQuery, SystemCommand, Video};
pub use request::Meta;

/// The service that takes these commands.
pub const SERVICE: &str = "robot";

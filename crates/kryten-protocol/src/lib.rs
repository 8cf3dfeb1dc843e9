//! Everything of Kryten that crosses a wire: subjects, envelopes, CyTube payloads, KV names. No I/O but a look at the clock.
//!
//! In reading order:
//!
//! - [`token`]: how a channel or event name becomes one NATS subject token;
//! - [`subject`]: every subject, built and parsed here and nowhere else;
//! - [`time`]: the wire's timestamps; [`clock`]: the moment as one;
//! - [`event`]: CyTube's events: the envelope in which the robot publishes them, and one type for each;
//! - [`cytube`]: payloads as statistics and state read them;
//! - [`mod@line`]: the identity of a chat line, by which nothing is counted twice;
//! - [`state`]: KV buckets, keys and the mark that says which event a value reflects;
//! - [`seal`]: what the robot said is told from what was forged or repeated;
//! - [`gap`]: the report of what may be missing;
//! - [`command`]: requests to services and their replies; [`robot`] and [`userstats`]: each service's commands;
//! - [`lifecycle`]: startup, heartbeat, shutdown.
//!
//! ```
//! use kryten_protocol::{event::EnvelopeRef, subject};
//!
//! let subject = subject::event("420Grindhouse", "chatMsg")?;
//! assert_eq!(subject, "kryten.events.cytube.420grindhouse.chatmsg");
//!
//! let body = br#"{"event_name":"usercount","payload":7,"channel":"420Grindhouse","domain":"cytu.be",
//!                 "timestamp":"2026-11-22T15:56:43.465284+00:00","correlation_id":"c"}"#;
//! let envelope = EnvelopeRef::parse(body)?;
//! assert_eq!(envelope.payload.get(), "7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]

pub mod clock;
pub mod command;
pub mod cytube;
pub mod event;
pub mod gap;
pub mod lifecycle;
pub mod line;
pub mod robot;
pub mod seal;
pub mod state;
pub mod subject;
pub mod time;
pub mod token;
pub mod userstats;

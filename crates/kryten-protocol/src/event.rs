//! CyTube's events as the robot publishes them: the envelope, and inside it one type per event.
//!
//! - [`Envelope`] is written by the robot, [`EnvelopeRef`] borrows a received one, [`RawEvent`] owns it;
//! - [`Event`] is a received event with its payload typed; nothing is lost, since the envelope stays with it.
//!
//! The payload types are grouped as CyTube's own modules are: [`chat`], [`users`], [`playlist`], [`media`],
//! [`emotes`], [`poll`], [`channel`].
//!
//! ```
//! use kryten_protocol::event::Event;
//!
//! let body = br#"{"event_name":"chatMsg","payload":{"username":"bob","msg":"hi","meta":{},"time":1705314600123},
//!                 "channel":"420Grindhouse","domain":"cytu.be"}"#;
//! match Event::parse(body)? {
//!     Event::ChatMsg(line) => assert_eq!((line.username.as_str(), line.msg.as_str()), ("bob", "hi")),
//!     other => panic!("{} was not expected", other.name()),
//! }
//! # Ok::<(), kryten_protocol::event::EnvelopeError>(())
//! ```

mod any;
pub mod channel;
pub mod chat;
pub mod emotes;
mod envelope;
pub(crate) mod fields;
pub mod media;
pub mod playlist;
pub mod poll;
mod raw;
pub mod users;

pub use any::{Event, Typed};
pub use envelope::{Envelope, EnvelopeError, EnvelopeRef};
pub use raw::RawEvent;

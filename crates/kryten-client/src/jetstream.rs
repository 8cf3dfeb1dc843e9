//! What of JetStream the rest of this crate is built on: requests, stored messages, consumers that we own.
//!
//! async-nats re-creates its ordered consumers unseen and refuses keys that the server takes; here every step is ours.

mod alone;
pub(crate) mod api;
mod breaks;
pub(crate) mod consumer;
pub(crate) mod laps;
pub(crate) mod ordered;
pub(crate) mod pass;
pub(crate) mod pull;
pub(crate) mod stored;

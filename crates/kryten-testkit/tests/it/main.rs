//! Bots and services on the real wire.
#![allow(clippy::unwrap_used)]

mod channel;
mod examples;
mod faults;
mod hanging;
#[allow(dead_code)]
mod migration;

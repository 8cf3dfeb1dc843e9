//! Bots and services on the real wire.
#![allow(clippy::unwrap_used)]

mod channel;
mod example;
mod examples;
mod faults;
mod hanging;
#[allow(dead_code)]
#[path = "../../examples/moderation_bot/judge.rs"]
mod judge;
#[allow(dead_code, clippy::print_stdout)]
mod migration;

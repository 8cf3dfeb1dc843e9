//! The simulator over real sockets.
#![allow(clippy::unwrap_used)]

mod client;
mod commands;
mod control;
mod handshake;
mod join;
mod recording;
mod script;

//! The simulator over real sockets.
#![allow(clippy::unwrap_used)]

mod channels;
mod client;
mod commands;
mod control;
mod faults;
mod handshake;
mod join;
mod limits;
mod polling;
mod recording;
mod refusals;
mod script;
mod secure;

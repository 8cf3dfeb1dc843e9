//! The robot against recordings, the simulator and a real nats-server.
#![allow(clippy::unwrap_used)]

mod channels;
mod commands;
mod event_table;
mod faults;
mod large_lists;
mod rebuilding;
mod recorded_requests;
mod recorded_sessions;
mod recording;
mod support;
mod system;
mod verifying;

//! The robot against recordings, the simulator and a real nats-server.
#![allow(clippy::unwrap_used)]

mod faults;
mod recorded_sessions;
mod recording;
mod support;

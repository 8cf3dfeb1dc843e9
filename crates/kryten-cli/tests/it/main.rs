//! The binary as its users run it: processes, files, signals, with real servers.
#![allow(clippy::unwrap_used)]

mod config;
mod documents;
mod exactness;
mod kv;
mod monitoring;
mod nats_users;
mod process;
mod program;
mod rig;
mod samples;
mod secrets;
mod standby;
mod supervised;
mod up;
mod watcher;

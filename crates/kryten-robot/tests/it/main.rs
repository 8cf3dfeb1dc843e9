//! The robot against recordings, the simulator and a real nats-server.
#![allow(clippy::unwrap_used)]

mod attendance;
mod channels;
mod clustered;
mod command_names;
mod commands;
mod cytube_faults;
mod event_table;
mod faults;
mod half_characters;
mod jetstream_later;
mod large_lists;
mod nats_faults;
mod rebuilding;
mod recorded_requests;
mod recorded_sessions;
mod recording;
mod reloading;
mod replaying;
mod seals;
mod security;
mod shared_connections;
mod signs;
mod stream_gone;
mod support;
mod system;
mod verifying;

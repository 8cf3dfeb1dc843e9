//! The binary as its users run it: processes, files, signals, with real servers.
#![allow(clippy::unwrap_used)]

mod config;
mod config_init;
mod doctor;
mod documents;
mod exactness;
mod kv;
mod kv_browser;
mod kv_edit;
mod kv_transfer;
mod logging;
mod monitoring;
mod nats_users;
mod printing;
mod process;
mod program;
mod recording;
mod rig;
mod samples;
mod screens;
mod secrets;
mod sharing;
mod standby;
mod supervised;
mod tail;
mod up;
mod verbs;
mod watcher;

//! Tests against a real nats-server.
#![allow(clippy::unwrap_used)]

mod commands;
mod connecting;
mod event_stream;
mod events_durable;
mod events_live;
mod fixture;
mod kv_cache;
mod kv_complaints;
mod kv_counting;
mod kv_errors;
mod kv_keys;
mod kv_listing;
mod kv_many;
mod kv_replicas;
mod kv_typed;
mod kv_watching;
mod reading;
mod robot_commands;
mod seed_a;
mod tail;
mod userstats_commands;

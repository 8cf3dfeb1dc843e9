//! Tests against a real nats-server.
#![allow(clippy::unwrap_used)]

mod certificates;
mod channel_state;
mod clustered;
mod commands;
mod connecting;
mod event_stream;
mod events_durable;
mod events_live;
mod fixture;
mod jetstream_elsewhere;
mod json;
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
mod logging_in;
mod losing;
mod reading;
mod robot_checked;
mod robot_commands;
mod secrets;
mod securing;
mod seed_a;
mod service;
mod service_http;
mod tail;
mod tokens;
mod userstats_commands;
mod weaknesses;

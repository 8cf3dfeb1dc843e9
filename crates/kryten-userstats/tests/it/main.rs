//! The service against a real nats-server and real database files.
#![allow(clippy::unwrap_used)]

mod bench;
mod compat;
mod exact;
mod hours;
mod logs;
mod original;
mod queries;
mod seed_b;
mod seed_b_enhancements;
mod seed_b_fallback;
mod service;
mod store;

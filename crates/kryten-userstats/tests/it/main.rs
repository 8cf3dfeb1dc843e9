//! The service against a real nats-server and real database files.
#![allow(clippy::unwrap_used)]

mod original;
mod queries;
mod store;

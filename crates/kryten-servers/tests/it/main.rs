//! Tests with a real nats-server, fetched as a user would fetch it.
#![allow(clippy::unwrap_used)]

mod clustered;
mod finding;
mod postgres;
mod running;

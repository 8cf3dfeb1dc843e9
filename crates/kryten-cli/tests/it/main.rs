//! Tests of the program itself, with real servers.
#![allow(clippy::unwrap_used)]

mod kv;
mod program;
mod samples;

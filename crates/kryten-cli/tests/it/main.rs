//! The binary as its users run it: processes, files, signals.
#![allow(clippy::unwrap_used)]

mod exactness;
mod process;
mod up;
mod watcher;

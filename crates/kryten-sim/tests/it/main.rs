//! The simulator over real sockets.
#![allow(clippy::unwrap_used)]

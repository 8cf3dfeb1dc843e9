//! The client against the simulator, over real sockets.
#![allow(clippy::unwrap_used)]

//! The client against the simulator, over real sockets.
#![allow(clippy::unwrap_used)]

mod entering;
mod losing;
mod stream;
mod support;
mod tls;

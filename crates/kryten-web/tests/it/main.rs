//! The page over its router: what it shows, to whom, and what hostile names become.
#![allow(clippy::unwrap_used)]

mod api;
mod away;
mod bench;
mod doors;
mod hostile;
mod live;
mod pages;

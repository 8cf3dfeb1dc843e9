//! The wire types against vectors and recordings of the real programs.
#![allow(clippy::unwrap_used)]

mod any_event;
mod events;
mod robot_commands;
mod subjects;
mod userstats_commands;

//! The bridge between CyTube and NATS: publishes every event once and keeps each channel's state in KV.
//!
//! Pure: [`channel`] (the state as a fold of frames), [`history`] (what a replay repeats), [`secrets`].

pub mod channel;
pub mod history;
pub mod secrets;

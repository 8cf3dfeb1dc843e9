//! The bridge between CyTube and NATS: publishes every event once and keeps each channel's state in KV.

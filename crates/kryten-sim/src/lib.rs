//! A simulated CyTube server: replays recordings or plays a scripted, seeded channel, and keeps a ledger.

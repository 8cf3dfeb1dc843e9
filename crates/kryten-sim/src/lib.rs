//! A simulated CyTube server: replays recordings or plays a scripted, seeded channel, and keeps a ledger.
//!
//! In reading order:
//!
//! - [`config`]: what is simulated;
//! - [`control`]: what a test can ask of it, over HTTP under `/control/` or by [`SimHandle`];
//! - [`handle`]: starting and stopping;
//! - [`channel`]: asking one channel for things;
//! - [`ledger`]: what a right counter counts, by a small code of its own;
//! - `room`: the scripted channel, pure: users, chat, playlist, polls, and what CyTube allows;
//! - `script`: the users' behaviour, pure;
//! - `recording`: a recorded connection, session by session;
//! - `engine`: the one task that owns all of these;
//! - `intake`, `tls`: the ports, plain and with TLS;
//! - `server`, `engineio`, `socket`, `packet`: HTTP, Engine.IO 3 and 4 by polls and websockets, Socket.IO;
//! - `limits`: how often who may do what.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_sim::{Sim, SimConfig};
//!
//! let sim = Sim::start(SimConfig::quiet("lounge")).await?;
//! println!("a CyTube server listens on {}", sim.url());
//! sim.shutdown().await;
//! # Ok(())
//! # }
//! ```

pub mod channel;
pub mod config;
pub mod control;
mod engine;
mod engineio;
pub mod handle;
mod intake;
pub mod ledger;
mod limits;
mod packet;
mod recording;
mod room;
mod script;
mod server;
mod socket;
mod tls;

pub use channel::{ChannelHandle, Progress};
pub use config::{Account, ChannelConfig, Mode, ScriptConfig, SimConfig, Speed, TlsConfig};
pub use control::{ControlError, Garbage, Operation};
pub use handle::{Sim, SimError, SimHandle};
pub use ledger::Ledger;
pub use tls::TlsError;

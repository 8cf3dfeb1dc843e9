//! A CyTube client: joins one channel over Socket.IO, stays in it, and hands on every event in order.
//!
//! In reading order:
//!
//! - [`frame`]: Engine.IO 4 and Socket.IO text to and from [`frame::Frame`], pure;
//! - [`session`]: handshake, join, login, heartbeat and kick as a state machine, pure;
//! - [`config`]: where to connect, as whom, and how patiently;
//! - [`item`]: what the client hands on, and why a connection ends;
//! - [`handle`]: sending events;
//! - [`backoff`]: how long to wait between attempts, pure;
//! - [`socketconfig`]: which server CyTube names for the channel;
//! - [`connection`]: the tasks that hold the socket.
//!
//! ```no_run
//! # async fn example() {
//! use kryten_cytube::{CytubeClient, CytubeConfig, CytubeItem, Login};
//!
//! let mut config = CytubeConfig::new("cytu.be", "lounge");
//! config.login = Login::Guest { name: "visitor".to_owned() };
//! let (handle, mut items) = CytubeClient::spawn(config);
//! while let Some(item) = items.recv().await {
//!     match item {
//!         CytubeItem::Joined { .. } => {
//!             let hello = serde_json::json!({"msg": "hello", "meta": {}});
//!             let _ = handle.emit("chatMsg", &hello).await;
//!         }
//!         CytubeItem::Event { name, payload, .. } => println!("{name} {payload}"),
//!         _ => {}
//!     }
//! }
//! # }
//! ```
#![warn(missing_docs)]

pub mod backoff;
pub mod config;
pub mod connection;
pub mod frame;
pub mod handle;
pub mod item;
pub mod session;
pub mod socketconfig;

pub use config::{CytubeConfig, Login};
pub use connection::CytubeClient;
pub use handle::{CytubeHandle, EmitError};
pub use item::{ConnectError, CytubeItem, DisconnectReason};

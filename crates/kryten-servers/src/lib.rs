//! Finds or fetches a real nats-server, or PostgreSQL for tests, and runs it as a child process.
//!
//! In reading order:
//!
//! - [`find`]: where a nats-server that is new enough comes from;
//! - [`server`]: the child process, from its configuration file to its end;
//! - [`cluster`]: several of them that keep streams together;
//! - [`cable`]: a network to one of them that can be cut;
//! - [`postgres`]: a PostgreSQL server for tests.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_servers::{FindOptions, NatsServer, NatsServerOptions, find_nats_server};
//!
//! let binary = find_nats_server(&FindOptions::default()).await?;
//! let mut server = NatsServer::start(NatsServerOptions::new(&binary, "data/nats")).await?;
//! println!("listening on {}", server.url());
//! server.stop().await?;
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

pub mod cable;
mod child;
pub mod cluster;
mod fetch;
pub mod find;
mod lock;
mod log;
mod pin;
pub mod postgres;
pub mod server;
mod settings;
mod version;

pub use cable::Cable;
pub use cluster::NatsCluster;
pub use find::{BinarySource, FindError, FindOptions, NatsBinary, find_nats_server};
pub use postgres::{PostgresError, PostgresServer};
pub use server::{NatsServer, NatsServerOptions, ServerError};

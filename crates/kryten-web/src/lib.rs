//! The web page: the live channel, its statistics as pictures and tables, a KV browser, the services' health, and the
//! same as a JSON API.
//!
//! It reads what userstats keeps ([`kryten_userstats::Reads`]), so that it works while NATS is away, and what the robot
//! keeps in KV. It changes nothing: there are no commands on it.
//!
//! In reading order:
//!
//! - `config`: who may see it, and from where;
//! - `access`, `limit`, `headers`: the three doors that every request goes through;
//! - `sources`: what everything is made of; `follow`: what changes while somebody looks on;
//! - `views`: what is shown, as data; `api`: that data as JSON, with its OpenAPI document;
//! - `pages`: the same as HTML, which works with scripts off; `charts`: the pictures;
//! - [`Web`]: bound, served, stopped.

mod access;
mod api;
mod assets;
mod charts;
mod config;
mod error;
mod follow;
mod headers;
mod limit;
mod links;
mod pages;
mod router;
mod server;
mod sources;
mod views;
mod words;

pub use config::{ConfigProblem, ProxyConfig, WebConfig, WebFile};
pub use error::BindError;
pub use server::{Bound, Web};
pub use sources::Sources;

//! The Kryten client library: what a bot for a CyTube channel is built on.
//!
//! A robot sits in the channel. What happens there it publishes as events, what is there it keeps in key-value buckets,
//! and what it is asked to do it does. All of that goes over NATS, and a bot is a program that talks to NATS. This page
//! is a tour of five minutes; the examples beside `kryten-testkit` are whole programs.
//!
//! # Connect
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_client::{Client, NatsConfig};
//!
//! let config = NatsConfig::for_url("nats://localhost:4222").with_user("bot", "secret");
//! let client = Client::connect(&config.named("my bot")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A connection that once stood is made again for ever, and everything below lives through that. What was asked on a
//! connection that is lost fails at once, and says whether it may have been done. [`config`] reads the originals' files.
//!
//! # Events
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_client::events::LiveItem;
//! use kryten_protocol::event::Event;
//!
//! let mut events = client.events("420Grindhouse").live().await?;
//! while let Some(item) = events.next().await {
//!     match item {
//!         LiveItem::Event(Event::ChatMsg(line)) => println!("{}: {}", line.username, line.msg),
//!         LiveItem::Event(Event::AddUser(user)) => println!("{} came", user.name),
//!         LiveItem::Event(other) => println!("{}", other.name()),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Live events are right for a bot that answers. Who must not miss any reads them from the stream instead: from a time,
//! from a place, or [from where it stopped](events::ChannelEvents::from_where_stopped). An event of an odd shape is
//! [`Event::Raw`](kryten_protocol::event::Event::Raw), and no event is lost for it.
//!
//! # Commands and chat
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_client::command::CommandError;
//!
//! let robot = client.robot("cytu.be", "420Grindhouse").as_source("my bot");
//! robot.say("Tonight: a long text, which goes out in lines that CyTube takes, not too fast.").await?;
//! match robot.kick("mallory", Some("spam")).await {
//!     Err(CommandError::Refused { error, .. }) => println!("the robot says no: {error}"),
//!     other => other?,
//! }
//! println!("{} users are here", robot.userlist().await?.len());
//! # Ok(())
//! # }
//! ```
//!
//! [`commands`] has all of them as types, for the robot and for the statistics; [`chat`] the limits of chat.
//!
//! # Values that stay: KV
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_client::kv::{BucketConfig, KvBucket};
//! use kryten_client::state;
//! use kryten_protocol::state::{StateBucket, USERS};
//!
//! let mine = KvBucket::open_or_create(&client, BucketConfig::new("my_points")).await?;
//! let points = mine.incr("user:bob", 1).await?;
//! println!("bob has {points} points");
//!
//! let robots = KvBucket::open(&client, &StateBucket::Userlist.name("420Grindhouse")).await?;
//! if let Some(users) = state::list(&robots, USERS).await? {
//!     println!("{}", String::from_utf8_lossy(&users.json));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Any text is a key. Who owns a bucket creates it, others open it. `incr` and `update` lose nothing, however many
//! write at once; a [`KvCache`](kv::KvCache) follows a bucket, so that reading it takes no round trip. [`kv`] has the
//! rest: watches, lists, types, lives that end.
//!
//! # Be a service
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_client::service::Service;
//!
//! #[derive(serde::Deserialize)]
//! struct Roll { sides: u32 }
//!
//! let dice = Service::builder("dice", "1.0").command("roll", |roll: Roll| async move {
//!     match roll.sides {
//!         0 => Err("A die needs sides; give a number above 0".into()),
//!         sides => Ok(rand::random_range(1..=sides)),
//!     }
//! });
//! dice.start(&client).await?.run_until_signal().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Others ask it on `kryten.dice.command`, the robot's registry knows it, and SIGTERM ends it in order: see [`service`].
//! With the feature `http`, which is off by default, it serves `/health` and `/metrics` and whatever is added to them.
//!
//! # Test it
//!
//! `kryten-testkit` starts a simulated channel, the real robot and a real nats-server in about a second, so that a bot
//! is tested on the wire that it will run on:
//!
//! ```text
//! let channel = TestChannel::start().await;
//! let client = Client::connect(&channel.nats_config()).await?;
//! tokio::spawn(my_bot(client, channel.name().to_owned()));
//! channel.say("alice", "hello bot").await;
//! let said = channel.command(|command| command.name == "say").await;
//! assert_eq!(said.argument("message"), "Hello, alice!");
//! ```
//!
//! # All modules
//!
//! In reading order:
//!
//! - [`config`]: configuration files, `${NAME}` in them, and the `nats` section;
//! - [`connection`]: the connection to NATS; [`one_life`]: one that never reconnects;
//! - [`kv`]: key-value buckets whose keys are any text, with strict and forgiving helpers;
//! - [`state`]: the lists of a channel's state, of any size;
//! - [`stream`]: the JetStream stream that keeps all events;
//! - [`reader`]: reads that stream in order, without a hole;
//! - [`events`]: the events of a channel, typed: live, or from the stream and never missed;
//! - [`commands`]: commands to the robot and to the statistics service, typed; [`chat`]: long messages, and the pace;
//! - [`channel_state`]: what the robot keeps of a channel in KV, typed;
//! - [`service`]: a service of one's own; `http`, with the feature of that name: its health and metrics;
//! - [`log_levels`]: the levels of a service's log, changed while it runs;
//! - [`process`]: whether a process of this machine still runs; [`pulse`]: whether a loop does;
//! - [`command`]: asks any service, [`json`] any subject; [`respond`]: answers as one; [`round_trip`]: waits for the server.
#![warn(missing_docs)]

pub mod channel_state;
pub mod chat;
pub mod command;
pub mod commands;
pub mod config;
pub mod connection;
pub mod events;
mod exchange;
#[cfg(feature = "http")]
pub mod http;
mod jetstream;
pub mod json;
pub mod kv;
pub mod log_levels;
pub mod one_life;
pub mod process;
pub mod pulse;
pub mod reader;
pub mod respond;
pub mod round_trip;
pub mod service;
pub mod shared_lives;
pub mod state;
pub mod stream;

pub use config::NatsConfig;
pub use connection::{Client, ConnectError};
pub use kv::{KvBucket, KvError};
pub use reader::{EventReader, ReaderItem, ReaderOptions};
pub use stream::{EventStream, StoredMessage, StreamError, StreamInfo};

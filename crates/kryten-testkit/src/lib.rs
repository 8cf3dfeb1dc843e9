//! A simulated channel, a real nats-server and the Kryten services behind one builder, for tests.
//!
//! A bot is tested on the real wire: what a simulated user says goes as a CyTube frame to the robot, from there over a
//! nats-server of the test's own to the bot and to the statistics. All of it runs in the test's process, except the
//! nats-server, and is gone when the [`TestChannel`] is dropped. Ports and folders are its own, so that tests run side
//! by side.
//!
//! In reading order:
//!
//! - [`builder`]: what the channel is like before the test begins;
//! - [`channel`]: what a test does with it;
//! - [`events`]: the events that the robot published;
//! - [`mod@until`]: awaiting a condition;
//! - [`watchdog`]: ends a test that hangs.
//!
//! A small bot and its test (in a test function it would be `#[tokio::test]`):
//!
//! ```
//! use kryten_client::{Client, KvBucket};
//! use kryten_protocol::{state::StateBucket, subject};
//! use kryten_testkit::TestChannel;
//! use serde_json::Value;
//!
//! /// The bot knows who is in the channel.
//! async fn names(client: &Client, channel: &str) -> Vec<String> {
//!     let bucket = KvBucket::open(client, &StateBucket::Userlist.name(channel)).await;
//!     let users: Option<Vec<Value>> = bucket.unwrap().get_json("users").await.unwrap();
//!     users.unwrap_or_default().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect()
//! }
//!
//! # #[tokio::main]
//! # async fn main() {
//! let channel = TestChannel::builder().present(["bob"]).start().await;
//! assert!(names(channel.nats(), channel.name()).await.contains(&"bob".to_owned()));
//!
//! channel.say("alice", "++bob").await;
//! let line = channel.event(|event| event.is_said_by("alice")).await;
//! assert_eq!(line.payload["msg"], "++bob");
//! assert_eq!(line.subject, subject::event(channel.name(), "chatMsg").unwrap());
//!
//! channel.counted().await;
//! assert_eq!(channel.stats("bob").await["kudos_plusplus"], 1);
//! channel.shutdown().await;
//! # }
//! ```
#![warn(missing_docs)]

pub mod builder;
pub mod channel;
pub mod events;
pub mod until;
pub mod watchdog;

pub use builder::TestChannelBuilder;
pub use channel::TestChannel;
pub use events::SeenEvent;
pub use until::until;
pub use watchdog::Watchdog;

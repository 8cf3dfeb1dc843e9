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
//! - [`commands`]: what bots ask of the robot;
//! - [`mod@until`]: awaiting a condition;
//! - [`watchdog`]: ends a test that hangs.
//!
//! A bot and its test (in a test function it would be `#[tokio::test]`):
//!
//! ```
//! use kryten_client::Client;
//! use kryten_client::events::{LiveEvents, LiveItem};
//! use kryten_protocol::event::Event;
//! use kryten_testkit::TestChannel;
//!
//! /// The bot greets who greets it.
//! async fn greet(client: Client, mut lines: LiveEvents) {
//!     while let Some(item) = lines.next().await {
//!         let LiveItem::Event(event) = item else { continue };
//!         let Event::ChatMsg(line) = &event else { continue };
//!         if line.msg == "hello bot" {
//!             let robot = client.robot(event.domain(), event.channel());
//!             if let Err(error) = robot.say(&format!("Hello, {}!", line.username)).await {
//!                 eprintln!("cannot greet: {error}");
//!             }
//!         }
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() {
//! let channel = TestChannel::builder().with_userstats(false).start().await;
//! let client = Client::connect(&channel.nats_config()).await.unwrap();
//! let lines = client.events(channel.name()).only(["chatMsg"]).live().await.unwrap();
//! tokio::spawn(greet(client, lines));
//!
//! channel.say("alice", "hello everybody").await;
//! channel.say("bob", "hello bot").await;
//! let said = channel.command(|command| command.name == "say").await;
//! assert_eq!(said.argument("message"), "Hello, bob!");
//! channel.shutdown().await;
//! # }
//! ```
//!
//! A bot that only reads, and the statistics beside it:
//!
//! ```
//! # use kryten_protocol::subject;
//! # use kryten_testkit::TestChannel;
//! # #[tokio::main]
//! # async fn main() {
//! let channel = TestChannel::builder().present(["bob"]).start().await;
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
//!
//! A bot that is a program of its own gets [`TestChannel::nats_url`]. The examples beside this crate are tested so:
//! an echo bot, a moderation bot, a watch of the user list, a counter, a service, a replay.
#![warn(missing_docs)]

pub mod builder;
pub mod channel;
pub mod commands;
pub mod events;
pub mod until;
pub mod watchdog;

pub use builder::TestChannelBuilder;
pub use channel::TestChannel;
pub use commands::SeenCommand;
pub use events::SeenEvent;
pub use until::until;
pub use watchdog::Watchdog;

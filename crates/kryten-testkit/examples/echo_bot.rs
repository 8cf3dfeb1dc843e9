//! Says again what somebody writes after `!echo`.
//!
//! ```text
//! kryten up --demo --data-dir DIR
//! cargo run --example echo_bot -- --data-dir DIR demo
//! ```
//!
//! Events are read live: a line that was said while the bot was away is better not answered at all.
#![allow(clippy::print_stdout)]

mod place;

use clap::Parser;
use kryten_client::Client;
use kryten_client::events::LiveItem;
use kryten_protocol::event::Event;
use kryten_protocol::event::chat::ChatMsg;
use place::Place;

/// Says again what somebody writes after `!echo`
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    place: Place,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { place } = Arguments::parse();
    let client = place.connect("echo_bot").await?;
    echo(&client, &place.channel).await
}

async fn echo(client: &Client, channel: &str) -> anyhow::Result<()> {
    let mut events = client.events(channel).only(["chatMsg"]).live().await?;
    println!("echoing in {channel}");
    let mut robot = None;
    while let Some(item) = events.next().await {
        let event = match item {
            LiveItem::Event(event) => event,
            LiveItem::Lagged(count) => {
                eprintln!("too slow: {count} events were dropped");
                continue;
            }
            _ => continue,
        };
        let Event::ChatMsg(line) = &event else {
            continue;
        };
        let Some(answer) = answer_to(line) else {
            continue;
        };
        // The event names domain and channel as the robot has them configured.
        let robot = robot.get_or_insert_with(|| {
            let robot = client.robot(event.domain(), event.channel());
            robot.as_source("echo_bot")
        });
        match robot.say(&answer).await {
            Ok(()) => println!("said: {answer}"),
            Err(error) => eprintln!("cannot say {answer:?}: {error}"),
        }
    }
    anyhow::bail!("the connection to NATS was closed")
}

/// The answer names who asked, so that it never begins with `!echo` itself.
fn answer_to(line: &ChatMsg) -> Option<String> {
    if !line.is_from_user() || line.is_shadow() {
        return None;
    }
    let text = line.msg.strip_prefix("!echo ")?.trim();
    (!text.is_empty()).then(|| format!("{}: {}", line.username, as_written(text)))
}

/// Lines come as HTML, and what the robot says is made HTML again.
fn as_written(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

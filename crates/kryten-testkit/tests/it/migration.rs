//! The Rust in docs/migration-python.md compiles: what stands there stands here.

#![expect(
    clippy::print_stdout,
    reason = "the code of the guide, as it stands there"
)]

use std::error::Error;

use kryten_client::events::{DurableItem, LiveItem};
use kryten_client::service::Service;
use kryten_client::{Client, KvBucket, NatsConfig};
use kryten_protocol::event::Event;
use kryten_protocol::robot::{Position, RobotCommand, Video};
use kryten_testkit::TestChannel;

type Done = Result<(), Box<dyn Error + Send + Sync>>;

const DOCUMENT: &str = include_str!("../../../../docs/migration-python.md");
const HERE: &str = include_str!("migration.rs");

async fn connect() -> Done {
    let client = Client::connect(&NatsConfig::for_url("nats://localhost:4222")).await?;
    drop(client);
    Ok(())
}

async fn hear(client: &Client) -> Done {
    let mut events = client.events("lounge").only(["chatMsg"]).live().await?;
    while let Some(item) = events.next().await {
        if let LiveItem::Event(Event::ChatMsg(line)) = item {
            println!("{} {}", line.username, line.msg);
        }
    }
    Ok(())
}

async fn handle(_: &Event) -> Done {
    Ok(())
}

async fn miss_none(client: &Client) -> Done {
    let mut events = client
        .events("lounge")
        .from_where_stopped("greeter")
        .await?;
    while let Some(item) = events.next().await {
        if let DurableItem::Event(stored) = item? {
            handle(&stored.event).await?;
            stored.done().await?;
        }
    }
    Ok(())
}

async fn command(client: &Client) -> Done {
    let robot = client.robot("cytu.be", "lounge");
    robot.say("hello").await?;
    robot.pm("bob", "psst").await?;

    let video = Video::Media {
        kind: "yt".into(),
        id: "dQw4w9WgXcQ".into(),
    };
    let uid = robot.queue(video, Position::Next, true).await?;
    println!("{uid:?}");

    let motd = "<b>Tonight</b>".into();
    robot.send(RobotCommand::SetMotd { motd }).await?;
    Ok(())
}

async fn read(client: &Client, bucket: &KvBucket) -> Done {
    let users = client.channel_state("cytu.be", "lounge").users().await?;
    let points = bucket.incr("user:bob", 1).await?; // none is lost
    println!("{} {points}", users.len());
    Ok(())
}

#[derive(serde::Deserialize)]
struct Greet {
    name: String,
}

async fn serve(client: &Client) -> Done {
    let greeter = Service::builder("greeter", "1.0")
        .command("greet", |greet: Greet| async move {
            Ok(format!("Good evening, {}!", greet.name))
        })
        .start(client)
        .await?;
    greeter.run_until_signal().await?;
    Ok(())
}

#[tokio::test]
async fn a_bot_is_tested_in_two_lines() {
    let channel = TestChannel::start().await; // a real server, a real robot
    channel.say("alice", "!hi").await;
    channel.event(|event| event.is_said_by("alice")).await;
    channel.shutdown().await;
}

#[test]
fn the_document_shows_what_compiles_here() {
    let lines = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    };
    let here = lines(HERE);
    let blocks = DOCUMENT.split("```rust\n").skip(1);
    let blocks: Vec<&str> = blocks
        .filter_map(|block| block.split("```").next())
        .collect();
    assert_eq!(blocks.len(), 10);
    for block in blocks {
        assert!(here.contains(&lines(block)), "not here:\n{block}");
    }
}

//! Warns, kicks and mutes those who use words of a list, or say too much at once.
//!
//! ```text
//! kryten up --demo --data-dir DIR
//! cargo run --example moderation_bot -- --data-dir DIR demo --word spam --word scam
//! ```
//!
//! It only tells what it would do, until it is started with `--act`. Moderators are left alone: before anybody is
//! touched the robot is asked for the rank, and where it does not answer nothing is done.
#![allow(clippy::print_stdout)]

mod judge;
#[path = "../place/mod.rs"]
mod place;

use anyhow::bail;
use clap::Parser;
use kryten_client::Client;
use kryten_client::command::CommandError;
use kryten_client::commands::Robot;
use kryten_client::events::LiveItem;
use kryten_protocol::event::Event;

use judge::{Judge, Rules, Step, Verdict};
use place::Place;

/// From this rank on somebody is a moderator.
const MODERATOR: f64 = 2.0;

/// Warns, kicks and mutes those who use words of a list, or say too much at once
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    place: Place,
    /// A word that nobody may use; give it once for each word
    #[arg(long, value_name = "WORD")]
    word: Vec<String>,
    /// How many lines are too many ...
    #[arg(long, value_name = "COUNT", default_value_t = 6, value_parser = clap::value_parser!(u16).range(2..))]
    lines: u16,
    /// ... within so many seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    seconds: u16,
    /// After so many minutes an offence is forgotten
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    forget: u16,
    /// Warn, kick and mute; without this it is only told
    #[arg(long)]
    act: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(word) = arguments.word.iter().find(|word| !judge::is_word(word)) {
        bail!("--word {word:?} is not one word of letters and digits");
    }
    let judge = Judge::new(Rules {
        words: arguments
            .word
            .iter()
            .map(|word| word.to_lowercase())
            .collect(),
        lines: usize::from(arguments.lines),
        within_millis: i64::from(arguments.seconds) * 1000,
        forget_millis: i64::from(arguments.forget) * 60_000,
    });
    let client = arguments.place.connect("moderation_bot").await?;
    moderate(&client, &arguments.place.channel, judge, arguments.act).await
}

async fn moderate(
    client: &Client,
    channel: &str,
    mut judge: Judge,
    acts: bool,
) -> anyhow::Result<()> {
    let mut events = client.events(channel).only(["chatMsg"]).live().await?;
    println!(
        "watching {channel}{}",
        if acts { "" } else { ", without acting" }
    );
    let mut robot = None;
    while let Some(item) = events.next().await {
        let LiveItem::Event(event) = item else {
            continue;
        };
        let (Event::ChatMsg(line), Some(time)) = (&event, event.time()) else {
            continue;
        };
        if !line.is_from_user() || line.is_shadow() {
            continue;
        }
        let Some(verdict) = judge.look(&line.username, &line.msg, time.millis()) else {
            continue;
        };
        // The event names domain and channel as the robot has them configured.
        let robot = robot.get_or_insert_with(|| {
            let robot = client.robot(event.domain(), event.channel());
            robot.as_source("moderation_bot")
        });
        carry_out(robot, &line.username, &verdict, acts).await;
    }
    bail!("the connection to NATS was closed")
}

async fn carry_out(robot: &Robot, name: &str, verdict: &Verdict, acts: bool) {
    let Verdict { step, offence } = verdict;
    match robot.user(name).await {
        Ok(Some(user)) if user.rank < MODERATOR => {}
        Ok(Some(_)) => return,
        Ok(None) => return println!("{name} has left"),
        Err(error) => {
            return eprintln!("cannot ask for the rank of {name}, so nothing is done: {error}");
        }
    }
    if !acts {
        return println!("would {step} {name}: {offence}");
    }
    match apply(robot, name, verdict).await {
        Ok(()) => println!("did {step} {name}: {offence}"),
        Err(error) => eprintln!("cannot {step} {name}: {error}"),
    }
}

async fn apply(robot: &Robot, name: &str, verdict: &Verdict) -> Result<(), CommandError> {
    let reason = verdict.offence.to_string();
    match verdict.step {
        Step::Warn => robot.say(&format!("{name}: {reason}. Please stop.")).await,
        Step::Mute => robot.mute(name).await,
        Step::Kick => robot.kick(name, Some(&reason)).await,
    }
}

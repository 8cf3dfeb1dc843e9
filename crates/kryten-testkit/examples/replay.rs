//! Prints what happened in a channel, one line of JSON for each event, from the stream.
//!
//! ```text
//! kryten up --demo --data-dir DIR
//! cargo run --example replay -- --data-dir DIR demo --from-time 2026-11-22T20:00:00Z --only chatMsg
//! cargo run --example replay -- --data-dir DIR demo --from-sequence 1000 --follow
//! ```
//!
//! It ends with the last event that was there when it began, unless it is to follow.
#![allow(clippy::print_stdout)]

mod place;

use clap::Parser;
use jiff::Timestamp;
use kryten_client::EventStream;
use kryten_client::events::DurableItem;
use kryten_protocol::subject;
use place::Place;
use serde_json::json;

/// Prints what happened in a channel, one line of JSON for each event
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Events that were stored at this moment or later, such as 2026-11-22T20:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "from_sequence")]
    from_time: Option<Timestamp>,
    /// Events from this place in the stream on; without this and without a time, from its start
    #[arg(long, value_name = "NUMBER")]
    from_sequence: Option<u64>,
    /// Only events of this name, such as chatMsg; give it once for each name
    #[arg(long, value_name = "EVENT")]
    only: Vec<String>,
    /// Goes on with what happens
    #[arg(long)]
    follow: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let client = arguments.place.connect("replay").await?;
    let channel = &arguments.place.channel;
    let last = last_of(&EventStream::open_or_create(&client).await?, &arguments).await?;
    if last == 0 && !arguments.follow {
        return Ok(());
    }
    let events = client.events(channel).only(&arguments.only);
    let mut events = match (arguments.from_time, arguments.from_sequence) {
        (Some(time), _) => events.from_time(time).await?,
        (None, sequence) => events.from_sequence(sequence.unwrap_or(0)).await?,
    };
    while let Some(item) = events.next().await {
        match item? {
            DurableItem::Event(stored) => {
                if stored.sequence > last && !arguments.follow {
                    break;
                }
                let event = json!({"sequence": stored.sequence, "event": stored.event});
                println!("{event}");
                if stored.sequence == last && !arguments.follow {
                    break;
                }
            }
            DurableItem::Missed {
                expected,
                first_sequence,
            } => {
                eprintln!("the stream has dropped {expected} to {first_sequence}");
            }
            other => eprintln!("{other:?}"),
        }
    }
    Ok(())
}

/// The last event that is there now and wanted; 0 without one.
async fn last_of(stream: &EventStream, arguments: &Arguments) -> anyhow::Result<u64> {
    let channel = &arguments.place.channel;
    let subjects = match arguments.only.as_slice() {
        [] => vec![subject::channel_events(channel)?],
        names => names
            .iter()
            .map(|name| subject::event(channel, name))
            .collect::<Result<_, _>>()?,
    };
    let mut last = 0;
    for subject in subjects {
        let message = stream.last_for(&subject).await?;
        let is_wanted = message.filter(|message| {
            let from = arguments
                .from_time
                .map_or(i128::MIN, Timestamp::as_nanosecond);
            message.time_nanos >= from && message.sequence >= arguments.from_sequence.unwrap_or(0)
        });
        last = last.max(is_wanted.map_or(0, |message| message.sequence));
    }
    Ok(last)
}

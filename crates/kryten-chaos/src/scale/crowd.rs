//! Very many channels on one nats-server, counted by one instance into SQLite.

use kryten_client::{Client, EventStream};
use serde_json::{Value, json};

use super::{Instances, Options, PATIENCE, PEOPLE, buckets, load, names, per_second};
use crate::bus::Bus;
use crate::database::Place;
use crate::events::Events;

pub(super) async fn run(options: &Options) -> anyhow::Result<Value> {
    let channels = names(options.crowd);
    let people = options.crowd * PEOPLE;
    // What there is comes before what happens.
    let first = u64::from(options.crowd) * u64::from(PEOPLE + 2);
    let folder = tempfile::tempdir()?;
    let bus = Bus::start(1).await;
    let client = Client::connect(&bus.config()).await?;
    EventStream::open_or_create(&client).await?;
    let mut events = Events::new(
        options.seed,
        first + options.crowd_events,
        channels.clone(),
        PEOPLE,
    );
    let (count, took) = load::at_once(&client, &mut events).await?;
    let published = per_second(count, took);
    let (bytes, messages) = bus.stored(&client).await?;
    let each = bytes as f64 / messages as f64;
    println!(
        "{} channels, {people} people, one nats-server: {count} events published at {published:.0}/s, {each:.0} bytes each",
        channels.len()
    );
    let place = Place::File(folder.path().join("crowd.db"));
    let instances = Instances::start(folder.path(), &bus, &channels, place.clone(), 1).await?;
    let empty = instances.database.bytes().await?;
    let shared = instances.share(channels.len()).await?;
    let database = &instances.database;
    database
        .counted_to_the_end(&client, &channels, PATIENCE)
        .await?;
    let counted = per_second(count, instances.started.elapsed());
    let memory = instances.memory()?;
    let per_event = database.bytes().await?.saturating_sub(empty) as f64 / count as f64;
    let totals = instances.are_exact(events.ledger()).await?;
    instances.stop()?;

    // Once more, with everything known: what a restart costs.
    events.add(options.crowd_events / 10);
    let again = Instances::start(folder.path(), &bus, &channels, place, 1).await?;
    let reloaded = again.share(channels.len()).await?;
    load::at_once(&client, &mut events).await?;
    again
        .database
        .counted_to_the_end(&client, &channels, PATIENCE)
        .await?;
    again.are_exact(events.ledger()).await?;
    let memory_again = again.memory()?;
    again.stop()?;
    let server = bus.memory()? as f64 / 1024.0;
    let cost = buckets::make(&bus, &client, &channels).await?;
    let [shared, reloaded] = [shared, reloaded].map(|time| time.as_secs_f64());
    println!(
        "channels taken up after | counted/s | MB of the statistics | database bytes/event | after a restart taken up \
         after | MB then | MB of the nats-server | totals equal"
    );
    println!(
        "{shared:.2} s | {counted:.0} | {memory:.0} | {per_event:.1} | {reloaded:.2} s | {memory_again:.0} | {server:.0} \
         | {totals}"
    );
    println!("{}", cost.line());
    Ok(json!({
        "buckets": cost.figures(),
        "channels": channels.len(), "people": people, "published_per_second": published,
        "stream_bytes_per_event": each, "taken_up_s": shared, "counted_per_second": counted, "memory_mb": memory,
        "database_bytes_per_event": per_event, "taken_up_after_a_restart_s": reloaded,
        "memory_after_a_restart_mb": memory_again, "nats_memory_mb": server, "totals_equal": totals,
    }))
}

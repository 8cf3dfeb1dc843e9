//! P5: from published to counted in the database, beside the real kryten-userstats.

use std::time::Instant;

use anyhow::ensure;
use kryten_client::EventStream;
use kryten_servers::PostgresServer;
use serde_json::json;

use crate::clerk::{self, Clerk, Database, Job};
use crate::engine;
use crate::grid::{Grid, median, shown};
use crate::sides::Sync;
use crate::talk::{Event, Kind, Ledger, Talk};
use crate::theatre::{Programs, Who};

pub(super) const PEOPLE: u64 = 100;
/// Of a backlog, so many are in memory at once.
const PORTION: u64 = 50_000;

struct Amount {
    /// Lines that ours, and that the original counts.
    ours: u64,
    theirs: u64,
    backlog: u64,
    rounds: usize,
}

/// What a run came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) rate: f64,
    pub(super) megabytes: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Sqlite,
    Postgres,
}

/// Lines that are counted as they are said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Live {
    pub(super) kept: Kept,
    pub(super) kind: Kind,
    pub(super) sync: Sync,
    pub(super) people: u64,
    pub(super) lines: u64,
}

pub(super) async fn run(programs: &Programs, quick: bool) -> anyhow::Result<Grid> {
    let amount = match quick {
        true => Amount {
            ours: 2_000,
            theirs: 60,
            backlog: 2_000,
            rounds: 1,
        },
        false => Amount {
            ours: 300_000,
            theirs: 1_500,
            backlog: 1_000_000,
            rounds: 3,
        },
    };
    let mut grid = Grid::new(&[
        "work, in events/s",
        "flush",
        "ours, SQLite",
        "ours, PostgreSQL",
        "kryten-userstats",
        "stream alone",
        "SQLite alone",
        "PostgreSQL alone",
        "ours against it",
    ]);
    for kind in [Kind::Mixed, Kind::Plain] {
        live(&mut grid, programs, &amount, kind, Sync::Default).await?;
    }
    live(&mut grid, programs, &amount, Kind::Mixed, Sync::Always).await?;
    catch_up(&mut grid, programs, &amount).await?;
    grid.note(format!(
        "{PEOPLE} people in one channel. Live: from the first event published, {} of ours and {} of the original's, until \
         a query shows the last one counted, for both in the database. Publisher, nats-server, database and service share \
         the processors. What each person and each film has come to is asked with `user.stats` and `channel.movie_votes` \
         after each run and must be what was said, for both, else there is no figure. Of mixed lines a tenth gives ++ \
         kudos, a tenth has an emote, one in twenty each is a phrase's kudos or a vote.",
        amount.ours, amount.theirs
    ));
    grid.note(
        "Catching up: the events are in the stream when the service starts; from the start of its process until all are \
         counted. The original keeps no place in the stream, so it counts none of them (seen in this run).",
    );
    grid.note(
        "The stream alone: the same events published, acknowledged and read back by an ordered consumer of async-nats, \
         or read back only where they were there before. The databases alone: one upsert for each event, made within the \
         engine by one statement for 5,000 events, each of these a transaction. Ours sums a batch in memory and writes a \
         row for each person, so it can be faster than that.",
    );
    Ok(grid)
}

async fn live(
    grid: &mut Grid,
    programs: &Programs,
    amount: &Amount,
    kind: Kind,
    sync: Sync,
) -> anyhow::Result<()> {
    let rounds = match (kind, sync) {
        (Kind::Mixed, Sync::Default) => amount.rounds,
        _ => 1,
    };
    // Each event waits for the disk.
    let count = match sync {
        Sync::Default => amount.ours,
        Sync::Always => amount.ours / 10,
    };
    let work = Live {
        kept: Kept::Sqlite,
        kind,
        sync,
        people: PEOPLE,
        lines: count,
    };
    let few = Live {
        lines: amount.theirs,
        ..work
    };
    let [mut sqlite, mut postgres, mut theirs, mut ratios, mut stream] = [const { Vec::new() }; 5];
    let (mut raw_sqlite, mut raw_postgres) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut original = f64::NAN;
        let mut ours = f64::NAN;
        for who in Who::in_turn(round) {
            match who {
                Who::Ours => {
                    ours = count_live(programs, who, work).await?.rate;
                    let in_postgres = Live {
                        kept: Kept::Postgres,
                        ..work
                    };
                    postgres.push(count_live(programs, who, in_postgres).await?.rate);
                    // The same number as the original, which is what is compared in its totals.
                    count_live(programs, who, few).await?;
                }
                Who::Original => {
                    original = count_live(programs, who, few).await?.rate;
                }
            }
        }
        stream.push(through_the_stream(kind, sync, count).await?);
        raw_sqlite.push(engine::sqlite_upserts(tempfile::tempdir()?.path(), count).await?);
        let url = PostgresServer::shared().await.database().await;
        raw_postgres.push(engine::postgres_upserts(&url, count).await?);
        sqlite.push(ours);
        theirs.push(original);
        ratios.push(ours / original);
    }
    grid.line([
        format!("live, {}", kind.name()),
        sync.name().to_owned(),
        shown(&sqlite),
        shown(&postgres),
        shown(&theirs),
        shown(&stream),
        shown(&raw_sqlite),
        shown(&raw_postgres),
        format!("{:.0} ×", median(&ratios)),
    ]);
    grid.samples.push(json!({
        "live": kind.name(), "flush": sync.name(), "events": count, "events_of_the_original": amount.theirs,
        "sqlite": sqlite, "postgres": postgres, "original": theirs, "stream": stream,
        "raw_sqlite": raw_sqlite, "raw_postgres": raw_postgres,
    }));
    if (kind, sync) == (Kind::Mixed, Sync::Default) {
        grid.at_least("mixed events/s, SQLite", median(&sqlite), 50_000.0);
        grid.at_least("mixed events/s, PostgreSQL", median(&postgres), 50_000.0);
        grid.at_least(
            "mixed events/s, times the original's",
            median(&ratios),
            300.0,
        );
    }
    Ok(())
}

/// From the first line said to the answer that has the last one.
pub(super) async fn count_live(
    programs: &Programs,
    who: Who,
    work: Live,
) -> anyhow::Result<Counted> {
    let server = clerk::server(work.sync).await;
    let nats = clerk::connect(&server).await?;
    EventStream::open_or_create(&nats).await?;
    let mut job = Job::new(who, &server);
    job.database = database(work.kept).await;
    let clerk = Clerk::start(programs, job).await?;
    clerk.ready().await?;
    let talk = Talk::until_now(work.people, work.kind, work.lines);
    let mut opening = talk.opening();
    opening.push(talk.mark(0));
    engine::publish(&nats, opening).await?;
    clerk.counted(1).await?;
    let mut events: Vec<Event> = (0..work.lines).map(|number| talk.line(number)).collect();
    events.push(talk.mark(work.lines));
    let started = Instant::now();
    engine::publish(&nats, events).await?;
    clerk.counted(2).await?;
    let seconds = started.elapsed().as_secs_f64();
    let megabytes = clerk.memory()?;
    prove(&clerk, &talk, work.lines).await?;
    clerk.close().await?;
    Ok(Counted {
        rate: work.lines as f64 / seconds,
        megabytes,
    })
}

async fn database(kept: Kept) -> Database {
    match kept {
        Kept::Sqlite => Database::File,
        Kept::Postgres => Database::Postgres(PostgresServer::shared().await.database().await),
    }
}

/// Whether it has counted what was said.
pub(super) async fn prove(clerk: &Clerk, talk: &Talk, lines: u64) -> anyhow::Result<()> {
    let mut ledger = Ledger::default();
    talk.count(0..lines, &mut ledger);
    let (said, counted) = (ledger.totals(talk.people), clerk.totals(talk.people).await?);
    for (name, said) in said.as_object().into_iter().flatten() {
        let counted = &counted[name];
        ensure!(
            said == counted,
            "{:?} has other totals of {name} than what was said: {counted}, not {said}",
            clerk.who
        );
    }
    Ok(())
}

/// Events a second, published and read back.
async fn through_the_stream(kind: Kind, sync: Sync, lines: u64) -> anyhow::Result<f64> {
    let server = clerk::server(sync).await;
    let (nats, reader) = (
        clerk::connect(&server).await?,
        clerk::connect(&server).await?,
    );
    let talk = Talk::until_now(PEOPLE, kind, lines);
    let events = (0..lines).map(|number| talk.line(number)).collect();
    let took = engine::through_the_stream(&nats, &reader, events).await?;
    Ok(lines as f64 / took.as_secs_f64())
}

async fn catch_up(grid: &mut Grid, programs: &Programs, amount: &Amount) -> anyhow::Result<()> {
    let lines = amount.backlog;
    let talk = Talk::until_now(PEOPLE, Kind::Mixed, lines);
    let [mut sqlite, mut postgres, mut stream] = [const { Vec::new() }; 3];
    for _ in 0..amount.rounds {
        let nats_server = clerk::server(Sync::Default).await;
        let nats = clerk::connect(&nats_server).await?;
        fill_stream(&nats, &talk, lines).await?;
        for kept in [Kept::Sqlite, Kept::Postgres] {
            let counted = count_backlog(programs, &nats_server, kept, &talk, lines).await?;
            match kept {
                Kept::Sqlite => sqlite.push(counted.rate),
                Kept::Postgres => postgres.push(counted.rate),
            }
        }
        let reader = clerk::connect(&nats_server).await?;
        let took = engine::pass(&reader, "KRYTEN_EVENTS").await?;
        stream.push(lines as f64 / took.as_secs_f64());
    }
    let theirs = missed_by_the_original(programs, &talk, amount.theirs).await?;
    grid.line([
        format!("catching up on {lines}, mixed"),
        Sync::Default.name().to_owned(),
        shown(&sqlite),
        shown(&postgres),
        format!("none: {theirs} of {} counted", amount.theirs),
        shown(&stream),
        "-".to_owned(),
        "-".to_owned(),
        "-".to_owned(),
    ]);
    grid.samples.push(json!({
        "backlog": lines, "sqlite": sqlite, "postgres": postgres, "stream": stream,
        "original": {"published": amount.theirs, "counted": theirs},
    }));
    grid.at_least("catching up, events/s, SQLite", median(&sqlite), 100_000.0);
    grid.at_least(
        "catching up, events/s, PostgreSQL",
        median(&postgres),
        50_000.0,
    );
    Ok(())
}

/// Publishes everything that there is to catch up with.
pub(super) async fn fill_stream(
    nats: &kryten_client::Client,
    talk: &Talk,
    lines: u64,
) -> anyhow::Result<()> {
    EventStream::open_or_create(nats).await?;
    engine::publish(nats, talk.opening()).await?;
    for first in (0..lines).step_by(usize::try_from(PORTION)?) {
        let numbers = first..lines.min(first + PORTION);
        engine::publish(nats, numbers.map(|number| talk.line(number)).collect()).await?;
    }
    engine::publish(nats, vec![talk.mark(lines)]).await
}

async fn count_backlog(
    programs: &Programs,
    server: &kryten_servers::NatsServer,
    kept: Kept,
    talk: &Talk,
    lines: u64,
) -> anyhow::Result<Counted> {
    let mut job = Job::new(Who::Ours, server);
    job.database = database(kept).await;
    catching_up(programs, job, talk, lines).await
}

/// Starts the service on what is in the stream.
pub(super) async fn catching_up(
    programs: &Programs,
    job: Job<'_>,
    talk: &Talk,
    lines: u64,
) -> anyhow::Result<Counted> {
    let clerk = Clerk::start(programs, job).await?;
    clerk.ready().await?;
    clerk.counted(1).await?;
    let seconds = clerk.started.elapsed().as_secs_f64();
    let megabytes = clerk.memory()?;
    prove(&clerk, talk, lines).await?;
    clerk.close().await?;
    Ok(Counted {
        rate: lines as f64 / seconds,
        megabytes,
    })
}

/// How many of the lines that were said before it started the original counts.
async fn missed_by_the_original(
    programs: &Programs,
    talk: &Talk,
    lines: u64,
) -> anyhow::Result<u64> {
    let server = clerk::server(Sync::Default).await;
    let nats = clerk::connect(&server).await?;
    fill_stream(&nats, talk, lines).await?;
    let clerk = Clerk::start(programs, Job::new(Who::Original, &server)).await?;
    clerk.ready().await?;
    // What is said now is counted; so would be what came before it.
    engine::publish(&nats, vec![talk.mark(lines)]).await?;
    clerk.counted(1).await?;
    let stats = clerk.ask("system.stats", json!({})).await?;
    clerk.close().await?;
    Ok(stats["total_messages"].as_u64().unwrap_or_default())
}

//! P7: how soon `user.stats` is answered while events are counted, beside the real kryten-userstats.

mod full;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::{StreamExt, TryStreamExt, stream};
use kryten_client::round_trip::round_trip;
use kryten_client::{Client, EventStream};
use kryten_servers::NatsServer;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::clerk::{self, Clerk, Database, Job, stats_of};
use crate::grid::{Grid, shown};
use crate::sides::Sync;
use crate::talk::{Kind, Talk, person};
use crate::theatre::{Programs, Who};

/// Requests that are on their way at once when their number a second is measured.
const AT_ONCE: usize = 64;
/// Requests a second when their time is measured.
const PACE: u32 = 200;
/// People whose answers must be the same of both.
const COMPARED: u64 = 20;
const COMPARED_FIELDS: [&str; 6] = [
    "messages",
    "all_messages",
    "pms",
    "kudos_plusplus",
    "kudos_phrases",
    "emotes",
];

struct Amount {
    /// Events that were counted before.
    before: u64,
    people: u64,
    /// Events a second meanwhile.
    ours: u64,
    theirs: u64,
    time: Duration,
}

/// Milliseconds of the requests one after the other, and how many a second were answered when many were sent.
struct Answered {
    millis: Vec<f64>,
    rate: f64,
}

pub(super) async fn run(programs: &Programs, quick: bool) -> anyhow::Result<Grid> {
    let amount = match quick {
        true => Amount {
            before: 2_000,
            people: 100,
            ours: 500,
            theirs: 20,
            time: Duration::from_millis(500),
        },
        false => Amount {
            before: 10_000_000,
            people: 10_000,
            ours: 10_000,
            theirs: 50,
            time: Duration::from_secs(20),
        },
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("full.db");
    let lines = full::make(&file, amount.people, amount.before).await?;
    let size = std::fs::metadata(&file)?.len();
    let server = clerk::server(Sync::Default).await;
    let raw = requests_alone(&server, &amount).await?;
    let (mut ours, known) = visit(programs, Who::Ours, &file, &amount, amount.ours).await?;
    let (mut theirs, known_there) =
        visit(programs, Who::Original, &file, &amount, amount.theirs).await?;
    ensure!(
        known == known_there,
        "the two answer differently: {known} and {known_there}"
    );
    let mut grid = Grid::new(&[
        "`user.stats`",
        "ours",
        "kryten-userstats",
        "a request alone",
    ]);
    let (idle_ours, idle_theirs) = (ours.remove(0), theirs.remove(0));
    let (busy_ours, busy_theirs) = (ours.remove(0), theirs.remove(0));
    for (when, ours, theirs) in [
        ("nothing else going on".to_owned(), &idle_ours, &idle_theirs),
        (
            format!(
                "while {} events/s are counted (the original: {})",
                amount.ours, amount.theirs
            ),
            &busy_ours,
            &busy_theirs,
        ),
    ] {
        for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
            grid.line([
                format!("{name} in ms, {when}"),
                shown(&[quantile(&ours.millis, part)]),
                shown(&[quantile(&theirs.millis, part)]),
                shown(&[quantile(&raw.millis, part)]),
            ]);
        }
        grid.line([
            format!("answers a second, {AT_ONCE} at once, {when}"),
            shown(&[ours.rate]),
            shown(&[theirs.rate]),
            shown(&[raw.rate]),
        ]);
        grid.samples.push(json!({
            "when": when, "before": lines, "ours": numbers(ours), "original": numbers(theirs), "raw": numbers(&raw),
        }));
    }
    let busy = |part| quantile(&busy_ours.millis, part);
    grid.at_most("p50 in ms while events are counted", busy(0.5), 1.0);
    grid.at_most("p99 in ms while events are counted", busy(0.99), 5.0);
    grid.at_least(
        "answers a second while events are counted",
        busy_ours.rate,
        5_000.0,
    );
    grid.note(format!(
        "In the database are {lines} counted events of {} people, a year long, in {:.1} MB; both sides have a copy of it \
         and answer the same of {COMPARED} people, else there is no figure. Times are of {PACE} requests a second for \
         {} s, each for another person. Everything that was published meanwhile is counted at the end, for both. A \
         request alone is one that another task answers at once, through the same server.",
        amount.people,
        size as f64 / 1e6,
        amount.time.as_secs_f64()
    ));
    Ok(grid)
}

fn numbers(answered: &Answered) -> Value {
    let of = |part| quantile(&answered.millis, part);
    json!({"p50": of(0.5), "p99": of(0.99), "most": of(1.0), "requests": answered.millis.len(), "rate": answered.rate})
}

/// What was answered when nothing else went on, and while events were counted; and what was said of some people.
async fn visit(
    programs: &Programs,
    who: Who,
    full: &Path,
    amount: &Amount,
    pace: u64,
) -> anyhow::Result<(Vec<Answered>, Value)> {
    let folder = tempfile::tempdir()?;
    let file: PathBuf = folder.path().join("userstats.db");
    std::fs::copy(full, &file)?;
    let server = clerk::server(Sync::Default).await;
    let (nats, asking) = (
        clerk::connect(&server).await?,
        clerk::connect(&server).await?,
    );
    EventStream::open_or_create(&nats).await?;
    let mut job = Job::new(who, &server);
    job.database = Database::Of(file);
    let clerk = Clerk::start(programs, job).await?;
    clerk.ready().await?;
    let mut known = serde_json::Map::new();
    for number in 0..COMPARED {
        let name = person(number * amount.people / COMPARED);
        let stats = clerk.ask("user.stats", stats_of(&name)).await?;
        // What ours tells besides is not in the original's reply, and sessions are counted by the clock.
        let told = COMPARED_FIELDS.map(|field| stats[field].clone());
        known.insert(name, json!(told));
    }
    let idle = Answered {
        millis: one_by_one(&asking, amount).await?,
        rate: many(&asking, amount).await?,
    };
    let before = said(&clerk).await?;
    let talk = Talk::until_now(amount.people, Kind::Mixed, 0);
    let (times, publishing) = tokio::try_join!(
        one_by_one(&asking, amount),
        publish(&nats, &talk, pace, amount.time, 0)
    )?;
    let (rate, further) = tokio::try_join!(
        many(&asking, amount),
        publish(&nats, &talk, pace, amount.time, publishing)
    )?;
    crate::engine::publish(&nats, vec![talk.mark(further)]).await?;
    clerk.counted(1).await?;
    let counted = said(&clerk).await? - before;
    ensure!(
        counted == further,
        "{who:?} has counted {counted} of {further} lines that were said meanwhile"
    );
    clerk.close().await?;
    let busy = Answered {
        millis: times,
        rate,
    };
    Ok((vec![idle, busy], Value::Object(known)))
}

/// How many lines are counted.
async fn said(clerk: &Clerk) -> anyhow::Result<u64> {
    let stats = clerk.ask("system.stats", json!({})).await?;
    Ok(stats["total_messages"].as_u64().unwrap_or_default())
}

/// Publishes at a pace for a while; the number of the next line.
async fn publish(
    nats: &Client,
    talk: &Talk,
    pace: u64,
    time: Duration,
    first: u64,
) -> anyhow::Result<u64> {
    let wanted = (time.as_secs_f64() * pace as f64) as u64;
    let mut turns = interval(Duration::from_millis(1));
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let started = Instant::now();
    let mut sent = 0;
    while sent < wanted {
        turns.tick().await;
        let due = ((started.elapsed().as_secs_f64() * pace as f64) as u64).min(wanted);
        while sent < due {
            let event = talk.line(first + sent);
            let line = nats.nats();
            let published = line.publish_with_headers(event.subject, event.headers, event.body);
            published.await?;
            sent += 1;
        }
    }
    ensure!(round_trip(&nats.nats()).await, "NATS does not answer");
    ensure!(
        started.elapsed() < time.mul_f64(1.1),
        "this machine cannot publish {pace} events/s beside all else"
    );
    Ok(first + sent)
}

/// Milliseconds of the requests, sorted.
async fn one_by_one(asking: &Client, amount: &Amount) -> anyhow::Result<Vec<f64>> {
    let count = (amount.time.as_secs_f64() * f64::from(PACE)) as u64;
    let mut turns = interval(Duration::from_secs(1) / PACE);
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut millis = Vec::new();
    let begun = Instant::now();
    for number in 0..count {
        // The original may need longer for one than there is from one to the next.
        if begun.elapsed() > amount.time {
            break;
        }
        turns.tick().await;
        let name = person(number * 7919 % amount.people);
        let asked = Instant::now();
        clerk::ask(asking, "user.stats", stats_of(&name)).await?;
        millis.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    Ok(millis)
}

/// Answers a second when many are asked at once.
async fn many(asking: &Client, amount: &Amount) -> anyhow::Result<f64> {
    let started = Instant::now();
    let asked = (0_u64..)
        .take_while(|_| started.elapsed() < amount.time)
        .map(|number| {
            let name = person(number * 7919 % amount.people);
            async move { clerk::ask(asking, "user.stats", stats_of(&name)).await }
        });
    let answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    let count = answers
        .try_fold(0_u64, async |count, _| Ok(count + 1))
        .await?;
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

/// The same requests, answered at once by a task that knows the answer.
async fn requests_alone(server: &NatsServer, amount: &Amount) -> anyhow::Result<Answered> {
    let (answering, asking) = (clerk::connect(server).await?, clerk::connect(server).await?);
    let mut requests = answering.subscribe("kryten.userstats.command").await?;
    let answer = json!({
        "service": "userstats", "command": "user.stats", "success": true,
        "data": {"username": "user1", "messages": 1000, "pms": 0, "kudos_plusplus": 100, "activity": null},
    });
    let answer = bytes::Bytes::from(answer.to_string());
    let task = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                // Whoever asked may have gone.
                let _ = answering.nats().publish(reply, answer.clone()).await;
            }
        }
    });
    let answered = Answered {
        millis: one_by_one(&asking, amount).await?,
        rate: many(&asking, amount).await?,
    };
    task.abort();
    Ok(answered)
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = (last as f64 * part).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

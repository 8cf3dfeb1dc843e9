//! P4: how long the statistics need for the state of a channel, beside the real kryten-userstats.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kryten_client::kv::BucketConfig;
use kryten_client::{Client, KvBucket};
use kryten_protocol::state::{EMOTES, ITEMS, StateBucket, USERS};
use kryten_servers::NatsServer;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::net::{TcpListener, TcpStream};

use crate::clerk::{self, Clerk, Job};
use crate::films;
use crate::grid::{Grid, median, shown};
use crate::sides::Sync;
use crate::theatre::{Programs, Who, names};

/// What a channel's state holds.
struct Size {
    users: usize,
    emotes: usize,
    films: u64,
}

pub(super) async fn run(programs: &Programs, quick: bool) -> anyhow::Result<Grid> {
    let (size, rounds, channels) = match quick {
        true => (
            Size {
                users: 20,
                emotes: 5,
                films: 10,
            },
            1,
            3,
        ),
        false => (
            Size {
                users: 1_000,
                emotes: 500,
                films: 1_000,
            },
            7,
            100,
        ),
    };
    let mut grid = Grid::new(&[
        "work",
        "flush",
        "ours",
        "kryten-userstats",
        "raw async-nats and SQLite",
        "ours against it",
    ]);
    let what = format!(
        "{} users, {} emotes, {} playlist items",
        size.users, size.emotes, size.films
    );
    for sync in Sync::ALL {
        let [mut ours, mut theirs, mut raw] = [const { Vec::new() }; 3];
        let mut ratios = Vec::new();
        for round in 0..rounds {
            let mut seen = [0.0; 2];
            for who in Who::in_turn(round) {
                seen[who as usize] = visit(programs, who, sync, &size, 1, &mut raw).await?;
            }
            ours.push(seen[0] * 1e3);
            theirs.push(seen[1] * 1e3);
            ratios.push(seen[1] / seen[0]);
        }
        grid.line([
            format!("{what}, in ms from connected to ready"),
            sync.name().to_owned(),
            shown(&ours),
            shown(&theirs),
            shown(&raw),
            format!("1/{:.0}", median(&ratios)),
        ]);
        grid.samples.push(json!({
            "channels": 1, "flush": sync.name(), "ours": ours, "original": theirs, "raw": raw,
        }));
        if sync == Sync::Default {
            grid.at_least("time of the original, times ours", median(&ratios), 100.0);
        }
        let (mut many, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..rounds.min(3) {
            let seconds = visit(programs, Who::Ours, sync, &size, channels, &mut raw).await?;
            many.push(seconds * 1e3);
        }
        grid.line([
            format!("{channels} such channels, in ms from connected to ready"),
            sync.name().to_owned(),
            shown(&many),
            "-".to_owned(),
            shown(&raw),
            "-".to_owned(),
        ]);
        grid.samples.push(json!({
            "channels": channels, "flush": sync.name(), "ours": many, "raw": raw,
        }));
        if sync == Sync::Default {
            let seconds = median(&many) / 1e3;
            grid.at_most(&format!("seconds for {channels} channels"), seconds, 1.5);
        }
    }
    grid.note(
        "From the first connection that the service makes to the server until it answers a request, which both do when \
         the state is loaded. Every user must then be in the database, else there is no figure. All users of all channels \
         are different people. Raw reads the same keys with async-nats, one after the other, decodes them and inserts the \
         users in one transaction into an empty table of SQLite, without anything of ours.",
    );
    Ok(grid)
}

/// Seconds from connected to ready; where ours was started, what raw needs is added in milliseconds.
async fn visit(
    programs: &Programs,
    who: Who,
    sync: Sync,
    size: &Size,
    channels: usize,
    raw: &mut Vec<f64>,
) -> anyhow::Result<f64> {
    let server = clerk::server(sync).await;
    let nats = clerk::connect(&server).await?;
    let channels = names(channels);
    for channel in &channels {
        fill(&nats, channel, size).await?;
    }
    if who == Who::Ours {
        raw.push(engine(&nats, &channels).await?.as_secs_f64() * 1e3);
    }
    let door = Door::to(&server).await?;
    let mut job = Job::new(who, &server);
    job.url = door.url.clone();
    job.channels = channels.clone();
    let clerk = Clerk::start(programs, job).await?;
    clerk.ready().await?;
    let ready = Instant::now();
    let connected = door.opened.get().context("nobody has connected")?;
    let stats = clerk.ask("system.stats", json!({})).await?;
    let expected = channels.len() * size.users;
    ensure!(
        stats["total_users"] == expected && stats["active_sessions"] == expected,
        "{who:?} has not loaded {expected} users: {stats}"
    );
    clerk.close().await?;
    Ok((ready - *connected).as_secs_f64())
}

/// The channel's state as both robots keep it.
async fn fill(nats: &Client, channel: &str, size: &Size) -> anyhow::Result<()> {
    let users: Value = (0..size.users)
        .map(|number| {
            json!({
                "name": format!("{channel}-{number}"), "rank": 1, "meta": {"afk": false, "muted": false},
                "profile": {"image": format!("https://example.org/{number}.png"), "text": "hello"},
            })
        })
        .collect();
    let emotes: Value = (0..size.emotes)
        .map(|number| json!({"name": format!("#emote{number}"), "image": format!("https://example.org/{number}.gif")}))
        .collect();
    let films: Vec<u64> = (1..=size.films).collect();
    for (bucket, key, value) in [
        (StateBucket::Userlist, USERS, users),
        (StateBucket::Emotes, EMOTES, emotes),
        (StateBucket::Playlist, ITEMS, films::playlist(&films)),
    ] {
        let config = BucketConfig::new(bucket.name(channel));
        let bucket = KvBucket::open_or_create(nats, config).await?;
        bucket.put_json(key, &value).await?;
    }
    Ok(())
}

/// What the engines need for it.
async fn engine(nats: &Client, channels: &[String]) -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("raw.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let mut database = options.connect().await?;
    let table = "CREATE TABLE people (username TEXT PRIMARY KEY, seen TEXT)";
    sqlx::query(table).execute(&mut database).await?;
    let started = Instant::now();
    let mut transaction = database.begin().await?;
    for channel in channels {
        let mut users = Value::Null;
        for (bucket, key) in [
            (StateBucket::Emotes, EMOTES),
            (StateBucket::Playlist, ITEMS),
            (StateBucket::Userlist, USERS),
        ] {
            let bucket = bucket.name(channel);
            let store = nats.jetstream().get_key_value(bucket).await?;
            let value = store.get(key).await?.context("the key is not there")?;
            users = serde_json::from_slice(&value)?;
        }
        let insert = "INSERT INTO people SELECT value ->> 'name', '2026-01-01' FROM json_each($1)";
        let inserted = sqlx::query(insert)
            .bind(users.to_string())
            .execute(&mut *transaction);
        let users = users.as_array().map_or(0, Vec::len) as u64;
        ensure!(
            inserted.await?.rows_affected() == users,
            "not all are inserted"
        );
    }
    transaction.commit().await?;
    let took = started.elapsed();
    database.close().await?;
    Ok(took)
}

/// A way to the server that tells when somebody first came through.
struct Door {
    url: String,
    opened: Arc<OnceLock<Instant>>,
}

impl Door {
    async fn to(server: &NatsServer) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("nats://{}", listener.local_addr()?);
        let opened = Arc::new(OnceLock::new());
        let (seen, port) = (Arc::clone(&opened), server.port());
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                seen.get_or_init(Instant::now);
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", port)).await?;
                    near.set_nodelay(true)?;
                    far.set_nodelay(true)?;
                    tokio::io::copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        Ok(Self { url, opened })
    }
}

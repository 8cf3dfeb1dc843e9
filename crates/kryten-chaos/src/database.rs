//! A database of the statistics as others see it: who holds which channel, how far it is counted, and every total.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use kryten_client::{Client, EventStream};
use kryten_protocol::subject;
use kryten_protocol::token::normalize;
use kryten_sim::Ledger;
use kryten_userstats::store::Store;
use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{PgPool, SqlitePool};
use tokio::time::Instant;

const STEP: Duration = Duration::from_millis(50);

/// What keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Where it is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    File(PathBuf),
    Url(String),
}

impl Place {
    /// The section of a configuration that says so.
    pub(crate) fn section(&self) -> Value {
        match self {
            Self::File(path) => json!({"path": path}),
            Self::Url(url) => json!({"url": url}),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Each statement gives two texts and a number.
type Row = (String, String, i64);

impl Database {
    /// Opens it, with its tables made.
    pub(crate) async fn open(place: Place) -> anyhow::Result<Self> {
        Ok(match place {
            Place::File(path) => {
                Store::open(&path).await?.close().await;
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let options = options.busy_timeout(Duration::from_secs(30));
                let pool = SqlitePoolOptions::new().max_connections(2);
                Self::Sqlite(pool.connect_with(options).await?)
            }
            Place::Url(url) => {
                let store = Store::connect(&url.parse()?);
                store.prepare().await?;
                store.close().await;
                Self::Postgres(
                    PgPoolOptions::new()
                        .max_connections(2)
                        .connect(&url)
                        .await?,
                )
            }
        })
    }

    async fn rows(&self, sql: &'static str) -> anyhow::Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(pool) => sqlx::query_as(sql).fetch_all(pool).await?,
            Self::Postgres(pool) => sqlx::query_as(sql).fetch_all(pool).await?,
        })
    }

    /// The channels that a process counts, with their epochs.
    pub(crate) async fn held_by(&self, pid: u32) -> anyhow::Result<Vec<(String, i64)>> {
        let rows = self
            .rows(
                "SELECT kryten_instances.process, kryten_position.token, kryten_position.epoch
                 FROM kryten_leases
                 JOIN kryten_instances ON kryten_instances.instance = kryten_leases.instance
                 JOIN kryten_position ON kryten_position.token = kryten_leases.token",
            )
            .await?;
        let is_theirs = |process: &str| {
            let process: Value = serde_json::from_str(process).unwrap_or_default();
            process["pid"] == pid
        };
        let held = rows.into_iter().filter(|(process, ..)| is_theirs(process));
        Ok(held.map(|(_, token, epoch)| (token, epoch)).collect())
    }

    /// How many channels each process counts, by its number.
    pub(crate) async fn shares(&self) -> anyhow::Result<BTreeMap<u64, usize>> {
        let rows = self
            .rows(
                "SELECT kryten_instances.process, kryten_leases.token, CAST(0 AS BIGINT)
                 FROM kryten_leases
                 JOIN kryten_instances ON kryten_instances.instance = kryten_leases.instance",
            )
            .await?;
        let mut shares = BTreeMap::new();
        for (process, ..) in rows {
            let process: Value = serde_json::from_str(&process).unwrap_or_default();
            *shares
                .entry(process["pid"].as_u64().unwrap_or_default())
                .or_default() += 1;
        }
        Ok(shares)
    }

    /// The bytes that it takes, of SQLite without the pages that are written twice for a while.
    pub(crate) async fn bytes(&self) -> anyhow::Result<u64> {
        let sql = match self {
            Self::Sqlite(_) => {
                "SELECT '', '', page_count * page_size FROM pragma_page_count, pragma_page_size"
            }
            Self::Postgres(_) => "SELECT '', '', pg_database_size(current_database())",
        };
        let rows = self.rows(sql).await?;
        let (.., bytes) = rows.first().context("a database has a size")?;
        u64::try_from(*bytes).context("a size is negative")
    }

    /// Whether each of these channels has been taken by somebody since.
    pub(crate) async fn epochs_above(&self, held: &[(String, i64)]) -> anyhow::Result<bool> {
        let rows = self
            .rows("SELECT token, '', epoch FROM kryten_position")
            .await?;
        let epochs: BTreeMap<String, i64> = rows.into_iter().map(|row| (row.0, row.2)).collect();
        let mut held = held.iter();
        Ok(held.all(|(token, epoch)| epochs.get(token).is_some_and(|now| now > epoch)))
    }

    /// Waits until each channel is counted up to its last event.
    pub(crate) async fn counted_to_the_end(
        &self,
        client: &Client,
        channels: &[String],
        patience: Duration,
    ) -> anyhow::Result<()> {
        let stream = EventStream::open_or_create(client).await?;
        let mut last = BTreeMap::new();
        for channel in channels {
            let message = stream.last_for(&subject::channel_events(channel)?).await?;
            let message = message.context("a channel has no events")?;
            last.insert(normalize(channel), i64::try_from(message.sequence)?);
        }
        let deadline = Instant::now() + patience;
        loop {
            let rows = self
                .rows("SELECT token, '', sequence FROM kryten_position")
                .await?;
            let counted: BTreeMap<String, i64> = rows.into_iter().map(|r| (r.0, r.2)).collect();
            let behind = last
                .iter()
                .find(|(token, last)| counted.get(*token).is_none_or(|counted| counted < last));
            let Some((token, last)) = behind else {
                return Ok(());
            };
            if Instant::now() > deadline {
                bail!(
                    "{token} is counted up to {:?} of {last}",
                    counted.get(token)
                );
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Every total, in the ledger's form.
    pub(crate) async fn totals(&self) -> anyhow::Result<Ledger> {
        let mut totals = Ledger::default();
        let number = |count: i64| u64::try_from(count).context("a count is negative");
        for (name, _, count) in self
            .rows("SELECT username, '', message_count FROM message_counts")
            .await?
        {
            totals.messages.insert(name, number(count)?);
        }
        for (name, _, count) in self
            .rows("SELECT username, '', pm_count FROM pm_counts")
            .await?
        {
            totals.pms.insert(name, number(count)?);
        }
        for (name, _, count) in self
            .rows("SELECT username, '', kudos_count FROM kudos_plusplus")
            .await?
        {
            totals.kudos_plusplus.insert(name, number(count)?);
        }
        for (name, phrase, count) in self
            .rows("SELECT username, phrase, kudos_count FROM kudos_phrases")
            .await?
        {
            let of = totals.kudos_phrases.entry(name).or_default();
            of.insert(phrase, number(count)?);
        }
        for (name, emote, count) in self
            .rows("SELECT username, emote, usage_count FROM emote_usage")
            .await?
        {
            let of = totals.emotes.entry(name).or_default();
            of.insert(emote, number(count)?);
        }
        for (title, name, vote) in self
            .rows("SELECT media_title, username, vote FROM movie_votes")
            .await?
        {
            let of = totals.movie_votes.entry(title).or_default();
            of.insert(name, i8::try_from(vote)?);
        }
        Ok(totals)
    }
}

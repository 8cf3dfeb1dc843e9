//! What our own tables tell: who is there, gaps, hours.

use kryten_protocol::time::WireTime;
use sqlx::FromRow;

use crate::store::sql;
use crate::store::{Store, StoreError};
use crate::tally::{Film, Memory};

/// A gap in what was seen of a channel.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct GapRow {
    /// The last sign before it, in microseconds since the Unix epoch.
    pub began_at: i64,
    /// The first sign after it.
    pub ended_at: i64,
    /// Why, as on the wire.
    pub reason: String,
    /// Whether the chat lines of the span are all there.
    pub chat_complete: bool,
    /// How many events were lost, where that is known.
    pub lost: Option<i64>,
}

/// One hour of a channel.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct HourRow {
    /// The hour, counted from the Unix epoch.
    pub hour: i64,
    /// Chat lines.
    pub messages: i64,
    /// `++` kudos.
    pub kudos_plusplus: i64,
    /// Kudos by phrase.
    pub kudos_phrases: i64,
    /// Uses of emotes.
    pub emotes: i64,
    /// Votes.
    pub votes: i64,
    /// Private messages.
    pub pms: i64,
    /// Films logged.
    pub media: i64,
    /// The most users; `None` where they are not known.
    pub population_high: Option<i64>,
    /// The fewest users.
    pub population_low: Option<i64>,
}

impl HourRow {
    /// Kudos of both kinds.
    pub fn kudos(&self) -> i64 {
        self.kudos_plusplus + self.kudos_phrases
    }
}

/// The most or fewest users of a channel, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct ExactMark {
    /// How many.
    pub users: i64,
    /// When first, in microseconds since the Unix epoch.
    pub at: i64,
}

/// Somebody who is in a channel.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Presence {
    /// The user.
    pub username: String,
    /// Since when, in microseconds since the Unix epoch.
    pub opened_at: i64,
    /// Since when away from the keyboard.
    pub afk_since: Option<i64>,
}

impl Store {
    /// How many visits are open.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn open_visit_count(&self) -> Result<usize, StoreError> {
        let sql = "SELECT COUNT(*) FROM kryten_visits WHERE closed_at IS NULL";
        let count: i64 = sql::query_scalar(sql).fetch_one(&self.readers).await?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// Who is in a channel, by name.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn present(&self, channel: &str, domain: &str) -> Result<Vec<Presence>, StoreError> {
        Ok(sql::query_as(
            "SELECT username, opened_at, afk_since FROM kryten_visits
             WHERE closed_at IS NULL AND channel = $1 AND domain = $2 ORDER BY username",
        )
        .bind(channel)
        .bind(domain)
        .fetch_all(&self.readers)
        .await?)
    }

    /// What plays in a channel, as far as it was told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn now_playing(
        &self,
        channel: &str,
        domain: &str,
    ) -> Result<Option<Film>, StoreError> {
        let memory: Option<String> = sql::query_scalar(
            "SELECT memory FROM kryten_channel_state WHERE channel = $1 AND domain = $2",
        )
        .bind(channel)
        .bind(domain)
        .fetch_optional(&self.readers)
        .await?;
        let Some(memory) = memory else {
            return Ok(None);
        };
        let memory: Memory =
            serde_json::from_str(&memory).map_err(|source| StoreError::Memory {
                channel: channel.to_owned(),
                source,
            })?;
        Ok(memory.films().current().cloned())
    }

    /// The last gaps of a channel, newest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn gaps(
        &self,
        channel: &str,
        domain: &str,
        limit: i64,
    ) -> Result<Vec<GapRow>, StoreError> {
        Ok(sql::query_as(
            "SELECT began_at, ended_at, reason, chat_complete, lost FROM kryten_gaps
             WHERE channel = $1 AND domain = $2 ORDER BY ended_at DESC LIMIT $3",
        )
        .bind(channel)
        .bind(domain)
        .bind(sql::limit(limit))
        .fetch_all(&self.readers)
        .await?)
    }

    /// The hours of a channel that have a part between two moments, both included, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn hours_between(
        &self,
        channel: &str,
        domain: &str,
        from: Option<WireTime>,
        to: Option<WireTime>,
    ) -> Result<Vec<HourRow>, StoreError> {
        const HOUR_MICROS: i64 = 3_600_000_000;
        let hour = |at: Option<WireTime>| at.map(|at| at.micros().div_euclid(HOUR_MICROS));
        Ok(sql::query_as(
            "SELECT hour, messages, kudos_plusplus, kudos_phrases, emotes, votes, pms, media,
                 population_high, population_low
             FROM kryten_hourly WHERE channel = $1 AND domain = $2
             AND ($3 IS NULL OR hour >= $3) AND ($4 IS NULL OR hour <= $4) ORDER BY hour",
        )
        .bind(channel)
        .bind(domain)
        .bind(hour(from))
        .bind(hour(to))
        .fetch_all(&self.readers)
        .await?)
    }

    /// The most and the fewest users of a channel by joins and leaves, of all time or since a moment.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn exact_marks(
        &self,
        channel: &str,
        domain: &str,
        since: Option<WireTime>,
    ) -> Result<[Option<ExactMark>; 2], StoreError> {
        let mut marks = [None, None];
        for (mark, sql) in marks.iter_mut().zip([
            "SELECT population_high AS users, population_high_at AS at FROM kryten_hourly
             WHERE channel = $1 AND domain = $2 AND population_high_at >= $3
             ORDER BY population_high DESC, population_high_at LIMIT 1",
            "SELECT population_low AS users, population_low_at AS at FROM kryten_hourly
             WHERE channel = $1 AND domain = $2 AND population_low_at >= $3
             ORDER BY population_low, population_low_at LIMIT 1",
        ]) {
            *mark = sql::query_as(sql)
                .bind(channel)
                .bind(domain)
                .bind(since.map_or(i64::MIN, WireTime::micros))
                .fetch_optional(&self.readers)
                .await?;
        }
        Ok(marks)
    }

    /// The hours of a channel from one on, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn hours(
        &self,
        channel: &str,
        domain: &str,
        from_hour: i64,
    ) -> Result<Vec<HourRow>, StoreError> {
        Ok(sql::query_as(
            "SELECT hour, messages, kudos_plusplus, kudos_phrases, emotes, votes, pms, media,
                 population_high, population_low
             FROM kryten_hourly WHERE channel = $1 AND domain = $2 AND hour >= $3 ORDER BY hour",
        )
        .bind(channel)
        .bind(domain)
        .bind(from_hour)
        .fetch_all(&self.readers)
        .await?)
    }
}

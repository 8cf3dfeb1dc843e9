//! What is known of a channel: population, films, votes.

use std::collections::BTreeMap;

use kryten_protocol::time::WireTime;
use serde::Serialize;
use sqlx::FromRow;

use crate::store::sql;
use crate::store::{Store, StoreError};

/// How many users there were at a moment.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct Population {
    /// When.
    pub timestamp: String,
    /// Users in the channel.
    pub connected_count: i64,
    /// Those of them that chat; the original stores the same number.
    pub chat_count: i64,
}

/// A film that began.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct MediaRow {
    /// When.
    pub timestamp: String,
    /// The cleaned title.
    pub media_title: String,
    /// The kind of source.
    pub media_type: Option<String>,
    /// The id at that source.
    pub media_id: Option<String>,
}

/// The most or fewest users.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct Watermark {
    /// When.
    pub timestamp: String,
    /// Users in the channel.
    pub total_users: i64,
    /// Those of them that chat.
    pub chat_users: i64,
}

/// The most and the fewest users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Watermarks {
    /// The most.
    pub high: Option<Watermark>,
    /// The fewest.
    pub low: Option<Watermark>,
}

/// The votes for a film.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct VoteSum {
    /// The cleaned title.
    pub media_title: String,
    /// The kind of source.
    pub media_type: Option<String>,
    /// The id at that source.
    pub media_id: Option<String>,
    /// Votes for it.
    pub upvotes: i64,
    /// Votes against it.
    pub downvotes: i64,
    /// All votes.
    pub total_votes: i64,
    /// Votes for it less those against it.
    pub score: i64,
    /// The newest.
    pub last_vote: String,
}

/// The mean population of an hour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PopulationMean {
    /// The UTC hour, as `2026-11-22 16:00:00`.
    pub hour: String,
    /// The mean.
    pub avg_active_users: f64,
}

impl Store {
    /// The population of a channel since a moment, newest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn population(
        &self,
        channel: &str,
        domain: &str,
        since: WireTime,
    ) -> Result<Vec<Population>, StoreError> {
        Ok(sql::query_as(
            "SELECT timestamp, connected_count, chat_count FROM population_snapshots
             WHERE channel = $1 AND domain = $2 AND timestamp >= $3 ORDER BY timestamp DESC",
        )
        .bind(channel)
        .bind(domain)
        .bind(since.to_string())
        .fetch_all(&self.readers)
        .await?)
    }

    /// The last films of a channel, newest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn media_history(
        &self,
        channel: &str,
        domain: &str,
        limit: i64,
    ) -> Result<Vec<MediaRow>, StoreError> {
        Ok(sql::query_as(
            "SELECT timestamp, media_title, media_type, media_id FROM media_changes
             WHERE channel = $1 AND domain = $2 ORDER BY timestamp DESC LIMIT $3",
        )
        .bind(channel)
        .bind(domain)
        .bind(sql::limit(limit))
        .fetch_all(&self.readers)
        .await?)
    }

    /// The most and the fewest users of a channel, of all time or since a moment.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn watermarks(
        &self,
        channel: &str,
        domain: &str,
        since: Option<WireTime>,
    ) -> Result<Watermarks, StoreError> {
        let since = since.map(|since| since.to_string()).unwrap_or_default();
        let [mut high, mut low] = [None, None];
        for (mark, is_high, sql) in [
            (
                &mut high,
                1_i64,
                "SELECT timestamp, total_users, chat_users FROM population_watermarks
                 WHERE channel = $1 AND domain = $2 AND is_high_mark = $3 AND timestamp >= $4
                 ORDER BY total_users DESC, timestamp DESC LIMIT 1",
            ),
            (
                &mut low,
                0,
                "SELECT timestamp, total_users, chat_users FROM population_watermarks
                 WHERE channel = $1 AND domain = $2 AND is_high_mark = $3 AND timestamp >= $4
                 ORDER BY total_users ASC, timestamp DESC LIMIT 1",
            ),
        ] {
            *mark = sql::query_as(sql)
                .bind(channel)
                .bind(domain)
                .bind(is_high)
                .bind(&since)
                .fetch_optional(&self.readers)
                .await?;
        }
        Ok(Watermarks { high, low })
    }

    /// The votes for the films of a channel, or for those of one title, best score first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn movie_votes(
        &self,
        channel: &str,
        domain: &str,
        title: Option<&str>,
    ) -> Result<Vec<VoteSum>, StoreError> {
        Ok(sql::query_as(
            "SELECT media_title, media_type, media_id,
                 CAST(SUM(CASE WHEN vote > 0 THEN 1 ELSE 0 END) AS BIGINT) AS upvotes,
                 CAST(SUM(CASE WHEN vote < 0 THEN 1 ELSE 0 END) AS BIGINT) AS downvotes,
                 COUNT(*) AS total_votes, CAST(SUM(vote) AS BIGINT) AS score, MAX(timestamp) AS last_vote
             FROM movie_votes
             WHERE channel = $1 AND domain = $2 AND ($3 IS NULL OR media_title = $3)
             GROUP BY media_title, media_type, media_id
             ORDER BY score DESC, media_title, COALESCE(media_type, ''), COALESCE(media_id, '')",
        )
        .bind(channel)
        .bind(domain)
        .bind(title)
        .fetch_all(&self.readers)
        .await?)
    }

    /// The mean population of each UTC hour between two moments, both included.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn population_means(
        &self,
        channel: &str,
        domain: &str,
        from: Option<WireTime>,
        to: Option<WireTime>,
    ) -> Result<Vec<PopulationMean>, StoreError> {
        let rows: Vec<(String, i64)> = sql::query_as(
            "SELECT timestamp, chat_count FROM population_snapshots
             WHERE channel = $1 AND domain = $2
             AND ($3 IS NULL OR timestamp >= $3) AND ($4 IS NULL OR timestamp <= $4)",
        )
        .bind(channel)
        .bind(domain)
        .bind(from.map(|from| from.to_string()))
        .bind(to.map(|to| to.to_string()))
        .fetch_all(&self.readers)
        .await?;
        let mut hours: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for (timestamp, users) in rows {
            let Some(hour) = timestamp.get(..13) else {
                continue;
            };
            let sum = hours.entry(hour.replace('T', " ")).or_default();
            *sum = (sum.0 + users, sum.1 + 1);
        }
        Ok(hours
            .into_iter()
            .map(|(hour, (users, snapshots))| PopulationMean {
                hour: format!("{hour}:00:00"),
                avg_active_users: users as f64 / snapshots as f64,
            })
            .collect())
    }
}

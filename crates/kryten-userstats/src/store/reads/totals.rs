//! Sums over everything.

use sqlx::FromRow;

use crate::store::sql;
use crate::store::{Store, StoreError};

/// Sums over everything that is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub struct Totals {
    /// Users ever seen.
    pub users: i64,
    /// Chat lines.
    pub messages: i64,
    /// Private messages.
    pub pms: i64,
    /// `++` kudos.
    pub kudos_plusplus: i64,
    /// Kudos by phrase.
    pub kudos_phrases: i64,
    /// Uses of emotes.
    pub emotes: i64,
    /// Logged films.
    pub media_changes: i64,
    /// Votes for films.
    pub votes: i64,
    /// Reported gaps.
    pub gaps: i64,
}

impl Store {
    /// Users ever seen.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn user_count(&self) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM users";
        Ok(sql::query_scalar(sql).fetch_one(&self.readers).await?)
    }

    /// Sums over everything that is counted.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn totals(&self) -> Result<Totals, StoreError> {
        Ok(sql::query_as(
            "SELECT
                 (SELECT COUNT(*) FROM users) AS users,
                 (SELECT CAST(COALESCE(SUM(message_count), 0) AS BIGINT) FROM message_counts) AS messages,
                 (SELECT CAST(COALESCE(SUM(pm_count), 0) AS BIGINT) FROM pm_counts) AS pms,
                 (SELECT CAST(COALESCE(SUM(kudos_count), 0) AS BIGINT) FROM kudos_plusplus) AS kudos_plusplus,
                 (SELECT CAST(COALESCE(SUM(kudos_count), 0) AS BIGINT) FROM kudos_phrases) AS kudos_phrases,
                 (SELECT CAST(COALESCE(SUM(usage_count), 0) AS BIGINT) FROM emote_usage) AS emotes,
                 (SELECT COUNT(*) FROM media_changes) AS media_changes,
                 (SELECT COUNT(*) FROM movie_votes) AS votes,
                 (SELECT COUNT(*) FROM kryten_gaps) AS gaps",
        )
        .fetch_one(&self.readers)
        .await?)
    }
}

//! Sums for each channel.

use sqlx::FromRow;

use crate::store::sql;
use crate::store::{Store, StoreError};

/// What is counted of a channel.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ChannelTotals {
    /// The CyTube host.
    pub domain: String,
    /// The channel.
    pub channel: String,
    /// Chat lines.
    pub messages: i64,
    /// `++` kudos.
    pub kudos_plusplus: i64,
    /// Kudos by phrase.
    pub kudos_phrases: i64,
    /// Uses of emotes.
    pub emotes: i64,
    /// Votes for films.
    pub votes: i64,
    /// Logged films.
    pub media_changes: i64,
    /// Who is there now.
    pub present: i64,
}

impl Store {
    /// Sums for a channel.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn channel_totals(
        &self,
        domain: &str,
        channel: &str,
    ) -> Result<ChannelTotals, StoreError> {
        Ok(sql::query_as(
            "SELECT $1 AS domain, $2 AS channel,
                 (SELECT CAST(COALESCE(SUM(message_count), 0) AS BIGINT) FROM message_counts
                     WHERE domain = $1 AND channel = $2) AS messages,
                 (SELECT CAST(COALESCE(SUM(kudos_count), 0) AS BIGINT) FROM kudos_plusplus
                     WHERE domain = $1 AND channel = $2) AS kudos_plusplus,
                 (SELECT CAST(COALESCE(SUM(kudos_count), 0) AS BIGINT) FROM kudos_phrases
                     WHERE domain = $1 AND channel = $2) AS kudos_phrases,
                 (SELECT CAST(COALESCE(SUM(usage_count), 0) AS BIGINT) FROM emote_usage
                     WHERE domain = $1 AND channel = $2) AS emotes,
                 (SELECT COUNT(*) FROM movie_votes
                     WHERE domain = $1 AND channel = $2) AS votes,
                 (SELECT COUNT(*) FROM media_changes
                     WHERE domain = $1 AND channel = $2) AS media_changes,
                 (SELECT COUNT(*) FROM kryten_visits
                     WHERE domain = $1 AND channel = $2 AND closed_at IS NULL) AS present",
        )
        .bind(domain)
        .bind(channel)
        .fetch_one(&self.readers)
        .await?)
    }
}

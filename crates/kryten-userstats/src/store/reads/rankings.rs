//! Who leads. CyTube's own `[server]` is left out of rankings of users.

use serde::Serialize;
use sqlx::FromRow;

use crate::store::sql;
use crate::store::{Store, StoreError};

/// A count for a user.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct UserCount {
    /// The user.
    pub username: String,
    /// How many.
    pub count: i64,
}

/// A count for an emote.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct EmoteCount {
    /// The emote in lower case.
    pub emote: String,
    /// How many.
    pub count: i64,
}

impl Store {
    /// Who said most in a channel.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn top_users(
        &self,
        channel: &str,
        domain: &str,
        limit: i64,
    ) -> Result<Vec<UserCount>, StoreError> {
        Ok(sql::query_as(
            "SELECT username, message_count AS count FROM message_counts
             WHERE channel = $1 AND domain = $2 AND username <> '[server]'
             ORDER BY message_count DESC, id LIMIT $3",
        )
        .bind(channel)
        .bind(domain)
        .bind(sql::limit(limit))
        .fetch_all(&self.readers)
        .await?)
    }

    /// Who got most kudos of both kinds in a domain, or in one of its channels.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn top_kudos(
        &self,
        channel: Option<&str>,
        domain: &str,
        limit: i64,
    ) -> Result<Vec<UserCount>, StoreError> {
        Ok(sql::query_as(
            "SELECT username, CAST(SUM(kudos_count) AS BIGINT) AS count FROM (
                 SELECT username, channel, domain, kudos_count FROM kudos_plusplus
                 UNION ALL
                 SELECT username, channel, domain, kudos_count FROM kudos_phrases
             ) AS kudos
             WHERE domain = $1 AND ($2 IS NULL OR channel = $2) AND username <> '[server]'
             GROUP BY username ORDER BY count DESC, username DESC LIMIT $3",
        )
        .bind(domain)
        .bind(channel)
        .bind(sql::limit(limit))
        .fetch_all(&self.readers)
        .await?)
    }

    /// Which emotes were used most in a domain, or in one of its channels.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn top_emotes(
        &self,
        channel: Option<&str>,
        domain: &str,
        limit: i64,
    ) -> Result<Vec<EmoteCount>, StoreError> {
        Ok(sql::query_as(
            "SELECT emote, CAST(SUM(usage_count) AS BIGINT) AS count FROM emote_usage
             WHERE domain = $1 AND ($2 IS NULL OR channel = $2)
             GROUP BY emote ORDER BY count DESC, emote DESC LIMIT $3",
        )
        .bind(domain)
        .bind(channel)
        .bind(sql::limit(limit))
        .fetch_all(&self.readers)
        .await?)
    }
}

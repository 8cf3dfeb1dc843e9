//! What is known of one user.

use serde::Serialize;
use sqlx::FromRow;

use super::EmoteCount;
use crate::store::sql;
use crate::store::{Store, StoreError};

/// When a user was seen.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct UserSeen {
    /// The first time.
    pub first_seen_at: String,
    /// The last time.
    pub last_seen_at: String,
}

/// A count for a channel.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct ChannelCount {
    /// The channel.
    pub channel: String,
    /// How many.
    pub count: i64,
}

/// A count for a phrase.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct PhraseCount {
    /// The phrase.
    pub phrase: String,
    /// How many.
    pub count: i64,
}

/// Seconds of ended visits.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct UserActivity {
    /// All.
    pub total_time_seconds: i64,
    /// Without the time away from the keyboard.
    pub not_afk_time_seconds: i64,
}

/// Seconds of ended visits in a channel.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct ChannelActivity {
    /// The channel.
    pub channel: String,
    /// All.
    pub total_time_seconds: i64,
    /// Without the time away from the keyboard.
    pub not_afk_time_seconds: i64,
}

impl Store {
    /// When a user was seen; `None` where there is no such user.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn user_seen(&self, user: &str) -> Result<Option<UserSeen>, StoreError> {
        let sql = "SELECT first_seen_at, last_seen_at FROM users WHERE username = $1";
        Ok(sql::query_as(sql)
            .bind(user)
            .fetch_optional(&self.readers)
            .await?)
    }

    /// Every spelling under which one of these names is known; a name that is not known is its own only one.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn spellings(&self, names: &[String]) -> Result<Vec<String>, StoreError> {
        let mut spellings = Vec::new();
        for name in names {
            let known: Vec<String> =
                sql::query_scalar("SELECT username FROM users WHERE LOWER(username) = $1")
                    .bind(name.to_ascii_lowercase())
                    .fetch_all(&self.readers)
                    .await?;
            if known.is_empty() {
                spellings.push(name.clone());
            }
            spellings.extend(known);
        }
        spellings.sort();
        spellings.dedup();
        Ok(spellings)
    }

    /// A user's chat lines in a channel.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn messages_of(
        &self,
        user: &str,
        channel: &str,
        domain: &str,
    ) -> Result<i64, StoreError> {
        let count: Option<i64> = sql::query_scalar(
            "SELECT message_count FROM message_counts
             WHERE username = $1 AND channel = $2 AND domain = $3",
        )
        .bind(user)
        .bind(channel)
        .bind(domain)
        .fetch_optional(&self.readers)
        .await?;
        Ok(count.unwrap_or(0))
    }

    /// A user's chat lines in every channel of a domain, most first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn messages_by_channel(
        &self,
        user: &str,
        domain: &str,
    ) -> Result<Vec<ChannelCount>, StoreError> {
        Ok(sql::query_as(
            "SELECT channel, message_count AS count FROM message_counts
             WHERE username = $1 AND domain = $2 ORDER BY message_count DESC, channel",
        )
        .bind(user)
        .bind(domain)
        .fetch_all(&self.readers)
        .await?)
    }

    /// A user's private messages, over all domains.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn pms_of(&self, user: &str) -> Result<i64, StoreError> {
        let count: Option<i64> =
            sql::query_scalar("SELECT pm_count FROM pm_counts WHERE username = $1")
                .bind(user)
                .fetch_optional(&self.readers)
                .await?;
        Ok(count.unwrap_or(0))
    }

    /// The `++` kudos that a user got in a domain.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn plusplus_of(&self, user: &str, domain: &str) -> Result<i64, StoreError> {
        Ok(sql::query_scalar(
            "SELECT CAST(COALESCE(SUM(kudos_count), 0) AS BIGINT) FROM kudos_plusplus
             WHERE username = $1 AND domain = $2",
        )
        .bind(user)
        .bind(domain)
        .fetch_one(&self.readers)
        .await?)
    }

    /// The kudos by phrase that a user got in a domain, most first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn phrases_of(
        &self,
        user: &str,
        domain: &str,
    ) -> Result<Vec<PhraseCount>, StoreError> {
        Ok(sql::query_as(
            "SELECT phrase, CAST(SUM(kudos_count) AS BIGINT) AS count FROM kudos_phrases
             WHERE username = $1 AND domain = $2
             GROUP BY phrase ORDER BY count DESC, phrase DESC",
        )
        .bind(user)
        .bind(domain)
        .fetch_all(&self.readers)
        .await?)
    }

    /// The emotes that a user used in a domain, most first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn emotes_of(&self, user: &str, domain: &str) -> Result<Vec<EmoteCount>, StoreError> {
        Ok(sql::query_as(
            "SELECT emote, CAST(SUM(usage_count) AS BIGINT) AS count FROM emote_usage
             WHERE username = $1 AND domain = $2
             GROUP BY emote ORDER BY count DESC, emote DESC",
        )
        .bind(user)
        .bind(domain)
        .fetch_all(&self.readers)
        .await?)
    }

    /// A user's ended visits in a channel; `None` before the first has ended.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn activity_of(
        &self,
        user: &str,
        channel: &str,
        domain: &str,
    ) -> Result<Option<UserActivity>, StoreError> {
        Ok(sql::query_as(
            "SELECT total_time_seconds, not_afk_time_seconds FROM user_activity
             WHERE username = $1 AND channel = $2 AND domain = $3",
        )
        .bind(user)
        .bind(channel)
        .bind(domain)
        .fetch_optional(&self.readers)
        .await?)
    }

    /// A user's ended visits in every channel of a domain.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn activity_by_channel(
        &self,
        user: &str,
        domain: &str,
    ) -> Result<Vec<ChannelActivity>, StoreError> {
        Ok(sql::query_as(
            "SELECT channel, total_time_seconds, not_afk_time_seconds FROM user_activity
             WHERE username = $1 AND domain = $2 ORDER BY channel",
        )
        .bind(user)
        .bind(domain)
        .fetch_all(&self.readers)
        .await?)
    }

    /// Whether a user is in a channel of the domain, or in this one.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn is_present(
        &self,
        user: &str,
        channel: Option<&str>,
        domain: &str,
    ) -> Result<bool, StoreError> {
        let found: Option<i64> = sql::query_scalar(
            "SELECT CAST(1 AS BIGINT) FROM kryten_visits WHERE closed_at IS NULL AND username = $1
             AND domain = $2 AND ($3 IS NULL OR channel = $3) LIMIT 1",
        )
        .bind(user)
        .bind(domain)
        .bind(channel)
        .fetch_optional(&self.readers)
        .await?;
        Ok(found.is_some())
    }
}

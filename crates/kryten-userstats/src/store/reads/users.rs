//! What is known of one user.

use serde::Serialize;
use sqlx::FromRow;

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
}

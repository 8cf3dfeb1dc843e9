//! How far each channel is counted, and who may count it.

use kryten_protocol::token::normalize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError};

/// Up to where the stream is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// When the stream was created, in nanoseconds since the Unix epoch.
    pub stream_created: i128,
    /// The last counted sequence; 0 before the first.
    pub sequence: u64,
    /// The id of the message there, where it had one.
    pub message_id: Option<String>,
    /// When the server stored the message there, in nanoseconds since the Unix epoch; 0 where it is not known.
    pub message_time: i128,
}

/// What taking over a channel gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The channel's subject token.
    pub token: String,
    /// Our epoch: as long as nobody takes it over, our commits hold.
    pub epoch: i64,
    /// Where to go on; `None` where nothing of a stream was counted yet.
    pub position: Option<Position>,
    /// Whether anything was counted for it already, also without a position: by the original, or live only.
    pub has_counts: bool,
}

impl Store {
    /// Takes a channel over: commits of earlier holders are refused from now on.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn claim(&self, channel: &str) -> Result<Claim, StoreError> {
        let token = normalize(channel);
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let row = sqlx::query(
            "INSERT INTO kryten_position (token, epoch) VALUES ($1, 1)
             ON CONFLICT (token) DO UPDATE SET epoch = kryten_position.epoch + 1
             RETURNING epoch, stream_created, sequence, message_id, message_time",
        )
        .bind(&token)
        .fetch_one(&mut *transaction)
        .await?;
        let has_counts = has_counts(&mut transaction, &token).await?;
        transaction.commit().await?;
        Ok(Claim {
            token,
            epoch: row.try_get("epoch")?,
            position: position(&row)?,
            has_counts,
        })
    }
}

impl Store {
    /// The stored position of a channel that we hold.
    pub(super) async fn position(
        &self,
        token: &str,
        epoch: i64,
    ) -> Result<Option<Position>, StoreError> {
        let row = sqlx::query(
            "SELECT stream_created, sequence, message_id, message_time FROM kryten_position
             WHERE token = $1 AND epoch = $2",
        )
        .bind(token)
        .bind(epoch)
        .fetch_optional(&self.writer)
        .await?;
        Ok(match row {
            Some(row) => position(&row)?,
            None => None,
        })
    }
}

/// Moves a channel's position; `false` when another holder has taken the channel over.
pub(super) async fn advance(
    connection: &mut SqliteConnection,
    token: &str,
    epoch: i64,
    position: Option<&Position>,
) -> sqlx::Result<bool> {
    let done = match position {
        Some(position) => {
            sqlx::query(
                "UPDATE kryten_position SET stream_created = $1, sequence = $2, message_id = $3, message_time = $4
                 WHERE token = $5 AND epoch = $6",
            )
            .bind(position.stream_created.to_string())
            .bind(position.sequence.cast_signed())
            .bind(position.message_id.as_deref())
            .bind(i64::try_from(position.message_time).unwrap_or_default())
            .bind(token)
            .bind(epoch)
            .execute(connection)
            .await?
        }
        None => {
            sqlx::query("UPDATE kryten_position SET epoch = epoch WHERE token = $1 AND epoch = $2")
                .bind(token)
                .bind(epoch)
                .execute(connection)
                .await?
        }
    };
    Ok(done.rows_affected() == 1)
}

fn position(row: &SqliteRow) -> sqlx::Result<Option<Position>> {
    let created: Option<String> = row.try_get("stream_created")?;
    let Some(stream_created) = created.and_then(|text| text.parse().ok()) else {
        return Ok(None);
    };
    Ok(Some(Position {
        stream_created,
        sequence: row.try_get::<i64, _>("sequence")?.cast_unsigned(),
        message_id: row.try_get("message_id")?,
        message_time: row.try_get::<i64, _>("message_time")?.into(),
    }))
}

/// Channels are stored as written; their subject token is what tells them apart in the stream.
async fn has_counts(connection: &mut SqliteConnection, token: &str) -> sqlx::Result<bool> {
    let channels: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT channel FROM message_counts
         UNION SELECT DISTINCT channel FROM media_changes
         UNION SELECT DISTINCT channel FROM user_activity
         UNION SELECT DISTINCT channel FROM kryten_channel_state",
    )
    .fetch_all(connection)
    .await?;
    Ok(channels.iter().any(|channel| normalize(channel) == token))
}

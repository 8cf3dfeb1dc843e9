//! How far each channel is counted, and who may count it.

use std::collections::BTreeSet;

use kryten_protocol::token::normalize;
use sqlx::FromRow;

use super::sql::{self, Transaction};
use super::{Store, StoreError};
use crate::tally::Seals;

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
    /// Which of the robot's sealed events were counted.
    pub seals: Seals,
}

#[derive(FromRow)]
struct PositionRow {
    epoch: i64,
    stream_created: Option<String>,
    sequence: i64,
    message_id: Option<String>,
    message_time: i64,
    seals: Option<String>,
}

impl Store {
    /// Takes a channel over: commits of earlier holders are refused from now on.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn claim(&self, channel: &str) -> Result<Claim, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let counted = counted(&mut transaction).await?;
        let claim = claim(&mut transaction, normalize(channel), &counted).await?;
        transaction.commit().await?;
        self.ledger.claimed(&claim.token, claim.epoch);
        Ok(claim)
    }

    /// How many commits the database has of one who holds the channel under this epoch; `None` where it is another's.
    pub(super) async fn commits(&self, token: &str, epoch: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT commits FROM kryten_position WHERE token = $1 AND epoch = $2";
        Ok(sql::query_scalar(sql)
            .bind(token)
            .bind(epoch)
            .fetch_optional(&self.writer)
            .await?)
    }
}

/// Takes a channel over; `counted` is what [`counted`] found.
pub(super) async fn claim(
    transaction: &mut Transaction,
    token: String,
    counted: &BTreeSet<String>,
) -> sqlx::Result<Claim> {
    let row: PositionRow = sql::query_as(
        "INSERT INTO kryten_position (token, epoch) VALUES ($1, 1)
         ON CONFLICT (token) DO UPDATE SET epoch = kryten_position.epoch + 1, commits = 0
         RETURNING epoch, stream_created, sequence, message_id, message_time, seals",
    )
    .bind(&token)
    .fetch_one(&mut *transaction)
    .await?;
    Ok(Claim {
        has_counts: counted.contains(&token),
        token,
        epoch: row.epoch,
        // What nobody can read is of a later program.
        seals: row
            .seals
            .as_deref()
            .and_then(|seals| serde_json::from_str(seals).ok())
            .unwrap_or_default(),
        position: position(row),
    })
}

/// Moves a channel's position; `false` when another holder has taken the channel over, or when the database has not
/// all of our earlier commits (`done` of them), since it was set back: to an older copy, or by the loss of a server.
pub(super) async fn advance(
    transaction: &mut Transaction,
    token: &str,
    epoch: i64,
    done: Option<i64>,
    position: Option<&Position>,
    seals: Option<&str>,
) -> sqlx::Result<bool> {
    let moved = match position {
        Some(position) => sql::query(
            "UPDATE kryten_position SET commits = commits + 1, stream_created = $4, sequence = $5,
                     message_id = $6, message_time = $7, seals = COALESCE($8, seals)
                 WHERE token = $1 AND epoch = $2 AND commits = COALESCE($3, commits)",
        )
        .bind(token)
        .bind(epoch)
        .bind(done)
        .bind(position.stream_created.to_string())
        .bind(position.sequence.cast_signed())
        .bind(position.message_id.as_deref())
        .bind(i64::try_from(position.message_time).unwrap_or_default())
        .bind(seals)
        .execute(transaction)
        .await?,
        None => {
            sql::query(
                "UPDATE kryten_position SET commits = commits + 1
                 WHERE token = $1 AND epoch = $2 AND commits = COALESCE($3, commits)",
            )
            .bind(token)
            .bind(epoch)
            .bind(done)
            .execute(transaction)
            .await?
        }
    };
    Ok(moved == 1)
}

fn position(row: PositionRow) -> Option<Position> {
    let stream_created = row.stream_created?.parse().ok()?;
    Some(Position {
        stream_created,
        sequence: row.sequence.cast_unsigned(),
        message_id: row.message_id,
        message_time: row.message_time.into(),
    })
}

/// The subject tokens of channels of which anything is counted. It reads whole tables, so it is asked once for all
/// channels. Channels are stored as written; their subject token is what tells them apart in the stream.
pub(super) async fn counted(transaction: &mut Transaction) -> sqlx::Result<BTreeSet<String>> {
    let channels: Vec<String> = sql::query_scalar(
        "SELECT DISTINCT channel FROM message_counts
         UNION SELECT DISTINCT channel FROM media_changes
         UNION SELECT DISTINCT channel FROM user_activity
         UNION SELECT DISTINCT channel FROM kryten_channel_state",
    )
    .fetch_all(transaction)
    .await?;
    Ok(channels.iter().map(|channel| normalize(channel)).collect())
}

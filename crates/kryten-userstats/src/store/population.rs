//! Population snapshots and the watermarks that follow from them.

use super::sql::{self, Transaction};
use crate::tally::{RoomKey, Snapshot};
use kryten_protocol::time::WireTime;

const DAY_MICROS: i64 = 86_400_000_000;

/// Stores a snapshot. It is a new high mark where nothing of the last 24 hours is above it, and a low mark where
/// nothing is below it: ties are marks too, as in the original.
pub(super) async fn insert(
    connection: &mut Transaction,
    key: &RoomKey,
    snapshot: &Snapshot,
) -> sqlx::Result<()> {
    let at = snapshot.at.to_string();
    sql::query(
        "INSERT INTO population_snapshots (channel, domain, timestamp, connected_count, chat_count)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&key.channel)
    .bind(&key.domain)
    .bind(&at)
    .bind(snapshot.connected)
    .bind(snapshot.chatting)
    .execute(&mut *connection)
    .await?;
    let since = WireTime::from_micros(snapshot.at.micros() - DAY_MICROS).to_string();
    let (highest, lowest): (i64, i64) = sql::query_as(
        "SELECT MAX(connected_count), MIN(connected_count) FROM population_snapshots
         WHERE timestamp >= $1 AND channel = $2 AND domain = $3",
    )
    .bind(&since)
    .bind(&key.channel)
    .bind(&key.domain)
    .fetch_one(&mut *connection)
    .await?;
    let marks = [
        (snapshot.connected >= highest, 1_i64),
        (snapshot.connected <= lowest, 0),
    ];
    for (_, is_high) in marks.into_iter().filter(|(is_mark, _)| *is_mark) {
        sql::query(
            "INSERT INTO population_watermarks
                 (channel, domain, timestamp, total_users, chat_users, is_high_mark)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (channel, domain, timestamp, is_high_mark)
             DO UPDATE SET total_users = excluded.total_users, chat_users = excluded.chat_users",
        )
        .bind(&key.channel)
        .bind(&key.domain)
        .bind(&at)
        .bind(snapshot.connected)
        .bind(snapshot.chatting)
        .bind(is_high)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

//! From when to when everything is counted.

use std::collections::BTreeSet;

use super::sql::{self, Transaction};
use super::{Store, StoreError};
use crate::tally::{Covered, CoveredKind, RoomKey, RoomSums, Span};

const KINDS: [CoveredKind; 2] = [CoveredKind::Lines, CoveredKind::Events];

impl Store {
    /// What is covered of a channel.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn covered(&self, domain: &str, channel: &str) -> Result<Covered, StoreError> {
        let rows: Vec<(String, i64, i64)> = sql::query_as(
            "SELECT kind, began_at, ended_at FROM kryten_coverage
             WHERE domain = $1 AND channel = $2",
        )
        .bind(domain)
        .bind(channel)
        .fetch_all(&self.readers)
        .await?;
        let mut covered = Covered::default();
        for (named, from, to) in rows {
            let span = Span { from, to };
            for kind in KINDS.into_iter().filter(|kind| kind.as_str() == named) {
                covered.add(kind, span);
            }
        }
        Ok(covered)
    }

    /// Notes that everything until now may be counted already of these channels (domain and channel), by the original
    /// or by a version that did not note what it covered; nothing where something is noted.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn cover_past(&self, rooms: &[(&str, &str)], until: i64) -> Result<(), StoreError> {
        if rooms.is_empty() {
            return Ok(());
        }
        let mut transaction = self.writer.begin().await?;
        let noted = distinct(
            &mut transaction,
            "SELECT DISTINCT domain, channel FROM kryten_coverage",
        )
        .await?;
        let is_noted = |room: &(&str, &str)| noted.contains(&owned(room));
        if rooms.iter().all(is_noted) {
            return Ok(());
        }
        let counted = distinct(
            &mut transaction,
            "SELECT DISTINCT domain, channel FROM message_counts
             UNION SELECT DISTINCT domain, channel FROM user_activity",
        )
        .await?;
        let unnoted = rooms.iter().filter(|room| !is_noted(room));
        for room in unnoted.filter(|room| counted.contains(&owned(room))) {
            for kind in KINDS {
                sql::query(
                    "INSERT INTO kryten_coverage
                         (domain, channel, kind, began_at, ended_at, source)
                     VALUES ($1, $2, $3, 0, $4, 'earlier')",
                )
                .bind(room.0)
                .bind(room.1)
                .bind(kind.as_str())
                .bind(until)
                .execute(&mut transaction)
                .await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

async fn distinct(
    transaction: &mut Transaction,
    sql: &'static str,
) -> sqlx::Result<BTreeSet<(String, String)>> {
    let rows: Vec<(String, String)> = sql::query_as(sql).fetch_all(transaction).await?;
    Ok(rows.into_iter().collect())
}

fn owned((domain, channel): &(&str, &str)) -> (String, String) {
    ((*domain).to_owned(), (*channel).to_owned())
}

/// Stores what a batch covers.
pub(super) async fn write(
    transaction: &mut Transaction,
    key: &RoomKey,
    sums: &RoomSums,
) -> sqlx::Result<()> {
    for ((kind, from), span) in &sums.coverage {
        sql::query(
            "INSERT INTO kryten_coverage (domain, channel, kind, began_at, ended_at, source)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (domain, channel, kind, began_at) DO UPDATE SET ended_at = excluded.ended_at",
        )
        .bind(&key.domain)
        .bind(&key.channel)
        .bind(kind.as_str())
        .bind(*from)
        .bind(span.to)
        .bind(sums.covered_by.unwrap_or("counting"))
        .execute(&mut *transaction)
        .await?;
    }
    Ok(())
}

//! From when to when everything is counted.

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

    /// Notes that everything until now may be counted already, by the original or by a version that did not note what it
    /// covered; nothing where something is noted.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn cover_past(
        &self,
        domain: &str,
        channel: &str,
        until: i64,
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await?;
        let noted: i64 = sql::query_scalar(
            "SELECT COUNT(*) FROM kryten_coverage WHERE domain = $1 AND channel = $2",
        )
        .bind(domain)
        .bind(channel)
        .fetch_one(&mut transaction)
        .await?;
        let counted: i64 = sql::query_scalar(
            "SELECT (SELECT COUNT(*) FROM message_counts WHERE domain = $1 AND channel = $2)
                 + (SELECT COUNT(*) FROM user_activity WHERE domain = $1 AND channel = $2)",
        )
        .bind(domain)
        .bind(channel)
        .fetch_one(&mut transaction)
        .await?;
        for kind in KINDS.into_iter().filter(|_| noted == 0 && counted > 0) {
            sql::query(
                "INSERT INTO kryten_coverage (domain, channel, kind, began_at, ended_at, source)
                 VALUES ($1, $2, $3, 0, $4, 'earlier')",
            )
            .bind(domain)
            .bind(channel)
            .bind(kind.as_str())
            .bind(until)
            .execute(&mut transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
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

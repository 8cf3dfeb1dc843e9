//! The tables: the original's where they are missing, ours by numbered changes that are never edited.

use kryten_protocol::time::WireTime;
use sqlx::{Row, SqlitePool};

use super::StoreError;

const ORIGINAL: &str = include_str!("../../migrations/original.sql");
const CHANGES: [(i64, &str); 5] = [
    (1, include_str!("../../migrations/0001_exact_counting.sql")),
    (
        2,
        include_str!("../../migrations/0002_names_in_any_case.sql"),
    ),
    (
        3,
        include_str!("../../migrations/0003_hours_of_population.sql"),
    ),
    (
        4,
        include_str!("../../migrations/0004_wishes_of_people.sql"),
    ),
    (5, include_str!("../../migrations/0005_what_is_covered.sql")),
];

/// Makes the tables that are missing, all or none.
pub(super) async fn prepare(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(ORIGINAL).execute(&mut *transaction).await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS kryten_migrations
             (version BIGINT NOT NULL PRIMARY KEY, applied_at TEXT NOT NULL)",
    )
    .execute(&mut *transaction)
    .await?;
    let found: i64 = sqlx::query("SELECT COALESCE(MAX(version), 0) FROM kryten_migrations")
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
    let known = CHANGES[CHANGES.len() - 1].0;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (version, sql) in CHANGES.into_iter().filter(|(version, _)| *version > found) {
        sqlx::raw_sql(sql).execute(&mut *transaction).await?;
        let now = WireTime::from_micros(jiff::Timestamp::now().as_microsecond());
        sqlx::query("INSERT INTO kryten_migrations (version, applied_at) VALUES ($1, $2)")
            .bind(version)
            .bind(now.to_string())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

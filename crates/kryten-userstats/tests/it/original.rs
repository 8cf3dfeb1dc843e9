//! A database as the original leaves it.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

use crate::backend::Place;

const SCHEMA: &str = include_str!("../fixtures/original_schema.sql");
const ROWS: &str = include_str!("../fixtures/userstats_db_rows.sql");

/// Writes such a database; `keep` decides which of its INSERT statements are run.
pub(crate) async fn write(path: &Path, keep: impl Fn(&str) -> bool) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .unwrap();
    sqlx::raw_sql(SCHEMA).execute(&pool).await.unwrap();
    let rows: Vec<&str> = ROWS
        .lines()
        .filter(|row| !row.contains("sqlite_sequence") && keep(row))
        .collect();
    let rows = sqlx::AssertSqlSafe(rows.join("\n"));
    sqlx::raw_sql(rows).execute(&pool).await.unwrap();
    pool.close().await;
}

const TABLES: [(&str, &str); 11] = [
    ("users", "username"),
    ("user_aliases", "username, alias"),
    ("message_counts", "username, channel, domain, message_count"),
    ("pm_counts", "username, pm_count"),
    (
        "emote_usage",
        "username, channel, domain, emote, usage_count",
    ),
    ("kudos_plusplus", "username, channel, domain, kudos_count"),
    (
        "kudos_phrases",
        "username, channel, domain, phrase, kudos_count",
    ),
    (
        "media_changes",
        "channel, domain, media_title, media_type, media_id",
    ),
    (
        "movie_votes",
        "channel, domain, media_title, media_type, media_id, username, vote",
    ),
    (
        "user_activity",
        "username, channel, domain, total_time_seconds, not_afk_time_seconds",
    ),
    ("kudos_trigger_phrases", "phrase"),
];

/// Everything in the original's tables as text, ids left out.
pub(crate) async fn dump(path: &Path) -> Vec<String> {
    dump_of(&Place::File(path.to_owned())).await
}

/// As [`dump`], wherever the database is.
pub(crate) async fn dump_of(place: &Place) -> Vec<String> {
    let mut lines = Vec::new();
    for (table, columns) in TABLES {
        let cells = columns.replace(", ", " || '|' || ");
        let sql = format!("SELECT {cells} FROM {table} ORDER BY 1");
        let rows = place.texts(&sql).await;
        lines.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
    }
    lines
}

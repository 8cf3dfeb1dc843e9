//! The care of a database: is it sound, and a copy of it while it is in use.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::{Place, Store, StoreError, sql};

/// Rows that no correct service writes: what is told of them, and how they are counted.
const IMPOSSIBLE: [(&str, &str); 7] = [
    (
        "rows of message_counts below 0",
        "SELECT COUNT(*) FROM message_counts WHERE message_count < 0",
    ),
    (
        "rows of kudos_plusplus below 0",
        "SELECT COUNT(*) FROM kudos_plusplus WHERE kudos_count < 0",
    ),
    (
        "rows of kudos_phrases below 0",
        "SELECT COUNT(*) FROM kudos_phrases WHERE kudos_count < 0",
    ),
    (
        "rows of emote_usage below 0",
        "SELECT COUNT(*) FROM emote_usage WHERE usage_count < 0",
    ),
    (
        "visits that end before they begin",
        "SELECT COUNT(*) FROM kryten_visits WHERE closed_at < opened_at",
    ),
    (
        "users who are in a channel twice",
        "SELECT COUNT(*) FROM (
             SELECT username FROM kryten_visits WHERE closed_at IS NULL
             GROUP BY domain, channel, username HAVING COUNT(*) > 1
         ) AS doubles",
    ),
    (
        "positions below 0",
        "SELECT COUNT(*) FROM kryten_position WHERE sequence < 0",
    ),
];

impl Store {
    /// What is wrong with the database; nothing where it is sound.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when it cannot be read.
    pub async fn faults(&self) -> Result<Vec<String>, StoreError> {
        let mut faults = Vec::new();
        if let Place::File(_) = self.place {
            let words: Vec<String> = sql::query_scalar("PRAGMA integrity_check")
                .fetch_all(&self.readers)
                .await?;
            faults.extend(words.into_iter().filter(|word| word != "ok"));
        }
        for (what, count) in IMPOSSIBLE {
            let rows: i64 = sql::query_scalar(count).fetch_one(&self.readers).await?;
            if rows > 0 {
                faults.push(format!("{rows} {what}"));
            }
        }
        Ok(faults)
    }
}

/// Copies a database file into a new one, while services go on with it: the copy is that of one moment.
///
/// # Errors
/// [`StoreError`] when the file is no database, the copy exists already, or it cannot be written.
pub async fn backup(path: &Path, copy: &Path) -> Result<(), StoreError> {
    if copy.exists() {
        return Err(StoreError::Exists {
            path: copy.to_owned(),
        });
    }
    let mut connection = read_only(path).await?;
    let mut half = copy.as_os_str().to_owned();
    half.push(".half");
    // Of a copy that was interrupted; where there is none, nothing is to be done.
    let _ = std::fs::remove_file(&half);
    let name = half.to_string_lossy().replace('\'', "''");
    let written = sqlx::query(AssertSqlSafe(format!("VACUUM INTO '{name}'")))
        .execute(&mut connection)
        .await;
    let closed = connection.close().await;
    written?;
    closed?;
    let named = std::fs::File::open(&half)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(&half, copy));
    named.map_err(|source| StoreError::Write {
        path: copy.to_owned(),
        source,
    })
}

/// A connection to an existing file that changes nothing.
pub(super) async fn read_only(path: &Path) -> Result<SqliteConnection, StoreError> {
    let failed = |source| StoreError::Open {
        path: path.to_owned(),
        source,
    };
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(std::time::Duration::from_secs(30));
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(failed)?;
    // A file that is no database is noticed at the first read.
    sqlx::query("SELECT COUNT(*) FROM sqlite_master")
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    Ok(connection)
}

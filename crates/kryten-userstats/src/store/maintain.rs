//! The care of a database, which changes nothing in it: is it sound, and a copy of it while it is in use.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use tokio::sync::OnceCell;

use super::readers::Readers;
use super::sql::Pool;
use super::{Place, Store, StoreError, sql};

/// Rows that no correct service writes: the table, what is told of them, and how they are counted.
const IMPOSSIBLE: [(&str, &str, &str); 7] = [
    (
        "message_counts",
        "rows of message_counts below 0",
        "SELECT COUNT(*) FROM message_counts WHERE message_count < 0",
    ),
    (
        "kudos_plusplus",
        "rows of kudos_plusplus below 0",
        "SELECT COUNT(*) FROM kudos_plusplus WHERE kudos_count < 0",
    ),
    (
        "kudos_phrases",
        "rows of kudos_phrases below 0",
        "SELECT COUNT(*) FROM kudos_phrases WHERE kudos_count < 0",
    ),
    (
        "emote_usage",
        "rows of emote_usage below 0",
        "SELECT COUNT(*) FROM emote_usage WHERE usage_count < 0",
    ),
    (
        "kryten_visits",
        "visits that end before they begin",
        "SELECT COUNT(*) FROM kryten_visits WHERE closed_at < opened_at",
    ),
    (
        "kryten_visits",
        "users who are in a channel twice",
        "SELECT COUNT(*) FROM (
             SELECT username FROM kryten_visits WHERE closed_at IS NULL
             GROUP BY domain, channel, username HAVING COUNT(*) > 1
         ) AS doubles",
    ),
    (
        "kryten_position",
        "positions below 0",
        "SELECT COUNT(*) FROM kryten_position WHERE sequence < 0",
    ),
];

/// A table of the original, and so of every database of the statistics.
const FIRST_TABLE: &str = "message_counts";

impl Store {
    /// An existing file, to be looked at: nothing is added to it, and nothing can be written through this.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the file is no database, or cannot be read.
    pub async fn look_at(path: &Path) -> Result<Self, StoreError> {
        let options = readable(path).await?.pragma("query_only", "ON");
        let readers = Readers::open(options)
            .await
            .map_err(|source| StoreError::Open {
                path: path.to_owned(),
                source,
            })?;
        let readers = Arc::new(readers);
        Ok(Self {
            writer: Pool::Readers(Arc::clone(&readers)),
            readers: Pool::Readers(readers),
            place: Place::File(path.to_owned()),
            prepared: Arc::new(OnceCell::new_with(Some(()))),
            ledger: Arc::default(),
        })
    }

    /// What is wrong with the database; nothing where it is sound. Of the original's, what ours has added is not missed.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when it cannot be read.
    pub async fn faults(&self) -> Result<Vec<String>, StoreError> {
        let mut faults = Vec::new();
        let tables = match self.place {
            Place::File(_) => "SELECT name FROM sqlite_master WHERE type = 'table'",
            Place::Url(_) => {
                "SELECT CAST(tablename AS TEXT) FROM pg_tables
                 WHERE schemaname = ANY (current_schemas(false))"
            }
        };
        let tables: Vec<String> = sql::query_scalar(tables).fetch_all(&self.readers).await?;
        let tables: BTreeSet<String> = tables.into_iter().collect();
        if !tables.contains(FIRST_TABLE) {
            faults.push("it is no database of the statistics: their tables are not there".into());
        }
        if let Place::File(_) = self.place {
            let words: Vec<String> = sql::query_scalar("PRAGMA integrity_check")
                .fetch_all(&self.readers)
                .await?;
            faults.extend(words.into_iter().filter(|word| word != "ok"));
        }
        for (table, what, count) in IMPOSSIBLE {
            if !tables.contains(table) {
                continue;
            }
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
    let options = readable(path).await?;
    let connected = SqliteConnection::connect_with(&options).await;
    connected.map_err(|source| StoreError::Open {
        path: path.to_owned(),
        source,
    })
}

/// How an existing file can be read.
async fn readable(path: &Path) -> Result<SqliteConnectOptions, StoreError> {
    let usual = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(std::time::Duration::from_secs(30));
    let source = match probe(&usual).await {
        Ok(()) => return Ok(usual),
        Err(source) => source,
    };
    // Where nothing waits beside the file, it is whole without it.
    let fixed = usual.immutable(true);
    if may_not_write(&source) && !has_log(path) && probe(&fixed).await.is_ok() {
        return Ok(fixed);
    }
    Err(StoreError::Open {
        path: path.to_owned(),
        source,
    })
}

/// A file that is no database is noticed at the first read.
async fn probe(options: &SqliteConnectOptions) -> sqlx::Result<()> {
    let mut connection = SqliteConnection::connect_with(options).await?;
    let read = sqlx::query("SELECT COUNT(*) FROM sqlite_master")
        .execute(&mut connection)
        .await;
    // It has only read; how it ends does not matter.
    let _ = connection.close().await;
    read.map(drop)
}

/// Whether SQLite wants to write beside the file, and may not.
fn may_not_write(error: &sqlx::Error) -> bool {
    const READONLY: u32 = 8;
    const CANTOPEN: u32 = 14;
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<u32>().ok());
    // The lowest byte; the others say in which way.
    code.is_some_and(|code| [READONLY, CANTOPEN].contains(&(code & 0xff)))
}

/// Whether something was committed that is not in the file itself yet.
fn has_log(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        std::fs::metadata(name).is_ok_and(|log| log.len() > 0)
    })
}

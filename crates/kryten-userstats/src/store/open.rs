//! Opens the database and sees to its tables.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, PgConnection};
use tokio::sync::OnceCell;

use super::readers::Readers;
use super::sql::Pool;
use super::{DatabaseUrl, Place, Store, StoreError, schema};

/// As long as the original waits; its alias tool may write at the same time.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Pages that each connection to a file may hold, in KiB (negative, as SQLite wants it). Those of its usual 2 MB fill as
/// the file grows, which in a service that needs 20 MB looks like a leak; the system holds the file's pages besides.
const CACHE_KIB: &str = "-1024";
/// A server that does not answer for longer is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was used less long ago is not asked whether it still lives, which takes as long as a statement. No
/// server is started anew in this time.
const STILL_THERE: Duration = Duration::from_millis(100);
/// A transaction in which nothing is said for so long (in milliseconds) is rolled back: one who was suspended in it must
/// not keep the others from taking over.
const ABANDONED: (&str, &str) = ("idle_in_transaction_session_timeout", "5000");
/// A connection that is given back and does not answer for so long is closed: until a server that vanished is missed by
/// the system, minutes pass, and no other could take its place.
const GIVE_BACK_TIMEOUT: Duration = Duration::from_secs(3);
/// Requests that only read.
const READERS: u32 = 4;
/// Counting, leases, and requests that change something.
const WRITERS: u32 = 3;

impl Store {
    /// Opens the file of the original or of an earlier run, or makes a new one.
    ///
    /// # Errors
    /// [`StoreError`] when the folder cannot be made, the file is no database, or a newer version wrote it.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
                path: folder.to_owned(),
                source,
            })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("cache_size", CACHE_KIB);
        let failed = |source| StoreError::Open {
            path: path.to_owned(),
            source,
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            // On a full disk SQLite ends a transaction by itself, which sqlx does not notice: it would begin no further one.
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        let writer = Pool::Sqlite(writer);
        schema::prepare(&writer)
            .await
            .map_err(|error| match error {
                StoreError::Sql(source) => failed(source),
                other => other,
            })?;
        let readers = Readers::open(options.create_if_missing(false).pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self {
            writer,
            readers: Pool::Readers(Arc::new(readers)),
            place: Place::File(path.to_owned()),
            prepared: Arc::new(OnceCell::new_with(Some(()))),
            ledger: Arc::default(),
        })
    }

    /// A database of PostgreSQL. Nothing is asked of it before [`Store::prepare`].
    pub fn connect(url: &DatabaseUrl) -> Self {
        let options = url.options();
        let writers = PgPoolOptions::new()
            .max_connections(WRITERS)
            .acquire_timeout(CONNECT_TIMEOUT)
            .after_release(|connection, _| Box::pin(still_answers(connection)))
            .connect_lazy_with(options.clone().options([ABANDONED]));
        let read_only = [("default_transaction_read_only", "on")];
        let readers = PgPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(CONNECT_TIMEOUT)
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(still_answers(connection)))
            .before_acquire(|connection, idle| {
                Box::pin(async move {
                    Ok(idle.idle_for < STILL_THERE || connection.ping().await.is_ok())
                })
            })
            .connect_lazy_with(options.clone().options(read_only));
        Self {
            writer: Pool::Postgres(writers),
            readers: Pool::Postgres(readers),
            place: Place::Url(url.clone()),
            prepared: Arc::default(),
            ledger: Arc::default(),
        }
    }

    /// Sees that the database answers and has all tables; once is enough.
    ///
    /// # Errors
    /// [`StoreError`], with [`StoreError::is_transient`] where it is worth while to try again.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        let Place::Url(url) = &self.place else {
            return Ok(());
        };
        let prepare = async {
            reach(url).await?;
            schema::prepare(&self.writer).await
        };
        self.prepared.get_or_try_init(|| prepare).await?;
        Ok(())
    }

    /// Sees that the database answers, and changes nothing in it.
    ///
    /// # Errors
    /// [`StoreError`], with [`StoreError::is_transient`] where it is worth while to try again.
    pub async fn reach(&self) -> Result<(), StoreError> {
        match &self.place {
            Place::Url(url) => reach(url).await,
            Place::File(_) => Ok(()),
        }
    }
}

/// Whether a connection that is given back may be lent again.
async fn still_answers(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let ping = tokio::time::timeout(GIVE_BACK_TIMEOUT, connection.ping());
    Ok(matches!(ping.await, Ok(Ok(()))))
}

/// A pool would try again and again, and hide why.
async fn reach(url: &DatabaseUrl) -> Result<(), StoreError> {
    let probe = PgConnection::connect_with(url.options());
    let probe = tokio::time::timeout(CONNECT_TIMEOUT, probe)
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
        .map_err(|source| StoreError::connecting(url, source))?;
    // It has done its duty; how it ends does not matter.
    let _ = probe.close().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql;

    async fn write_much(store: &Store) -> sqlx::Result<()> {
        let mut transaction = store.writer.begin().await?;
        for number in 0..500 {
            sql::query(
                "INSERT INTO users (username, first_seen_at, last_seen_at) VALUES ($1, '', '')",
            )
            .bind(format!("{number:0>2000}"))
            .execute(&mut transaction)
            .await?;
        }
        transaction.commit().await
    }

    #[tokio::test]
    async fn a_transaction_that_a_full_disk_has_ended_is_not_in_the_way_of_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("full.db")).await.unwrap();
        // As a full disk: the file cannot grow. A new connection has no such limit.
        let full = sql::query_scalar::<i64>("PRAGMA max_page_count = 1");
        full.fetch_one(&store.writer).await.unwrap();
        let failure = write_much(&store).await.unwrap_err();
        assert!(failure.to_string().contains("full"), "{failure}");
        write_much(&store).await.unwrap();
        let count = sql::query_scalar::<i64>("SELECT COUNT(*) FROM users");
        assert_eq!(count.fetch_one(&store.readers).await.unwrap(), 500);
    }
}

//! Connections to a file that only read.
//!
//! A pool of sqlx asks each connection whether it lives, before a statement and after it, and each time that is a way to
//! the connection's thread and back: longer than what most statements of ours need. A file does not go away as a
//! server does, so these are only lent and given back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many statements run at once.
const READERS: u32 = 4;
/// As long as a pool of sqlx waits.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// All of them.
#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    /// The one that was used last is taken first: it has the most in its cache. The lock is the standard one, since
    /// nothing awaits while it is held.
    idle: Mutex<Vec<SqliteConnection>>,
    turns: Semaphore,
}

/// One that is lent; it is given back when this is dropped.
pub(super) struct Reader<'r> {
    readers: &'r Readers,
    connection: Option<SqliteConnection>,
    _turn: SemaphorePermit<'r>,
}

impl Readers {
    /// Opens the first; the others when they are needed.
    pub(super) async fn open(options: SqliteConnectOptions) -> sqlx::Result<Self> {
        let first = SqliteConnection::connect_with(&options).await?;
        Ok(Self {
            options,
            idle: Mutex::new(vec![first]),
            turns: Semaphore::new(READERS as usize),
        })
    }

    pub(super) async fn lend(&self) -> sqlx::Result<Reader<'_>> {
        let turn = tokio::time::timeout(LONGEST_WAIT, self.turns.acquire()).await;
        let turn = turn
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        Ok(Reader {
            readers: self,
            connection: Some(connection),
            _turn: turn,
        })
    }

    /// Waits until all are given back, and closes them.
    pub(super) async fn close(&self) {
        let all = self.turns.acquire_many(READERS).await;
        self.turns.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            // It has only read; how it ends does not matter.
            let _ = connection.close().await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader<'_> {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        self.connection
            .as_mut()
            .expect("it is there until it is given back")
    }

    /// One whose thread has ended is not used again.
    pub(super) fn judge<T>(&mut self, outcome: sqlx::Result<T>) -> sqlx::Result<T> {
        if matches!(outcome, Err(sqlx::Error::WorkerCrashed)) {
            self.connection = None;
        }
        outcome
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.readers.idle().extend(self.connection.take());
    }
}

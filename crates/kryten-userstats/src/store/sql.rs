//! One way of asking for both databases: the functions and methods are named as those of sqlx.
//!
//! A statement is written once, with `$1` for its first value. What both understand: `ON CONFLICT … DO UPDATE`,
//! `CAST(SUM(…) AS BIGINT)` (a bare sum is no whole number to PostgreSQL), `CASE`, `COALESCE`, `RETURNING`. A limit
//! goes through [`limit`]. Tables differ only by what [`super::schema`] rewrites.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    FromRow, PgConnection, PgPool, Postgres, SqlSafeStr, SqlStr, Sqlite, SqliteConnection,
    SqlitePool,
};

use super::readers::Readers;
use super::value::Value;

/// Keeps those who write alone and those who add batches apart, in PostgreSQL; any number that nobody else uses.
const WRITER_LOCK: i64 = 0x6b72_7974_656e;
/// A statement outside of a transaction is one read for a query or page, or a change of one row; whole tables, too, are
/// read in less.
const LONGEST_STATEMENT: Duration = Duration::from_secs(120);
/// One in a transaction may wait for another writer, or change many rows.
const LONGEST_IN_TRANSACTION: Duration = Duration::from_secs(600);

/// Connections to one of the databases.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    /// To a file, only for reading.
    Readers(Arc<Readers>),
    Postgres(PgPool),
}

/// A transaction; what is not committed is rolled back.
#[derive(Debug)]
pub(super) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Pool {
    /// Begins a transaction that no other writer disturbs.
    pub(super) async fn begin(&self) -> sqlx::Result<Transaction> {
        self.begin_after("SELECT pg_advisory_xact_lock($1)").await
    }

    /// Begins a transaction beside which others of this kind may run.
    pub(super) async fn begin_beside_others(&self) -> sqlx::Result<Transaction> {
        self.begin_after("SELECT pg_advisory_xact_lock_shared($1)")
            .await
    }

    async fn begin_after(&self, lock: &'static str) -> sqlx::Result<Transaction> {
        match self {
            Self::Sqlite(pool) => Ok(Transaction::Sqlite(
                pool.begin_with("BEGIN IMMEDIATE").await?,
            )),
            Self::Readers(_) => Err(sqlx::Error::Configuration(
                "what is only read is not changed".into(),
            )),
            Self::Postgres(pool) => {
                let mut transaction = in_transaction(pool.begin()).await?;
                let lock = sqlx::query(lock).bind(WRITER_LOCK);
                in_transaction(lock.execute(&mut *transaction)).await?;
                Ok(Transaction::Postgres(transaction))
            }
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Readers(readers) => readers.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Transaction {
    pub(super) async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => in_transaction(transaction.commit()).await,
        }
    }

    /// Runs statements without values, however long that takes: large tables are changed so.
    pub(super) async fn run(&mut self, sql: impl SqlSafeStr) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(transaction) => {
                sqlx::raw_sql(sql).execute(&mut **transaction).await?;
            }
            Self::Postgres(transaction) => {
                sqlx::raw_sql(sql).execute(&mut **transaction).await?;
            }
        }
        Ok(())
    }
}

/// Where a statement runs.
pub(super) enum On<'c> {
    SqlitePool(&'c SqlitePool),
    Readers(&'c Readers),
    PostgresPool(&'c PgPool),
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl<'c> From<&'c Pool> for On<'c> {
    fn from(pool: &'c Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::SqlitePool(pool),
            Pool::Readers(readers) => Self::Readers(readers),
            Pool::Postgres(pool) => Self::PostgresPool(pool),
        }
    }
}

impl<'c> From<&'c mut Transaction> for On<'c> {
    fn from(transaction: &'c mut Transaction) -> Self {
        match transaction {
            Transaction::Sqlite(transaction) => Self::Sqlite(transaction),
            Transaction::Postgres(transaction) => Self::Postgres(transaction),
        }
    }
}

/// What can be read from a row of either database; everything that derives `FromRow`, and tuples.
pub(super) trait AnyRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> AnyRow for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// A statement and its values.
pub(super) struct Query<'q> {
    sql: SqlStr,
    values: Vec<Value<'q>>,
}

/// A statement whose rows are read as `T`.
pub(super) struct QueryAs<'q, T> {
    query: Query<'q>,
    row: PhantomData<fn() -> T>,
}

/// A statement whose rows have one column.
pub(super) struct QueryScalar<'q, T> {
    rows: QueryAs<'q, (T,)>,
}

/// A statement that gives no rows.
pub(super) fn query<'q>(sql: impl SqlSafeStr) -> Query<'q> {
    Query {
        sql: sql.into_sql_str(),
        values: Vec::new(),
    }
}

/// A statement whose rows are read as `T`.
pub(super) fn query_as<'q, T>(sql: impl SqlSafeStr) -> QueryAs<'q, T> {
    QueryAs {
        query: query(sql),
        row: PhantomData,
    }
}

/// A statement whose rows have one column.
pub(super) fn query_scalar<'q, T>(sql: impl SqlSafeStr) -> QueryScalar<'q, T> {
    QueryScalar {
        rows: query_as(sql),
    }
}

/// The value for `LIMIT`: below 0 is none.
pub(super) fn limit(rows: i64) -> i64 {
    match rows {
        ..0 => i64::MAX,
        rows => rows,
    }
}

/// Gives a server up that does not answer a single statement: its connection is needed for others, and until the system
/// misses the server a quarter of an hour passes, or for ever where it vanished when it had the statement.
fn unless_vanished<T>(
    statement: impl Future<Output = sqlx::Result<T>>,
) -> impl Future<Output = sqlx::Result<T>> {
    within(LONGEST_STATEMENT, statement)
}

/// As [`unless_vanished`], for a statement of a transaction.
fn in_transaction<T>(
    statement: impl Future<Output = sqlx::Result<T>>,
) -> impl Future<Output = sqlx::Result<T>> {
    within(LONGEST_IN_TRANSACTION, statement)
}

fn within<T>(
    longest: Duration,
    statement: impl Future<Output = sqlx::Result<T>>,
) -> impl Future<Output = sqlx::Result<T>> {
    // A transaction has many, and each that is not boxed makes its future larger.
    let statement = tokio::time::timeout(longest, Box::pin(statement));
    async move {
        let done = statement.await;
        done.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
    }
}

/// Runs a statement wherever it is to run.
macro_rules! on {
    ($on:expr, $query:expr, $sqlite:ident, $postgres:ident, $method:ident) => {
        match $on.into() {
            On::SqlitePool(pool) => $sqlite($query)?.$method(pool).await,
            On::Readers(readers) => {
                let query = $sqlite($query)?;
                let mut reader = readers.lend().await?;
                let outcome = query.$method(reader.connection()).await;
                reader.judge(outcome)
            }
            On::PostgresPool(pool) => unless_vanished($postgres($query)?.$method(pool)).await,
            On::Sqlite(connection) => $sqlite($query)?.$method(connection).await,
            On::Postgres(connection) => {
                in_transaction($postgres($query)?.$method(connection)).await
            }
        }
    };
}

impl<'q> Query<'q> {
    pub(super) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// How many rows were changed.
    pub(super) async fn execute(self, on: impl Into<On<'_>>) -> sqlx::Result<u64> {
        match on.into() {
            On::SqlitePool(pool) => Ok(self.sqlite()?.execute(pool).await?.rows_affected()),
            On::Readers(readers) => {
                let query = self.sqlite()?;
                let mut reader = readers.lend().await?;
                let outcome = query.execute(reader.connection()).await;
                Ok(reader.judge(outcome)?.rows_affected())
            }
            On::PostgresPool(pool) => {
                let done = unless_vanished(self.postgres()?.execute(pool)).await?;
                Ok(done.rows_affected())
            }
            On::Sqlite(connection) => Ok(self.sqlite()?.execute(connection).await?.rows_affected()),
            On::Postgres(connection) => {
                let done = in_transaction(self.postgres()?.execute(connection)).await?;
                Ok(done.rows_affected())
            }
        }
    }

    fn sqlite<'s>(self) -> sqlx::Result<sqlx::query::Query<'s, Sqlite, SqliteArguments>> {
        let (sql, arguments) = self.for_sqlite()?;
        Ok(sqlx::query_with(sql, arguments))
    }

    fn postgres<'s>(self) -> sqlx::Result<sqlx::query::Query<'s, Postgres, PgArguments>> {
        let (sql, arguments) = self.for_postgres()?;
        Ok(sqlx::query_with(sql, arguments))
    }

    fn for_sqlite(self) -> sqlx::Result<(SqlStr, SqliteArguments)> {
        let mut arguments = SqliteArguments::default();
        for value in self.values {
            value
                .add_to_sqlite(&mut arguments)
                .map_err(sqlx::Error::Encode)?;
        }
        Ok((self.sql, arguments))
    }

    fn for_postgres(self) -> sqlx::Result<(SqlStr, PgArguments)> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            value
                .add_to_postgres(&mut arguments)
                .map_err(sqlx::Error::Encode)?;
        }
        Ok((self.sql, arguments))
    }
}

type SqliteQuery<'s, T> = sqlx::query::QueryAs<'s, Sqlite, T, SqliteArguments>;
type PostgresQuery<'s, T> = sqlx::query::QueryAs<'s, Postgres, T, PgArguments>;

fn sqlite<'s, T: AnyRow>(query: Query<'_>) -> sqlx::Result<SqliteQuery<'s, T>> {
    let (sql, arguments) = query.for_sqlite()?;
    Ok(sqlx::query_as_with(sql, arguments))
}

fn postgres<'s, T: AnyRow>(query: Query<'_>) -> sqlx::Result<PostgresQuery<'s, T>> {
    let (sql, arguments) = query.for_postgres()?;
    Ok(sqlx::query_as_with(sql, arguments))
}

impl<'q, T: AnyRow> QueryAs<'q, T> {
    pub(super) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.query = self.query.bind(value);
        self
    }

    pub(super) async fn fetch_all(self, on: impl Into<On<'_>>) -> sqlx::Result<Vec<T>> {
        on!(on, self.query, sqlite, postgres, fetch_all)
    }

    pub(super) async fn fetch_optional(self, on: impl Into<On<'_>>) -> sqlx::Result<Option<T>> {
        on!(on, self.query, sqlite, postgres, fetch_optional)
    }

    pub(super) async fn fetch_one(self, on: impl Into<On<'_>>) -> sqlx::Result<T> {
        on!(on, self.query, sqlite, postgres, fetch_one)
    }
}

impl<'q, T> QueryScalar<'q, T>
where
    (T,): AnyRow,
{
    pub(super) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.rows = self.rows.bind(value);
        self
    }

    pub(super) async fn fetch_all(self, on: impl Into<On<'_>>) -> sqlx::Result<Vec<T>> {
        let rows = self.rows.fetch_all(on).await?;
        Ok(rows.into_iter().map(|(value,)| value).collect())
    }

    pub(super) async fn fetch_optional(self, on: impl Into<On<'_>>) -> sqlx::Result<Option<T>> {
        Ok(self.rows.fetch_optional(on).await?.map(|(value,)| value))
    }

    pub(super) async fn fetch_one(self, on: impl Into<On<'_>>) -> sqlx::Result<T> {
        Ok(self.rows.fetch_one(on).await?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_statement_that_is_never_answered_is_given_up_and_may_be_tried_again() {
        let given_up = unless_vanished::<()>(std::future::pending()).await;
        let error = crate::store::StoreError::from(given_up.unwrap_err());
        assert!(error.is_transient(), "{error}");
        assert_eq!(unless_vanished(async { Ok(1) }).await.unwrap(), 1);
        let began = tokio::time::Instant::now();
        let given_up = in_transaction::<()>(std::future::pending()).await;
        let error = crate::store::StoreError::from(given_up.unwrap_err());
        assert!(error.is_transient(), "{error}");
        assert_eq!(began.elapsed(), LONGEST_IN_TRANSACTION);
    }
}

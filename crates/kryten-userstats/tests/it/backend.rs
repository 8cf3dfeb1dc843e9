//! The databases on which the tests hold.

use std::path::{Path, PathBuf};

use kryten_servers::PostgresServer;
use kryten_userstats::Config;
use kryten_userstats::store::Store;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// A database of a test.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    File(PathBuf),
    Url(String),
}

impl Place {
    /// A database that is not there yet, or empty.
    pub(crate) async fn new(backend: Backend, file: PathBuf) -> Self {
        match backend {
            Backend::Sqlite => Self::File(file),
            Backend::Postgres => Self::Url(PostgresServer::shared().await.database().await),
        }
    }

    pub(crate) async fn open(&self) -> Store {
        match self {
            Self::File(path) => Store::open(path).await.unwrap(),
            Self::Url(url) => {
                let store = Store::connect(&url.parse().unwrap());
                store.prepare().await.unwrap();
                store
            }
        }
    }

    /// Changes what is stored, as nobody should.
    pub(crate) async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::File(path) => {
                let mut connection = sqlite(path).await;
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            }
            Self::Url(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            }
        }
    }

    /// The first column, which is text, of every row.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        match self {
            Self::File(path) => {
                let mut connection = sqlite(path).await;
                let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
                query.fetch_all(&mut connection).await.unwrap()
            }
            Self::Url(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
                query.fetch_all(&mut connection).await.unwrap()
            }
        }
    }

    pub(crate) fn put_into(&self, config: &mut Config) {
        match self {
            Self::File(path) => config.database.clone_from(path),
            Self::Url(url) => config.database_url = Some(url.parse().unwrap()),
        }
    }
}

async fn sqlite(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    SqliteConnection::connect_with(&options).await.unwrap()
}

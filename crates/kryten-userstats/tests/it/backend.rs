//! The databases on which the tests hold.

use std::path::PathBuf;

use kryten_servers::PostgresServer;
use kryten_userstats::Config;
use kryten_userstats::store::Store;

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

    pub(crate) fn put_into(&self, config: &mut Config) {
        match self {
            Self::File(path) => config.database.clone_from(path),
            Self::Url(url) => config.database_url = Some(url.parse().unwrap()),
        }
    }
}

//! Why the database cannot be used.

use std::path::PathBuf;

use super::DatabaseUrl;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder of the file cannot be made.
    #[error("cannot make the folder {path} for the database", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be opened as a database.
    #[error("cannot open the database {path}", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The server refuses the user or the password.
    #[error(
        "{url} refuses the user {user} or the password; correct them in database.url",
        user = url.user()
    )]
    Login {
        /// The address.
        url: DatabaseUrl,
        /// The server's words.
        source: sqlx::Error,
    },
    /// The server has no such database.
    #[error(
        "the server of {url} has no database {name}; make it with `createdb {name}`, or correct database.url",
        name = url.database()
    )]
    NoDatabase {
        /// The address.
        url: DatabaseUrl,
        /// The server's words.
        source: sqlx::Error,
    },
    /// The server does not answer, or not yet.
    #[error("the database {url} is away")]
    Away {
        /// The address.
        url: DatabaseUrl,
        /// Why.
        source: sqlx::Error,
    },
    /// The server said nothing for too long; what was asked may have been done.
    #[error("the database has said nothing for {seconds} seconds")]
    Silent {
        /// How long.
        seconds: u64,
    },
    /// The server answers, but cannot be used.
    #[error("cannot use the database {url}")]
    Connect {
        /// The address.
        url: DatabaseUrl,
        /// Why.
        source: sqlx::Error,
    },
    /// A copy is to be written where something is.
    #[error("{path} exists already; name a file that does not", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A copy cannot be written.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Only PostgreSQL takes over what a file holds.
    #[error("{path} is a file, not the address of a PostgreSQL database", path = path.display())]
    NoServer {
        /// The file.
        path: PathBuf,
    },
    /// The database that is to take everything over has something already.
    #[error("{place} is not empty: its table {table} has rows; name an empty database")]
    NotEmpty {
        /// The database.
        place: String,
        /// The first table with rows.
        table: String,
    },
    /// What was copied is not what was read.
    #[error(
        "the copy of {table} differs in {column}; nothing was changed, try again and report this"
    )]
    Differs {
        /// The table.
        table: String,
        /// What of it.
        column: String,
    },
    /// A newer version of this service has written the file.
    #[error(
        "the database was written by a newer version of this service (format {found}, this one knows {known}); update it"
    )]
    TooNew {
        /// The newest change of tables in the file.
        found: i64,
        /// The newest that we know.
        known: i64,
    },
    /// What was remembered of a channel cannot be read.
    #[error("what the database remembers of {channel} cannot be read")]
    Memory {
        /// The channel.
        channel: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A statement failed.
    #[error("the database failed")]
    Sql(#[from] sqlx::Error),
}

impl StoreError {
    /// What a failed attempt to connect means.
    pub(super) fn connecting(url: &DatabaseUrl, source: sqlx::Error) -> Self {
        let url = url.clone();
        match code(&source).as_deref() {
            Some("28P01" | "28000") => Self::Login { url, source },
            Some("3D000") => Self::NoDatabase { url, source },
            _ if passes(&source) => Self::Away { url, source },
            _ => Self::Connect { url, source },
        }
    }

    /// Whether the same may succeed later, without anybody mending a setting.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Away { .. } | Self::Silent { .. } => true,
            Self::Sql(source) => passes(source),
            _ => false,
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// The connection broke or was not to be had, the server starts or stops, or two transactions met.
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => true,
        // Classes: connection, resources, operator intervention; a transaction that stood still for too long; two
        // transactions that met; SQLite's "busy".
        error => code(error).is_some_and(|code| {
            ["08", "53", "57"]
                .iter()
                .any(|class| code.starts_with(class))
                && code.len() == 5
                || ["25P03", "40001", "40P01", "5", "517"].contains(&code.as_str())
        }),
    }
}

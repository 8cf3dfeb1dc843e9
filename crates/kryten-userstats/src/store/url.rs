//! The address of a database of PostgreSQL.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// A `postgres://user:password@host:port/database`. Its password is never shown.
#[derive(Clone)]
pub struct DatabaseUrl {
    options: PgConnectOptions,
}

/// Why a text is no address of a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseUrlError {
    /// It begins with another word.
    #[error(
        "give postgres://USER:PASSWORD@HOST:PORT/DATABASE; for a file of SQLite, its path alone"
    )]
    Scheme,
    /// It names no database.
    #[error("name the database: postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    NoDatabase,
    /// A part of it cannot be read.
    #[error("{0}; give postgres://USER:PASSWORD@HOST:PORT/DATABASE, special characters as %XX")]
    Unreadable(#[source] sqlx::Error),
}

impl DatabaseUrl {
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        self.options.get_database().unwrap_or_default()
    }

    /// The user that logs in.
    pub fn user(&self) -> &str {
        self.options.get_username()
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Scheme);
        }
        let options = PgConnectOptions::from_str(text).map_err(DatabaseUrlError::Unreadable)?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(DatabaseUrlError::NoDatabase);
        }
        Ok(Self {
            options: options.application_name("kryten-userstats"),
        })
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let place = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        write!(f, "postgres://{}@{place}/{}", self.user(), self.database())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url: DatabaseUrl = "postgres://kryten:s3cr%40t@db.example:5433/stats"
            .parse()
            .unwrap();
        assert_eq!(url.to_string(), "postgres://kryten@db.example:5433/stats");
        assert!(!format!("{url:?}").contains("s3cr"));
    }

    #[test]
    fn what_is_no_address_is_told_with_the_form() {
        for text in [
            "mysql://a@b/c",
            "data/userstats.db",
            "postgres://localhost",
            "postgres://localhost:port/stats",
            "",
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains("postgres://USER"), "{text}: {error}");
        }
    }
}

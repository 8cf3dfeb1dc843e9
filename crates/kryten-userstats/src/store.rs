//! The only SQL: the database, its tables, one transaction per batch, and the reads for queries and pages.
//!
//! [`Store::open`] makes or opens the file, [`Store::claim`] takes the channels over from earlier writers,
//! [`Store::load`] gives the tally as of the stored position, [`Store::commit`] adds a batch to it. The files below
//! `reads` answer questions.
//!
//! The database runs with `synchronous = NORMAL`: after a loss of power whole recent transactions may be missing, but
//! never parts of one. Since a batch and its position in the stream are one transaction, the events of a missing one
//! are read from the stream again; nothing is lost and nothing counted twice.

mod aliases;
mod commit;
mod load;
mod open;
mod phrases;
mod population;
mod position;
mod reads;
mod rows;
mod schema;

use std::path::{Path, PathBuf};

use sqlx::SqlitePool;

pub use aliases::{AliasAdded, AliasDeleted, AliasUpdated};
pub use commit::{ChannelBatch, Committed};
pub use position::{Claim, Position};
pub use reads::{
    ChannelActivity, ChannelCount, ChannelTotals, EmoteCount, ExactMark, GapRow, HourRow, MediaRow,
    PhraseCount, Population, PopulationMean, Presence, Totals, UserActivity, UserCount, UserSeen,
    VoteSum, Watermark, Watermarks,
};

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

/// The database; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    path: PathBuf,
}

impl Store {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when it does not.
    pub async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM users LIMIT 1")
            .fetch_optional(&self.readers)
            .await?;
        Ok(())
    }
}

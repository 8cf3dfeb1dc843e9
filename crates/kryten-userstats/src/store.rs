//! The only SQL: the database, its tables, one transaction per batch, and the reads for queries and pages.
//!
//! [`Store::open`] makes or opens a file of SQLite, [`Store::connect`] goes to a PostgreSQL server, [`Store::claim`] takes a channel over from earlier writers,
//! [`Store::load`] gives the tally as of the stored position, [`Store::commit`] adds a batch to it. The files below
//! `reads` answer questions.
//!
//! SQLite runs with `synchronous = NORMAL`: after a loss of power whole recent transactions may be missing, but
//! never parts of one. Since a batch and its position in the stream are one transaction, the events of a missing one
//! are read from the stream again; nothing is lost and nothing counted twice.

mod aliases;
mod commit;
mod coverage;
mod error;
mod instances;
mod ledger;
mod load;
mod maintain;
mod open;
mod person;
mod phrases;
mod population;
mod position;
mod privacy;
mod readers;
mod reads;
mod rows;
mod schema;
mod silence;
mod sql;
mod transfer;
mod url;
mod value;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::OnceCell;

pub use aliases::{AliasAdded, AliasDeleted, AliasUpdated};
pub use commit::{ChannelBatch, Committed};
pub use error::StoreError;
pub use instances::InstanceRow;
pub use maintain::backup;
pub use phrases::{PhraseAdded, PhraseDeleted};
pub use position::{Claim, Position};
pub use privacy::{OptedOut, WishDone};
pub use reads::{
    AllTotals, ChannelActivity, ChannelCount, ChannelTotals, EmoteCount, ExactMark, GapRow,
    HourRow, Meant, MediaRow, Part, PersonCounts, PhraseCount, Population, PopulationMean,
    Presence, Totals, UserActivity, UserCount, UserSeen, VoteSum, Watermark, Watermarks,
};
pub(crate) use silence::{SILENT, unless_silent};
pub use transfer::{Progress, Transferred};
pub use url::{DatabaseUrl, DatabaseUrlError};

/// The database; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    writer: sql::Pool,
    readers: sql::Pool,
    place: Place,
    prepared: Arc<OnceCell<()>>,
    ledger: Arc<ledger::Ledger>,
}

/// Where the database is.
#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Url(DatabaseUrl),
}

impl Store {
    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Url(_) => None,
        }
    }

    /// The file or the address, for people; no password is in it.
    pub fn place(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Url(url) => url.to_string(),
        }
    }

    /// Waits for running statements and closes the connections.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when it does not.
    pub async fn check(&self) -> Result<(), StoreError> {
        let sql = "SELECT username FROM users LIMIT 1";
        let _: Option<String> = sql::query_scalar(sql).fetch_optional(&self.readers).await?;
        Ok(())
    }
}

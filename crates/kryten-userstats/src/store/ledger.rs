//! How many commits we have made under each epoch, as far as the database has acknowledged them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// By token: the epoch under which we hold the channel, and the number of our commits.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    channels: Mutex<HashMap<String, (i64, i64)>>,
}

impl Ledger {
    pub(super) fn claimed(&self, token: &str, epoch: i64) {
        self.locked().insert(token.to_owned(), (epoch, 0));
    }

    pub(super) fn committed(&self, token: &str, epoch: i64) {
        if let Some((known, done)) = self.locked().get_mut(token)
            && *known == epoch
        {
            *done += 1;
        }
    }

    /// `None` where the channel was not claimed here.
    pub(super) fn done(&self, token: &str, epoch: i64) -> Option<i64> {
        let channels = self.locked();
        let (known, done) = channels.get(token)?;
        (*known == epoch).then_some(*done)
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, (i64, i64)>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

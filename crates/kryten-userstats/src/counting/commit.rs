//! Commits what is folded, again and again until the database takes it.

use std::time::Duration;

use tracing::{error, info, warn};

use super::{Counting, now};
use crate::status::Status;
use crate::store::{Committed, SILENT, StoreError, unless_silent};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A batch that the database has not taken by then is told; SQLite waits much longer for another's lock.
const SLOW: Duration = Duration::from_secs(5);
/// How long a server that has been silent before may be silent at most.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

impl Counting {
    /// Commits. While the database does not take it, nothing more is read and the folded batch waits, so nothing is
    /// folded twice. `false` when told to stop meanwhile; then the events are read again at the next start.
    pub(super) async fn commit(&mut self) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            self.shared.status.pulse.beat();
            let failure = match self.try_commit().await {
                Ok(()) => {
                    self.silent = SILENT;
                    return true;
                }
                Err(failure) => failure,
            };
            if matches!(failure, StoreError::Silent { .. }) {
                // One that is only slow comes to the end of it.
                self.silent = (self.silent * 2).min(LONGEST_SILENCE);
            }
            self.shared.status.commit_failed();
            if pause == FIRST_PAUSE {
                error!(
                    error = &failure as &dyn std::error::Error,
                    "the database does not take what is counted; trying again, reading stops meanwhile"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.shared.stop.cancelled() => return false,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The last commit before the end.
    pub(super) async fn finish(&mut self) -> Result<(), StoreError> {
        if !self.outcome_unknown {
            self.book.spread();
        }
        self.try_commit().await
    }

    async fn try_commit(&mut self) -> Result<(), StoreError> {
        if !self.book.has_changed() {
            return Ok(());
        }
        let batches = self.book.batches();
        let was_unknown = self.outcome_unknown;
        // A file always answers in the end.
        let patience = (SLOW, self.store.path().is_none().then_some(self.silent));
        let earlier = match self.outcome_unknown {
            // The commit that was reported as failed may have been done.
            true => {
                let outcome = self.store.outcome(&batches);
                patiently(&self.shared.status, patience, outcome).await?
            }
            // What was folded is of no channel of ours.
            false if batches.is_empty() => Some(Committed::default()),
            false => None,
        };
        let committed = match earlier {
            Some(committed) => committed,
            None => {
                self.outcome_unknown = true;
                let began = tokio::time::Instant::now();
                let commit = self.store.commit(&batches);
                let committed = patiently(&self.shared.status, patience, commit).await;
                self.shared.status.spent_in_database(began.elapsed());
                committed?
            }
        };
        // One that was given up may have been done while this one waited for its rows, which then look like another's.
        // Only where this one has written nothing is that sure.
        let earlier = match was_unknown && committed.lost.len() == batches.len() {
            true => {
                let outcome = self.store.outcome(&batches);
                patiently(&self.shared.status, patience, outcome).await?
            }
            false => None,
        };
        let committed = earlier.unwrap_or(committed);
        self.outcome_unknown = false;
        if !self.shared.status.is_database_there() {
            info!("the database takes what is counted again");
        }
        for token in &committed.lost {
            warn!(
                channel = token,
                "another instance counts this channel now; this one no longer does"
            );
        }
        let (counters, questions) = self.book.committed(&committed.lost);
        self.questions.put(questions);
        let status = &self.shared.status;
        status.folded(counters);
        for compared in self.book.take_compared() {
            status.compared(
                &compared.channel,
                &compared.differences,
                compared.healed,
                now(),
            );
        }
        status.set_lost_channels(self.book.lost());
        status.committed();
        self.tell_position();
        Ok(())
    }

    /// Tells the rest of the service how far the database is.
    pub(super) fn tell_position(&self) {
        let last_event = self.book.tally().rooms().filter_map(|(_, _, room)| {
            let at = room.last_event_at()?;
            Some(at.micros())
        });
        self.shared.status.set_position(
            self.book.counted_to(),
            self.book.tally().open_visits(),
            last_event.max().unwrap_or_default(),
        );
    }
}

/// Awaits the database, says so when it takes long, and gives a server up that stays silent. Until then a server is
/// waited for, which is no standstill of ours.
async fn patiently<T>(
    status: &Status,
    (slow, silent): (Duration, Option<Duration>),
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let patient = async {
        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(slow, &mut work).await {
            return done;
        }
        if status.database_is_away() {
            warn!(
                seconds = slow.as_secs(),
                "the database has not taken a batch for long; still waiting, reading stops meanwhile"
            );
        }
        while silent.is_some() {
            status.pulse.beat();
            if let Ok(done) = tokio::time::timeout(slow, &mut work).await {
                return done;
            }
        }
        work.await
    };
    unless_silent(silent, patient).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_server_is_told_and_given_up_and_a_file_is_waited_for() {
        let soon = Duration::from_millis(1);
        let never = std::future::pending::<Result<(), StoreError>>;
        let status = Status::default();
        status.database_is_there();
        let file = patiently(&status, (soon, None), never());
        let waited = tokio::time::timeout(Duration::from_millis(50), file).await;
        assert!(waited.is_err());
        assert!(!status.is_database_there());
        let server = patiently(&status, (soon, Some(2 * soon)), never()).await;
        let failure = server.unwrap_err();
        assert!(matches!(failure, StoreError::Silent { .. }), "{failure}");
        assert!(failure.is_transient());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_waited_for_with_signs_of_life_and_a_file_without() {
        let never = std::future::pending::<Result<(), StoreError>>;
        let status = Status::default();
        for (limit, gives_signs) in [(Some(LONGEST_SILENCE), true), (None, false)] {
            status.pulse.rest();
            let waiting = patiently(&status, (SLOW, limit), never());
            assert!(tokio::time::timeout(2 * SLOW, waiting).await.is_err());
            assert_eq!(status.pulse.silence().is_some(), gives_signs);
        }
    }
}

//! Reads what is in a stream now, once through.

use std::time::Duration;

use tokio::time::Instant;

use super::alone;
use super::api::ApiError;
use super::breaks::Breaks;
use super::consumer::{Start, Wanted};
use super::laps::{Lap, Laps};
use super::pull::{Patience, Pulled, Puller};
use super::stored::Stored;
use crate::connection::Client;

/// How long a pass may bring nothing new; one that does goes on, however slow the link is. Those who write faster than we
/// read are dealt with by [`Laps`].
const PATIENCE: Duration = Duration::from_secs(30);

/// How far a pass goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until nothing more waits, what came meanwhile included.
    CaughtUp,
    /// What waited at the start, and no more.
    Counted,
}

/// Gives every wanted message that is in the stream to `take`; leaves no consumer behind.
///
/// A pass that a lost connection has cut is begun again with what `into` gives, in smaller portions. What comes then a
/// second time is no progress. Where it is cut twice at the same place, the message there may be what the connection
/// cannot carry: it is fetched by itself, and the pass goes on behind it.
pub(crate) async fn pass<T>(
    client: &Client,
    wanted: &Wanted,
    until: Until,
    mut into: impl FnMut() -> T,
    mut take: impl FnMut(&mut T, Stored),
) -> Result<T, ApiError> {
    let mut progress = Progress::new();
    let mut wanted = wanted.clone();
    let start = wanted.start;
    let mut result = into();
    let mut breaks = Breaks::default();
    let mut goes_on = false;
    for losses in 0.. {
        if progress.is_over() {
            break;
        }
        let taking = |stored| take(&mut result, stored);
        let end = one_pass(client, &wanted, until, losses, &mut progress, taking).await?;
        let behind = match end {
            End::Reached => return Ok(result),
            End::Broken { behind } => behind,
        };
        goes_on |= breaks.happened_again(behind);
        if goes_on {
            let reading = alone::first_from(client, &wanted, behind + 1);
            match progress.within(reading).await? {
                Ok(Some(stored)) => {
                    progress.reach(stored.sequence, Instant::now());
                    wanted.start = Start::Sequence(stored.sequence + 1);
                    take(&mut result, stored);
                    continue;
                }
                Ok(None) => return Ok(result),
                Err(ApiError::NoPermission { .. }) => goes_on = false,
                Err(error) => return Err(error),
            }
        }
        (result, wanted.start) = (into(), start);
    }
    Err(ApiError::TimedOut)
}

/// How an attempt ended.
enum End {
    Reached,
    /// The connection was lost after this message of the stream.
    Broken {
        behind: u64,
    },
}

/// How far the attempts of a pass have come.
struct Progress {
    furthest: u64,
    /// When that was reached.
    at: Instant,
    /// When a message came last, new or not.
    heard: Instant,
}

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            furthest: 0,
            at: now,
            heard: now,
        }
    }

    /// This message of the stream has come.
    fn reach(&mut self, sequence: u64, now: Instant) {
        self.heard = now;
        if sequence > self.furthest {
            (self.furthest, self.at) = (sequence, now);
        }
    }

    /// Whether it is not worth while to begin anew.
    fn is_over(&self) -> bool {
        self.at.elapsed() >= PATIENCE
    }

    /// What a step brings, unless nothing has come for too long.
    async fn within<T>(&self, step: impl Future<Output = T>) -> Result<T, ApiError> {
        let step = tokio::time::timeout_at(self.heard + PATIENCE, step).await;
        step.map_err(|_| ApiError::TimedOut)
    }
}

async fn one_pass(
    client: &Client,
    wanted: &Wanted,
    until: Until,
    losses: u32,
    progress: &mut Progress,
    mut take: impl FnMut(Stored),
) -> Result<End, ApiError> {
    let start = Puller::start(client, wanted, Patience::NoWait);
    let (mut puller, waiting) = progress.within(start).await??;
    puller.be_patient(losses);
    let mut behind = puller.begins_behind();
    let mut laps: Option<Laps> = None;
    let mut ended = waiting == 0;
    while !ended {
        match progress.within(puller.next()).await? {
            Pulled::Message(received) => {
                let sequence = received.stored.sequence;
                take(received.stored);
                behind = sequence;
                progress.reach(sequence, Instant::now());
                let delivered = puller.delivered();
                ended = until == Until::Counted && delivered >= waiting;
                // Only where others write while we read does more come than waited.
                if !ended && delivered > waiting {
                    let lap = laps.as_mut().map_or(Lap::Next, |laps| laps.take(sequence));
                    ended = lap == Lap::Over;
                    if lap == Lap::Next {
                        let end = client
                            .stream_info(&wanted.stream)
                            .await?
                            .state
                            .last_sequence;
                        laps.get_or_insert(Laps::new(end)).begin(end);
                    }
                }
            }
            // The count that comes with a message is not enough: for a moment it leaves out what has just replaced
            // another one. What waited at the start may also have expired since.
            Pulled::NothingNow => ended = true,
            Pulled::Broken => {
                puller.close().await;
                return Ok(End::Broken { behind });
            }
        }
    }
    puller.close().await;
    Ok(End::Reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_no_progress_and_without_it_a_pass_is_not_begun_anew() {
        let long_ago = Instant::now() - 2 * PATIENCE;
        let mut progress = Progress {
            furthest: 0,
            at: long_ago,
            heard: long_ago,
        };
        progress.reach(2, long_ago + PATIENCE / 2);
        // The same two, after the pass was begun anew.
        progress.reach(1, Instant::now());
        progress.reach(2, Instant::now());
        assert_eq!(progress.at, long_ago + PATIENCE / 2);
        assert!(progress.is_over());
        progress.reach(3, Instant::now());
        assert!(!progress.is_over());
    }

    #[tokio::test]
    async fn a_pass_waits_as_long_as_something_comes() {
        let mut progress = Progress::new();
        progress.heard = Instant::now() - PATIENCE;
        let never = progress.within(std::future::pending::<()>()).await;
        assert_eq!(never, Err(ApiError::TimedOut));
        progress.reach(1, Instant::now());
        let soon = progress.within(tokio::time::sleep(Duration::from_millis(1)));
        assert_eq!(soon.await, Ok(()));
    }
}

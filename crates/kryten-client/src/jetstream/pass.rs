//! Reads what is in a stream now, once through.

use std::time::Duration;

use super::api::ApiError;
use super::consumer::Wanted;
use super::laps::{Lap, Laps};
use super::pull::{Patience, Pulled, Puller};
use super::stored::Stored;
use crate::connection::Client;

/// A pass that is not done by then never will be: others write faster than we read.
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
/// A pass that a lost connection has cut is begun again with what `into` gives.
pub(crate) async fn pass<T>(
    client: &Client,
    wanted: &Wanted,
    until: Until,
    mut into: impl FnMut() -> T,
    mut take: impl FnMut(&mut T, Stored),
) -> Result<T, ApiError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut result = into();
        let attempt = one_pass(client, wanted, until, |stored| take(&mut result, stored));
        match tokio::time::timeout_at(deadline, attempt).await {
            Ok(Ok(true)) => return Ok(result),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(ApiError::TimedOut),
        }
    }
}

/// Whether the pass came to its end.
async fn one_pass(
    client: &Client,
    wanted: &Wanted,
    until: Until,
    mut take: impl FnMut(Stored),
) -> Result<bool, ApiError> {
    let (mut puller, waiting) = Puller::start(client, wanted, Patience::NoWait).await?;
    let mut laps: Option<Laps> = None;
    let mut ended = waiting == 0;
    while !ended {
        match puller.next().await {
            Pulled::Message(received) => {
                let sequence = received.stored.sequence;
                take(received.stored);
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
                return Ok(false);
            }
        }
    }
    puller.close().await;
    Ok(true)
}

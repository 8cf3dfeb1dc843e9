//! What may soon go better is tried again for a while, such as a stream whose servers elect a leader just when we start.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

/// An election takes some seconds; who waits longer is better told.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);

/// The first success, or the first error that is not transient, or what is one after [`PATIENCE`].
pub(crate) async fn patiently<T, E: Display, F: Future<Output = Result<T, E>>>(
    is_transient: impl Fn(&E) -> bool,
    attempt: impl FnMut() -> F,
) -> Result<T, E> {
    within(PATIENCE, is_transient, attempt).await
}

async fn within<T, E: Display, F: Future<Output = Result<T, E>>>(
    patience: Duration,
    is_transient: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E> {
    let deadline = Instant::now() + patience;
    loop {
        match attempt().await {
            Err(error) if is_transient(&error) && Instant::now() < deadline => {
                info!(%error, "NATS cannot serve us yet; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn third_time(patience: Duration, error: &'static str) -> Result<u32, &'static str> {
        let mut count = 0;
        let is_transient = |error: &&str| *error == "away";
        let attempts = within(patience, is_transient, || {
            count += 1;
            std::future::ready(if count < 3 { Err(error) } else { Ok(count) })
        });
        attempts.await
    }

    #[tokio::test]
    async fn what_is_transient_is_tried_again_for_a_while_and_nothing_else() {
        assert_eq!(third_time(PATIENCE, "away").await, Ok(3));
        assert_eq!(third_time(PATIENCE, "refused").await, Err("refused"));
        assert_eq!(third_time(Duration::ZERO, "away").await, Err("away"));
    }
}

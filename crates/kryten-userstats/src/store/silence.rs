//! A server that has vanished without a word: no statement fails then, and for hours nothing else ends the wait.

use std::time::Duration;

use super::StoreError;

/// A server that says nothing for longer is taken for vanished; where it only waits for a lock, the wait begins anew.
pub(crate) const SILENT: Duration = Duration::from_secs(30);

/// Gives up after a while, where there is a limit. What is given up is rolled back, or was done already.
pub(crate) async fn unless_silent<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let Some(limit) = limit else {
        return work.await;
    };
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or(Err(StoreError::Silent {
        seconds: limit.as_secs(),
    }))
}

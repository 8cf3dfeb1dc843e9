//! What others ask of counting. It is done between two batches, so that it has one place in the order of events.

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, timeout};

/// Counting may be waiting for the stream or the database.
const PATIENCE: Duration = Duration::from_secs(8);
/// Requests that may wait.
const WAITING: usize = 16;

/// Something that only counting can do.
#[derive(Debug)]
pub(crate) enum Input {
    /// Load the state again and compare.
    Refresh(oneshot::Sender<()>),
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
#[error("counting is waiting")]
pub(crate) struct NotNow;

/// Asks; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Inputs(mpsc::Sender<Input>);

/// Where counting hears what is asked.
pub(crate) type Asked = mpsc::Receiver<Input>;

impl Inputs {
    pub(crate) fn new() -> (Self, Asked) {
        let (asks, asked) = mpsc::channel(WAITING);
        (Self(asks), asked)
    }

    /// Loads the state again and compares it with what the events told.
    pub(crate) async fn refresh(&self) -> Result<(), NotNow> {
        self.ask(Input::Refresh).await
    }

    async fn ask<T>(&self, input: impl FnOnce(oneshot::Sender<T>) -> Input) -> Result<T, NotNow> {
        let (answers, answer) = oneshot::channel();
        self.0.try_send(input(answers)).map_err(|_| NotNow)?;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            _ => Err(NotNow),
        }
    }
}

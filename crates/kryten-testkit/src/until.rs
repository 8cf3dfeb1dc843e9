//! Awaiting a condition.

use std::time::Duration;

/// How long anything that a test waits for may take.
pub const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(5);

/// Awaits a condition.
///
/// # Panics
/// When it does not come true within [`PATIENCE`]; the text says which one.
pub async fn until<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(STEP).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        panic!("did not come true within {} s: {what}", PATIENCE.as_secs());
    }
}

/// The value, or the end of the test with a sentence that says what it was needed for.
pub(crate) trait OrEndTest<T> {
    fn or_end_test(self, what: &str) -> T;
}

impl<T, E: std::error::Error> OrEndTest<T> for Result<T, E> {
    #[track_caller]
    fn or_end_test(self, what: &str) -> T {
        match self {
            Ok(value) => value,
            Err(error) => {
                let mut text = error.to_string();
                let mut cause = error.source();
                while let Some(error) = cause {
                    text = format!("{text}: {error}");
                    cause = error.source();
                }
                panic!("the test channel cannot {what}: {text}")
            }
        }
    }
}

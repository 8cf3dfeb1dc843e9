//! Ends a test that hangs.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How long a test with a [`crate::TestChannel`] may take, unless its builder says otherwise.
pub const LONGEST_TEST: Duration = Duration::from_secs(60);

/// Ends the process with a clear text unless it is dropped in time.
///
/// It is a thread of its own, so that it also works where the runtime is stuck. A test runner runs many tests in one
/// process, and all of them end with it: a test that hangs would keep them from ever being reported.
#[derive(Debug)]
pub struct Watchdog {
    // Its end tells the thread that all is well.
    _lives: Sender<()>,
}

impl Watchdog {
    /// Starts the watch over the current thread's test.
    pub fn start(limit: Duration) -> Self {
        let current = std::thread::current();
        let test = current.name().unwrap_or("without a name").to_owned();
        Self::start_with(limit, move || {
            eprintln!(
                "the test {test} hangs: it still ran after {} s, so the whole test process ends here",
                limit.as_secs_f64()
            );
            std::process::abort();
        })
    }

    fn start_with(limit: Duration, bite: impl FnOnce() + Send + 'static) -> Self {
        let (lives, watched) = channel::<()>();
        let watch = move || {
            if watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                bite();
            }
        };
        // A machine without room for one more thread has told so in other ways.
        let _ = std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(watch);
        Self { _lives: lives }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_bites_whoever_stays_too_long() {
        let (bitten, heard) = channel();
        let watchdog = Watchdog::start_with(Duration::from_millis(1), move || {
            bitten.send(()).unwrap();
        });
        heard.recv_timeout(Duration::from_secs(20)).unwrap();
        drop(watchdog);
    }

    #[test]
    fn it_leaves_alone_whoever_goes_in_time() {
        let (bitten, heard) = channel::<()>();
        drop(Watchdog::start_with(Duration::from_secs(20), move || {
            bitten.send(()).unwrap();
        }));
        assert_eq!(
            heard.recv_timeout(Duration::from_secs(10)),
            Err(RecvTimeoutError::Disconnected)
        );
    }
}

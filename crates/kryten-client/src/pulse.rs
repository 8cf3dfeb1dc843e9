//! The sign of life of a loop: it beats each time it comes around, and others see how long it has been silent.
//!
//! A watchdog that only sees that the process is there does not see a loop that is stuck. So each loop that must not
//! stand still beats, and whoever answers the watchdog looks at all of them.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A loop that waits for something beats at least this often.
pub const BEAT_EVERY: Duration = Duration::from_secs(5);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The sign of life of one loop; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    /// Milliseconds since the start of the program, plus one; 0 at rest.
    last: Arc<AtomicU64>,
}

impl Pulse {
    /// The loop has come around.
    pub fn beat(&self) {
        let now = u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now.saturating_add(1), Ordering::Relaxed);
    }

    /// The loop has ended, or waits for what may take for ever: its silence means nothing.
    pub fn rest(&self) {
        self.last.store(0, Ordering::Relaxed);
    }

    /// How long ago the last beat was; `None` at rest, and before the first beat.
    pub fn silence(&self) -> Option<Duration> {
        let last = self.last.load(Ordering::Relaxed).checked_sub(1)?;
        Some(START.elapsed().saturating_sub(Duration::from_millis(last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_grows_from_the_last_beat_and_rest_is_none() {
        let pulse = Pulse::default();
        assert_eq!(pulse.silence(), None);
        pulse.beat();
        let clone = pulse.clone();
        let first = clone.silence().unwrap();
        while clone.silence().unwrap() <= first {
            std::hint::spin_loop();
        }
        pulse.rest();
        assert_eq!(clone.silence(), None);
    }
}

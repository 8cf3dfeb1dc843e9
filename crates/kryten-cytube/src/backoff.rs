//! How long to wait between attempts.

use std::time::Duration;

/// Waits that double from a base to a cap, each lengthened or shortened by chance.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts at `base`; never more than `max`.
    pub fn new(base: Duration, max: Duration) -> Self {
        Self {
            base,
            max: max.max(base),
            failures: 0,
        }
    }

    /// How many waits were given since the start or the last reset.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The next wait: between half and the whole of the doubled base, as `chance` (0 to 1) says, so that many
    /// clients do not come back in one moment. `at_least` comes from the server.
    pub fn next_wait(&mut self, chance: f64, at_least: Duration) -> Duration {
        let doubled = self
            .base
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(self.max);
        self.failures = self.failures.saturating_add(1);
        let chance = chance.clamp(0.0, 1.0);
        doubled.mul_f64(0.5 + chance / 2.0).max(at_least)
    }

    /// A connection has been stable: start again at the base.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_cap_and_start_again_after_a_reset() {
        let mut backoff = Backoff::new(5 * SECOND, 300 * SECOND);
        let waits: Vec<u64> = (0..9)
            .map(|_| backoff.next_wait(1.0, Duration::ZERO).as_secs())
            .collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        backoff.reset();
        assert_eq!(backoff.next_wait(0.0, Duration::ZERO), 5 * SECOND / 2);
        assert_eq!(backoff.next_wait(0.0, 30 * SECOND), 30 * SECOND);
    }

    #[test]
    fn a_thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::new(5 * SECOND, 300 * SECOND);
        for _ in 0..1000 {
            assert!(backoff.next_wait(0.7, Duration::ZERO) <= 300 * SECOND);
        }
    }
}

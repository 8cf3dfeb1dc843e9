//! Allowances that refill with time, as CyTube gives them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How many connections an address may open at once.
const CONNECTIONS: f64 = 5.0;
/// How many it may open a second, for long.
const CONNECTIONS_PER_SECOND: f64 = 0.1;

/// An allowance that refills with time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    used: f64,
    at: i64,
}

impl Bucket {
    /// Takes one; `false` when `burst` are used up, of which `per_second` come back.
    pub(crate) fn take(&mut self, burst: f64, per_second: f64, now: i64) -> bool {
        let refilled = (now - self.at).max(0) as f64 / 1000.0 * per_second;
        self.at = now;
        self.used = (self.used - refilled).max(0.0);
        if self.used + 1.0 > burst {
            return false;
        }
        self.used += 1.0;
        true
    }
}

/// What each address has left of its connections.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    buckets: Arc<Mutex<HashMap<IpAddr, Bucket>>>,
    start: Instant,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            buckets: Arc::default(),
            start: Instant::now(),
        }
    }
}

impl Connections {
    /// Takes one connection of an address; `false` when it has none left.
    pub(crate) fn take(&self, ip: IpAddr) -> bool {
        let now = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        // A panic elsewhere cannot leave the map half changed.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(ip).or_default();
        bucket.take(CONNECTIONS, CONNECTIONS_PER_SECOND, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_empty_after_a_burst_and_refills() {
        let mut bucket = Bucket::default();
        let taken: Vec<bool> = (0..4).map(|_| bucket.take(3.0, 1.0, 5000)).collect();
        assert_eq!(taken, [true, true, true, false]);
        assert!(!bucket.take(3.0, 1.0, 5999));
        assert!(bucket.take(3.0, 1.0, 6100));
        assert!(!bucket.take(3.0, 1.0, 6200));
    }
}

//! The wall clock of this process: read at the edges only, and set by tests only.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

use crate::time::WireTime;

static AHEAD: AtomicI64 = AtomicI64::new(0);

/// The moment.
pub fn now() -> WireTime {
    let ahead = AHEAD.load(Ordering::Relaxed);
    WireTime::from_micros(Timestamp::now().as_microsecond().saturating_add(ahead))
}

/// From now on this process is so many microseconds ahead of the system's clock, or behind it where they are negative:
/// as if somebody set the machine's clock. For tests of whole programs; nothing else calls it.
pub fn set_ahead(micros: i64) {
    AHEAD.store(micros, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_goes_on_from_there() {
        let before = now();
        set_ahead(-3_600_000_000);
        let back = now();
        set_ahead(0);
        let hour = before.micros() - back.micros();
        assert!((3_500_000_000..=3_600_000_000).contains(&hour), "{hour}");
        assert!(now() >= before);
    }
}

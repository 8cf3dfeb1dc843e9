//! Until when we were in a channel and all of it was stored: there the next absence begins.
//!
//! The last event tells less. Where nothing plays and nobody speaks minutes pass between two of them, CyTube's
//! heartbeats come all the while, and after a long absence nobody's visit goes on.

use std::sync::atomic::{AtomicI64, Ordering};

use kryten_protocol::time::WireTime;

/// Moments in microseconds; 0 is none.
#[derive(Debug, Default)]
pub(crate) struct Attendance {
    heard: AtomicI64,
    stored: AtomicI64,
}

impl Attendance {
    /// CyTube gave a sign, and what came before it waits to be stored. The clock may have been set back.
    pub(crate) fn hear(&self, at: WireTime) {
        self.heard.store(at.micros(), Ordering::Relaxed);
    }

    /// Nothing waits of what was heard.
    pub(crate) fn all_stored(&self) {
        let heard = self.heard.load(Ordering::Relaxed);
        self.stored.store(heard, Ordering::Relaxed);
    }

    /// Another robot, or one before us, was there until then. Its clock may be ahead of ours.
    pub(crate) fn take_over(&self, until: WireTime) {
        let until = until.min(crate::now()).micros();
        if until > self.stored.load(Ordering::Relaxed) {
            self.heard.store(until, Ordering::Relaxed);
            self.stored.store(until, Ordering::Relaxed);
        }
    }

    pub(crate) fn until(&self) -> Option<WireTime> {
        let until = self.stored.load(Ordering::Relaxed);
        (until != 0).then(|| WireTime::from_micros(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_counts_when_it_is_stored() {
        let attendance = Attendance::default();
        assert_eq!(attendance.until(), None);
        attendance.hear(WireTime::from_millis(5));
        assert_eq!(attendance.until(), None);
        attendance.all_stored();
        attendance.hear(WireTime::from_millis(7));
        assert_eq!(attendance.until(), Some(WireTime::from_millis(5)));
        attendance.all_stored();
        assert_eq!(attendance.until(), Some(WireTime::from_millis(7)));
        for (by_another, until) in [(3, 7), (9, 9)] {
            attendance.take_over(WireTime::from_millis(by_another));
            attendance.all_stored();
            assert_eq!(attendance.until(), Some(WireTime::from_millis(until)));
        }
    }

    #[test]
    fn a_clock_that_was_set_back_is_followed() {
        let attendance = Attendance::default();
        for millis in [9_000, 4_000] {
            attendance.hear(WireTime::from_millis(millis));
            attendance.all_stored();
            assert_eq!(attendance.until(), Some(WireTime::from_millis(millis)));
        }
    }

    #[test]
    fn a_clock_that_is_ahead_of_ours_does_not_end_an_absence_before_it_began() {
        let attendance = Attendance::default();
        let ahead = WireTime::from_micros(crate::now().micros() + 3_600_000_000);
        attendance.take_over(ahead);
        assert!(attendance.until() <= Some(crate::now()));
    }
}

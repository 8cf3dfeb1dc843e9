//! How fast people chat: the counts of the hours, looked at again and again. Pure: the time comes in.

use std::collections::BTreeMap;

use kryten_protocol::time::WireTime;

/// So many minutes are remembered.
pub(crate) const MINUTES: usize = 60;
const MINUTE_MICROS: i64 = 60_000_000;
const HOUR_MICROS: i64 = 3_600_000_000;

/// Lines of each of the last minutes, since the page was started.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    hours: BTreeMap<i64, i64>,
    minutes: BTreeMap<i64, u32>,
}

/// The hour of a moment, counted from the Unix epoch.
pub(crate) fn hour_of(time: WireTime) -> i64 {
    time.micros().div_euclid(HOUR_MICROS)
}

impl Pulse {
    /// Takes the counts of the last hours. What has come since the last look was said now, unless it was said while
    /// the counting was behind.
    pub(crate) fn take(
        &mut self,
        now: WireTime,
        is_up_to_date: bool,
        rows: impl IntoIterator<Item = (i64, i64)>,
    ) {
        let is_first = self.hours.is_empty();
        let rows: BTreeMap<i64, i64> = rows.into_iter().collect();
        let more = |(hour, lines): (&i64, &i64)| lines - self.hours.get(hour).unwrap_or(&0);
        let more: i64 = rows.iter().map(more).filter(|more| *more > 0).sum();
        // An hour without a row has none yet, which has been seen, too.
        self.hours = rows;
        self.hours.entry(hour_of(now)).or_default();
        if is_first || !is_up_to_date {
            return;
        }
        let minute = now.micros().div_euclid(MINUTE_MICROS);
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let lines = self.minutes.entry(minute).or_default();
        *lines = lines.saturating_add(more);
        self.minutes
            .retain(|known, _| *known > minute - MINUTES as i64);
    }

    /// The lines of the last minutes, the one that runs last.
    pub(crate) fn minutes(&self, now: WireTime) -> [u32; MINUTES] {
        let minute = now.micros().div_euclid(MINUTE_MICROS);
        let first = minute - MINUTES as i64 + 1;
        let mut minutes = [0; MINUTES];
        for (at, lines) in minutes.iter_mut().enumerate() {
            *lines = self.minutes.get(&(first + at as i64)).copied().unwrap_or(0);
        }
        minutes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fall_into_the_minute_in_which_they_were_seen() {
        let at = |minute: i64| WireTime::from_micros(1_000 * HOUR_MICROS + minute * MINUTE_MICROS);
        let mut pulse = Pulse::default();
        pulse.take(at(58), true, [(1_000, 700)]);
        pulse.take(at(58), true, [(1_000, 703)]);
        pulse.take(at(59), true, [(1_000, 704)]);
        // The hour turns: its row is new, the old one may still grow.
        pulse.take(at(60), true, [(1_000, 706), (1_001, 5)]);
        let minutes = pulse.minutes(at(60));
        assert_eq!(minutes[MINUTES - 3..], [3, 1, 7]);
        pulse.take(at(61), false, [(1_001, 9_000)]);
        pulse.take(at(61), true, [(1_001, 9_001)]);
        assert_eq!(pulse.minutes(at(61))[MINUTES - 2..], [7, 1]);
        assert_eq!(pulse.minutes(at(500)), [0; MINUTES]);
    }
}

//! How often something happens: counts by second, for the last five minutes. Pure.

/// The longest window, in seconds.
const LONGEST: usize = 300;

/// Counts of the last seconds.
#[derive(Debug, Clone)]
pub struct Rate {
    counts: Vec<u32>,
    /// The second that was counted last.
    last: u64,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            counts: vec![0; LONGEST],
            last: 0,
        }
    }
}

impl Rate {
    /// It happened in this second, counted from any fixed start.
    pub fn note(&mut self, second: u64) {
        self.forget_until(second);
        let at = self.last as usize % LONGEST;
        self.counts[at] = self.counts[at].saturating_add(1);
    }

    /// How often per second, over the last `window` seconds.
    pub fn per_second(&mut self, window: usize, second: u64) -> f64 {
        self.forget_until(second);
        let window = window.clamp(1, LONGEST);
        let sum: u64 = (0..window)
            .filter_map(|back| self.last.checked_sub(back as u64))
            .map(|second| u64::from(self.counts[second as usize % LONGEST]))
            .sum();
        sum as f64 / window as f64
    }

    fn forget_until(&mut self, second: u64) {
        if second <= self.last {
            return;
        }
        let passed = (second - self.last).min(LONGEST as u64);
        for ahead in 1..=passed {
            let at = (self.last + ahead) as usize % LONGEST;
            self.counts[at] = 0;
        }
        if passed == LONGEST as u64 {
            self.counts.fill(0);
        }
        self.last = second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_happened_in_the_window() {
        let mut rate = Rate::default();
        for second in 0..100 {
            rate.note(second);
            rate.note(second);
        }
        assert_eq!(rate.per_second(60, 99), 2.0);
        assert_eq!(rate.per_second(300, 99), 200.0 / 300.0);
        assert_eq!(rate.per_second(60, 129), 1.0);
        assert_eq!(rate.per_second(60, 10_000), 0.0);
        rate.note(3);
        assert_eq!(
            rate.per_second(1, 10_000),
            1.0,
            "a clock that runs backwards is no new second"
        );
    }
}

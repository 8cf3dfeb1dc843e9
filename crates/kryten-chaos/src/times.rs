//! How long things took. Pure.

use std::fmt;
use std::time::Duration;

/// Measured times.
#[derive(Debug, Default, Clone)]
pub(crate) struct Times {
    all: Vec<Duration>,
}

impl Times {
    pub(crate) fn note(&mut self, time: Duration) {
        self.all.push(time);
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn longest(&self) -> Option<Duration> {
        self.all.iter().max().copied()
    }

    /// The time below which this share of all is.
    pub(crate) fn at(&self, share: f64) -> Option<Duration> {
        let mut sorted = self.all.clone();
        sorted.sort_unstable();
        let place = (sorted.len() as f64 * share) as usize;
        let last = sorted.len().checked_sub(1)?;
        sorted.get(place.min(last)).copied()
    }

    /// In words, with how many took longer than they may.
    pub(crate) fn spread(&self, limit: Duration) -> String {
        let late = self.all.iter().filter(|time| **time > limit).count();
        match self.count() {
            0 => self.to_string(),
            _ => format!("{self}; {late} above {} s", limit.as_secs()),
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(half), Some(most), Some(longest)) = (self.at(0.5), self.at(0.99), self.longest())
        else {
            return write!(f, "none was needed");
        };
        let [half, most, longest] = [half, most, longest].map(|time| time.as_secs_f64());
        write!(
            f,
            "p50 {half:.2} s, p99 {most:.2} s, longest {longest:.2} s"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_tells_the_middle_the_longest_and_those_that_are_late() {
        let mut times = Times::default();
        assert_eq!(times.spread(Duration::from_secs(1)), "none was needed");
        for millis in [300, 100, 1200, 200] {
            times.note(Duration::from_millis(millis));
        }
        assert_eq!(
            times.spread(Duration::from_secs(1)),
            "p50 0.30 s, p99 1.20 s, longest 1.20 s; 1 above 1 s"
        );
    }
}

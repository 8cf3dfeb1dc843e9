//! When to stop reading a stream to whose end others go on writing.
//!
//! A value that is overwritten before the server has come to it is found later, at its new place, and may be overwritten
//! again before that. The reader runs after the end as it was when it began, then as it is then, and so on: with each lap
//! less is written, and what is left behind after three of them is written faster than it can be read.

/// Laps to run.
const LAPS: u32 = 3;

/// The laps that are still to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Laps {
    end: u64,
    left: u32,
}

/// How far the reader has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lap {
    /// Within a lap.
    Running,
    /// At the end of one: another begins, up to what the stream's end is now.
    Next,
    /// At the end of the last.
    Over,
}

impl Laps {
    /// The first lap, up to what the stream's end was before the reader began.
    pub(crate) fn new(end: u64) -> Self {
        Self { end, left: LAPS }
    }

    /// Takes a sequence that was received.
    pub(crate) fn take(&mut self, sequence: u64) -> Lap {
        // Where nobody writes the end itself comes last, and the server says that it was.
        if sequence <= self.end {
            return Lap::Running;
        }
        self.left = self.left.saturating_sub(1);
        match self.left {
            0 => Lap::Over,
            _ => Lap::Next,
        }
    }

    /// Begins the next lap.
    pub(crate) fn begin(&mut self, end: u64) {
        self.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_run_after_three_times() {
        let mut laps = Laps::new(10);
        assert_eq!(laps.take(10), Lap::Running);
        assert_eq!(laps.take(11), Lap::Next);
        laps.begin(20);
        assert_eq!((laps.take(12), laps.take(25)), (Lap::Running, Lap::Next));
        laps.begin(26);
        assert_eq!((laps.take(26), laps.take(27)), (Lap::Running, Lap::Over));
    }
}

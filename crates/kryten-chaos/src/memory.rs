//! Memory and open files of the robots and the statistics that are never killed.
//!
//! What is bounded, such as a connection's buffers, fills in the first hours, and the allocator keeps pages that nothing
//! is in; a leak goes on. So the middle third of a run is compared with the last one: what is allocated, what is
//! resident, and the files.

use std::fmt;
use std::time::Duration;

use crate::process::Process;
use crate::stage::Stage;

/// How much more there may be in the last third than in the one before it.
const ALLOWED: f64 = 1.10;
/// A socket more or less is a connection that is being made.
const ALLOWED_FILES: u64 = 3;

/// What was seen, and when.
#[derive(Debug)]
pub(crate) struct Memory {
    /// A simulated hour.
    hour: Duration,
    samples: Vec<(Duration, Sample)>,
}

/// What one kind of service has.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    /// KiB that are allocated.
    heap: u64,
    /// KiB in memory, the program itself too.
    resident: u64,
    files: u64,
}

/// Of all robots and of all statistics.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    robot: Figures,
    userstats: Figures,
}

/// In the second hour, in the middle third, in the last third, and whether that is no growth.
#[derive(Debug)]
pub(crate) struct Verdict(Option<[Sample; 3]>);

impl Memory {
    pub(crate) fn new(hour: Duration) -> Self {
        Self {
            hour,
            samples: Vec::new(),
        }
    }

    pub(crate) fn sample(&mut self, stage: &Stage, at: Duration) -> anyhow::Result<()> {
        let sample = Sample {
            robot: sum(&stage.steady.robots)?,
            userstats: sum(&stage.steady.userstats)?,
        };
        self.samples.push((at, sample));
        Ok(())
    }

    /// The newest, for a line of the report.
    pub(crate) fn last(&self) -> String {
        let sample = self.samples.last().map(|(_, sample)| *sample);
        sample.unwrap_or_default().to_string()
    }

    /// Of a run of less than three hours there is none.
    pub(crate) fn verdict(&self, end: Duration) -> Verdict {
        let typical = |from: Duration, to: Duration| {
            let within = |at: &Duration| (from..=to).contains(at);
            let samples = self.samples.iter().filter(|(at, _)| within(at));
            Sample::typical(&samples.map(|(_, sample)| *sample).collect::<Vec<_>>())
        };
        let third = end / 3;
        let parts = || {
            let second_hour = typical(self.hour, 2 * self.hour)?;
            Some([
                second_hour,
                typical(third, 2 * third)?,
                typical(2 * third, end)?,
            ])
        };
        Verdict((end >= 3 * self.hour).then(parts).flatten())
    }
}

fn sum(processes: &[Process]) -> anyhow::Result<Figures> {
    let mut sum = Figures::default();
    for process in processes {
        sum.heap += process.heap();
        sum.resident += process.memory()?;
        sum.files += process.handles()?;
    }
    Ok(sum)
}

impl Sample {
    fn typical(samples: &[Self]) -> Option<Self> {
        let of = |pick: fn(&Self) -> Figures| Figures::typical(samples.iter().map(pick).collect());
        Some(Self {
            robot: of(|sample| sample.robot)?,
            userstats: of(|sample| sample.userstats)?,
        })
    }
}

impl Figures {
    /// Medians: single samples hold what a fault needed for a moment. Of the heap the lowest tenth: a buffer that a burst
    /// has made larger stays as long as its connection, and what leaks stays in all of them.
    fn typical(samples: Vec<Self>) -> Option<Self> {
        let place = |pick: fn(&Self) -> u64, part: usize| {
            let mut values: Vec<u64> = samples.iter().map(pick).collect();
            values.sort_unstable();
            values.get(values.len() / part).copied()
        };
        Some(Self {
            heap: place(|figures| figures.heap, 10)?,
            resident: place(|figures| figures.resident, 2)?,
            files: place(|figures| figures.files, 2)?,
        })
    }

    fn has_grown_since(self, before: Self) -> bool {
        let grew = |before: u64, now: u64| now as f64 > before as f64 * ALLOWED;
        grew(before.heap, self.heap)
            || grew(before.resident, self.resident)
            || self.files > before.files + ALLOWED_FILES
    }
}

impl Verdict {
    pub(crate) fn holds(&self) -> bool {
        self.0.is_none_or(|[_, middle, last]| {
            !last.robot.has_grown_since(middle.robot)
                && !last.userstats.has_grown_since(middle.userstats)
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |kib: u64| kib as f64 / 1024.0;
        let (heap, resident) = (megabytes(self.heap), megabytes(self.resident));
        write!(f, "{heap:.1} of {resident:.1} MB and {} files", self.files)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "robot {}, userstats {}", self.robot, self.userstats)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some([second_hour, middle, last]) => write!(
                f,
                "in the second hour {second_hour}; in the middle third {middle}; in the last third {last}"
            ),
            None => write!(f, "too short a run to say"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of 24 hours of a minute, with a sample each two seconds.
    fn run(figures: impl Fn(u64) -> Figures) -> Verdict {
        let minute = Duration::from_secs(60);
        let mut memory = Memory::new(minute);
        for second in (0..24 * 60).step_by(2) {
            let sample = Sample {
                robot: figures(second),
                userstats: Figures::default(),
            };
            memory.samples.push((Duration::from_secs(second), sample));
        }
        memory.verdict(24 * minute)
    }

    #[test]
    fn what_fills_in_the_first_hours_is_no_growth_and_what_goes_on_is() {
        let steady = Figures {
            heap: 1_000,
            resident: 20_000,
            files: 20,
        };
        let filled = |second: u64| Figures {
            resident: 20_000 + 5 * second.min(400),
            ..steady
        };
        assert!(run(filled).holds());
        let burst = |second: u64| Figures {
            heap: 1_000 + 4_000 * u64::from(second > 800 && second % 60 < 40),
            ..steady
        };
        assert!(run(burst).holds(), "a buffer comes and goes");
        let leak = |second: u64| Figures {
            heap: 1_000 + second / 2,
            ..steady
        };
        assert!(!run(leak).holds());
        let pages = |second: u64| Figures {
            resident: 20_000 + 10 * second,
            ..steady
        };
        assert!(!run(pages).holds());
        let files = |second: u64| Figures {
            files: 20 + second / 100,
            ..steady
        };
        assert!(!run(files).holds());
    }
}

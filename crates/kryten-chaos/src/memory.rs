//! Memory and open files of the robots and the statistics that are never killed.

use std::fmt;
use std::time::Duration;

use crate::process::Process;
use crate::stage::Stage;

/// How much more there may be at the end than after the first simulated hour.
const ALLOWED: f64 = 1.10;

/// What was seen, and when.
#[derive(Debug)]
pub(crate) struct Memory {
    /// A simulated hour.
    hour: Duration,
    samples: Vec<(Duration, Sample)>,
}

/// Resident KiB and open files, of all robots and of all statistics.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    robot: [u64; 2],
    userstats: [u64; 2],
}

/// After the first hour and at the end, and whether that is no growth.
#[derive(Debug)]
pub(crate) struct Verdict {
    after_the_first_hour: Option<Sample>,
    at_the_end: Option<Sample>,
}

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

    /// Medians of the second hour and of the last one: single samples hold what a fault needed for a moment.
    pub(crate) fn verdict(&self, end: Duration) -> Verdict {
        let median = |from: Duration, to: Duration| {
            let within = |at: &Duration| (from..=to).contains(at);
            let samples = self.samples.iter().filter(|(at, _)| within(at));
            Sample::median(&samples.map(|(_, sample)| *sample).collect::<Vec<_>>())
        };
        Verdict {
            after_the_first_hour: median(self.hour, 2 * self.hour),
            at_the_end: (end > 3 * self.hour)
                .then(|| median(end - self.hour, end))
                .flatten(),
        }
    }
}

fn sum(processes: &[Process]) -> anyhow::Result<[u64; 2]> {
    let mut sum = [0, 0];
    for process in processes {
        sum[0] += process.memory()?;
        sum[1] += process.handles()?;
    }
    Ok(sum)
}

impl Sample {
    fn median(samples: &[Self]) -> Option<Self> {
        let middle = |pick: &dyn Fn(&Self) -> u64| -> Option<u64> {
            let mut values: Vec<u64> = samples.iter().map(pick).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied()
        };
        Some(Self {
            robot: [
                middle(&|sample| sample.robot[0])?,
                middle(&|sample| sample.robot[1])?,
            ],
            userstats: [
                middle(&|sample| sample.userstats[0])?,
                middle(&|sample| sample.userstats[1])?,
            ],
        })
    }
}

impl Verdict {
    /// A run of less than three hours says nothing.
    pub(crate) fn holds(&self) -> bool {
        let (Some(first), Some(last)) = (self.after_the_first_hour, self.at_the_end) else {
            return true;
        };
        let grew = |first: u64, last: u64| last as f64 > first as f64 * ALLOWED;
        // A socket more or less is a connection that is being made.
        let opened = |first: u64, last: u64| last > first + 3;
        !grew(first.robot[0], last.robot[0])
            && !grew(first.userstats[0], last.userstats[0])
            && !opened(first.robot[1], last.robot[1])
            && !opened(first.userstats[1], last.userstats[1])
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |kib: u64| kib as f64 / 1024.0;
        write!(
            f,
            "robot {:.1} MB and {} files, userstats {:.1} MB and {} files",
            megabytes(self.robot[0]),
            self.robot[1],
            megabytes(self.userstats[0]),
            self.userstats[1]
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.after_the_first_hour, self.at_the_end) {
            (Some(first), Some(last)) => {
                write!(f, "after the first hour {first}; in the last hour {last}")
            }
            _ => write!(f, "too short a run to say"),
        }
    }
}

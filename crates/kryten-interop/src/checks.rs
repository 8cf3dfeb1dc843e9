//! What is checked, and the report.

mod bodies;
mod buckets;
mod commands;
mod events;
mod robot;
mod subjects;

use kryten_client::{Client, NatsConfig};

use crate::agent::Agent;
use crate::matrix;

/// Both sides, on one server.
pub(crate) struct Sides {
    pub(crate) rust: Client,
    pub(crate) python: Agent,
    pub(crate) config: NatsConfig,
}

/// How many checks passed.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Report {
    /// Counts and prints one check.
    pub(crate) fn add(&mut self, name: &str, result: anyhow::Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("ok      {name}");
            }
            Err(error) => {
                self.failed += 1;
                println!("FAILED  {name}: {error:#}");
            }
        }
    }
}

/// Runs all checks.
pub(crate) async fn run(sides: &mut Sides, report: &mut Report) {
    buckets::run(sides, report).await;
    events::run(sides, report).await;
    bodies::run(sides, report).await;
    subjects::run(sides, report).await;
    commands::run(sides, report).await;
    robot::run(sides, report).await;
    match matrix::run(sides, report).await {
        Ok(_compared) => {}
        Err(error) => report.add("the matrix can begin", Err(error)),
    }
}

/// Whether two things are equal, as a check.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> anyhow::Result<()> {
    anyhow::ensure!(found == expected, "{found:?} is not {expected:?}");
    Ok(())
}

//! What is checked, and the report.

mod bodies;
mod buckets;
mod commands;
mod configuration;
mod events;
mod pages;
mod robot;
mod subjects;

use kryten_client::{Client, NatsConfig};
use serde_json::json;

use crate::agent::Agent;
use crate::matrix::{self, Compared};
use crate::table;

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
    configuration::run(sides, report).await;
    commands::run(sides, report).await;
    pages::run(sides, report).await;
    robot::run(sides, report).await;
    match matrix::run(sides, report).await {
        Ok(compared) => table(sides, report, &compared).await,
        Err(error) => report.add("the matrix can begin", Err(error)),
    }
}

/// The document for those who come from the original library, against both libraries.
async fn table(sides: &mut Sides, report: &mut Report, compared: &Compared) {
    let surface = match sides.python.ask(json!({"do": "surface"})).await {
        Ok(surface) => surface,
        Err(error) => return report.add("kryten-py lists what it has", Err(error)),
    };
    let mut counted = |what: &str, count: anyhow::Result<usize>| match count {
        Ok(count) => report.add(&format!("{what} ({count})"), Ok(())),
        Err(error) => report.add(what, Err(error)),
    };
    let complete = table::is_complete(&surface);
    counted("every public name of kryten-py is in the table", complete);
    counted(
        "every name of ours in the table exists",
        table::names_exist(),
    );
    counted(
        "every weakness of kryten-py has a test",
        table::tests_exist(),
    );
    let compared = table::matches_the_matrix(&surface, compared);
    counted("the wire of every method that sends is compared", compared);
}

/// Whether two things are equal, as a check.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> anyhow::Result<()> {
    anyhow::ensure!(found == expected, "{found:?} is not {expected:?}");
    Ok(())
}

//! Measures ours against the Python originals and the engines below, in turn, in one run.
//!
//! `cargo run --release -p kryten-bench -- NAME|all [--json FILE]`. Each row of the table is a file in `rows/`. A row is
//! run in rounds; in each round every side does the same work once, and every second round goes through them backwards
//! (A B C, C B A), so that what else the machine does falls on all of them. A round whose sides did not come to the same
//! result ends the run without a figure.
#![allow(clippy::print_stdout, reason = "its report is what it is run for")]

mod clerk;
mod contest;
mod crowd;
mod engine;
mod figure;
mod films;
mod grid;
mod load;
mod plot;
mod results;
mod rows;
mod sides;
mod spread;
mod table;
mod talk;
mod theatre;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Parser;

use crate::rows::RowName;
use crate::sides::{Sync, Tools};

/// Measures ours against kryten-py and raw async-nats.
#[derive(Parser)]
#[command(name = "kryten-bench")]
struct Arguments {
    /// The row to run, such as p1, or all
    #[arg(value_parser = RowName::parse)]
    row: RowName,
    /// Also write the results to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A few seconds, to see that all sides do the same work: nothing is kept, no figure means anything
    #[arg(long)]
    quick: bool,
    /// Do not write `docs/results/` and the table in `docs/performance.md`
    #[arg(long)]
    dry: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    ensure!(
        arguments.quick || !cfg!(debug_assertions),
        "figures of a debug build mean nothing; use cargo run --release, or --quick"
    );
    // Whoever is first wins; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut tools = Tools::find().await?;
    let mut all = Vec::new();
    for row in arguments.row.rows() {
        let mut figures = Vec::new();
        let mut grid = None;
        match row.script() {
            Some(script) => {
                for sync in Sync::ALL {
                    let bench = tools.bench(sync, script).await?;
                    figures.extend(row.run(bench, arguments.quick).await?);
                }
            }
            None => {
                grid = Some(
                    row.run_services(tools.programs().await?, arguments.quick)
                        .await?,
                )
            }
        }
        let result = results::RowResult::new(row.name(), figures, grid);
        println!("{}", table::text(&result));
        if !arguments.quick && !arguments.dry {
            result.keep()?;
        }
        all.push(result);
    }
    if let Some(file) = &arguments.json {
        std::fs::write(file, results::to_json(&all)?)?;
    }
    if arguments.quick {
        println!("all sides did the same work");
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.dry {
        table::renew()?;
    }
    let missed = all.iter().map(results::RowResult::missed).sum::<usize>();
    println!("{missed} targets missed");
    Ok(ExitCode::SUCCESS)
}

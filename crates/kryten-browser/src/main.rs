//! Looks at the page in a real browser: `cargo run -p kryten-browser`.
//!
//! It drives a headless Chromium against `kryten up --demo` and against a channel with a past and with hostile names:
//! the values are those of `kryten stats`, what happens is seen within a second, nothing foreign is asked for, nothing
//! that others wrote becomes markup, axe-core finds nothing serious, and everything can be read with scripts off. The
//! last line counts; a failure is exit code 1. `--screenshots DIR` makes the pictures of the documents
//! instead, those of the page and those of the terminal.
//!
//! It needs Chromium (`apt-get install chromium`, or CHROMIUM names one) and npm, with which it installs axe-core into
//! a temporary folder.
#![allow(clippy::print_stdout, reason = "its report is what it is run for")]

mod axe;
mod checks;
mod chromium;
mod demo;
mod devtools;
mod pictures;
mod report;
mod stage;
mod tab;
mod terminal;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::chromium::Chromium;
use crate::demo::Demo;
use crate::report::Report;
use crate::stage::Stage;

/// Looks at the page in a real browser.
#[derive(Debug, Parser)]
struct Arguments {
    /// Make the pictures of the documents in this folder, and check nothing
    #[arg(long, value_name = "DIR")]
    screenshots: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    // Whoever is first wins; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chromium = Chromium::start().await?;
    let demo = Demo::start().await?;
    let stage = Stage::start().await?;
    let mut report = Report::default();
    let done = match &arguments.screenshots {
        Some(folder) => pictures::make(folder, &chromium, &demo, &stage).await,
        None => checks::all(&mut report, &chromium, &demo, &stage).await,
    };
    stage.stop().await?;
    demo.stop().await?;
    chromium.stop().await;
    done?;
    if arguments.screenshots.is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} passed, {} failed", report.passed, report.failed);
    Ok(match report.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

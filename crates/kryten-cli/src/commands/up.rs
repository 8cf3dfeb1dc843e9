//! `kryten up`: everything in one process.

use std::process::ExitCode;

use clap::Args;

use crate::cli::ClientArgs;

/// Options of `kryten up`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Play a simulated CyTube channel, so that something is to be seen without an account
    #[arg(long)]
    pub(crate) demo: bool,
}

/// Runs until it is told to stop.
pub(crate) async fn run(_client: &ClientArgs, args: UpArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(args.demo, "nothing to run yet: give --demo");
    Ok(ExitCode::SUCCESS)
}

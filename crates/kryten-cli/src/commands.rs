//! One file for each verb.

pub(crate) mod up;

use std::process::ExitCode;

use crate::cli::{Cli, Command};

/// Runs the verb.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Up(args) => up::run(&cli.client, args).await,
    }
}

//! `kryten man`: manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::{cli, output};

/// Options of `kryten man`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten man | man -l -                      read it
  kryten man --dir ~/.local/share/man/man1   install a page for each verb")]
pub(crate) struct ManArgs {
    /// Write a page for each verb into this folder, instead of printing the first one
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Prints the page, or writes all.
pub(crate) fn run(args: ManArgs) -> anyhow::Result<ExitCode> {
    let Some(folder) = args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(cli::command()).render(&mut page)?;
        output::text(&String::from_utf8_lossy(&page))?;
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(&folder)
        .and_then(|()| clap_mangen::generate_to(cli::command(), &folder))
        .with_context(|| format!("cannot write pages into {}", folder.display()))?;
    output::line(&format!("The pages are in {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

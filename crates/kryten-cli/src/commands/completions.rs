//! `kryten completions`: scripts for shells.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::{cli, output};

/// Options of `kryten completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten completions bash > ~/.local/share/bash-completion/completions/kryten
  kryten completions zsh > ~/.zfunc/_kryten   with ~/.zfunc in fpath
  kryten completions fish > ~/.config/fish/completions/kryten.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Known,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script.
pub(crate) fn run(args: CompletionsArgs) -> anyhow::Result<ExitCode> {
    let shell = match args.shell {
        Known::Bash => Shell::Bash,
        Known::Zsh => Shell::Zsh,
        Known::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "kryten", &mut script);
    output::text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

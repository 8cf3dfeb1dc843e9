//! `kryten moderator patterns`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Action, BY, TableFormat, ask, print, show};
use crate::cli::ClientArgs;
use crate::commands::target::help_of;
use crate::output;

/// Options of `kryten moderator patterns`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten moderator patterns list
  kryten moderator patterns add spam --action mute --description 'sells things'
  kryten moderator patterns add '^bot[0-9]+$' --regex
  kryten moderator patterns remove spam")]
pub(super) struct PatternsArgs {
    #[command(subcommand)]
    command: Option<PatternsCommand>,
}

#[derive(Debug, Subcommand)]
enum PatternsCommand {
    /// List the patterns
    List {
        #[command(flatten)]
        format: TableFormat,
    },
    /// Add a pattern
    Add {
        /// A part of names, or with --regex a regular expression
        #[arg(allow_hyphen_values = true)]
        pattern: String,
        /// It is a regular expression
        #[arg(long)]
        regex: bool,
        /// What is done to whoever has such a name
        #[arg(long, value_enum, default_value = "ban")]
        action: Action,
        /// Why
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Remove a pattern
    Remove {
        /// The pattern as it is in the list
        #[arg(allow_hyphen_values = true)]
        pattern: String,
    },
}

/// Asks the service and prints what it says.
pub(super) async fn run(client: &ClientArgs, args: PatternsArgs) -> anyhow::Result<ExitCode> {
    let Some(command) = args.command else {
        return help_of(&["moderator", "patterns"]);
    };
    match command {
        PatternsCommand::List { format } => {
            let data = ask(client, "pattern.list", &[]).await?;
            print(format.is_json(), &data, show::patterns)?;
        }
        PatternsCommand::Add {
            pattern,
            regex,
            action,
            description,
        } => {
            let fields = [
                ("pattern", pattern.as_str().into()),
                ("is_regex", regex.into()),
                ("action", action.word().into()),
                ("added_by", BY.into()),
                ("description", description.into()),
            ];
            ask(client, "pattern.add", &fields).await?;
            output::line(&format!("✓ Added pattern: {}", output::printable(&pattern)))?;
        }
        PatternsCommand::Remove { pattern } => {
            let fields = [("pattern", pattern.as_str().into())];
            ask(client, "pattern.remove", &fields).await?;
            output::line(&format!(
                "✓ Removed pattern: {}",
                output::printable(&pattern)
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

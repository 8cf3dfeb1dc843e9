//! `kryten stats alias` and `kryten stats phrase`.

use clap::Subcommand;
use kryten_protocol::userstats::UserstatsCommand;
use serde_json::Value;

use super::show;
use crate::screen::Screen;

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  kryten stats alias add Alice ally   ++ally counts for Alice
  kryten stats alias find ally
  kryten stats alias delete Alice ally")]
pub(super) enum AliasWhat {
    /// List all
    List,
    /// List those of a user
    Get {
        /// The user
        name: String,
    },
    /// Tell whose an alias is
    Find {
        /// The alias, in any case
        alias: String,
    },
    /// Give a user an alias
    Add {
        /// The user
        name: String,
        /// The alias
        alias: String,
    },
    /// Take an alias away
    #[command(visible_alias = "del")]
    Delete {
        /// The user
        name: String,
        /// The alias
        alias: String,
    },
    /// Rename an alias
    Update {
        /// The alias as it is
        old: String,
        /// As it shall be
        new: String,
    },
}

impl AliasWhat {
    pub(super) fn command(&self) -> UserstatsCommand {
        match self {
            Self::List => UserstatsCommand::AliasList,
            Self::Get { name } => UserstatsCommand::AliasGet {
                username: name.clone(),
            },
            Self::Find { alias } => UserstatsCommand::AliasFind {
                alias: alias.clone(),
            },
            Self::Add { name, alias } => UserstatsCommand::AliasAdd {
                username: name.clone(),
                alias: alias.clone(),
            },
            Self::Delete { name, alias } => UserstatsCommand::AliasDelete {
                username: name.clone(),
                alias: alias.clone(),
            },
            Self::Update { old, new } => UserstatsCommand::AliasUpdate {
                old_alias: old.clone(),
                new_alias: new.clone(),
            },
        }
    }

    /// The field that says whether a change was made, of the Python service, to which a refused one is a success.
    pub(super) fn done_field(&self) -> Option<&'static str> {
        match self {
            Self::Add { .. } => Some("added"),
            Self::Delete { .. } => Some("deleted"),
            Self::Update { .. } => Some("updated"),
            Self::List | Self::Get { .. } | Self::Find { .. } => None,
        }
    }

    pub(super) fn show(&self, screen: Screen, data: &Value) -> String {
        match self {
            Self::List => show::names::aliases(screen, &data["aliases"]),
            Self::Get { name } => show::names::aliases_of(name, &data["aliases"]),
            Self::Find { alias } => show::names::owner(alias, &data["username"]),
            Self::Add { .. } | Self::Delete { .. } | Self::Update { .. } => {
                show::names::changed(data)
            }
        }
    }
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  kryten stats phrase list
  kryten stats phrase add bravo   `bravo alice` thanks alice
  kryten stats phrase delete haha")]
pub(super) enum PhraseWhat {
    /// List all
    List,
    /// Count a phrase from now on
    Add {
        /// The phrase: one word, in any case
        phrase: String,
    },
    /// Count a phrase no longer; what it has counted stays
    #[command(visible_alias = "del")]
    Delete {
        /// The phrase, in any case
        phrase: String,
    },
}

impl PhraseWhat {
    pub(super) fn command(&self) -> UserstatsCommand {
        match self {
            Self::List => UserstatsCommand::PhraseList,
            Self::Add { phrase } => UserstatsCommand::PhraseAdd {
                phrase: phrase.clone(),
            },
            Self::Delete { phrase } => UserstatsCommand::PhraseDelete {
                phrase: phrase.clone(),
            },
        }
    }

    pub(super) fn show(&self, screen: Screen, data: &Value) -> String {
        match self {
            Self::List => show::names::phrases(screen, &data["phrases"]),
            Self::Add { .. } | Self::Delete { .. } => show::names::changed(data),
        }
    }
}

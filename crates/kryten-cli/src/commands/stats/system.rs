//! `kryten stats system`.

use clap::Subcommand;
use kryten_protocol::userstats::UserstatsCommand;
use serde_json::Value;

use super::show;
use crate::screen::Screen;

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  kryten stats system health
  kryten stats system drift --check   compare now

How much the service logs is changed with `kryten loglevel userstats`.")]
pub(super) enum SystemWhat {
    /// Whether it answers
    Ping,
    /// Whether it can do its work
    Health,
    /// What it has counted
    Stats,
    /// Where the robot's state differed from what the events told
    Drift {
        /// Compare now, instead of telling of the last time
        #[arg(long)]
        check: bool,
    },
}

impl SystemWhat {
    pub(super) fn command(&self) -> UserstatsCommand {
        match self {
            Self::Ping => UserstatsCommand::SystemPing,
            Self::Health => UserstatsCommand::SystemHealth,
            Self::Stats => UserstatsCommand::SystemStats,
            Self::Drift { check } => UserstatsCommand::SystemDrift { check: *check },
        }
    }

    pub(super) fn show(&self, screen: Screen, data: &Value) -> String {
        match self {
            Self::Ping => show::system::ping(screen, data),
            Self::Health => show::system::health(screen, data),
            Self::Stats => show::system::stats(screen, data),
            Self::Drift { .. } => show::drift::all(screen, data, jiff::Timestamp::now()),
        }
    }
}

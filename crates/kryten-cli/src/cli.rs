//! Every option of the command line, as clap types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::config::ConfigArgs;
use crate::commands::doctor::DoctorArgs;
use crate::commands::health::HealthArgs;
use crate::commands::kv::KvArgs;
use crate::commands::record::RecordArgs;
use crate::commands::replay::ReplayArgs;
use crate::commands::robot::RobotArgs;
use crate::commands::sim::SimArgs;
use crate::commands::stats::StatsArgs;
use crate::commands::tail::TailArgs;
use crate::commands::up::UpArgs;
use crate::commands::userstats::UserstatsArgs;

/// Kryten: a CyTube channel's events, state and statistics over NATS.
#[derive(Debug, Parser)]
#[command(name = "kryten", version, propagate_version = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of the client commands: which server, which channel.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ClientArgs {
    /// The NATS server, such as nats://localhost:4222; user and password may be in the URL
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) nats: Option<String>,
    /// The data folder: of `up` itself, and for all others of the running `up` to talk to
    #[arg(long, value_name = "DIR", global = true, env = "KRYTEN_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A configuration file with a `nats` section (before the verb)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The channel, where more than one is known (before the verb)
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) channel: Option<String>,
    /// The CyTube host, where more than one is known (before the verb)
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) domain: Option<String>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process: NATS, robot, statistics and the web page
    Up(Box<UpArgs>),
    /// Run the bridge between CyTube and NATS alone, on an original robot's configuration file
    Robot(RobotArgs),
    /// Run the statistics service alone, on an original's configuration file
    Userstats(UserstatsArgs),
    /// Ask the statistics service
    Stats(StatsArgs),
    /// Run a simulated CyTube server, which replays a recording or plays a scripted channel
    Sim(Box<SimArgs>),
    /// Ask the running services whether they work
    Health(HealthArgs),
    /// Read and change key-value buckets
    Kv(KvArgs),
    /// Look at everything that a set-up stands on, and say what to do about what is wrong
    Doctor(DoctorArgs),
    /// Show events as they come, one a line
    Tail(TailArgs),
    /// Write the events into a file, as JSON lines, until Ctrl-C
    Record(RecordArgs),
    /// Publish a recording's events again
    Replay(ReplayArgs),
    /// Check configuration files, print their JSON Schemas, and write that of a nats-server
    Config(ConfigArgs),
}

impl Command {
    /// Whether the verb runs a service, whose options follow it.
    pub(crate) fn is_service(&self) -> bool {
        matches!(
            self,
            Self::Up(_) | Self::Robot(_) | Self::Userstats(_) | Self::Sim(_)
        )
    }
}

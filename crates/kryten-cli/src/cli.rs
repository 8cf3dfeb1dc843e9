//! Every option of the command line, as clap types, and the page of help that names all verbs.

mod number;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::commands::completions::CompletionsArgs;
use crate::commands::config::ConfigArgs;
use crate::commands::doctor::DoctorArgs;
use crate::commands::health::HealthArgs;
use crate::commands::kv::KvArgs;
use crate::commands::list::ListArgs;
use crate::commands::loglevel::LogLevelArgs;
use crate::commands::man::ManArgs;
use crate::commands::moderation::{MuteArgs, UserArgs, UserReasonArgs};
use crate::commands::moderator::ModeratorArgs;
use crate::commands::playback::SeekArgs;
use crate::commands::playlist::PlaylistArgs;
use crate::commands::privacy::PrivacyArgs;
use crate::commands::record::RecordArgs;
use crate::commands::replay::ReplayArgs;
use crate::commands::robot::RobotArgs;
use crate::commands::say::{PmArgs, SayArgs};
use crate::commands::sim::SimArgs;
use crate::commands::stats::StatsArgs;
use crate::commands::tail::TailArgs;
use crate::commands::up::UpArgs;
use crate::commands::userstats::UserstatsArgs;
use crate::screen::{Screen, wrapped};
pub(crate) use number::at_least_one;

/// Where the options stand that every verb has.
const EVERYWHERE: &str = "Everywhere";

/// Kryten: a CyTube channel's events, state and statistics over NATS.
#[derive(Debug, Parser)]
#[command(name = "kryten", version, propagate_version = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
// As the Python command line: `--chan` for `--channel`, and of an option that is given twice the last one counts.
#[command(infer_long_args = true, args_override_self = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of the client commands: which server, which channel.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ClientArgs {
    /// The NATS server, such as nats://user:password@host:4222; several of a cluster with commas
    #[arg(long, value_name = "URL", global = true, help_heading = EVERYWHERE)]
    pub(crate) nats: Vec<String>,
    /// The data folder: of `up` itself, and for all others of the running `up` to talk to [env: KRYTEN_DATA_DIR]
    #[arg(long, value_name = "DIR", global = true, help_heading = EVERYWHERE)]
    pub(crate) data_dir: Option<PathBuf>,
    /// A configuration file with a `nats` section, and perhaps `channels` (before the verb)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The channel, where more than one is known (before the verb)
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) channel: Option<String>,
    /// The CyTube host, where more than one is known (before the verb)
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) domain: Option<String>,
}

impl ClientArgs {
    /// What the environment says where no option does. Were it clap's to look, a variable that is set would count as an
    /// option that is given: no page of help where the verb is missing, and odd lines of usage.
    pub(crate) fn with_environment(mut self) -> Self {
        let named = std::env::var_os("KRYTEN_DATA_DIR").filter(|dir| !dir.is_empty());
        self.data_dir = self.data_dir.or(named.map(PathBuf::from));
        self
    }

    /// The servers that were named.
    pub(crate) fn servers(&self) -> Vec<String> {
        let servers = self.nats.iter().flat_map(|urls| urls.split(','));
        servers
            .map(str::trim)
            .filter(|url| !url.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process: NATS, robot, statistics and the web page
    Up(Box<UpArgs>),
    /// Run the bridge between CyTube and NATS alone, on an original robot's configuration file
    Robot(RobotArgs),
    /// Run the statistics service alone, on an original's configuration file; `all` prints a channel's statistics
    Userstats(UserstatsArgs),
    /// Carry out what a person wishes of what is counted of them
    Privacy(PrivacyArgs),
    /// Run a simulated CyTube server, which replays a recording or plays a scripted channel
    Sim(Box<SimArgs>),

    /// Say something in the chat
    Say(SayArgs),
    /// Send a user a private message
    Pm(PmArgs),
    /// Show the playlist, the users or the emotes
    List(ListArgs),
    /// Change the playlist
    Playlist(PlaylistArgs),
    /// Pause what plays
    Pause,
    /// Go on with what plays
    Play,
    /// Go to a place in what plays
    Seek(SeekArgs),
    /// Vote for skipping what plays
    Voteskip,
    /// Throw a user out
    Kick(UserReasonArgs),
    /// Ban a name from the channel
    Ban(UserReasonArgs),
    /// Lift all bans of a name
    Unban(UserArgs),
    /// Mute a user
    Mute(MuteArgs),
    /// End a user's mute, of either kind
    Unmute(UserArgs),
    /// Ask a kryten-moderator service, which keeps lists of its own
    Moderator(ModeratorArgs),

    /// Ask the statistics service
    Stats(Box<StatsArgs>),
    /// Ask the running services whether they work
    Health(HealthArgs),
    /// Show how much a running service logs, or change it
    #[command(name = "loglevel")]
    LogLevel(LogLevelArgs),
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
    /// Print a script that completes commands in a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them into a folder
    Man(ManArgs),
    /// Print the version and where this comes from
    About,
}

impl Command {
    /// Whether the verb runs a service, whose options follow it.
    pub(crate) fn is_service(&self) -> bool {
        match self {
            Self::Up(_) | Self::Robot(_) | Self::Sim(_) => true,
            Self::Userstats(args) => args.report.is_none(),
            _ => false,
        }
    }
}

/// The verbs as the page of help shows them. One that is in no group is shown in the last one.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Run it", &["up", "robot", "userstats", "sim"]),
    (
        "In the channel",
        &[
            "say",
            "pm",
            "list",
            "playlist",
            "pause",
            "play",
            "seek",
            "voteskip",
            "kick",
            "ban",
            "unban",
            "mute",
            "unmute",
            "moderator",
        ],
    ),
    (
        "Look at it",
        &[
            "stats", "tail", "kv", "record", "replay", "health", "doctor", "loglevel", "privacy",
        ],
    ),
    ("Set it up", &["config", "completions", "man", "about"]),
];

/// The whole command line, with its verbs in groups on the page of help, as wide as the terminal is.
pub(crate) fn command() -> clap::Command {
    /// As clap's own texts.
    const WIDEST: usize = 100;
    let width = Screen::of_stdout().width().unwrap_or(WIDEST);
    command_for(width.min(WIDEST))
}

fn command_for(width: usize) -> clap::Command {
    /// Before what a verb does.
    const INDENT: usize = 15;
    let command = Cli::command();
    let mut groups: Vec<(&str, Vec<&clap::Command>)> =
        GROUPS.map(|(title, _)| (title, Vec::new())).to_vec();
    let last = groups.len() - 1;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = verb.get_name();
        let at = GROUPS.iter().position(|(_, verbs)| verbs.contains(&name));
        groups[at.unwrap_or(last)].1.push(verb);
    }
    let mut page = String::new();
    for ((title, mut verbs), (_, order)) in groups.into_iter().zip(GROUPS) {
        verbs.sort_by_key(|verb| order.iter().position(|name| *name == verb.get_name()));
        let _ = writeln!(page, "{title}:");
        for verb in verbs {
            let about = verb.get_about().map(ToString::to_string);
            let about = wrapped(&about.unwrap_or_default(), Some(width), INDENT);
            let _ = writeln!(page, "  {:<12} {about}", verb.get_name());
        }
        page.push('\n');
    }
    command.help_template(format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{page}Options:\n{{options}}\n\n\
         `kryten VERB --help` tells the rest, with examples."
    ))
}

#[cfg(test)]
mod tests;

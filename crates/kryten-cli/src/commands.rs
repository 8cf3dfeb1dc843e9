//! One file for each family of verbs.

pub(crate) mod about;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod kv;
pub(crate) mod list;
pub(crate) mod loglevel;
pub(crate) mod man;
pub(crate) mod moderation;
pub(crate) mod moderator;
pub(crate) mod playback;
pub(crate) mod playlist;
pub(crate) mod privacy;
pub(crate) mod record;
pub(crate) mod replay;
mod report;
pub(crate) mod robot;
pub(crate) mod say;
pub(crate) mod sim;
pub(crate) mod stats;
pub(crate) mod tail;
mod target;
pub(crate) mod up;
pub(crate) mod userstats;

use std::process::ExitCode;

use kryten_protocol::robot::RobotCommand;

use crate::cli::{Cli, Command};
use crate::output;

/// Runs the verb.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // Whoever is first wins; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if cli.command.is_service() && cli.client.config.is_some() {
        return Ok(output::usage(
            "--config before the verb is for client commands; put it after the service's name",
        ));
    }
    let client = &cli.client.with_environment();
    match cli.command {
        Command::Up(args) => up::run(client, *args).await,
        Command::Sim(args) => sim::run(*args).await,
        Command::Userstats(args) => userstats::run(client, args).await,
        Command::Robot(args) => robot::run(client.servers(), args).await,
        Command::Say(args) => say::say(client, args).await,
        Command::Pm(args) => say::pm(client, args).await,
        Command::List(args) => list::run(client, args).await,
        Command::Playlist(args) => playlist::run(client, args).await,
        Command::Pause => playback::run(client, RobotCommand::Pause, "Paused playback").await,
        Command::Play => playback::run(client, RobotCommand::Play, "Resumed playback").await,
        Command::Seek(args) => playback::seek(client, args).await,
        Command::Voteskip => playback::run(client, RobotCommand::Voteskip, "Voted to skip").await,
        Command::Kick(args) => moderation::kick(client, args).await,
        Command::Ban(args) => moderation::ban(client, args).await,
        Command::Unban(args) => moderation::unban(client, args).await,
        Command::Mute(args) => moderation::mute(client, args).await,
        Command::Unmute(args) => moderation::unmute(client, args).await,
        Command::Moderator(args) => moderator::run(client, args).await,
        Command::Stats(args) => stats::run(client, *args).await,
        Command::Kv(args) => kv::run(client, args).await,
        Command::Doctor(args) => doctor::run(client, args).await,
        Command::Record(args) => record::run(client, args).await,
        Command::Replay(args) => replay::run(client, args).await,
        Command::Tail(args) => tail::run(client, args).await,
        Command::Config(args) => config::run(client, args),
        Command::Privacy(args) => privacy::run(client, args).await,
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
        Command::About => about::run(),
        Command::Health(args) => health::run(client, args).await,
        Command::LogLevel(args) => loglevel::run(client, args).await,
    }
}

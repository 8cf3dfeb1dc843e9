//! `kryten playlist`: adds, removes, moves and chooses items.

mod add;
mod media;
mod position;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use kryten_protocol::event::playlist::{After, Item};
use kryten_protocol::robot::{Position, RobotCommand};

use super::target::{Target, help_of};
use crate::cli::ClientArgs;
use crate::output;
use add::AddArgs;
use position::{Found, find};

/// Options of `kryten playlist`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten list queue                   positions and UIDs
  kryten playlist add https://youtu.be/dQw4w9WgXcQ
  kryten playlist addnext films.txt   a file with an address a line
  kryten playlist del 2               the second item
  kryten playlist move 5 prepend      the fifth item to the front
  kryten playlist jump 38             the item with UID 38

For `del` and `move` a number below 1000 is a position, counted from 1, unless --uid says otherwise; from \
1000 on it is a UID, as for the Python command line. `jump` and `settemp` take UIDs only.")]
pub(crate) struct PlaylistArgs {
    #[command(subcommand)]
    command: Option<PlaylistCommand>,
}

#[derive(Debug, Subcommand)]
enum PlaylistCommand {
    /// Add to the end
    Add(AddArgs),
    /// Add behind what plays now
    Addnext(AddArgs),
    /// Remove an item
    Del {
        /// Its position, or its UID from 1000 on
        #[arg(value_name = "UID", allow_hyphen_values = true, value_parser = whole)]
        uid: i64,
        /// The number is a UID, however small
        #[arg(long = "uid")]
        is_uid: bool,
    },
    /// Move an item behind another one
    Move {
        /// Its position, or its UID from 1000 on
        #[arg(value_name = "UID", allow_hyphen_values = true, value_parser = whole)]
        uid: i64,
        /// The one before it afterwards: likewise; or `prepend` for the front, `append` for the end
        #[arg(allow_hyphen_values = true, value_parser = behind)]
        after: After,
        /// The numbers are UIDs, however small
        #[arg(long = "uid")]
        is_uid: bool,
    },
    /// Play an item now
    Jump {
        /// Its UID
        #[arg(allow_hyphen_values = true, value_parser = whole)]
        uid: i64,
    },
    /// Play the next item now
    Next,
    /// Remove all items
    Clear,
    /// Put the items in a random order
    Shuffle,
    /// Make an item temporary, or no longer so
    Settemp {
        /// Its UID
        #[arg(allow_hyphen_values = true, value_parser = whole)]
        uid: i64,
        /// Whether it goes when it has been shown
        #[arg(value_enum)]
        temp: YesOrNo,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum YesOrNo {
    True,
    False,
}

/// Changes the playlist.
pub(crate) async fn run(client: &ClientArgs, args: PlaylistArgs) -> anyhow::Result<ExitCode> {
    let Some(command) = args.command else {
        return help_of(&["playlist"]);
    };
    let target = Target::find(client).await?;
    let channel = target.channel();
    let (command, done) = match command {
        PlaylistCommand::Add(args) => return add::run(&target, args, Position::End).await,
        PlaylistCommand::Addnext(args) => return add::run(&target, args, Position::Next).await,
        PlaylistCommand::Del { uid, is_uid } => return delete(&target, uid, is_uid).await,
        PlaylistCommand::Move { uid, after, is_uid } => {
            return move_item(&target, uid, after, is_uid).await;
        }
        PlaylistCommand::Jump { uid } => (
            RobotCommand::Jump { uid },
            format!("Jumped to media {uid} in {channel}"),
        ),
        PlaylistCommand::Next => (
            RobotCommand::PlayNext,
            format!("Went on to the next item in {channel}"),
        ),
        PlaylistCommand::Clear => (
            RobotCommand::ClearPlaylist,
            format!("Cleared playlist in {channel}"),
        ),
        PlaylistCommand::Shuffle => (
            RobotCommand::ShufflePlaylist,
            format!("Shuffled playlist in {channel}"),
        ),
        PlaylistCommand::Settemp { uid, temp } => {
            let temp = matches!(temp, YesOrNo::True);
            // The Python command line's spelling.
            let word = if temp { "True" } else { "False" };
            (
                RobotCommand::SetTemp { uid, temp },
                format!("Set temp={word} for media {uid} in {channel}"),
            )
        }
    };
    target.act(command, &done).await
}

async fn delete(target: &Target, number: i64, is_uid: bool) -> anyhow::Result<ExitCode> {
    let channel = target.channel();
    if position::is_uid(number, is_uid) {
        let done = format!("Deleted media UID {number} from {channel}");
        return target
            .act(RobotCommand::Delete { uid: number }, &done)
            .await;
    }
    let items = playlist(target).await?;
    let found = find(&items, number)?;
    let done = format!(
        "Deleted position {number} (UID {}): {}",
        found.uid, found.title
    );
    target
        .act(RobotCommand::Delete { uid: found.uid }, &done)
        .await
}

async fn move_item(
    target: &Target,
    number: i64,
    after: After,
    is_uid: bool,
) -> anyhow::Result<ExitCode> {
    let is_known = |number| position::is_uid(number, is_uid);
    let needs_positions = !is_known(number) || matches!(after, After::Uid(uid) if !is_known(uid));
    let items = match needs_positions {
        true => playlist(target).await?,
        false => Vec::new(),
    };
    let found = |number| match is_known(number) {
        true => Ok(Found::uid(number)),
        false => find(&items, number),
    };
    let moved = found(number)?;
    let channel = target.channel();
    let (after, place) = match after {
        After::Uid(other) => {
            let other_found = found(other)?;
            let titles = match needs_positions {
                true => format!(": {} behind {}", moved.title, other_found.title),
                false => String::new(),
            };
            let place = format!("after {other} in {channel}{titles}");
            (After::Uid(other_found.uid), place)
        }
        After::Prepend => (After::Prepend, format!("to the front in {channel}")),
        After::Append => (After::Append, format!("to the end in {channel}")),
    };
    let done = format!("Moved media {number} {place}");
    let uid = moved.uid;
    target.act(RobotCommand::Move { uid, after }, &done).await
}

/// As the robot knows it: without asking for a bucket, whose name has the letter case of the robot's configuration.
async fn playlist(target: &Target) -> anyhow::Result<Vec<Item>> {
    let items = target.robot.playlist().await;
    items.map_err(|error| target.explained(error))
}

/// A whole number as Python reads it: blanks around it and single `_` between digits do not count.
fn whole(text: &str) -> Result<i64, String> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let is_grouped = digits.split('_').all(|part| !part.is_empty());
    let number = trimmed.replace('_', "").parse().ok();
    number
        .filter(|_| is_grouped)
        .ok_or_else(|| format!("{} is no whole number", output::printable(text)))
}

fn behind(text: &str) -> Result<After, String> {
    match text {
        "prepend" => Ok(After::Prepend),
        "append" => Ok(After::Append),
        number => whole(number)
            .map(After::Uid)
            .map_err(|wrong| format!("{wrong}; write one, or prepend or append")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_python_does() {
        for (text, expected) in [("7", 7), (" 7_0 ", 70), ("-5", -5), ("+1_000", 1000)] {
            assert_eq!(whole(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "7001.0",
            "x",
            "_7",
            "7_",
            "1__0",
            "7 0",
            "99999999999999999999",
        ] {
            assert!(whole(text).is_err(), "{text}");
        }
        assert_eq!(behind("prepend"), Ok(After::Prepend));
        assert_eq!(behind("3"), Ok(After::Uid(3)));
        assert!(behind("front").unwrap_err().contains("prepend"));
    }
}

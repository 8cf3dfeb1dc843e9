//! `kryten pause`, `play`, `seek` and `voteskip`.

use std::process::ExitCode;

use clap::Args;
use kryten_protocol::robot::RobotCommand;

use super::target::Target;
use crate::cli::ClientArgs;

/// Options of `kryten seek`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten seek 90
  kryten seek 1:02:30")]
pub(crate) struct SeekArgs {
    /// The place: seconds, or minutes and seconds, or hours, minutes and seconds with colons between them
    #[arg(allow_hyphen_values = true, value_parser = seconds)]
    time: f64,
}

/// Does something with what plays.
pub(crate) async fn run(
    client: &ClientArgs,
    command: RobotCommand,
    done: &str,
) -> anyhow::Result<ExitCode> {
    let target = Target::find(client).await?;
    let done = format!("{done} in {}", target.channel());
    target.act(command, &done).await
}

/// Goes to a place.
pub(crate) async fn seek(client: &ClientArgs, args: SeekArgs) -> anyhow::Result<ExitCode> {
    let time = args.time;
    let command = RobotCommand::Seek { time };
    run(client, command, &format!("Seeked to {time:?}s")).await
}

/// `90`, `1:30`, `1:02:30`.
fn seconds(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text} is no time; write seconds such as 90, or 1:30");
    let parts: Vec<&str> = text.split(':').collect();
    let numbers: Vec<f64> = parts
        .iter()
        .map(|part| part.trim().parse::<f64>().map_err(|_| wrong()))
        .collect::<Result<_, _>>()?;
    let is_usable = match numbers.as_slice() {
        [only] => only.is_finite(),
        [_, rest @ ..] if rest.len() <= 2 => {
            numbers
                .iter()
                .all(|number| number.is_finite() && *number >= 0.0)
                && rest.iter().all(|number| *number < 60.0)
        }
        _ => false,
    };
    if !is_usable {
        return Err(wrong());
    }
    Ok(numbers.iter().fold(0.0, |sum, number| sum * 60.0 + number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_seconds_or_a_time_with_colons() {
        for (text, expected) in [
            ("90", 90.0),
            ("-5", -5.0),
            ("1.5", 1.5),
            ("1:30", 90.0),
            ("1:02:30", 3750.0),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in [
            "", "x", "nan", "inf", "1e400", "1:99", "1:2:3:4", "-1:30", ":",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}

//! `kryten playlist add` and `addnext`: one video, or a file of them.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use kryten_client::command::CommandError;
use kryten_protocol::robot::{Position, Video};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::media::medium;
use crate::commands::target::{Target, typed_text};
use crate::output::{self, printable};

/// CyTube takes so many from one user for long.
const EACH: Duration = Duration::from_millis(500);

/// Options of `kryten playlist add` and `addnext`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten playlist add https://youtu.be/dQw4w9WgXcQ
  kryten playlist add yt:dQw4w9WgXcQ --keep
  kryten playlist add https://files.example/film.mp4 --json
  kryten playlist add films.txt

In a file each line is an address or an id; empty lines and lines that begin with # do not count.
What CyTube refuses is told on stderr, and the rest of the file is added.")]
pub(super) struct AddArgs {
    /// An address, an id of YouTube, `type:id`, or a file with one of these a line
    #[arg(value_name = "URL_OR_FILE", allow_hyphen_values = true)]
    what: String,
    /// It stays in the playlist when it has been shown
    #[arg(long, conflicts_with = "temp")]
    keep: bool,
    /// It goes when it has been shown; so it is without --keep
    #[arg(long)]
    temp: bool,
    /// Print what was added as JSON: an array of `type`, `id` and `uid`
    #[arg(long)]
    json: bool,
}

/// Adds it.
pub(super) async fn run(
    target: &Target,
    args: AddArgs,
    position: Position,
) -> anyhow::Result<ExitCode> {
    let path = Path::new(&args.what);
    let adding = Adding {
        target,
        position,
        temp: !args.keep,
        is_json: args.json,
    };
    if path.is_file() {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        return adding.file(entries(&text)).await;
    }
    if let Err(code) = typed_text("what to add", &args.what) {
        return Ok(code);
    }
    let added = adding.one(&args.what).await;
    let added = added.map_err(|error| explained(target, &args.what, error))?;
    match args.json {
        true => output::json(&json!([added])),
        false => output::line(&format!(
            "✓ Added {} {} in {}",
            shown(&added),
            match position {
                Position::End => "to end of playlist",
                Position::Next => "to play next",
            },
            target.channel()
        )),
    }?;
    Ok(ExitCode::SUCCESS)
}

struct Adding<'a> {
    target: &'a Target,
    position: Position,
    temp: bool,
    is_json: bool,
}

impl Adding<'_> {
    async fn one(&self, text: &str) -> Result<Value, CommandError> {
        let media = medium(text);
        let (kind, id) = (media.kind.to_string(), media.id.to_string());
        let mut added = json!({"type": kind, "id": id});
        let video = Video::Media { kind, id };
        let uid = self
            .target
            .robot
            .queue(video, self.position, self.temp)
            .await?;
        added["uid"] = json!(uid);
        Ok(added)
    }

    async fn file(&self, mut entries: Vec<&str>) -> anyhow::Result<ExitCode> {
        let channel = self.target.channel();
        let all = entries.len();
        // Whoever reads only the beginning wants all of them added.
        let mut printed = Ok(());
        if !self.is_json {
            let place = match self.position {
                Position::End => "to end of playlist in",
                Position::Next => "to play next in",
            };
            printed = output::line(&format!(
                "✓ Adding {all} video(s) from file {place} {channel}"
            ));
        }
        if self.position == Position::Next {
            // Each goes directly behind what plays, so that the first one has to come last.
            entries.reverse();
        }
        let mut added = Vec::new();
        let mut next = Instant::now();
        for entry in entries {
            sleep_until(next).await;
            next = Instant::now() + EACH;
            match self.one(entry).await {
                Ok(one) => {
                    if !self.is_json {
                        let told = format!("  ✓ Added {}", shown(&one));
                        printed = printed.and_then(|()| output::line(&told));
                    }
                    added.push(one);
                }
                // Another one may be taken.
                Err(error @ (CommandError::Refused { .. } | CommandError::TimedOut { .. })) => {
                    let error = explained(self.target, entry, error);
                    output::aside(&format!(
                        "error: {}: {}",
                        printable(entry),
                        printable(&error.to_string())
                    ));
                }
                Err(error) => return Err(self.target.explained(error)),
            }
        }
        let done = added.len();
        if self.is_json {
            printed = output::json(&Value::Array(added));
        }
        if done < all {
            output::aside(&format!(
                "error: {done} of {all} were added; mend the others and add them again"
            ));
        }
        output::verdict(done == all, printed)
    }
}

/// What was no address that CyTube knows was sent as custom media, and is refused as that.
fn explained(target: &Target, text: &str, error: CommandError) -> anyhow::Error {
    let was_guessed = medium(text).kind == "cu" && !text.trim().starts_with("cu:");
    let is_refused = matches!(error, CommandError::Refused { .. });
    let error = target.explained(error);
    match was_guessed && is_refused {
        true => anyhow::anyhow!(
            "{} is neither an address of a site that CyTube plays nor `type:id`: {error}",
            printable(text)
        ),
        false => error,
    }
}

fn shown(added: &Value) -> String {
    let text = |name: &str| printable(added[name].as_str().unwrap_or_default());
    format!("{}:{}", text("type"), text("id"))
}

/// The lines that count.
fn entries(text: &str) -> Vec<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_an_entry_a_line_and_remarks() {
        let text = "\u{feff}# films\n\n  yt:abc  \r\n   # no\nx # y\n";
        assert_eq!(entries(text), ["yt:abc", "x # y"]);
        assert_eq!(entries(""), Vec::<&str>::new());
    }
}

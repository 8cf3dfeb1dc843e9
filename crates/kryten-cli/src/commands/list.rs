//! `kryten list`: the playlist, the users, the emotes.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use kryten_protocol::robot::{RobotCommand, StateQuery};
use serde_json::Value;

use super::target::{Target, help_of};
use crate::cli::ClientArgs;
use crate::output;
use crate::screen::{Grid, Screen, column, text};

/// Options of `kryten list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten list users
  kryten list queue --json | jq '.[].media.title'
  kryten --channel Lounge list emotes")]
pub(crate) struct ListArgs {
    /// Print the list as JSON, as the robot has it
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// What plays and what comes next
    Queue,
    /// Who is here
    Users,
    /// The channel's emotes
    Emotes,
}

/// Asks the robot and prints what it says.
pub(crate) async fn run(client: &ClientArgs, args: ListArgs) -> anyhow::Result<ExitCode> {
    let Some(what) = args.what else {
        return help_of(&["list"]);
    };
    let target = Target::find(client).await?;
    let (query, name) = match what {
        What::Queue => (StateQuery::Playlist, "playlist"),
        What::Users => (StateQuery::Userlist, "userlist"),
        What::Emotes => (StateQuery::Emotes, "emotes"),
    };
    let mut data = target.send(RobotCommand::State(query)).await?;
    let list = data.get_mut(name).map(Value::take).unwrap_or_default();
    if args.json {
        output::json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let (screen, channel) = (Screen::of_stdout(), target.channel());
    output::text(&match what {
        What::Queue => {
            let state = target
                .client
                .channel_state(target.at.domain.as_str(), target.at.channel.as_str());
            // The list is worth showing where KV is away.
            let plays = state.current_media().await.ok().flatten();
            queue(screen, &channel, list, plays.and_then(|media| media.uid))
        }
        What::Users => users(screen, &channel, list),
        What::Emotes => emotes(screen, &channel, list),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn queue(screen: Screen, channel: &str, items: &[Value], plays: Option<i64>) -> String {
    if items.is_empty() {
        return "Playlist is empty.".to_owned();
    }
    let mut grid = Grid::new([
        column(""),
        column("").right(),
        column("title").cut(),
        column("length").right(),
        column("UID").right(),
        column("queued by"),
        column(""),
        column("source"),
    ]);
    for (position, item) in (1..).zip(items) {
        let media = &item["media"];
        let or = |value: &Value, otherwise: &str| match value.as_str() {
            None | Some("") => otherwise.to_owned(),
            Some(_) => text(value),
        };
        let is_playing = plays.is_some() && item["uid"].as_i64() == plays;
        grid.row([
            if is_playing { "▶" } else { "" }.to_owned(),
            position.to_string(),
            or(&media["title"], "Unknown"),
            or(&media["duration"], "--:--"),
            // Without commas, as commands take it.
            item["uid"].to_string(),
            or(&item["queueby"], ""),
            if item["temp"] == true { "temp" } else { "" }.to_owned(),
            format!("{}:{}", or(&media["type"], "??"), or(&media["id"], "??")),
        ]);
    }
    let title = format!("{channel} Playlist ({} items):", items.len());
    format!("{}\n{}", screen.title(&title), grid.draw(screen))
}

fn users(screen: Screen, channel: &str, users: &[Value]) -> String {
    if users.is_empty() {
        return "No users online.".to_owned();
    }
    let mut users: Vec<&Value> = users.iter().collect();
    let rank = |user: &Value| user["rank"].as_f64().unwrap_or(0.0);
    let name = |user: &Value| user["name"].as_str().unwrap_or_default().to_lowercase();
    users.sort_by(|a, b| {
        rank(b)
            .total_cmp(&rank(a))
            .then_with(|| name(a).cmp(&name(b)))
    });
    let mut grid = Grid::new([
        column("user"),
        column("rank").right(),
        column(""),
        column(""),
    ]);
    for user in &users {
        let meta = &user["meta"];
        let is = |name: &str| meta[name].as_bool() == Some(true);
        let marks = [
            (is("afk"), "away"),
            (is("muted"), "muted"),
            (is("smuted"), "shadow-muted"),
        ];
        let marks = marks.iter().filter(|(is_set, _)| *is_set);
        let marks: Vec<&str> = marks.map(|(_, word)| *word).collect();
        grid.row([
            text(&user["name"]),
            rank(user).to_string(),
            rank_name(rank(user)).to_owned(),
            marks.join(", "),
        ]);
    }
    let title = format!("{channel} Users ({} online):", users.len());
    format!("{}\n{}", screen.title(&title), grid.draw(screen))
}

/// CyTube's names; the Python command line has some of them wrong.
fn rank_name(rank: f64) -> &'static str {
    const NAMES: [(f64, &str); 8] = [
        (-1.0, "Anonymous"),
        (0.0, "Guest"),
        (1.0, "Registered"),
        (1.5, "Leader"),
        (2.0, "Moderator"),
        (3.0, "Channel Admin"),
        (4.0, "Channel Owner"),
        (5.0, "Channel Founder"),
    ];
    let known = NAMES.iter().find(|(number, _)| *number == rank);
    match known {
        Some((_, name)) => name,
        None if rank >= 255.0 => "Site Admin",
        None => "",
    }
}

fn emotes(screen: Screen, channel: &str, emotes: &[Value]) -> String {
    if emotes.is_empty() {
        return "No custom emotes configured.".to_owned();
    }
    let mut grid = Grid::new([column("emote"), column("picture").cut()]);
    for emote in emotes {
        grid.row([text(&emote["name"]), text(&emote["image"])]);
    }
    let title = format!("{channel} Custom Emotes ({} total):", emotes.len());
    format!("{}\n{}", screen.title(&title), grid.draw(screen))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_playlist_shows_what_plays_and_by_which_number_an_item_is_named() {
        let items = [
            json!({"uid": 38, "temp": true, "queueby": "ann",
                "media": {"title": "Some <b>title</b>\u{1b}[2J", "duration": "01:05", "type": "yt", "id": "dQw4w9WgXcQ"}}),
            json!({"uid": 7002, "temp": false, "queueby": "", "media": null}),
        ];
        insta::assert_snapshot!(queue(Screen::pipe(), "Lounge", &items, Some(38)), @r#"
        Lounge Playlist (2 items):
              title                     length   UID  queued by        source
        ▶  1  Some <b>title</b>\x1B[2J   01:05    38  ann        temp  yt:dQw4w9WgXcQ
           2  Unknown                    --:--  7002                   ??:??
        "#);
        assert_eq!(
            queue(Screen::pipe(), "Lounge", &[], None),
            "Playlist is empty."
        );
    }

    #[test]
    fn users_stand_by_rank_and_name() {
        let list = [
            json!({"name": "zed", "rank": 0, "meta": {"afk": false}}),
            json!({"name": "Ann", "rank": 3, "meta": {"afk": true, "muted": true}}),
            json!({"name": "bea", "rank": 1.5, "meta": null}),
            json!({"name": "root", "rank": 255}),
        ];
        insta::assert_snapshot!(users(Screen::pipe(), "Lounge", &list), @r#"
        Lounge Users (4 online):
        user  rank
        root   255  Site Admin
        Ann      3  Channel Admin  away, muted
        bea    1.5  Leader
        zed      0  Guest
        "#);
        assert_eq!(users(Screen::pipe(), "Lounge", &[]), "No users online.");
    }

    #[test]
    fn emotes_stand_beside_their_pictures() {
        let list = [json!({"name": ":hi:", "image": "https://ex.invalid/hi.png"})];
        insta::assert_snapshot!(emotes(Screen::pipe(), "Lounge", &list), @r#"
        Lounge Custom Emotes (1 total):
        emote  picture
        :hi:   https://ex.invalid/hi.png
        "#);
        assert_eq!(
            emotes(Screen::pipe(), "Lounge", &[]),
            "No custom emotes configured."
        );
    }
}

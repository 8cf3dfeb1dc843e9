//! A request as a [`ChannelCommand`], or one sentence that says why it is none. Pure.
//!
//! Takes all names and argument spellings of both original subjects, of kryten-py, and CyTube's own.

mod args;
mod names;

use args::Args;
pub use args::ParseError;
use kryten_protocol::event::playlist::After;
use kryten_protocol::robot::Filter;
pub use names::{Action, action_of, folded, names_of};
use serde_json::{Map, Value};

use super::command::{ChannelCommand, MediaId};
use super::media_url::media_of;

/// On which subject a request came; the originals' defaults differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `kryten.robot.command`: arguments in `args`, a video is temporary unless the request says otherwise.
    Unified,
    /// `kryten.commands.cytube.{channel}.>`: arguments in `data`, a video stays.
    Legacy,
}

/// Reads a command; `None` if there is none of that name.
///
/// # Errors
/// [`ParseError`] when an argument is missing or makes no sense; in the originals' words where they had any.
pub fn parse(
    name: &str,
    args: &Map<String, Value>,
    dialect: Dialect,
) -> Option<Result<ChannelCommand, ParseError>> {
    let action = action_of(name)?;
    Some(read(action, &Args::new(args), dialect))
}

fn read(action: Action, args: &Args<'_>, dialect: Dialect) -> Result<ChannelCommand, ParseError> {
    use ChannelCommand as C;
    let user = || args.username(&["username", "name"], "Missing username");
    Ok(match action {
        Action::Say => typed(&args.words(&["message", "msg"], "Missing message")?)?,
        Action::Pm => {
            let missing = "Missing username or message";
            C::Pm {
                to: args.username(&["username", "to"], missing)?,
                message: args.words(&["message", "msg"], missing)?,
            }
        }
        Action::Mute => C::Mute { username: user()? },
        Action::ShadowMute => C::ShadowMute { username: user()? },
        Action::Unmute => C::Unmute { username: user()? },
        Action::Kick => C::Kick {
            username: user()?,
            reason: args.one_line("reason"),
        },
        Action::Ban => C::Ban {
            username: user()?,
            reason: args.one_line("reason"),
        },
        Action::Unban => unban(args)?,
        Action::Queue => queue(args, dialect)?,
        Action::Delete => C::Delete {
            uid: args.uid(&["uid"], "Missing uid")?,
        },
        Action::Move => {
            let missing = "Missing 'from' or 'after'";
            C::Move {
                uid: args.uid(&["from", "uid"], missing)?,
                after: args.after("after", missing)?,
            }
        }
        Action::Jump => C::Jump {
            uid: args.uid(&["uid"], "Missing uid")?,
        },
        Action::SetTemp => C::SetTemp {
            uid: args.uid(&["uid"], "Missing uid or temp")?,
            temp: match (args.flag("temp"), dialect) {
                (Some(temp), _) => temp,
                (None, Dialect::Legacy) => true,
                (None, Dialect::Unified) => return Err("Missing uid or temp".into()),
            },
        },
        Action::Clear => C::Clear,
        Action::Shuffle => C::Shuffle,
        Action::PlayNext => C::PlayNext,
        Action::Voteskip => C::Voteskip,
        Action::Pause => C::Pause,
        Action::Play => C::Play,
        Action::Seek => C::Seek {
            time: args.seconds("time", "Missing time")?,
        },
        Action::AssignLeader => C::AssignLeader {
            username: args.username_or_none(&["name", "username"])?,
        },
        Action::SetMotd => C::SetMotd {
            motd: args.text(&["motd"])?,
        },
        Action::SetCss => C::SetCss {
            css: args.limited_text("css", MAX_STYLE)?,
        },
        Action::SetJs => C::SetJs {
            js: args.limited_text("js", MAX_STYLE)?,
        },
        Action::SetOptions => C::SetOptions {
            options: args.object("options", "Missing options")?,
        },
        Action::SetPermissions => C::SetPermissions {
            permissions: args.object("permissions", "Missing permissions")?,
        },
        Action::UpdateEmote => C::UpdateEmote {
            name: args.words(&["name"], "Missing name or image")?,
            image: args.words(&["image"], "Missing name or image")?,
        },
        Action::RemoveEmote => C::RemoveEmote {
            name: args.words(&["name"], "Missing name")?,
        },
        Action::RenameEmote => {
            let missing = "Missing old, name or image";
            C::RenameEmote {
                old: args.words(&["old"], missing)?,
                name: args.words(&["name", "new"], missing)?,
                image: args.words(&["image"], missing)?,
            }
        }
        Action::ImportEmotes => C::ImportEmotes {
            emotes: args.emotes("emotes", "Missing emotes")?,
        },
        Action::AddFilter => C::AddFilter(filter(args)?),
        Action::UpdateFilter => C::UpdateFilter(filter(args)?),
        Action::RemoveFilter => C::RemoveFilter {
            name: args.words(&["name"], "Missing name")?,
        },
        Action::NewPoll => new_poll(args)?,
        Action::Vote => C::Vote {
            option: args.whole(&["option"], "Missing option")?,
        },
        Action::ClosePoll => C::ClosePoll,
        Action::SetChannelRank => {
            let missing = "Missing username or rank";
            C::SetChannelRank {
                username: args.username(&["username", "name"], missing)?,
                rank: args.number("rank", missing)?,
            }
        }
        Action::ChannelRanks => C::ChannelRanks,
        Action::Banlist => C::Banlist,
        Action::ChanLog => C::ChanLog {
            count: args.whole_or("count", 100)?,
        },
        Action::Search => C::Search {
            query: args.words(&["query"], "Missing query")?,
            source: match args.text(&["source"])? {
                source if source.is_empty() => "library".to_owned(),
                source => source,
            },
        },
        Action::Uncache => C::Uncache {
            id: args.words(&["media_id", "id"], "Missing media_id")?,
        },
        Action::Reconnect => C::Reconnect,
        Action::Halt => C::Halt,
        Action::Unkick => {
            return Err("CyTube has no kick to take back; the user can just come again".into());
        }
        Action::PlaylistMove => {
            let missing = "Missing from_uid or after_uid in payload";
            let payload = args.payload(missing)?;
            C::Move {
                uid: payload.uid(&["from_uid"], missing)?,
                after: payload.after("after_uid", missing)?,
            }
        }
        Action::PlaylistQueue => playlist_queue(args)?,
        Action::PlaylistDelete => {
            let missing = "Missing uid in payload";
            C::Delete {
                uid: args.payload(missing)?.uid(&["uid"], missing)?,
            }
        }
    })
}

/// The largest style sheet or script that CyTube takes, in characters as JavaScript counts them.
const MAX_STYLE: usize = 20_000;
/// CyTube takes a poll's end within a day.
const LONGEST_POLL: i64 = 86_400;

/// A chat line; those of CyTube's typed commands whose effect can be seen are taken for what they are. As for CyTube, a
/// blank before the slash makes a line of them.
fn typed(message: &str) -> Result<ChannelCommand, ParseError> {
    use ChannelCommand as C;
    let (word, rest) = message
        .split_once(char::is_whitespace)
        .unwrap_or((message, ""));
    let rest = rest.trim();
    let (first, more) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let username = || args::username(first);
    let reason = args::one_line(more);
    Ok(match word {
        "/mute" if !first.is_empty() => C::Mute {
            username: username()?,
        },
        "/smute" if !first.is_empty() => C::ShadowMute {
            username: username()?,
        },
        "/unmute" if !first.is_empty() => C::Unmute {
            username: username()?,
        },
        "/kick" if !first.is_empty() => C::Kick {
            username: username()?,
            reason,
        },
        "/ban" if !first.is_empty() => C::Ban {
            username: username()?,
            reason,
        },
        _ => C::Say {
            message: message.to_owned(),
        },
    })
}

fn unban(args: &Args<'_>) -> Result<ChannelCommand, ParseError> {
    const MISSING: &str = "Missing username or ban_id";
    let id = match args.has(&["ban_id", "id"]) {
        true => Some(args.whole(&["ban_id", "id"], MISSING)?),
        false => None,
    };
    let username = match args.has(&["username", "name"]) {
        // The names of bans are not always ones of accounts: CyTube writes what was typed.
        true => Some(args.words(&["username", "name"], MISSING)?),
        false => None,
    };
    match (&username, id) {
        (None, None) => Err(MISSING.into()),
        _ => Ok(ChannelCommand::Unban { username, id }),
    }
}

fn queue(args: &Args<'_>, dialect: Dialect) -> Result<ChannelCommand, ParseError> {
    let kind = args.text(&["type", "media_type"])?;
    let id = args.text(&["id", "media_id"])?;
    let url = args.text(&["url"])?;
    let media = if !kind.is_empty() && !id.is_empty() {
        // The Python robot takes the channel's own pages as custom media too.
        match media_of(&id) {
            Some(page) if kind == "cu" && page.kind == "cm" => page,
            _ => MediaId::new(kind, id),
        }
    } else if !url.is_empty() {
        media_of(&url).ok_or_else(|| {
            ParseError::new(format!(
                "Failed to add video: {url:?} is no address that CyTube can play; give its type and id"
            ))
        })?
    } else {
        return Err("Failed to add video: give type and id, or url".into());
    };
    let title = args.text(&["title"])?;
    Ok(ChannelCommand::Queue {
        media,
        next: args.position(&["pos", "position"])?,
        temp: args.flag("temp").unwrap_or(dialect == Dialect::Unified),
        title: (!title.is_empty()).then_some(title),
    })
}

/// `playlist.queue`: an item, as the playlist has it or as CyTube's `queue` wants it.
fn playlist_queue(args: &Args<'_>) -> Result<ChannelCommand, ParseError> {
    const MISSING: &str = "Missing item in payload";
    let payload = args.payload(MISSING)?;
    let item = payload.object("item", MISSING)?;
    let media = match item.get("media") {
        Some(Value::Object(media)) => media,
        _ => &item,
    };
    let (item, media) = (Args::new(&item), Args::new(media));
    let mut fields = Map::new();
    for (name, value) in [
        ("type", media.text(&["type"])?),
        ("id", media.text(&["id"])?),
        ("url", media.text(&["url"])?),
        ("title", media.text(&["title"])?),
    ] {
        fields.insert(name.to_owned(), value.into());
    }
    for name in ["pos", "position", "temp"] {
        if let Some(value) = item.value(name) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    queue(&Args::new(&fields), Dialect::Unified)
}

fn filter(args: &Args<'_>) -> Result<Filter, ParseError> {
    const MISSING: &str = "Missing name or source";
    Ok(Filter {
        name: args.words(&["name"], MISSING)?,
        source: args.words(&["source"], MISSING)?,
        // No flags at all are flags, too.
        flags: match args.value("flags") {
            Some(_) => args.text(&["flags"])?,
            None => "gi".to_owned(),
        },
        replace: args.text(&["replace"])?,
        filterlinks: args.flag("filterlinks").unwrap_or(false),
        active: args.flag("active").unwrap_or(true),
    })
}

fn new_poll(args: &Args<'_>) -> Result<ChannelCommand, ParseError> {
    const MISSING: &str = "Missing title or options";
    let timeout = args.whole_or("timeout", 0)?;
    if !(0..=LONGEST_POLL).contains(&timeout) {
        return Err(format!("timeout must be a number of seconds from 0 to {LONGEST_POLL}").into());
    }
    Ok(ChannelCommand::NewPoll {
        title: args.words(&["title"], MISSING)?,
        options: args.texts(&["options", "opts"], MISSING)?,
        obscured: args.flag("obscured").unwrap_or(false),
        timeout,
    })
}

/// A place in the playlist as CyTube writes it.
pub(crate) fn after_json(after: After) -> Value {
    match after {
        After::Uid(uid) => uid.into(),
        After::Prepend => "prepend".into(),
        After::Append => "append".into(),
    }
}

#[cfg(test)]
mod tests;

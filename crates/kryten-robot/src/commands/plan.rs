//! The frames of a command, and by what their effect shows. Pure.
//!
//! What CyTube would pass over in silence, or kick us for, is refused here if the state says so already: a rank too
//! low, a user who is not there, an item that is not in the playlist.

mod leading;
mod ranks;
mod saying;
mod signs;

use kryten_protocol::event::playlist::After;
use kryten_protocol::robot::Filter;
use serde_json::{Value, json};

use super::command::ChannelCommand;
use super::effect::{Expectation, Look};
use super::pace::{Gate, Lane};
use super::parse::after_json;
use super::playback::Playback;
use crate::channel::ChannelState;
pub use leading::Lead;

/// One frame and what follows from it.
#[derive(Debug, Clone)]
pub struct Step {
    /// CyTube's name of the frame.
    pub event: &'static str,
    /// Its argument.
    pub payload: Value,
    /// The signs of its effect; none where CyTube gives none.
    pub looks: Vec<Look>,
    /// A name that CyTube's error text would have in it.
    pub subject: Option<String>,
    /// What goes before what.
    pub lane: Lane,
    /// Which limit it counts against.
    pub gate: Gate,
    /// For how long its effect is waited for.
    pub patience: Patience,
    /// What silence means.
    pub silence: Silence,
}

/// For how long an effect is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As configured.
    Usual,
    /// CyTube has to look a video up, or to search.
    LookUp,
    /// CyTube gives no sign; only a refusal may come.
    Brief,
}

/// What it means that CyTube says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// It was not done, or nobody knows.
    Failure,
    /// CyTube never says anything to this, so nobody knows.
    Unconfirmed,
}

/// What is to be done for a command.
#[derive(Debug, Clone)]
pub enum Plan {
    /// One frame after the other, each when the one before has had its effect.
    Steps(Vec<Step>),
    /// Frames that only the leader may send.
    Lead(Box<Lead>),
    /// Asks for the bans, then lifts those of a name or the one of a number.
    Unban {
        /// Whose.
        username: Option<String>,
        /// Which.
        id: Option<i64>,
        /// The question.
        ask: Box<Step>,
    },
    /// The connection itself.
    Reconnect,
    /// Leaves the channel.
    Halt,
}

impl Step {
    fn new(event: &'static str, payload: Value, looks: Vec<Look>) -> Self {
        Self {
            event,
            payload,
            looks,
            subject: None,
            lane: Lane::Playlist,
            gate: Gate::Other,
            patience: Patience::Usual,
            silence: Silence::Failure,
        }
    }

    fn about(mut self, subject: &str) -> Self {
        self.subject = Some(subject.to_owned());
        self
    }

    fn moderation(mut self) -> Self {
        self.lane = Lane::Moderation;
        self
    }

    fn unconfirmed(mut self) -> Self {
        self.silence = Silence::Unconfirmed;
        self
    }

    fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// What is waited for.
    pub fn expectation(&self) -> Expectation {
        Expectation {
            frame: self.event,
            looks: self.looks.clone(),
            subject: self.subject.clone(),
        }
    }
}

/// Plans a command.
///
/// # Errors
/// One sentence: why CyTube would not do it.
pub fn plan(
    command: &ChannelCommand,
    state: &ChannelState,
    playback: &Playback,
    now: std::time::Duration,
) -> Result<Plan, String> {
    use ChannelCommand as C;
    ranks::check(command, state)?;
    let one = |step: Step| Ok(Plan::Steps(vec![step]));
    let own = || {
        let name = state.own_name().unwrap_or_default().to_owned();
        match name.is_empty() {
            true => Err("the robot is not logged in at CyTube".to_owned()),
            false => Ok(name),
        }
    };
    match command {
        C::Say { message } => Ok(Plan::Steps(saying::lines(message, &own()?)?)),
        C::Pm { to, message } => Ok(Plan::Steps(saying::private(to, message, &own()?)?)),
        C::Mute { username } => one(signs::mute("/mute", present(state, username)?, true)),
        C::ShadowMute { username } => one(signs::mute("/smute", present(state, username)?, true)),
        C::Unmute { username } => one(match state.spelling(username) {
            Some(name) => signs::mute("/unmute", name, false),
            None => signs::mute("/unmute", username, false).unconfirmed(),
        }),
        C::Kick { username, reason } => one(signs::kick(present(state, username)?, reason)),
        C::Ban { username, reason } => one(signs::ban(username, reason)),
        C::Unban {
            username: Some(name),
            id: Some(id),
        } => one(unban(*id, name)),
        C::Unban { username, id } => Ok(Plan::Unban {
            username: username.clone(),
            id: *id,
            ask: Box::new(banlist()),
        }),
        C::Queue {
            media,
            next,
            temp,
            title,
        } => one(signs::queue(media, *next, *temp, title.as_deref(), own()?)),
        C::Delete { uid } => {
            item(state, *uid)?;
            let looks = vec![fields("delete", vec![("uid", json!(uid))])];
            one(Step::new("delete", json!(uid), looks))
        }
        C::Move { uid, after } => {
            item(state, *uid)?;
            if let After::Uid(after) = after {
                // CyTube loses the item otherwise.
                item(state, *after)?;
                if after == uid {
                    return Err("an item cannot be moved behind itself".to_owned());
                }
            }
            let payload = json!({"from": uid, "after": after_json(*after)});
            one(Step::new(
                "moveMedia",
                payload,
                vec![fields("moveVideo", vec![("from", json!(uid))])],
            ))
        }
        C::Jump { uid } => {
            item(state, *uid)?;
            let look = Look::Exactly {
                event: "setCurrent",
                payload: json!(uid),
            };
            one(Step::new("jumpTo", json!(uid), vec![look]))
        }
        C::SetTemp { uid, temp } => {
            item(state, *uid)?;
            let payload = json!({"uid": uid, "temp": temp});
            let look = fields("setTemp", vec![("uid", json!(uid)), ("temp", json!(temp))]);
            one(Step::new("setTemp", payload, vec![look]))
        }
        C::Clear => {
            let look = Look::Exactly {
                event: "playlist",
                payload: json!([]),
            };
            one(Step::new("clearPlaylist", json!({}), vec![look]))
        }
        C::Shuffle => one(Step::new(
            "shufflePlaylist",
            json!({}),
            vec![Look::Event("playlist")],
        )),
        C::PlayNext => {
            if state.playlist_is_empty() {
                return Err("the playlist is empty".to_owned());
            }
            one(Step::new(
                "playNext",
                json!({}),
                vec![Look::Event("setCurrent"), Look::Event("changeMedia")],
            ))
        }
        C::Voteskip => one(signs::voteskip(state)),
        C::Pause => leading::pause(state, &own()?, playback.position(now)),
        C::Play => leading::play(state, &own()?, playback.position(now)),
        C::Seek { time } => leading::seek(state, &own()?, *time),
        C::AssignLeader { username } if username.is_empty() => one(leading::assign("")),
        C::AssignLeader { username } => one(leading::assign(present(state, username)?)),
        C::SetMotd { motd } => one(setting("setMotd", json!({"motd": motd}), "setMotd")),
        C::SetCss { css } => one(setting(
            "setChannelCSS",
            json!({"css": css}),
            "channelCSSJS",
        )),
        C::SetJs { js } => one(setting("setChannelJS", json!({"js": js}), "channelCSSJS")),
        C::SetOptions { options } => one(setting("setOptions", json!(options), "channelOpts")),
        C::SetPermissions { permissions } => one(setting(
            "setPermissions",
            json!(permissions),
            "setPermissions",
        )),
        C::UpdateEmote { name, image } => {
            let look = signs::exact_name("updateEmote", name);
            one(Step::new(
                "updateEmote",
                json!({"name": name, "image": image}),
                vec![look],
            )
            .about(name))
        }
        C::RemoveEmote { name } => {
            let look = signs::exact_name("removeEmote", name);
            one(Step::new("removeEmote", json!({"name": name}), vec![look]).about(name))
        }
        C::RenameEmote { old, name, image } => {
            let payload = json!({"old": old, "name": name, "image": image});
            let look = fields(
                "renameEmote",
                vec![("old", json!(old)), ("name", json!(name))],
            );
            one(Step::new("renameEmote", payload, vec![look]).about(name))
        }
        C::ImportEmotes { emotes } => one(setting("importEmotes", json!(emotes), "emoteList")),
        C::AddFilter(filter) => {
            let looks = vec![
                Look::Answer("addFilterSuccess"),
                signs::exact_name("updateChatFilter", &filter.name),
            ];
            one(Step::new("addFilter", filter_json(filter), looks).about(&filter.name))
        }
        C::UpdateFilter(filter) => {
            let look = signs::exact_name("updateChatFilter", &filter.name);
            one(Step::new("updateFilter", filter_json(filter), vec![look]).about(&filter.name))
        }
        C::RemoveFilter { name } => {
            let look = signs::exact_name("deleteChatFilter", name);
            one(Step::new("removeFilter", json!({"name": name}), vec![look]).about(name))
        }
        C::NewPoll {
            title,
            options,
            obscured,
            timeout,
        } => {
            let mut payload = json!({"title": title, "opts": options, "obscured": obscured});
            if *timeout > 0 {
                payload["timeout"] = json!(timeout);
            }
            one(Step::new(
                "newPoll",
                payload,
                vec![fields("newPoll", vec![("initiator", json!(own()?))])],
            ))
        }
        C::Vote { option } => {
            poll(state)?;
            one(Step::new(
                "vote",
                json!({"option": option}),
                vec![Look::Event("updatePoll")],
            ))
        }
        C::ClosePoll => {
            poll(state)?;
            one(Step::new(
                "closePoll",
                json!({}),
                vec![Look::Event("closePoll")],
            ))
        }
        C::SetChannelRank { username, rank } => one(signs::rank(username, *rank)),
        C::ChannelRanks => one(answered("requestChannelRanks", json!({}), "channelRanks")),
        C::Banlist => one(banlist()),
        C::ChanLog { count } => one(answered(
            "readChanLog",
            json!({"count": count}),
            "readChanLog",
        )),
        C::Search { query, source } => one(answered(
            "searchMedia",
            json!({"query": query, "source": source}),
            "searchResults",
        )),
        C::Uncache { id } => {
            let step = Step::new("uncache", json!({"id": id}), Vec::new()).about(id);
            one(step.unconfirmed().with_patience(Patience::Brief))
        }
        C::Reconnect => Ok(Plan::Reconnect),
        C::Halt => Ok(Plan::Halt),
    }
}

/// The frame that lifts one ban.
pub fn unban(id: i64, name: &str) -> Step {
    let looks = vec![fields("banlistRemove", vec![("id", json!(id))])];
    Step::new("unban", json!({"id": id, "name": name}), looks)
        .about(name)
        .moderation()
}

fn banlist() -> Step {
    answered("requestBanlist", json!({}), "banlist").moderation()
}

fn setting(event: &'static str, payload: Value, sign: &'static str) -> Step {
    Step::new(event, payload, vec![Look::Event(sign)])
}

fn answered(event: &'static str, payload: Value, answer: &'static str) -> Step {
    Step::new(event, payload, vec![Look::Answer(answer)]).with_patience(Patience::LookUp)
}

fn fields(event: &'static str, fields: Vec<(&'static str, Value)>) -> Look {
    Look::Fields { event, fields }
}

fn present<'a>(state: &'a ChannelState, username: &str) -> Result<&'a str, String> {
    let name = state.spelling(username);
    name.ok_or_else(|| format!("{username} is not in the channel"))
}

fn item(state: &ChannelState, uid: i64) -> Result<(), String> {
    match state.has_item(uid) {
        true => Ok(()),
        false => Err(format!(
            "there is no item with the uid {uid} in the playlist"
        )),
    }
}

fn poll(state: &ChannelState) -> Result<(), String> {
    match state.has_poll() {
        true => Ok(()),
        false => Err("no poll is open".to_owned()),
    }
}

fn filter_json(filter: &Filter) -> Value {
    json!({
        "name": filter.name, "source": filter.source, "flags": filter.flags,
        "replace": filter.replace, "filterlinks": filter.filterlinks, "active": filter.active,
    })
}

#[cfg(test)]
mod tests;

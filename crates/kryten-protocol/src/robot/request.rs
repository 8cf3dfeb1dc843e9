//! How each command stands on the wire.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::SERVICE;
use super::commands::{Filter, Position, RobotCommand, StateQuery, SystemCommand, Video};
use crate::command::Request;
use crate::event::playlist::After;
use crate::time::WireTime;

/// Who asks, and which robot is meant: one whose domain is exactly this one, and whose channel is this one in any case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Meta {
    /// The name of the program that asks.
    pub source: String,
    /// When it asks.
    pub timestamp: WireTime,
    /// The CyTube host as configured at the robot.
    pub domain: String,
    /// The channel.
    pub channel: String,
    /// An identifier of this request.
    pub request_id: String,
}

impl RobotCommand {
    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            // The robot has no unmute.
            Self::Say { .. } | Self::Unmute { .. } => "say",
            Self::Pm { .. } => "pm",
            Self::Mute { .. } => "mute",
            Self::ShadowMute { .. } => "smute",
            Self::Kick { .. } => "kick",
            Self::Ban { .. } => "ban",
            Self::Unban { .. } => "unban",
            Self::Queue { .. } => "addvideo",
            Self::Delete { .. } => "rmvideo",
            Self::Move { .. } => "mvvideo",
            Self::Jump { .. } => "jump",
            Self::SetTemp { .. } => "settemp",
            Self::ClearPlaylist => "clear",
            Self::ShufflePlaylist => "shuffle",
            Self::PlayNext => "playNext",
            Self::Voteskip => "voteskip",
            Self::Pause => "pause",
            Self::Play => "play",
            Self::Seek { .. } => "seek",
            Self::AssignLeader { .. } => "assignLeader",
            Self::SetMotd { .. } => "setMotd",
            Self::SetChannelCss { .. } => "setChannelCSS",
            Self::SetChannelJs { .. } => "setChannelJS",
            Self::SetOptions { .. } => "setOptions",
            Self::SetPermissions { .. } => "setPermissions",
            Self::UpdateEmote { .. } => "updateEmote",
            Self::RemoveEmote { .. } => "removeEmote",
            Self::AddFilter(_) => "addFilter",
            Self::UpdateFilter(_) => "updateFilter",
            Self::RemoveFilter { .. } => "removeFilter",
            Self::NewPoll { .. } => "newPoll",
            Self::Vote { .. } => "vote",
            Self::ClosePoll => "closePoll",
            Self::SetChannelRank { .. } => "setChannelRank",
            Self::RequestChannelRanks => "requestChannelRanks",
            Self::RequestBanlist => "requestBanlist",
            Self::ReadChanLog { .. } => "readChanLog",
            Self::SearchLibrary { .. } => "searchLibrary",
            Self::DeleteFromLibrary { .. } => "deleteFromLibrary",
            Self::Reconnect => "reconnect",
            Self::State(query) => query.name(),
            Self::System(command) => command.name(),
            Self::Other { name, .. } => name,
        }
    }

    /// Whether asking twice is as good as asking once: what only reads. A request may be repeated then when no answer
    /// came; of any other one nobody knows whether it was done.
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::State(_) => true,
            Self::System(command) => !matches!(
                command,
                SystemCommand::Reload { .. } | SystemCommand::Shutdown { .. }
            ),
            _ => self.asks_cytube(),
        }
    }

    /// Whether the robot asks CyTube and waits for its answer, up to five seconds.
    pub fn asks_cytube(&self) -> bool {
        matches!(
            self,
            Self::RequestChannelRanks
                | Self::RequestBanlist
                | Self::ReadChanLog { .. }
                | Self::SearchLibrary { .. }
        )
    }

    /// The rank that CyTube asks for unless the channel has set another; `None` for what everybody may do.
    pub fn rank_needed(&self) -> Option<f64> {
        match self {
            Self::Move { .. }
            | Self::Jump { .. }
            | Self::PlayNext
            | Self::NewPoll { .. }
            | Self::ClosePoll => Some(1.5),
            Self::Delete { .. }
            | Self::SetTemp { .. }
            | Self::ClearPlaylist
            | Self::ShufflePlaylist
            | Self::DeleteFromLibrary { .. }
            | Self::AssignLeader { .. }
            | Self::Mute { .. }
            | Self::ShadowMute { .. }
            | Self::Unmute { .. }
            | Self::Kick { .. }
            | Self::Ban { .. }
            | Self::Unban { .. }
            | Self::RequestBanlist
            | Self::SetOptions { .. } => Some(2.0),
            Self::SetMotd { .. }
            | Self::SetChannelCss { .. }
            | Self::SetChannelJs { .. }
            | Self::SetPermissions { .. }
            | Self::UpdateEmote { .. }
            | Self::RemoveEmote { .. }
            | Self::AddFilter(_)
            | Self::UpdateFilter(_)
            | Self::RemoveFilter { .. }
            | Self::SetChannelRank { .. }
            | Self::RequestChannelRanks
            | Self::ReadChanLog { .. } => Some(3.0),
            _ => None,
        }
    }

    /// The request; [`crate::subject::command`] of [`SERVICE`] is its subject.
    pub fn into_request(self, meta: &Meta) -> Request {
        let mut request = Request::new(SERVICE, self.name());
        // As kryten-py does: named where an answer is wanted, left out where none is.
        if !self.is_idempotent() && !matches!(self, Self::Queue { .. } | Self::System(_)) {
            request.service = None;
        }
        match self {
            // These have their parameters beside the command.
            Self::State(StateQuery::User { username }) => {
                request = request.with("username", username)
            }
            Self::System(command) => request.parameters = command.into_parameters(),
            Self::State(_) => {}
            other => request = request.with("args", other.into_arguments()),
        }
        request.with("meta", meta.to_json())
    }

    fn into_arguments(self) -> Value {
        match self {
            Self::Say { message } => json!({ "message": message }),
            Self::Unmute { username } => json!({ "message": format!("/unmute {username}") }),
            Self::Pm { to, message } => json!({ "to": to, "msg": message }),
            Self::Mute { username } | Self::ShadowMute { username } => {
                json!({ "username": username })
            }
            Self::Kick { username, reason } | Self::Ban { username, reason } => {
                match reason.filter(|reason| !reason.is_empty()) {
                    Some(reason) => json!({ "name": username, "reason": reason }),
                    None => json!({ "name": username }),
                }
            }
            Self::Unban { username, id } => match id {
                Some(id) => json!({ "username": username, "id": id }),
                None => json!({ "username": username }),
            },
            Self::Queue {
                video,
                position,
                temp,
            } => queue(video, position, temp),
            Self::Delete { uid } => json!({ "uid": uid }),
            Self::Move { uid, after } => json!({ "from": uid, "after": after_json(after) }),
            // The Python robot takes only text here.
            Self::Jump { uid } => json!({ "uid": uid.to_string() }),
            Self::SetTemp { uid, temp } => json!({ "uid": uid, "temp": temp }),
            Self::Seek { time } => json!({ "time": time }),
            Self::AssignLeader { username } => json!({ "name": username.unwrap_or_default() }),
            Self::SetMotd { motd } => json!({ "motd": motd }),
            Self::SetChannelCss { css } => json!({ "css": css }),
            Self::SetChannelJs { js } => json!({ "js": js }),
            Self::SetOptions { options } => json!({ "options": options }),
            Self::SetPermissions { permissions } => json!({ "permissions": permissions }),
            Self::UpdateEmote { name, image } => json!({ "name": name, "image": image }),
            Self::RemoveEmote { name } | Self::RemoveFilter { name } => json!({ "name": name }),
            Self::AddFilter(filter) | Self::UpdateFilter(filter) => filter.into_json(),
            // kryten-py calls the choices by CyTube's name, the robot by its own.
            Self::NewPoll {
                title,
                options,
                obscured,
                timeout,
            } => json!({
                "title": title, "opts": options, "options": options, "obscured": obscured, "timeout": timeout,
            }),
            Self::Vote { option } => json!({ "option": option }),
            Self::SetChannelRank { username, rank } => {
                json!({ "username": username, "rank": rank })
            }
            Self::ReadChanLog { count } => json!({ "count": count }),
            Self::SearchLibrary { query, source } => json!({ "query": query, "source": source }),
            Self::DeleteFromLibrary { id } => json!({ "id": id }),
            Self::Other { args, .. } => Value::Object(args),
            Self::ClearPlaylist
            | Self::ShufflePlaylist
            | Self::PlayNext
            | Self::Voteskip
            | Self::Pause
            | Self::Play
            | Self::ClosePoll
            | Self::RequestChannelRanks
            | Self::RequestBanlist
            | Self::Reconnect
            | Self::State(_)
            | Self::System(_) => json!({}),
        }
    }
}

impl Meta {
    fn to_json(&self) -> Value {
        json!({
            "source": self.source,
            "timestamp": self.timestamp.to_string(),
            "domain": self.domain,
            "channel": self.channel,
            "request_id": self.request_id,
        })
    }
}

impl StateQuery {
    fn name(&self) -> &'static str {
        match self {
            Self::Emotes => "state.emotes",
            Self::Playlist => "state.playlist",
            Self::Userlist => "state.userlist",
            Self::All => "state.all",
            Self::User { .. } => "state.user",
            Self::Profiles => "state.profiles",
            Self::Motd => "state.motd",
            Self::Css => "state.css",
            Self::Js => "state.js",
            Self::Options => "state.options",
            Self::Permissions => "state.permissions",
        }
    }
}

impl SystemCommand {
    fn name(&self) -> &'static str {
        match self {
            Self::Ping => "system.ping",
            Self::Version => "system.version",
            Self::Channels => "system.channels",
            Self::Health => "system.health",
            Self::Stats => "system.stats",
            Self::Services => "system.services",
            Self::Config => "system.config",
            Self::Reload { .. } => "system.reload",
            Self::Shutdown { .. } => "system.shutdown",
        }
    }

    fn into_parameters(self) -> Map<String, Value> {
        let mut parameters = Map::new();
        match self {
            Self::Reload {
                config_path: Some(path),
            } => {
                parameters.insert("config_path".to_owned(), path.into());
            }
            Self::Shutdown {
                delay_seconds,
                reason,
            } => {
                parameters.insert("delay_seconds".to_owned(), delay_seconds.into());
                parameters.insert("reason".to_owned(), reason.into());
            }
            _ => {}
        }
        parameters
    }
}

impl Filter {
    fn into_json(self) -> Value {
        json!({
            "name": self.name, "source": self.source, "flags": self.flags,
            "replace": self.replace, "filterlinks": self.filterlinks, "active": self.active,
        })
    }
}

fn queue(video: Video, position: Position, temp: bool) -> Value {
    let pos = match position {
        Position::End => "end",
        Position::Next => "next",
    };
    match video {
        Video::Media { kind, id } => json!({ "type": kind, "id": id, "pos": pos, "temp": temp }),
        Video::Url(url) => json!({ "url": url, "pos": pos, "temp": temp }),
    }
}

fn after_json(after: After) -> Value {
    match after {
        After::Uid(uid) => uid.into(),
        After::Prepend => "prepend".into(),
        After::Append => "append".into(),
    }
}

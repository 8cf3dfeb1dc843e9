//! The names of commands: those of both original subjects, of kryten-py, and CyTube's own.

/// What a name asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the names say it, and `ChannelCommand` tells more"
)]
pub enum Action {
    Say,
    Pm,
    Mute,
    ShadowMute,
    Unmute,
    Kick,
    Ban,
    Unban,
    Unkick,
    Queue,
    Delete,
    Move,
    Jump,
    SetTemp,
    Clear,
    Shuffle,
    PlayNext,
    Voteskip,
    Pause,
    Play,
    Seek,
    AssignLeader,
    SetMotd,
    SetCss,
    SetJs,
    SetOptions,
    SetPermissions,
    UpdateEmote,
    RemoveEmote,
    RenameEmote,
    ImportEmotes,
    AddFilter,
    UpdateFilter,
    RemoveFilter,
    NewPoll,
    Vote,
    ClosePoll,
    SetChannelRank,
    ChannelRanks,
    Banlist,
    ChanLog,
    Search,
    Uncache,
    Reconnect,
    Halt,
    PlaylistMove,
    PlaylistQueue,
    PlaylistDelete,
}

/// The action of a name, without regard to case and underscores: `setMotd` and `set_motd` are one.
pub fn action_of(name: &str) -> Option<Action> {
    let folded = folded(name);
    let found = NAMES
        .iter()
        .find(|(_, names)| names.contains(&folded.as_str()));
    found.map(|(action, _)| *action)
}

/// A name without its case and underscores.
pub fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

/// All names of an action, folded.
pub fn names_of(action: Action) -> &'static [&'static str] {
    let found = NAMES.iter().find(|(known, _)| *known == action);
    found.map_or(&[], |(_, names)| names)
}

impl Action {
    /// All actions.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(action, _)| *action)
    }
}

const NAMES: [(Action, &[&str]); 48] = [
    (Action::Say, &["say", "chat", "chatmsg", "sendchat"]),
    (Action::Pm, &["pm", "sendpm"]),
    (Action::Mute, &["mute", "muteuser"]),
    (
        Action::ShadowMute,
        &["smute", "shadowmute", "shadowmuteuser"],
    ),
    (Action::Unmute, &["unmute", "unmuteuser"]),
    (Action::Kick, &["kick", "kickuser"]),
    (Action::Ban, &["ban", "banuser"]),
    (Action::Unban, &["unban", "unbanuser"]),
    (Action::Unkick, &["unkick"]),
    (Action::Queue, &["addvideo", "queue", "addmedia"]),
    (
        Action::Delete,
        &[
            "rmvideo",
            "delete",
            "deletevideo",
            "removevideo",
            "deletemedia",
        ],
    ),
    (Action::Move, &["mvvideo", "move", "movevideo", "movemedia"]),
    (Action::Jump, &["jump", "jumpto"]),
    (Action::SetTemp, &["settemp"]),
    (Action::Clear, &["clear", "clearplaylist"]),
    (Action::Shuffle, &["shuffle", "shuffleplaylist"]),
    (Action::PlayNext, &["playnext"]),
    (Action::Voteskip, &["voteskip"]),
    (Action::Pause, &["pause"]),
    (Action::Play, &["play"]),
    (Action::Seek, &["seek", "seekto"]),
    (Action::AssignLeader, &["assignleader"]),
    (Action::SetMotd, &["setmotd"]),
    (Action::SetCss, &["setchannelcss"]),
    (Action::SetJs, &["setchanneljs"]),
    (Action::SetOptions, &["setoptions"]),
    (Action::SetPermissions, &["setpermissions"]),
    (Action::UpdateEmote, &["updateemote"]),
    (Action::RemoveEmote, &["removeemote"]),
    (Action::RenameEmote, &["renameemote"]),
    (Action::ImportEmotes, &["setemotes", "importemotes"]),
    (Action::AddFilter, &["addfilter"]),
    (Action::UpdateFilter, &["updatefilter"]),
    (Action::RemoveFilter, &["removefilter"]),
    (Action::NewPoll, &["newpoll"]),
    (Action::Vote, &["vote"]),
    (Action::ClosePoll, &["closepoll"]),
    (Action::SetChannelRank, &["setchannelrank"]),
    (Action::ChannelRanks, &["requestchannelranks"]),
    (Action::Banlist, &["requestbanlist"]),
    (Action::ChanLog, &["readchanlog"]),
    (Action::Search, &["searchlibrary", "searchmedia"]),
    (Action::Uncache, &["deletefromlibrary", "uncache"]),
    (Action::Reconnect, &["reconnect", "restart"]),
    (Action::Halt, &["halt"]),
    (Action::PlaylistMove, &["playlist.move"]),
    (Action::PlaylistQueue, &["playlist.queue"]),
    (Action::PlaylistDelete, &["playlist.delete"]),
];

//! Which rank a command needs. CyTube answers some that lack it with a kick and the others not at all.

use super::super::command::ChannelCommand;
use crate::channel::ChannelState;

/// What a command needs.
enum Need {
    /// A permission of the channel.
    Node(&'static str),
    /// A permission that has another name while the playlist is locked.
    List(&'static str),
    /// A rank that CyTube has fixed.
    Rank(f64),
    /// Nothing, or CyTube says what is wrong.
    Nothing,
}

/// Refuses what CyTube would not take from our rank; what is not known is left to CyTube.
pub(super) fn check(command: &ChannelCommand, state: &ChannelState) -> Result<(), String> {
    let (least, what) = match need(command) {
        Need::Nothing => return Ok(()),
        Need::Rank(rank) => (Some(rank), None),
        Need::Node(node) => (state.permission(node), Some(node.to_owned())),
        Need::List(part) => {
            let list = match state.playlist_is_locked() {
                true => "playlist",
                false => "oplaylist",
            };
            let node = format!("{list}{part}");
            (state.permission(&node), Some(node))
        }
    };
    match (state.own_rank(), least) {
        (Some(rank), Some(least)) if rank < least => {
            let what = what.map_or_else(String::new, |node| format!(" (permission {node})"));
            Err(format!(
                "the robot has rank {rank} and needs rank {least}{what}"
            ))
        }
        _ => Ok(()),
    }
}

fn need(command: &ChannelCommand) -> Need {
    use ChannelCommand as C;
    match command {
        C::Say { .. } => Need::Node("chat"),
        C::Mute { .. } | C::ShadowMute { .. } | C::Unmute { .. } => Need::Node("mute"),
        C::Kick { .. } => Need::Node("kick"),
        C::Ban { .. } | C::Unban { .. } | C::Banlist => Need::Node("ban"),
        C::Delete { .. } => Need::List("delete"),
        C::Move { .. } => Need::List("move"),
        C::Jump { .. } | C::PlayNext => Need::List("jump"),
        C::SetTemp { .. } => Need::Node("settemp"),
        C::Clear => Need::Node("playlistclear"),
        C::Shuffle => Need::Node("playlistshuffle"),
        C::Voteskip => Need::Node("voteskip"),
        C::Pause | C::Play | C::Seek { .. } | C::AssignLeader { .. } => Need::Node("leaderctl"),
        C::SetMotd { .. } => Need::Node("motdedit"),
        C::SetCss { .. } | C::SetJs { .. } | C::SetPermissions { .. } => Need::Rank(3.0),
        C::ChanLog { .. } | C::ChannelRanks | C::SetChannelRank { .. } => Need::Rank(3.0),
        C::SetOptions { .. } => Need::Rank(2.0),
        C::UpdateEmote { .. } | C::RemoveEmote { .. } | C::RenameEmote { .. } => {
            Need::Node("emoteedit")
        }
        C::ImportEmotes { .. } => Need::Node("emoteimport"),
        C::AddFilter(_) | C::UpdateFilter(_) | C::RemoveFilter { .. } => Need::Node("filteredit"),
        C::NewPoll { .. } | C::ClosePoll => Need::Node("pollctl"),
        C::Vote { .. } => Need::Node("pollvote"),
        C::Uncache { .. } => Need::Rank(2.0),
        // CyTube says by itself what is wrong with a video or a private message.
        C::Queue { .. } | C::Pm { .. } | C::Search { .. } | C::Reconnect | C::Halt => Need::Nothing,
    }
}

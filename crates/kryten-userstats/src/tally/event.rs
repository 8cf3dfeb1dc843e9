//! An event as the tally reads it.

use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::line::LINE_ID_PREFIX;
use kryten_protocol::time::WireTime;

/// A CyTube event with what its message says beside the body.
#[derive(Debug, Clone)]
pub struct EventView<'a> {
    /// The CyTube host.
    pub domain: &'a str,
    /// The channel.
    pub channel: &'a str,
    /// CyTube's event name, in any case.
    pub name: &'a str,
    /// The payload as JSON text.
    pub payload: &'a str,
    /// When the robot received it.
    pub time: WireTime,
    /// The line's identity, where its publisher gave it one.
    pub line_id: Option<&'a str>,
    /// The epoch of the robot that published it; 0 without one.
    pub epoch: u64,
}

impl<'a> EventView<'a> {
    /// From an envelope; `stored_at` is when the server stored it, for publishers that give no time.
    pub fn of(
        envelope: &'a EnvelopeRef<'a>,
        stored_at: WireTime,
        message_id: Option<&'a str>,
        epoch: u64,
    ) -> Self {
        Self {
            domain: &envelope.domain,
            channel: &envelope.channel,
            name: &envelope.event_name,
            payload: envelope.payload.get(),
            time: envelope.timestamp.unwrap_or(stored_at),
            line_id: message_id.filter(|id| id.starts_with(LINE_ID_PREFIX)),
            epoch,
        }
    }
}

/// The events that the tally knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ChatMsg,
    Pm,
    AddUser,
    UserLeave,
    Userlist,
    SetAfk,
    SetUserMeta,
    ChangeMedia,
    EmoteList,
    UpdateEmote,
    RenameEmote,
    RemoveEmote,
    DrinkCount,
}

impl Kind {
    pub(crate) fn of(name: &str) -> Option<Self> {
        const KINDS: [(&str, Kind); 13] = [
            ("chatMsg", Kind::ChatMsg),
            ("pm", Kind::Pm),
            ("addUser", Kind::AddUser),
            ("userLeave", Kind::UserLeave),
            ("userlist", Kind::Userlist),
            ("setAFK", Kind::SetAfk),
            ("setUserMeta", Kind::SetUserMeta),
            ("changeMedia", Kind::ChangeMedia),
            ("emoteList", Kind::EmoteList),
            ("updateEmote", Kind::UpdateEmote),
            ("renameEmote", Kind::RenameEmote),
            ("removeEmote", Kind::RemoveEmote),
            ("drinkCount", Kind::DrinkCount),
        ];
        KINDS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|&(_, kind)| kind)
    }

    pub(crate) fn is_line(self) -> bool {
        matches!(self, Self::ChatMsg | Self::Pm)
    }
}

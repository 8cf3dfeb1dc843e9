//! One type for all events.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::channel::{
    Announcement, Ban, BanlistRemove, ChannelCssJs, ChannelOpts, ChannelRank, ErrorMsg, Kick,
};
use super::chat::{ChatMsg, ClearChat, Pm};
use super::emotes::{Emote, RemoveEmote, RenameEmote};
use super::envelope::EnvelopeError;
use super::fields::Payload;
use super::media::{ChangeMedia, MediaUpdate};
use super::playlist::{Delete, Item, MoveVideo, Queue, QueueFail, SetPlaylistMeta, SetTemp};
use super::poll::{Poll, Voteskip};
use super::raw::RawEvent;
use super::users::{SetAfk, SetUserMeta, SetUserProfile, SetUserRank, User, UserLeave};
use crate::time::WireTime;

/// A typed payload together with the envelope that it came in; cheap to clone.
///
/// It dereferences to the payload: `line.username` where `line` is a `Typed<ChatMsg>`.
#[derive(Debug, PartialEq)]
pub struct Typed<T>(Arc<(RawEvent, T)>);

impl<T> Typed<T> {
    /// The envelope as it came.
    pub fn envelope(&self) -> &RawEvent {
        &self.0.0
    }

    /// The typed payload.
    pub fn payload(&self) -> &T {
        &self.0.1
    }
}

impl<T> Clone for Typed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Typed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.payload()
    }
}

macro_rules! events {
    ($($name:literal $variant:ident($payload:ty) $doc:literal)*) => {
        /// A received event; cheap to clone.
        ///
        /// An event is [`Event::Raw`] when CyTube has a name for it that we do not know, or when its payload is of
        /// a shape that the type cannot hold. Nothing is lost then: the envelope has it all.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Event {
            $(#[doc = $doc] $variant(Typed<$payload>),)*
            /// Any other event, untyped.
            Raw(Arc<RawEvent>),
        }

        impl Event {
            /// The names of the events that have a type, in lower case.
            pub const TYPED: &[&str] = &[$($name),*];

            /// The envelope as it came.
            pub fn envelope(&self) -> &RawEvent {
                match self {
                    $(Self::$variant(event) => event.envelope(),)*
                    Self::Raw(envelope) => envelope,
                }
            }

            fn typed(envelope: RawEvent) -> Self {
                // Compared without regard to case, as the originals do.
                match envelope.event_name.to_lowercase().as_str() {
                    $($name => match read::<$payload>(&envelope) {
                        Some(payload) => Self::$variant(Typed(Arc::new((envelope, payload)))),
                        None => Self::Raw(Arc::new(envelope)),
                    },)*
                    _ => Self::Raw(Arc::new(envelope)),
                }
            }
        }
    };
}

events! {
    "chatmsg" ChatMsg(ChatMsg) "A chat line."
    "pm" Pm(Pm) "A private message to the robot, or the echo of one of its own."
    "clearchat" ClearChat(ClearChat) "The chat was cleared."
    "adduser" AddUser(User) "A user came."
    "userleave" UserLeave(UserLeave) "A user left."
    "userlist" Userlist(Vec<User>) "All users; when the robot joins."
    "usercount" Usercount(i64) "How many connections there are, with viewers who have no name."
    "setuserrank" SetUserRank(SetUserRank) "A user's rank in the channel."
    "setusermeta" SetUserMeta(SetUserMeta) "A user's AFK, mute and more."
    "setuserprofile" SetUserProfile(SetUserProfile) "A user's picture and text."
    "setafk" SetAfk(SetAfk) "A user went away from the keyboard or came back."
    "setleader" SetLeader(String) "Who leads the playback; empty for nobody."
    "rank" Rank(f64) "The robot's own rank."
    "changemedia" ChangeMedia(ChangeMedia) "Another film."
    "mediaupdate" MediaUpdate(MediaUpdate) "Where the film is now."
    "playlist" Playlist(Vec<Item>) "The whole playlist; when the robot joins, and after a clear or a shuffle."
    "queue" Queue(Queue) "An item was added."
    "queuefail" QueueFail(QueueFail) "An item was refused."
    "delete" Delete(Delete) "An item was removed."
    "movevideo" MoveVideo(MoveVideo) "An item was moved."
    "setcurrent" SetCurrent(i64) "The uid of the item that plays now."
    "settemp" SetTemp(SetTemp) "An item was made temporary, or no longer is."
    "setplaylistmeta" SetPlaylistMeta(SetPlaylistMeta) "How long the playlist is."
    "setplaylistlocked" SetPlaylistLocked(bool) "Whether only moderators may add items."
    "emotelist" EmoteList(Vec<Emote>) "All emotes; when the robot joins, and after an import."
    "updateemote" UpdateEmote(Emote) "An emote is new or has another picture."
    "renameemote" RenameEmote(RenameEmote) "An emote has another name."
    "removeemote" RemoveEmote(RemoveEmote) "An emote was removed."
    "newpoll" NewPoll(Poll) "A poll was opened."
    "updatepoll" UpdatePoll(Poll) "The votes of the poll now."
    "closepoll" ClosePoll(()) "The poll was closed."
    "voteskip" Voteskip(Voteskip) "How many want to skip the film."
    "drinkcount" DrinkCount(i64) "Drinks called during this film."
    "setmotd" SetMotd(String) "The message of the day, HTML."
    "channelcssjs" ChannelCssJs(ChannelCssJs) "The channel's style sheet and script."
    "channelopts" ChannelOpts(ChannelOpts) "The channel's options."
    "setpermissions" SetPermissions(BTreeMap<String, f64>) "The rank that each action needs."
    "channelranks" ChannelRanks(Vec<ChannelRank>) "All users with a rank in the channel; on request."
    "banlist" Banlist(Vec<Ban>) "All bans; on request."
    "banlistremove" BanlistRemove(BanlistRemove) "A ban was lifted."
    "kick" Kick(Kick) "The robot was thrown out."
    "announcement" Announcement(Announcement) "A notice of the site's administrators."
    "errormsg" ErrorMsg(ErrorMsg) "CyTube did not do what the robot asked."
}

fn read<T: Payload>(envelope: &RawEvent) -> Option<T> {
    let payload: Value = serde_json::from_str(envelope.payload.get()).ok()?;
    T::read(&payload)
}

impl Event {
    /// Reads a message body.
    ///
    /// # Errors
    /// [`EnvelopeError`] when it is no event at all; an odd payload is [`Event::Raw`].
    pub fn parse(body: &[u8]) -> Result<Self, EnvelopeError> {
        RawEvent::parse(body).map(Self::from)
    }

    /// CyTube's name of the event, in CyTube's spelling.
    pub fn name(&self) -> &str {
        &self.envelope().event_name
    }

    /// The channel as the publisher wrote it.
    pub fn channel(&self) -> &str {
        &self.envelope().channel
    }

    /// The CyTube host as the publisher wrote it.
    pub fn domain(&self) -> &str {
        &self.envelope().domain
    }

    /// When it happened: CyTube's clock where the payload has it, which is with chat lines and private messages; else
    /// the robot's.
    pub fn time(&self) -> Option<WireTime> {
        let said = match self {
            Self::ChatMsg(line) => line.time,
            Self::Pm(pm) => pm.line.time,
            _ => None,
        };
        said.map(WireTime::from_millis)
            .or(self.envelope().timestamp)
    }
}

impl From<RawEvent> for Event {
    fn from(envelope: RawEvent) -> Self {
        Self::typed(envelope)
    }
}

impl Serialize for Event {
    /// Writes the envelope.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.envelope().serialize(serializer)
    }
}

//! What the robot can be asked to do in a channel.

use kryten_protocol::event::playlist::After;
use kryten_protocol::robot::Filter;
use serde_json::{Map, Value};

/// A command to one channel, checked: names are CyTube names, numbers are numbers, texts are not empty.
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelCommand {
    /// A chat line, or a command that is typed as one.
    Say {
        /// As typed.
        message: String,
    },
    /// A private message.
    Pm {
        /// The receiver.
        to: String,
        /// As typed.
        message: String,
    },
    /// Nobody reads what the user says.
    Mute {
        /// Whom.
        username: String,
    },
    /// As [`Self::Mute`], and the user does not notice it.
    ShadowMute {
        /// Whom.
        username: String,
    },
    /// The end of either.
    Unmute {
        /// Whom.
        username: String,
    },
    /// Throws a user out.
    Kick {
        /// Whom.
        username: String,
        /// Why; may be empty.
        reason: String,
    },
    /// Bans a name.
    Ban {
        /// Whom.
        username: String,
        /// Why; may be empty.
        reason: String,
    },
    /// Lifts one ban, or all of a name.
    Unban {
        /// Whose; at least one of the two is there.
        username: Option<String>,
        /// Which.
        id: Option<i64>,
    },
    /// Adds a video.
    Queue {
        /// Which.
        media: MediaId,
        /// Behind what plays, not at the end.
        next: bool,
        /// It goes when it has been shown.
        temp: bool,
        /// A title, which CyTube takes for custom media and raw files only.
        title: Option<String>,
    },
    /// Removes an item.
    Delete {
        /// Which.
        uid: i64,
    },
    /// Moves an item.
    Move {
        /// Which.
        uid: i64,
        /// Where to.
        after: After,
    },
    /// Plays an item now.
    Jump {
        /// Which.
        uid: i64,
    },
    /// Makes an item temporary, or no longer so.
    SetTemp {
        /// Which.
        uid: i64,
        /// Whether it goes when it has been shown.
        temp: bool,
    },
    /// Removes all items.
    Clear,
    /// Puts the items in a random order.
    Shuffle,
    /// Plays the next item.
    PlayNext,
    /// Votes for skipping the film.
    Voteskip,
    /// Stops the film.
    Pause,
    /// Goes on with the film.
    Play,
    /// Goes to a place in the film.
    Seek {
        /// In seconds.
        time: f64,
    },
    /// Makes a user the leader; nobody if empty.
    AssignLeader {
        /// Whom.
        username: String,
    },
    /// The message of the day.
    SetMotd {
        /// HTML.
        motd: String,
    },
    /// The style sheet.
    SetCss {
        /// CSS.
        css: String,
    },
    /// The script.
    SetJs {
        /// JavaScript.
        js: String,
    },
    /// Some options.
    SetOptions {
        /// By name.
        options: Map<String, Value>,
    },
    /// Some permissions.
    SetPermissions {
        /// By node.
        permissions: Map<String, Value>,
    },
    /// Adds an emote or changes its picture.
    UpdateEmote {
        /// Which.
        name: String,
        /// Address of the picture.
        image: String,
    },
    /// Removes an emote.
    RemoveEmote {
        /// Which.
        name: String,
    },
    /// Gives an emote another name.
    RenameEmote {
        /// Which.
        old: String,
        /// The new name.
        name: String,
        /// Address of the picture.
        image: String,
    },
    /// Replaces all emotes.
    ImportEmotes {
        /// Objects of `name` and `image`.
        emotes: Vec<Value>,
    },
    /// Adds a chat filter.
    AddFilter(Filter),
    /// Changes a chat filter.
    UpdateFilter(Filter),
    /// Removes a chat filter.
    RemoveFilter {
        /// Which.
        name: String,
    },
    /// Opens a poll.
    NewPoll {
        /// The question.
        title: String,
        /// The choices.
        options: Vec<String>,
        /// Whether votes are hidden.
        obscured: bool,
        /// Closed after so many seconds; 0 for never.
        timeout: i64,
    },
    /// Votes in the poll.
    Vote {
        /// From 0.
        option: i64,
    },
    /// Closes the poll.
    ClosePoll,
    /// Gives a user a rank.
    SetChannelRank {
        /// Whom.
        username: String,
        /// Which.
        rank: f64,
    },
    /// Who has a rank.
    ChannelRanks,
    /// Who is banned.
    Banlist,
    /// The end of the channel's log.
    ChanLog {
        /// How many lines are wanted; CyTube does not look at it.
        count: i64,
    },
    /// Looks for videos.
    Search {
        /// What for.
        query: String,
        /// `library`, or a site.
        source: String,
    },
    /// Removes a video from the library.
    Uncache {
        /// Which.
        id: String,
    },
    /// Makes the connection to CyTube anew.
    Reconnect,
    /// Leaves the channel for good.
    Halt,
}

/// A medium: CyTube's `type` and the id there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaId {
    /// Such as `yt`.
    pub kind: String,
    /// Such as `dQw4w9WgXcQ`.
    pub id: String,
}

impl MediaId {
    /// A medium.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            id: id.into(),
        }
    }
}

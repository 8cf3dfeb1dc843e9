//! What the robot can be asked.

use serde_json::{Map, Value};

use crate::event::playlist::After;

/// A command to the robot.
///
/// A success of our robot means that CyTube has done it, or, with `confirmed: false` in the reply's data, that CyTube never
/// says whether it did. A success of the Python robot only means that it was sent, except for [`RobotCommand::Queue`] and
/// what [reads](RobotCommand::is_idempotent).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RobotCommand {
    /// Says a line in the chat. Our robot makes several of a long one; the Python robot lets CyTube cut it at 320
    /// characters.
    Say {
        /// The text; commands of CyTube such as `/me` work.
        message: String,
    },
    /// Sends a private message.
    Pm {
        /// The receiver.
        to: String,
        /// The text.
        message: String,
    },
    /// Mutes a user.
    Mute {
        /// The user.
        username: String,
    },
    /// Mutes a user who does not notice it.
    ShadowMute {
        /// The user.
        username: String,
    },
    /// Ends a mute of either kind. The Python robot has no command for it, so this says `/unmute`.
    Unmute {
        /// The user.
        username: String,
    },
    /// Throws a user out.
    Kick {
        /// The user.
        username: String,
        /// Why.
        reason: Option<String>,
    },
    /// Bans a name.
    Ban {
        /// The name.
        username: String,
        /// Why.
        reason: Option<String>,
    },
    /// Lifts bans.
    Unban {
        /// The name; the Python robot does not take a number alone.
        username: String,
        /// The number of one ban; without it all bans of the name are lifted.
        id: Option<i64>,
    },
    /// Adds a video to the playlist.
    Queue {
        /// What.
        video: Video,
        /// Where.
        position: Position,
        /// Whether it goes when it has been shown.
        temp: bool,
    },
    /// Removes an item.
    Delete {
        /// The item.
        uid: i64,
    },
    /// Moves an item.
    Move {
        /// The item.
        uid: i64,
        /// Where to.
        after: After,
    },
    /// Plays an item now.
    Jump {
        /// The item.
        uid: i64,
    },
    /// Makes an item temporary, or no longer so.
    SetTemp {
        /// The item.
        uid: i64,
        /// Whether it goes when it has been shown.
        temp: bool,
    },
    /// Removes all items.
    ClearPlaylist,
    /// Puts the items in a random order.
    ShufflePlaylist,
    /// Plays the next item.
    PlayNext,
    /// Votes for skipping the film.
    Voteskip,
    /// Stops the film: the robot takes the lead for a moment. The Python robot sends it to no effect.
    Pause,
    /// Goes on with the film; as [`RobotCommand::Pause`].
    Play,
    /// Goes to a place in the film; as [`RobotCommand::Pause`].
    Seek {
        /// In seconds.
        time: f64,
    },
    /// Makes a user the leader.
    AssignLeader {
        /// The user as CyTube spells the name; `None` for nobody.
        username: Option<String>,
    },
    /// Sets the message of the day.
    SetMotd {
        /// HTML.
        motd: String,
    },
    /// Sets the channel's style sheet.
    SetChannelCss {
        /// The style sheet; CyTube takes 20,000 bytes.
        css: String,
    },
    /// Sets the channel's script.
    SetChannelJs {
        /// The script; CyTube takes 20,000 bytes.
        js: String,
    },
    /// Sets some of the channel's options.
    SetOptions {
        /// The options to change; at least one.
        options: Map<String, Value>,
    },
    /// Sets the rank that some actions need.
    SetPermissions {
        /// The actions to change; at least one.
        permissions: Map<String, Value>,
    },
    /// Adds an emote or changes its picture.
    UpdateEmote {
        /// The emote.
        name: String,
        /// The address of the picture.
        image: String,
    },
    /// Removes an emote.
    RemoveEmote {
        /// The emote.
        name: String,
    },
    /// Adds a chat filter.
    AddFilter(Filter),
    /// Changes a chat filter.
    UpdateFilter(Filter),
    /// Removes a chat filter.
    RemoveFilter {
        /// The filter.
        name: String,
    },
    /// Opens a poll; one that is open is closed.
    NewPoll {
        /// The question.
        title: String,
        /// The choices.
        options: Vec<String>,
        /// Whether the votes are hidden until it is closed.
        obscured: bool,
        /// Closed after so many seconds; 0 for never.
        timeout: u64,
    },
    /// Votes in the poll.
    Vote {
        /// The choice, from 0.
        option: u64,
    },
    /// Closes the poll.
    ClosePoll,
    /// Gives a user a rank in the channel.
    SetChannelRank {
        /// The user.
        username: String,
        /// The rank, below the robot's own.
        rank: i64,
    },
    /// Lists all users with a rank in the channel.
    RequestChannelRanks,
    /// Lists all bans.
    RequestBanlist,
    /// Reads the end of the channel's log.
    ReadChanLog {
        /// How many lines.
        count: u64,
    },
    /// Looks for videos.
    SearchLibrary {
        /// What for.
        query: String,
        /// Where: `library`, or a site such as `yt`.
        source: String,
    },
    /// Removes a video from the library.
    DeleteFromLibrary {
        /// Its id.
        id: String,
    },
    /// Makes the connection to CyTube anew.
    Reconnect,
    /// Reads the state of the channel as the robot knows it.
    State(StateQuery),
    /// About the robot itself.
    System(SystemCommand),
    /// A command that is not in this list, such as one of a newer robot. It is sent once.
    Other {
        /// The name on the wire.
        name: String,
        /// The arguments.
        args: Map<String, Value>,
    },
}

/// A part of a channel's state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateQuery {
    /// The emotes.
    Emotes,
    /// The playlist.
    Playlist,
    /// The users.
    Userlist,
    /// Emotes, playlist and users.
    All,
    /// One user, and the profile.
    User {
        /// The name as CyTube spells it.
        username: String,
    },
    /// All users' profiles.
    Profiles,
    /// The message of the day.
    Motd,
    /// The style sheet.
    Css,
    /// The script.
    Js,
    /// The channel's options.
    Options,
    /// The rank that each action needs.
    Permissions,
}

/// A command about the robot itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SystemCommand {
    /// Whether it is there.
    Ping,
    /// Its version.
    Version,
    /// The channels that it is in.
    Channels,
    /// How it is.
    Health,
    /// What it has done.
    Stats,
    /// The services that it knows of.
    Services,
    /// Its configuration, without passwords.
    Config,
    /// Reads its configuration again.
    Reload {
        /// The file; `None` for the one that it was started with.
        config_path: Option<String>,
    },
    /// Ends it.
    Shutdown {
        /// In so many seconds, 0 to 300.
        delay_seconds: u64,
        /// Why.
        reason: String,
    },
}

/// What to put into the playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Video {
    /// A video by its source and the id there.
    Media {
        /// The source, CyTube's `type`, such as `yt`.
        kind: String,
        /// The id.
        id: String,
    },
    /// A video by its address.
    Url(String),
}

/// Where an added video goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Position {
    /// To the end.
    #[default]
    End,
    /// Behind what plays now.
    Next,
}

/// A chat filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The name.
    pub name: String,
    /// The regular expression.
    pub source: String,
    /// Its flags, such as `gi`.
    pub flags: String,
    /// What takes its place, HTML.
    pub replace: String,
    /// Whether links are filtered too.
    pub filterlinks: bool,
    /// Whether it is in force.
    pub active: bool,
}

impl Filter {
    /// A filter in force, with the flags `gi`.
    pub fn new(
        name: impl Into<String>,
        source: impl Into<String>,
        replace: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            source: source.into(),
            flags: "gi".to_owned(),
            replace: replace.into(),
            filterlinks: false,
            active: true,
        }
    }
}

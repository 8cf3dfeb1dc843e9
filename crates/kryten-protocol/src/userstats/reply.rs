//! The answers of the statistics service: each type is a reply's `data`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A user and a count.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserCount {
    /// The user.
    pub username: String,
    /// The count.
    pub count: i64,
}

/// An emote and a count.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmoteCount {
    /// The emote, without a leading `#`.
    pub emote: String,
    /// The count.
    pub count: i64,
}

/// A phrase and a count.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PhraseCount {
    /// The phrase.
    pub phrase: String,
    /// The count.
    pub count: i64,
}

/// A channel and a count.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChannelCount {
    /// The channel.
    pub channel: String,
    /// The count.
    pub count: i64,
}

/// Time spent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Activity {
    /// The channel, where several are listed.
    #[serde(default)]
    pub channel: Option<String>,
    /// Seconds in the channel.
    pub total_time_seconds: f64,
    /// Seconds of them not AFK.
    pub not_afk_time_seconds: f64,
}

/// `user.stats`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct UserStats {
    /// The user.
    pub username: String,
    /// Lines said in the channel that was asked for; 0 where none was.
    pub messages: i64,
    /// Lines said in each channel.
    pub all_messages: Vec<ChannelCount>,
    /// Private messages to the robot.
    pub pms: i64,
    /// `++` received.
    pub kudos_plusplus: i64,
    /// Thanks received in other words.
    pub kudos_phrases: Vec<PhraseCount>,
    /// Emotes used.
    pub emotes: Vec<EmoteCount>,
    /// Time spent in the channel that was asked for.
    #[serde(default)]
    pub activity: Option<Activity>,
    /// Time spent in each channel, where none was asked for.
    #[serde(default)]
    pub all_activity: Vec<Activity>,
}

/// `user.kudos`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserKudos {
    /// The user.
    pub username: String,
    /// `++` received.
    pub plusplus: i64,
    /// Thanks received in other words.
    pub phrases: Vec<PhraseCount>,
}

/// `channel.top_users`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TopUsers {
    /// The channel.
    pub channel: String,
    /// Who said most, first the one who said most of all.
    pub top_users: Vec<UserCount>,
}

/// `leaderboard.messages` and `leaderboard.kudos`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserLeaderboard {
    /// First place first.
    pub leaderboard: Vec<UserCount>,
}

/// `leaderboard.emotes`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmoteLeaderboard {
    /// First place first.
    pub leaderboard: Vec<EmoteCount>,
}

/// How many were there at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Snapshot {
    /// When.
    pub timestamp: String,
    /// Connections.
    pub connected_count: i64,
    /// Users with a name.
    pub chat_count: i64,
}

/// `channel.population`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Population {
    /// The channel.
    pub channel: String,
    /// The newest.
    pub current: Option<Snapshot>,
    /// All of the time asked for, newest first.
    pub history: Vec<Snapshot>,
}

/// A film that was shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Shown {
    /// When it started.
    pub timestamp: String,
    /// Its title, cleaned.
    pub media_title: String,
    /// Its source.
    pub media_type: String,
    /// Its id there.
    pub media_id: String,
}

/// `channel.media_history`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MediaHistory {
    /// The channel.
    pub channel: String,
    /// Newest first.
    pub history: Vec<Shown>,
}

/// A high-water or low-water mark.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Watermark {
    /// When.
    pub timestamp: String,
    /// Connections.
    pub total_users: i64,
    /// Users with a name.
    pub chat_users: i64,
}

/// `channel.watermarks`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Watermarks {
    /// The highest.
    pub high: Option<Watermark>,
    /// The lowest.
    pub low: Option<Watermark>,
}

/// Votes for a film, of `channel.movie_votes`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Votes {
    /// Its title, cleaned.
    pub media_title: String,
    /// Its source.
    pub media_type: String,
    /// Its id there.
    pub media_id: String,
    /// Votes for it.
    pub upvotes: i64,
    /// Votes against it.
    pub downvotes: i64,
    /// Both together.
    pub total_votes: i64,
    /// Those for it less those against it.
    pub score: i64,
    /// The newest vote; not told where one title was asked for.
    #[serde(default)]
    pub last_vote: Option<String>,
}

/// `system.health`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Health {
    /// The service's name.
    pub service: String,
    /// `healthy` or not.
    pub status: String,
    /// Seconds since its start.
    pub uptime_seconds: f64,
    /// Whether its database answers.
    pub database_connected: bool,
    /// Whether it is connected to NATS.
    pub nats_connected: bool,
}

/// `system.stats`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Stats {
    /// Users known.
    pub total_users: i64,
    /// Lines counted.
    pub total_messages: i64,
    /// Private messages counted.
    pub total_pms: i64,
    /// `++` counted.
    pub total_kudos: i64,
    /// Emotes counted.
    pub total_emotes: i64,
    /// Films shown.
    pub total_media_changes: i64,
    /// Events worked on since the start.
    pub events_processed: i64,
    /// Commands worked on since the start.
    pub commands_processed: i64,
    /// Users present.
    pub active_sessions: i64,
}

/// `alias.list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Aliases {
    /// Each user's aliases.
    pub aliases: BTreeMap<String, Vec<String>>,
}

/// `alias.find`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AliasOwner {
    /// The alias.
    pub alias: String,
    /// Whose it is; `None` where it is nobody's.
    pub username: Option<String>,
}

/// `alias.add`, `alias.delete` and `alias.update`. A refused change is an error of our service, but a success of the
/// original's and of ours in strict mode: look at [`done`](Self::done).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AliasChange {
    /// Whether it was done.
    #[serde(alias = "added", alias = "deleted", alias = "updated")]
    pub done: bool,
    /// What was done, or why not.
    pub message: String,
}

/// `phrase.list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Phrases {
    /// The phrases in lower case, by the alphabet.
    pub phrases: Vec<String>,
}

/// `phrase.add` and `phrase.delete`; a change that cannot be made is an error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PhraseChange {
    /// The phrase as it is counted.
    pub phrase: String,
    /// What was done.
    pub message: String,
}

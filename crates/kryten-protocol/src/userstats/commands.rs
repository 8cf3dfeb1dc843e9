//! What the statistics service can be asked.

use serde::Serialize;
use serde_json::{Value, json};

use super::SERVICE;
use crate::command::Request;

/// A user, in one channel or in all. Names compare exactly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfUser {
    /// The name.
    pub username: String,
    /// The channel; `None` for all.
    pub channel: Option<String>,
    /// The CyTube host; `None` for the service's first.
    pub domain: Option<String>,
}

impl OfUser {
    /// A user in all channels of the service's first host.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            ..Self::default()
        }
    }

    /// In this channel only.
    #[must_use]
    pub fn in_channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = Some(channel.into());
        self
    }
}

/// A channel. Names compare exactly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InChannel {
    /// The channel as the service spells it.
    pub channel: String,
    /// The CyTube host; `None` for the service's first.
    pub domain: Option<String>,
}

impl InChannel {
    /// A channel of the service's first host.
    pub fn new(channel: impl Into<String>) -> Self {
        Self {
            channel: channel.into(),
            domain: None,
        }
    }
}

/// How long the lists of `channel.all_stats` are; a negative number is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AllStatsLimits {
    /// Users.
    pub top_users: i64,
    /// Films.
    pub media_history: i64,
    /// Places of each leaderboard.
    pub leaderboards: i64,
}

/// A command to the statistics service.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum UserstatsCommand {
    /// Everything about a user; [`UserStats`](super::reply::UserStats).
    UserStats(OfUser),
    /// The same facts in another form.
    UserProfile(OfUser),
    /// Lines said.
    UserMessages(OfUser),
    /// Time spent.
    UserActivity(OfUser),
    /// Kudos received, in all channels; [`UserKudos`](super::reply::UserKudos).
    UserKudos(OfUser),
    /// A channel at a glance.
    StatsGlobal(InChannel),
    /// Who said most; [`TopUsers`](super::reply::TopUsers).
    ChannelTopUsers {
        /// Where.
        of: InChannel,
        /// How many; by default 10.
        limit: Option<u64>,
    },
    /// How many were there; [`Population`](super::reply::Population).
    ChannelPopulation {
        /// Where.
        of: InChannel,
        /// The last so many hours; by default 24.
        hours: Option<f64>,
    },
    /// What was shown; [`MediaHistory`](super::reply::MediaHistory).
    ChannelMediaHistory {
        /// Where.
        of: InChannel,
        /// How many; by default 50.
        limit: Option<u64>,
    },
    /// The highest and the lowest population; [`Watermarks`](super::reply::Watermarks).
    ChannelWatermarks {
        /// Where.
        of: InChannel,
        /// The last so many days; by default all.
        days: Option<f64>,
    },
    /// Votes for films; a list of [`Votes`](super::reply::Votes), or with a title one or `null`.
    ChannelMovieVotes {
        /// Where.
        of: InChannel,
        /// One film only.
        media_title: Option<String>,
    },
    /// Everything about a channel.
    ChannelAllStats {
        /// The channel; `None` for the service's first.
        channel: Option<String>,
        /// The CyTube host; `None` for the service's first.
        domain: Option<String>,
        /// How long the lists are; by default 20, 15 and 10.
        limits: Option<AllStatsLimits>,
    },
    /// Who said most, in one channel; [`UserLeaderboard`](super::reply::UserLeaderboard).
    LeaderboardMessages {
        /// Where.
        of: InChannel,
        /// How many; by default 10.
        limit: Option<u64>,
    },
    /// Who was thanked most; [`UserLeaderboard`](super::reply::UserLeaderboard).
    LeaderboardKudos {
        /// The CyTube host; `None` for the service's first.
        domain: Option<String>,
        /// One channel only; `None` for all of the host. The Python service does not know it.
        only_channel: Option<String>,
        /// How many; by default 10.
        limit: Option<u64>,
    },
    /// Which emotes were used most; [`EmoteLeaderboard`](super::reply::EmoteLeaderboard).
    LeaderboardEmotes {
        /// The CyTube host; `None` for the service's first.
        domain: Option<String>,
        /// One channel only; `None` for all of the host. The Python service does not know it.
        only_channel: Option<String>,
        /// How many; by default 10.
        limit: Option<u64>,
    },
    /// The mean population per hour, in spite of its name.
    TimeseriesMessages {
        /// Where.
        of: InChannel,
        /// From here on, such as `2026-11-22 16:00:00`.
        start_time: Option<String>,
        /// Up to here.
        end_time: Option<String>,
    },
    /// Nothing of the original, which never filled it; of our service the kudos of each hour in its first channel.
    TimeseriesKudos,
    /// Everything that is known of each hour. The Python service does not know it.
    TimeseriesChannel {
        /// Where.
        of: InChannel,
        /// From here on, such as `2026-11-22 16:00:00`.
        start_time: Option<String>,
        /// Up to here.
        end_time: Option<String>,
    },
    /// Whether the service is there.
    SystemPing,
    /// How it is; [`Health`](super::reply::Health).
    SystemHealth,
    /// What it has counted; [`Stats`](super::reply::Stats).
    SystemStats,
    /// *Ours:* where the robot's state differed from the events, in the form that `docs/wire.md` tells.
    SystemDrift {
        /// Compare now, instead of telling of the last time.
        check: bool,
    },
    /// All aliases; [`Aliases`](super::reply::Aliases).
    AliasList,
    /// The aliases of a user.
    AliasGet {
        /// The user.
        username: String,
    },
    /// Whose alias it is; [`AliasOwner`](super::reply::AliasOwner).
    AliasFind {
        /// The alias.
        alias: String,
    },
    /// Adds an alias; [`AliasChange`](super::reply::AliasChange).
    AliasAdd {
        /// The user.
        username: String,
        /// The alias.
        alias: String,
    },
    /// Removes an alias; [`AliasChange`](super::reply::AliasChange).
    AliasDelete {
        /// The user.
        username: String,
        /// The alias.
        alias: String,
    },
    /// Renames an alias; [`AliasChange`](super::reply::AliasChange).
    AliasUpdate {
        /// The alias as it is.
        old_alias: String,
        /// As it shall be.
        new_alias: String,
    },
    /// All trigger phrases; [`Phrases`](super::reply::Phrases). The Python service does not know it, nor the next two.
    PhraseList,
    /// Adds a trigger phrase; [`PhraseChange`](super::reply::PhraseChange).
    PhraseAdd {
        /// The phrase.
        phrase: String,
    },
    /// Removes a trigger phrase; [`PhraseChange`](super::reply::PhraseChange).
    PhraseDelete {
        /// The phrase.
        phrase: String,
    },
}

impl UserstatsCommand {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UserStats(_) => "user.stats",
            Self::UserProfile(_) => "user.profile",
            Self::UserMessages(_) => "user.messages",
            Self::UserActivity(_) => "user.activity",
            Self::UserKudos(_) => "user.kudos",
            Self::StatsGlobal(_) => "stats.global",
            Self::ChannelTopUsers { .. } => "channel.top_users",
            Self::ChannelPopulation { .. } => "channel.population",
            Self::ChannelMediaHistory { .. } => "channel.media_history",
            Self::ChannelWatermarks { .. } => "channel.watermarks",
            Self::ChannelMovieVotes { .. } => "channel.movie_votes",
            Self::ChannelAllStats { .. } => "channel.all_stats",
            Self::LeaderboardMessages { .. } => "leaderboard.messages",
            Self::LeaderboardKudos { .. } => "leaderboard.kudos",
            Self::LeaderboardEmotes { .. } => "leaderboard.emotes",
            Self::TimeseriesMessages { .. } => "timeseries.messages",
            Self::TimeseriesKudos => "timeseries.kudos",
            Self::TimeseriesChannel { .. } => "timeseries.channel",
            Self::SystemPing => "system.ping",
            Self::SystemHealth => "system.health",
            Self::SystemStats => "system.stats",
            Self::SystemDrift { .. } => "system.drift",
            Self::AliasList => "alias.list",
            Self::AliasGet { .. } => "alias.get",
            Self::AliasFind { .. } => "alias.find",
            Self::AliasAdd { .. } => "alias.add",
            Self::AliasDelete { .. } => "alias.delete",
            Self::AliasUpdate { .. } => "alias.update",
            Self::PhraseList => "phrase.list",
            Self::PhraseAdd { .. } => "phrase.add",
            Self::PhraseDelete { .. } => "phrase.delete",
        }
    }

    /// Whether asking twice is as good as asking once: what only reads.
    pub fn is_idempotent(&self) -> bool {
        !matches!(
            self,
            Self::AliasAdd { .. }
                | Self::AliasDelete { .. }
                | Self::AliasUpdate { .. }
                | Self::PhraseAdd { .. }
                | Self::PhraseDelete { .. }
        )
    }

    /// The request; [`crate::subject::command`] of [`SERVICE`] is its subject.
    pub fn into_request(self) -> Request {
        let mut request = Request::new(SERVICE, self.name());
        if let Value::Object(parameters) = self.into_parameters() {
            // What is not given has the service's default; a null would not.
            let given = parameters.into_iter().filter(|(_, value)| !value.is_null());
            request.parameters = given.collect();
        }
        request
    }

    fn into_parameters(self) -> Value {
        match self {
            Self::UserStats(of)
            | Self::UserProfile(of)
            | Self::UserMessages(of)
            | Self::UserActivity(of)
            | Self::UserKudos(of) => {
                json!({ "username": of.username, "channel": of.channel, "domain": of.domain })
            }
            Self::StatsGlobal(of) => json!({ "channel": of.channel, "domain": of.domain }),
            Self::ChannelTopUsers { of, limit }
            | Self::ChannelMediaHistory { of, limit }
            | Self::LeaderboardMessages { of, limit } => {
                json!({ "channel": of.channel, "domain": of.domain, "limit": limit })
            }
            Self::ChannelPopulation { of, hours } => {
                json!({ "channel": of.channel, "domain": of.domain, "hours": hours })
            }
            Self::ChannelWatermarks { of, days } => {
                json!({ "channel": of.channel, "domain": of.domain, "days": days })
            }
            Self::ChannelMovieVotes { of, media_title } => {
                json!({ "channel": of.channel, "domain": of.domain, "media_title": media_title })
            }
            Self::ChannelAllStats {
                channel,
                domain,
                limits,
            } => {
                json!({ "channel": channel, "domain": domain, "limits": limits })
            }
            Self::LeaderboardKudos {
                domain,
                only_channel,
                limit,
            }
            | Self::LeaderboardEmotes {
                domain,
                only_channel,
                limit,
            } => {
                json!({ "domain": domain, "only_channel": only_channel, "limit": limit })
            }
            Self::TimeseriesMessages {
                of,
                start_time,
                end_time,
            }
            | Self::TimeseriesChannel {
                of,
                start_time,
                end_time,
            } => json!({
                "channel": of.channel, "domain": of.domain, "start_time": start_time, "end_time": end_time,
            }),
            Self::AliasGet { username } => json!({ "username": username }),
            Self::AliasFind { alias } => json!({ "alias": alias }),
            Self::AliasAdd { username, alias } | Self::AliasDelete { username, alias } => {
                json!({ "username": username, "alias": alias })
            }
            Self::AliasUpdate {
                old_alias,
                new_alias,
            } => {
                json!({ "old_alias": old_alias, "new_alias": new_alias })
            }
            Self::PhraseAdd { phrase } | Self::PhraseDelete { phrase } => {
                json!({ "phrase": phrase })
            }
            Self::SystemDrift { check } => match check {
                true => json!({"check": true}),
                false => json!({}),
            },
            Self::TimeseriesKudos
            | Self::SystemPing
            | Self::SystemHealth
            | Self::SystemStats
            | Self::AliasList
            | Self::PhraseList => json!({}),
        }
    }
}

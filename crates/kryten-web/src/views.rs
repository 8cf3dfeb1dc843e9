//! What is shown, as data: the API gives it as it is, the pages dress it.

pub(crate) mod channel;
pub(crate) mod compare;
pub(crate) mod history;
pub(crate) mod kv;
pub(crate) mod leaderboards;
pub(crate) mod live;
pub(crate) mod person;
pub(crate) mod service;

use jiff::tz::TimeZone;
use kryten_protocol::token::normalize;
use kryten_userstats::ChannelConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::PageError;
use crate::links::{self, ChannelLinks};
use crate::sources::App;

/// Which of the channels of one name is meant.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Which {
    pub(crate) domain: Option<String>,
}

/// A count for a user.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct NameCount {
    pub(crate) username: String,
    pub(crate) count: i64,
    /// The person's page.
    pub(crate) page: String,
}

/// A count for an emote.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct EmoteCount {
    /// The emote in lower case.
    pub(crate) emote: String,
    pub(crate) count: i64,
}

impl From<kryten_userstats::store::EmoteCount> for EmoteCount {
    fn from(row: kryten_userstats::store::EmoteCount) -> Self {
        Self {
            emote: row.emote,
            count: row.count,
        }
    }
}

/// A film and its votes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Votes {
    pub(crate) media_title: String,
    pub(crate) media_type: Option<String>,
    pub(crate) media_id: Option<String>,
    pub(crate) upvotes: i64,
    pub(crate) downvotes: i64,
    pub(crate) total_votes: i64,
    /// Votes for it less those against it.
    pub(crate) score: i64,
    /// When the newest was given.
    pub(crate) last_vote: String,
}

impl From<kryten_userstats::store::VoteSum> for Votes {
    fn from(row: kryten_userstats::store::VoteSum) -> Self {
        Self {
            media_title: row.media_title,
            media_type: row.media_type,
            media_id: row.media_id,
            upvotes: row.upvotes,
            downvotes: row.downvotes,
            total_votes: row.total_votes,
            score: row.score,
            last_vote: row.last_vote,
        }
    }
}

/// A film that began.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Shown {
    /// When.
    pub(crate) timestamp: String,
    pub(crate) media_title: String,
    pub(crate) media_type: Option<String>,
    pub(crate) media_id: Option<String>,
}

impl From<kryten_userstats::store::MediaRow> for Shown {
    fn from(row: kryten_userstats::store::MediaRow) -> Self {
        Self {
            timestamp: row.timestamp,
            media_title: row.media_title,
            media_type: row.media_type,
            media_id: row.media_id,
        }
    }
}

/// Counts with the pages of the people.
fn named(rows: Vec<kryten_userstats::store::UserCount>, domain: &str) -> Vec<NameCount> {
    let rows = rows.into_iter();
    rows.map(|row| NameCount {
        page: links::person(&row.username, domain),
        username: row.username,
        count: row.count,
    })
    .collect()
}

/// Rows of the database as rows of the page.
fn rows<A, B: From<A>>(rows: Vec<A>) -> Vec<B> {
    rows.into_iter().map(B::from).collect()
}

/// The place of a configured channel, by its name as written or by subject token.
pub(crate) fn find(app: &App, name: &str, which: &Which) -> Result<usize, PageError> {
    let meant = |channel: &ChannelConfig| {
        let domain = which.domain.as_ref();
        domain.is_none_or(|domain| *domain == channel.domain)
    };
    let by = |is_named: &dyn Fn(&ChannelConfig) -> bool| {
        app.channels()
            .iter()
            .position(|channel| meant(channel) && is_named(channel))
    };
    by(&|channel| channel.channel == name)
        .or_else(|| by(&|channel| normalize(&channel.channel) == normalize(name)))
        .ok_or(PageError::NoChannel)
}

/// The pages of a channel.
pub(crate) fn links_of(app: &App, at: usize) -> ChannelLinks {
    ChannelLinks::new(&app.channels()[at], app.channels())
}

/// The zone of a channel.
pub(crate) fn zone_of(app: &App, at: usize) -> TimeZone {
    let channel = &app.channels()[at];
    let zones = &app.reads.time_zones;
    zones.of(&channel.domain, &channel.channel).clone()
}

//! A channel at a moment, all in one: the form that `/api/v1/channels/{channel}` has had from the beginning.

use kryten_protocol::time::WireTime;
use schemars::JsonSchema;
use serde::Serialize;

use super::{EmoteCount, Shown, Votes, rows};
use crate::error::PageError;
use crate::sources::{App, now};

const PLACES: i64 = 10;
const DAY_HOURS: i64 = 24;
const HOUR_MICROS: i64 = 3_600_000_000;

/// A channel at a moment.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ChannelView {
    domain: String,
    channel: String,
    /// The time of this answer.
    #[schemars(with = "String")]
    at: WireTime,
    /// The time of the last counted event.
    #[schemars(with = "Option<String>")]
    as_of: Option<WireTime>,
    now_playing: Option<Playing>,
    present: Vec<Present>,
    top_talkers: Vec<UserCount>,
    top_kudos: Vec<UserCount>,
    top_emotes: Vec<EmoteCount>,
    votes: Vec<Votes>,
    media_history: Vec<Shown>,
    population_24h: Vec<Population>,
    messages_by_hour: Vec<HourView>,
    gaps: Vec<GapView>,
    position: u64,
    lag_events: u64,
    problem: Option<&'static str>,
}

/// The film that plays.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Playing {
    pub(crate) title: String,
    pub(crate) kind: String,
    pub(crate) id: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Present {
    name: String,
    #[schemars(with = "String")]
    since: WireTime,
    afk: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UserCount {
    username: String,
    count: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Population {
    timestamp: String,
    connected_count: i64,
    chat_count: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct HourView {
    #[schemars(with = "String")]
    hour: WireTime,
    messages: i64,
    kudos_plusplus: i64,
    kudos_phrases: i64,
    emotes: i64,
    votes: i64,
}

/// A time in which not everything could be seen.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct GapView {
    #[schemars(with = "String")]
    pub(crate) from: WireTime,
    #[schemars(with = "String")]
    pub(crate) to: WireTime,
    pub(crate) reason: String,
    /// Whether the chat lines of the span are all there.
    pub(crate) chat_complete: bool,
    /// How many events were lost, where that is known.
    pub(crate) lost: Option<i64>,
}

impl From<kryten_userstats::store::GapRow> for GapView {
    fn from(gap: kryten_userstats::store::GapRow) -> Self {
        Self {
            from: WireTime::from_micros(gap.began_at),
            to: WireTime::from_micros(gap.ended_at),
            reason: gap.reason,
            chat_complete: gap.chat_complete,
            lost: gap.lost,
        }
    }
}

impl From<kryten_userstats::store::UserCount> for UserCount {
    fn from(row: kryten_userstats::store::UserCount) -> Self {
        Self {
            username: row.username,
            count: row.count,
        }
    }
}

impl From<kryten_userstats::store::Population> for Population {
    fn from(row: kryten_userstats::store::Population) -> Self {
        Self {
            timestamp: row.timestamp,
            connected_count: row.connected_count,
            chat_count: row.chat_count,
        }
    }
}

impl From<kryten_userstats::store::HourRow> for HourView {
    fn from(hour: kryten_userstats::store::HourRow) -> Self {
        Self {
            hour: WireTime::from_micros(hour.hour * HOUR_MICROS),
            messages: hour.messages,
            kudos_plusplus: hour.kudos_plusplus,
            kudos_phrases: hour.kudos_phrases,
            emotes: hour.emotes,
            votes: hour.votes,
        }
    }
}

/// The film that a channel shows, as far as it was told.
pub(crate) async fn playing(app: &App, at: usize) -> Result<Option<Playing>, PageError> {
    let channel = &app.channels()[at];
    let film = app
        .reads
        .store
        .now_playing(&channel.channel, &channel.domain);
    Ok(film.await?.map(|film| Playing {
        title: film.title,
        kind: film.kind,
        id: film.id,
    }))
}

pub(crate) async fn read(app: &App, at: usize) -> Result<ChannelView, PageError> {
    let channel = &app.channels()[at];
    let (store, status, at_time) = (&app.reads.store, app.reads.status.view(), now());
    let (name, domain) = (channel.channel.as_str(), channel.domain.as_str());
    let this_hour = at_time.micros().div_euclid(HOUR_MICROS);
    let day_ago = WireTime::from_micros(at_time.micros() - DAY_HOURS * HOUR_MICROS);
    let present = store.present(name, domain).await?;
    Ok(ChannelView {
        domain: domain.to_owned(),
        channel: name.to_owned(),
        at: at_time,
        as_of: (status.last_event_micros > 0)
            .then_some(WireTime::from_micros(status.last_event_micros)),
        now_playing: playing(app, at).await?,
        present: present
            .into_iter()
            .map(|there| Present {
                name: there.username,
                since: WireTime::from_micros(there.opened_at),
                afk: there.afk_since.is_some(),
            })
            .collect(),
        top_talkers: rows(store.top_users(name, domain, PLACES).await?),
        top_kudos: rows(store.top_kudos(Some(name), domain, PLACES).await?),
        top_emotes: rows(store.top_emotes(Some(name), domain, PLACES).await?),
        votes: rows(store.movie_votes(name, domain, None).await?),
        media_history: rows(store.media_history(name, domain, PLACES).await?),
        population_24h: rows(store.population(name, domain, day_ago).await?),
        messages_by_hour: rows(store.hours(name, domain, this_hour - DAY_HOURS).await?),
        gaps: rows(store.gaps(name, domain, PLACES).await?),
        position: status.sequence,
        lag_events: status.lag,
        problem: status.problem(),
    })
}

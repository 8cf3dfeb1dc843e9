//! What is shown of a channel, and its JSON.

use axum::Json;
use axum::extract::{Path, Query, State};
use kryten_protocol::time::WireTime;
use kryten_protocol::token::normalize;
use serde::{Deserialize, Serialize};

use super::{WebError, WebState};
use crate::config::ChannelConfig;
use crate::counting::now;
use crate::store::{EmoteCount, MediaRow, Population, UserCount, VoteSum};

const PLACES: i64 = 10;
const DAY_HOURS: i64 = 24;
const HOUR_MICROS: i64 = 3_600_000_000;

/// Which of the channels of one name is meant.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Which {
    domain: Option<String>,
}

/// A channel at a moment.
#[derive(Debug, Serialize)]
pub(super) struct ChannelView {
    pub(super) domain: String,
    pub(super) channel: String,
    /// The time of this answer.
    pub(super) at: WireTime,
    /// The time of the last counted event.
    pub(super) as_of: Option<WireTime>,
    pub(super) now_playing: Option<Playing>,
    pub(super) present: Vec<Present>,
    pub(super) top_talkers: Vec<UserCount>,
    pub(super) top_kudos: Vec<UserCount>,
    pub(super) top_emotes: Vec<EmoteCount>,
    pub(super) votes: Vec<VoteSum>,
    pub(super) media_history: Vec<MediaRow>,
    pub(super) population_24h: Vec<Population>,
    pub(super) messages_by_hour: Vec<HourView>,
    pub(super) gaps: Vec<GapView>,
    pub(super) position: u64,
    pub(super) lag_events: u64,
    pub(super) problem: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Playing {
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) id: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Present {
    pub(super) name: String,
    pub(super) since: WireTime,
    pub(super) afk: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct HourView {
    pub(super) hour: WireTime,
    pub(super) messages: i64,
    pub(super) kudos_plusplus: i64,
    pub(super) kudos_phrases: i64,
    pub(super) emotes: i64,
    pub(super) votes: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct GapView {
    pub(super) from: WireTime,
    pub(super) to: WireTime,
    pub(super) reason: String,
    pub(super) chat_complete: bool,
    pub(super) lost: Option<i64>,
}

/// `GET /api/v1/channels/{channel}?domain=…`
pub(super) async fn json(
    State(state): State<WebState>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<ChannelView>, WebError> {
    let channel = find(&state, &name, &which)?.clone();
    Ok(Json(view(&state, &channel).await?))
}

/// A configured channel by name, as written or by subject token.
pub(super) fn find<'a>(
    state: &'a WebState,
    name: &str,
    which: &Which,
) -> Result<&'a ChannelConfig, WebError> {
    let meant = |channel: &&ChannelConfig| {
        let domain = which.domain.as_ref();
        domain.is_none_or(|domain| *domain == channel.domain)
    };
    let channels = || state.channels.iter().filter(meant);
    channels()
        .find(|channel| channel.channel == name)
        .or_else(|| channels().find(|channel| normalize(&channel.channel) == normalize(name)))
        .ok_or(WebError::NoChannel)
}

pub(super) async fn view(
    state: &WebState,
    channel: &ChannelConfig,
) -> Result<ChannelView, WebError> {
    let (store, status, at) = (&state.store, state.status.view(), now());
    let (name, domain) = (channel.channel.as_str(), channel.domain.as_str());
    let this_hour = at.micros().div_euclid(HOUR_MICROS);
    let day_ago = WireTime::from_micros(at.micros() - DAY_HOURS * HOUR_MICROS);
    let playing = store.now_playing(name, domain).await?;
    let present = store.present(name, domain).await?;
    let gaps = store.gaps(name, domain, PLACES).await?;
    let hours = store.hours(name, domain, this_hour - DAY_HOURS).await?;
    Ok(ChannelView {
        domain: domain.to_owned(),
        channel: name.to_owned(),
        at,
        as_of: (status.last_event_micros > 0)
            .then_some(WireTime::from_micros(status.last_event_micros)),
        now_playing: playing.map(|film| Playing {
            title: film.title,
            kind: film.kind,
            id: film.id,
        }),
        present: present
            .into_iter()
            .map(|there| Present {
                name: there.username,
                since: WireTime::from_micros(there.opened_at),
                afk: there.afk_since.is_some(),
            })
            .collect(),
        top_talkers: store.top_users(name, domain, PLACES).await?,
        top_kudos: store.top_kudos(Some(name), domain, PLACES).await?,
        top_emotes: store.top_emotes(Some(name), domain, PLACES).await?,
        votes: store.movie_votes(name, domain, None).await?,
        media_history: store.media_history(name, domain, PLACES).await?,
        population_24h: store.population(name, domain, day_ago).await?,
        messages_by_hour: hours
            .into_iter()
            .map(|hour| HourView {
                hour: WireTime::from_micros(hour.hour * HOUR_MICROS),
                messages: hour.messages,
                kudos_plusplus: hour.kudos_plusplus,
                kudos_phrases: hour.kudos_phrases,
                emotes: hour.emotes,
                votes: hour.votes,
            })
            .collect(),
        gaps: gaps
            .into_iter()
            .map(|gap| GapView {
                from: WireTime::from_micros(gap.began_at),
                to: WireTime::from_micros(gap.ended_at),
                reason: gap.reason,
                chat_complete: gap.chat_complete,
                lost: gap.lost,
            })
            .collect(),
        position: status.sequence,
        lag_events: status.lag,
        problem: status.problem(),
    })
}

//! A channel as it is at this moment.

use kryten_protocol::time::WireTime;
use schemars::JsonSchema;
use serde::Serialize;

use super::channel::{Playing, playing};
use super::{NameCount, named};
use crate::error::PageError;
use crate::follow::Coming;
use crate::links;
use crate::sources::{App, now};
use crate::words;

/// More names than this are a number.
const NAMES_SHOWN: usize = 200;
const PLACES: i64 = 5;
const HOUR_MICROS: i64 = 3_600_000_000;

/// A channel now.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Live {
    pub(crate) domain: String,
    pub(crate) channel: String,
    /// The time of this answer.
    #[schemars(with = "String")]
    pub(crate) at: WireTime,
    /// When the last counted event happened.
    #[schemars(with = "Option<String>")]
    pub(crate) as_of: Option<WireTime>,
    /// The same as people read it.
    pub(crate) as_of_text: String,
    pub(crate) now_playing: Option<Playing>,
    pub(crate) coming: Coming,
    pub(crate) present_count: usize,
    pub(crate) present_count_text: String,
    /// Who is here, by name; at most 200.
    pub(crate) present: Vec<Here>,
    /// How many more are here.
    pub(crate) present_more: usize,
    pub(crate) rate: Rate,
    /// Chat lines of the current hour and of the one before.
    pub(crate) hour: HourCounts,
    pub(crate) top_talkers: Vec<NameCount>,
    /// Events that are not counted yet.
    pub(crate) lag_events: u64,
    /// What is wrong, in a sentence.
    pub(crate) problem: Option<&'static str>,
}

/// Somebody who is here.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Here {
    pub(crate) name: String,
    /// The person's page.
    pub(crate) page: String,
    #[schemars(with = "String")]
    pub(crate) since: WireTime,
    pub(crate) afk: bool,
}

/// How fast people chat.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Rate {
    /// Lines of the last whole minute.
    pub(crate) last_minute: u32,
    /// Lines of the minute that runs.
    pub(crate) this_minute: u32,
    /// Lines of each of the last 60 minutes, the one that runs last, as far as the page was up.
    pub(crate) minutes: Vec<u32>,
}

/// What the hour has brought.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub(crate) struct HourCounts {
    pub(crate) messages: i64,
    pub(crate) messages_text: String,
    pub(crate) kudos: i64,
    pub(crate) kudos_text: String,
    pub(crate) emotes: i64,
    pub(crate) votes: i64,
    /// The most users of the hour, where they are known.
    pub(crate) population_high: Option<i64>,
}

pub(crate) async fn read(app: &App, at: usize) -> Result<Live, PageError> {
    let channel = &app.channels()[at];
    let (name, domain) = (channel.channel.as_str(), channel.domain.as_str());
    let (store, status, time) = (&app.reads.store, app.reads.status.view(), now());
    let this_hour = time.micros().div_euclid(HOUR_MICROS);
    let hour = store
        .hours(name, domain, this_hour)
        .await?
        .into_iter()
        .next();
    let hour = hour.map_or_else(HourCounts::default, |row| HourCounts {
        messages: row.messages,
        messages_text: String::new(),
        kudos: row.kudos(),
        kudos_text: String::new(),
        emotes: row.emotes,
        votes: row.votes,
        population_high: row.population_high,
    });
    let mut present = store.present(name, domain).await?;
    let present_count = present.len();
    present.truncate(NAMES_SHOWN);
    let as_of =
        (status.last_event_micros > 0).then_some(WireTime::from_micros(status.last_event_micros));
    let minutes = app.follow.minutes(at);
    let [.., last_minute, this_minute] = minutes;
    Ok(Live {
        domain: domain.to_owned(),
        channel: name.to_owned(),
        at: time,
        as_of,
        as_of_text: as_of.map_or_else(|| "none yet".to_owned(), |time| words::second(&time)),
        now_playing: playing(app, at).await?,
        coming: app.follow.coming(app, at).await,
        present_count,
        present_count_text: words::count_of(&(present_count as u64)),
        present_more: present_count - present.len(),
        present: present
            .into_iter()
            .map(|there| Here {
                page: links::person(&there.username, domain),
                name: there.username,
                since: WireTime::from_micros(there.opened_at),
                afk: there.afk_since.is_some(),
            })
            .collect(),
        rate: Rate {
            last_minute,
            this_minute,
            minutes: minutes.to_vec(),
        },
        hour: HourCounts {
            messages_text: words::count(&hour.messages),
            kudos_text: words::count(&hour.kudos),
            ..hour
        },
        top_talkers: named(store.top_users(name, domain, PLACES).await?, domain),
        lag_events: status.lag,
        problem: status.problem(),
    })
}

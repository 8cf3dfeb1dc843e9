//! All channels side by side.

use kryten_protocol::time::WireTime;
use schemars::JsonSchema;
use serde::Serialize;

use super::channel::{Playing, playing};
use super::{NameCount, links_of, named};
use crate::error::PageError;
use crate::sources::{App, now};

const DAY_HOURS: i64 = 24;
const HOUR_MICROS: i64 = 3_600_000_000;

/// All channels.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Comparison {
    #[schemars(with = "String")]
    pub(crate) at: WireTime,
    /// In the order of the configuration.
    pub(crate) channels: Vec<Side>,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Side {
    pub(crate) domain: String,
    pub(crate) channel: String,
    /// Its page.
    pub(crate) page: String,
    pub(crate) now_playing: Option<Playing>,
    pub(crate) present: usize,
    /// Of the last 24 hours, the one that runs included.
    pub(crate) messages_24h: i64,
    pub(crate) kudos_24h: i64,
    pub(crate) emotes_24h: i64,
    pub(crate) votes_24h: i64,
    pub(crate) media_24h: i64,
    pub(crate) population_high_24h: Option<i64>,
    /// Chat lines of each of these hours, oldest first.
    pub(crate) messages_by_hour: Vec<i64>,
    /// Who has said most, of all time.
    pub(crate) top_talker: Option<NameCount>,
}

pub(crate) async fn read(app: &App) -> Result<Comparison, PageError> {
    let (store, time) = (&app.reads.store, now());
    let first = time.micros().div_euclid(HOUR_MICROS) - DAY_HOURS + 1;
    let mut channels = Vec::with_capacity(app.channels().len());
    for (at, channel) in app.channels().iter().enumerate() {
        let (name, domain) = (channel.channel.as_str(), channel.domain.as_str());
        let hours = store.hours(name, domain, first).await?;
        let sum = |of: fn(&kryten_userstats::store::HourRow) -> i64| hours.iter().map(of).sum();
        let top = named(store.top_users(name, domain, 1).await?, domain);
        channels.push(Side {
            domain: domain.to_owned(),
            channel: name.to_owned(),
            page: links_of(app, at).live(),
            now_playing: playing(app, at).await?,
            present: store.present(name, domain).await?.len(),
            messages_24h: sum(|row| row.messages),
            kudos_24h: sum(|row| row.kudos()),
            emotes_24h: sum(|row| row.emotes),
            votes_24h: sum(|row| row.votes),
            media_24h: sum(|row| row.media),
            population_high_24h: hours.iter().filter_map(|row| row.population_high).max(),
            messages_by_hour: (first..first + DAY_HOURS)
                .map(|hour| {
                    let row = hours.iter().find(|row| row.hour == hour);
                    row.map_or(0, |row| row.messages)
                })
                .collect(),
            top_talker: top.into_iter().next(),
        });
    }
    Ok(Comparison { at: time, channels })
}

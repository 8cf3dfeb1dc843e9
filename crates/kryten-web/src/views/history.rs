//! A channel over days and weeks.

mod series;

use kryten_protocol::time::WireTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Shown, Votes, rows, zone_of};
use crate::error::PageError;
use crate::sources::{App, now};
use crate::words;
pub(crate) use series::{Heat, Point, Step};

/// The spans that can be chosen, in days.
pub(crate) const SPANS: [i64; 4] = [1, 7, 30, 90];
const FILMS_SHOWN: i64 = 25;
const DAY_MICROS: i64 = 24 * 3_600_000_000;

/// How far back.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct HowFar {
    days: Option<i64>,
}

impl HowFar {
    pub(crate) fn one_day() -> Self {
        Self { days: Some(1) }
    }

    /// Whether nothing was said.
    pub(crate) fn is_open(&self) -> bool {
        self.days.is_none()
    }

    /// One of the spans: the least that is enough.
    pub(crate) fn days(&self) -> i64 {
        let wanted = self.days.unwrap_or(7);
        let enough = SPANS.into_iter().find(|days| *days >= wanted);
        enough.unwrap_or(SPANS[SPANS.len() - 1])
    }
}

/// A channel over a span of days.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct History {
    pub(crate) domain: String,
    pub(crate) channel: String,
    /// The zone in which days and hours are told.
    pub(crate) timezone: String,
    pub(crate) days: i64,
    #[schemars(with = "String")]
    pub(crate) from: WireTime,
    #[schemars(with = "String")]
    pub(crate) to: WireTime,
    /// Whether a point is an hour or a day.
    pub(crate) step: Step,
    /// Oldest first, without a hole.
    pub(crate) points: Vec<Point>,
    /// Chat lines by the hour of the week: the mean of each hour.
    pub(crate) heat: Heat,
    pub(crate) totals: SpanTotals,
    /// The most and the fewest users of all time.
    pub(crate) marks: Marks,
    /// The last films, newest first.
    pub(crate) films: Vec<Shown>,
    /// Films by their votes, best first.
    pub(crate) votes: Vec<Votes>,
}

impl History {
    /// Whether a shorter span shows as much: of each point that is an hour only the last day's have anything.
    pub(crate) fn is_of_one_day(&self) -> bool {
        const HOURS: usize = 24;
        let (before, last) = self
            .points
            .split_at(self.points.len().saturating_sub(HOURS));
        before.iter().all(Point::is_empty) && !last.iter().all(Point::is_empty)
    }
}

/// What the span has brought.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct SpanTotals {
    pub(crate) messages: i64,
    pub(crate) kudos: i64,
    pub(crate) emotes: i64,
    pub(crate) votes: i64,
    pub(crate) media: i64,
    /// The most users at a time.
    pub(crate) population_high: Option<i64>,
}

/// The most and the fewest users.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub(crate) struct Marks {
    pub(crate) high: Option<Mark>,
    pub(crate) low: Option<Mark>,
}

/// A number of users, and when.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Mark {
    pub(crate) users: i64,
    pub(crate) at: String,
}

pub(crate) async fn read(app: &App, at: usize, how_far: &HowFar) -> Result<History, PageError> {
    let channel = &app.channels()[at];
    let (name, domain) = (channel.channel.as_str(), channel.domain.as_str());
    let (store, zone, days, to) = (&app.reads.store, zone_of(app, at), how_far.days(), now());
    let from = WireTime::from_micros(to.micros() - days * DAY_MICROS);
    let hours = store
        .hours_between(name, domain, Some(from), Some(to))
        .await?;
    let means = store
        .population_means(name, domain, Some(from), Some(to))
        .await?;
    let step = if days > 7 { Step::Day } else { Step::Hour };
    let points = series::points(&hours, &means, from, to, step, &zone);
    let marks = store.watermarks(name, domain, None).await?;
    let mark = |mark: Option<kryten_userstats::store::Watermark>| {
        mark.map(|mark| Mark {
            users: mark.total_users,
            at: mark.timestamp,
        })
    };
    Ok(History {
        domain: domain.to_owned(),
        channel: name.to_owned(),
        timezone: words::zone(&zone).to_owned(),
        days,
        from,
        to,
        step,
        totals: series::totals(&hours),
        heat: series::heat(&hours, from, to, &zone),
        points,
        marks: Marks {
            high: mark(marks.high),
            low: mark(marks.low),
        },
        films: rows(store.media_history(name, domain, FILMS_SHOWN).await?),
        votes: rows(store.movie_votes(name, domain, None).await?),
    })
}

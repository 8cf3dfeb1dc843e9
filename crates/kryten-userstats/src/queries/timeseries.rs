//! `timeseries.…`: what happened in each hour, told in the channel's time zone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kryten_protocol::command::Request;
use kryten_protocol::time::WireTime;
use serde_json::{Map, Value, json};

use super::parameters::{optional, required};
use super::{Queries, QueryError, json};
use crate::store::HourRow;

const HOUR_MICROS: i64 = 3_600_000_000;

/// Moments, both included, where they are given.
type Bounds = [Option<WireTime>; 2];

/// A channel's hours and the zone in which to tell them.
struct Series {
    rows: Vec<HourRow>,
    zone: TimeZone,
}

impl Queries {
    /// `avg_active_users` is all that the original gives: no message is counted in it.
    pub(super) async fn timeseries_messages(&self, request: &Request) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let domain = self.domain(request)?;
        let name = self.channel_named(&channel.text);
        let Some(bounds) = bounds(request)? else {
            return Ok(json!({"channel": channel.echo, "data": []}));
        };
        if self.as_original {
            let [from, to] = bounds;
            let means = self.store.population_means(&name, &domain, from, to);
            return Ok(json!({"channel": channel.echo, "data": json(means.await?)}));
        }
        let means = self.means(&name, &domain, bounds).await?;
        let series = self.series(&name, &domain, bounds).await?;
        let mut hours: BTreeMap<i64, i64> = means.keys().map(|hour| (*hour, 0)).collect();
        hours.extend(series.rows.iter().map(|row| (row.hour, row.messages)));
        let data = hours.into_iter().map(|(hour, messages)| {
            let mut point = point(hour, &series.zone);
            point.insert("messages".to_owned(), messages.into());
            point.insert("avg_active_users".to_owned(), json!(means.get(&hour)));
            Value::Object(point)
        });
        Ok(json!({"channel": channel.echo, "data": data.collect::<Vec<_>>()}))
    }

    /// The original never has any.
    pub(super) async fn timeseries_kudos(&self, request: &Request) -> Result<Value, QueryError> {
        if self.as_original {
            return Ok(json!({"data": []}));
        }
        let channel = optional(request, "channel")?;
        let channel = channel.map_or_else(|| self.default_channel.clone(), |channel| channel.text);
        let domain = self.domain(request)?;
        let Some(bounds) = bounds(request)? else {
            return Ok(json!({"data": []}));
        };
        let name = self.channel_named(&channel);
        let series = self.series(&name, &domain, bounds).await?;
        let data = series.rows.iter().map(|row| {
            let mut point = point(row.hour, &series.zone);
            point.insert("kudos".to_owned(), row.kudos().into());
            point.insert("plusplus".to_owned(), row.kudos_plusplus.into());
            point.insert("phrases".to_owned(), row.kudos_phrases.into());
            Value::Object(point)
        });
        Ok(json!({"data": data.collect::<Vec<_>>()}))
    }

    /// Everything that is known of each hour; the original has no such command.
    pub(super) async fn timeseries_channel(&self, request: &Request) -> Result<Value, QueryError> {
        let channel = required(request, "channel")?;
        let domain = self.domain(request)?;
        let name = self.channel_named(&channel.text);
        let Some(bounds) = bounds(request)? else {
            return Err(QueryError::Unusable(
                "start_time and end_time",
                "give times such as 2026-11-22T16:00:00Z",
            ));
        };
        let means = self.means(&name, &domain, bounds).await?;
        let series = self.series(&name, &domain, bounds).await?;
        let data = series.rows.iter().map(|row| {
            let mut point = point(row.hour, &series.zone);
            for (name, count) in [
                ("messages", row.messages),
                ("pms", row.pms),
                ("kudos", row.kudos()),
                ("emotes", row.emotes),
                ("votes", row.votes),
                ("media", row.media),
            ] {
                point.insert(name.to_owned(), count.into());
            }
            point.insert("population_high".to_owned(), json!(row.population_high));
            point.insert("population_low".to_owned(), json!(row.population_low));
            point.insert("avg_active_users".to_owned(), json!(means.get(&row.hour)));
            Value::Object(point)
        });
        Ok(json!({
            "channel": channel.echo,
            "domain": domain,
            "timezone": series.zone.iana_name().unwrap_or("UTC"),
            "data": data.collect::<Vec<_>>(),
        }))
    }

    async fn series(
        &self,
        channel: &str,
        domain: &str,
        [from, to]: Bounds,
    ) -> Result<Series, QueryError> {
        Ok(Series {
            rows: self.store.hours_between(channel, domain, from, to).await?,
            zone: self.time_zones.of(domain, channel).clone(),
        })
    }

    /// The mean of the counts of users in each hour.
    async fn means(
        &self,
        channel: &str,
        domain: &str,
        [from, to]: Bounds,
    ) -> Result<BTreeMap<i64, f64>, QueryError> {
        let means = self.store.population_means(channel, domain, from, to);
        let hour_of = |label: &str| {
            let begins = WireTime::parse(&format!("{}+00:00", label.replace(' ', "T")))?;
            Some(begins.micros().div_euclid(HOUR_MICROS))
        };
        let means = means.await?.into_iter();
        Ok(means
            .filter_map(|mean| Some((hour_of(&mean.hour)?, mean.avg_active_users)))
            .collect())
    }
}

/// `start_time` and `end_time`; `None` where one is no time.
fn bounds(request: &Request) -> Result<Option<Bounds>, QueryError> {
    let mut bounds = [None, None];
    for (bound, name) in bounds.iter_mut().zip(["start_time", "end_time"]) {
        let Some(text) = optional(request, name)? else {
            continue;
        };
        let Some(time) = WireTime::parse(&text.text) else {
            return Ok(None);
        };
        *bound = Some(time);
    }
    Ok(Some(bounds))
}

/// When an hour begins: as the original writes it, by the channel's clocks, and as a moment. Where clocks are set back
/// two hours have one name, and only the moment tells them apart.
fn point(hour: i64, zone: &TimeZone) -> Map<String, Value> {
    let begins = hour.saturating_mul(HOUR_MICROS);
    let begins = Timestamp::from_microsecond(begins).unwrap_or(Timestamp::UNIX_EPOCH);
    let local = begins.to_zoned(zone.clone());
    Map::from_iter([
        (
            "hour".to_owned(),
            local.strftime("%Y-%m-%d %H:%M:%S").to_string().into(),
        ),
        (
            "begins_at".to_owned(),
            local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().into(),
        ),
    ])
}

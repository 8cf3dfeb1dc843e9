//! Hours of the database as points of a series and as hours of the week. Pure: the times come in.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use kryten_protocol::time::WireTime;
use kryten_userstats::store::{HourRow, PopulationMean};
use schemars::JsonSchema;
use serde::Serialize;

use super::SpanTotals;

const HOUR_MICROS: i64 = 3_600_000_000;

/// What a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    Hour,
    Day,
}

/// An hour or a day of a channel.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Point {
    /// When it begins, by the channel's clocks.
    pub(crate) begins_at: String,
    pub(crate) messages: i64,
    pub(crate) kudos: i64,
    pub(crate) emotes: i64,
    pub(crate) votes: i64,
    pub(crate) media: i64,
    pub(crate) population_high: Option<i64>,
    pub(crate) population_low: Option<i64>,
    pub(crate) population_mean: Option<f64>,
}

impl Point {
    /// Whether nothing is known of it.
    pub(super) fn is_empty(&self) -> bool {
        let counts = [
            self.messages,
            self.kudos,
            self.emotes,
            self.votes,
            self.media,
        ];
        counts.iter().all(|count| *count == 0) && self.population_high.is_none()
    }
}

/// The mean number of chat lines by hour of the week.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Heat {
    /// Monday first; 24 hours each; `null` where that hour was not in the span.
    pub(crate) days: Vec<Vec<Option<f64>>>,
}

impl Heat {
    /// The largest mean.
    pub(crate) fn most(&self) -> f64 {
        self.days
            .iter()
            .flatten()
            .flatten()
            .fold(0.0, |most, mean| mean.max(most))
    }
}

#[derive(Default)]
struct Sum {
    row: Option<HourRow>,
    mean: (f64, u32),
}

/// One point for each hour or day of the span.
pub(super) fn points(
    hours: &[HourRow],
    means: &[PopulationMean],
    from: WireTime,
    to: WireTime,
    step: Step,
    zone: &TimeZone,
) -> Vec<Point> {
    let mut sums: BTreeMap<Timestamp, Sum> = BTreeMap::new();
    for hour in every_hour(from, to) {
        sums.entry(begin(hour, step, zone)).or_default();
    }
    for row in hours {
        let sum = sums.entry(begin(row.hour, step, zone)).or_default();
        sum.row = Some(match sum.row.take() {
            None => row.clone(),
            Some(sum) => added(sum, row),
        });
    }
    for mean in means {
        let Some(begins) = WireTime::parse(&format!("{}Z", mean.hour.replace(' ', "T"))) else {
            continue;
        };
        let hour = begins.micros().div_euclid(HOUR_MICROS);
        let sum = sums.entry(begin(hour, step, zone)).or_default();
        sum.mean = (sum.mean.0 + mean.avg_active_users, sum.mean.1 + 1);
    }
    let point = |(begins, sum): (Timestamp, Sum)| {
        let row = sum.row.as_ref();
        let count = |of: fn(&HourRow) -> i64| row.map_or(0, of);
        let begins = begins.to_zoned(zone.clone());
        Point {
            begins_at: begins.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            messages: count(|row| row.messages),
            kudos: count(HourRow::kudos),
            emotes: count(|row| row.emotes),
            votes: count(|row| row.votes),
            media: count(|row| row.media),
            population_high: row.and_then(|row| row.population_high),
            population_low: row.and_then(|row| row.population_low),
            population_mean: (sum.mean.1 > 0).then(|| sum.mean.0 / f64::from(sum.mean.1)),
        }
    };
    sums.into_iter().map(point).collect()
}

/// Everything added up.
pub(super) fn totals(hours: &[HourRow]) -> SpanTotals {
    let sum = |of: fn(&HourRow) -> i64| hours.iter().map(of).sum();
    SpanTotals {
        messages: sum(|row| row.messages),
        kudos: sum(HourRow::kudos),
        emotes: sum(|row| row.emotes),
        votes: sum(|row| row.votes),
        media: sum(|row| row.media),
        population_high: hours.iter().filter_map(|row| row.population_high).max(),
    }
}

/// By hour of the week; an hour without a row had no line.
pub(super) fn heat(hours: &[HourRow], from: WireTime, to: WireTime, zone: &TimeZone) -> Heat {
    let mut sums = [[(0_i64, 0_i64); 24]; 7];
    let place = |hour: i64| {
        let local = zoned(hour, zone);
        // Both are small and not negative.
        let day = local.weekday().to_monday_zero_offset() as usize;
        (day, local.hour() as usize)
    };
    for hour in every_hour(from, to) {
        let (day, hour) = place(hour);
        sums[day][hour].1 += 1;
    }
    for row in hours {
        let (day, hour) = place(row.hour);
        sums[day][hour].0 += row.messages;
        sums[day][hour].1 = sums[day][hour].1.max(1);
    }
    let mean = |(lines, times): &(i64, i64)| (*times > 0).then(|| *lines as f64 / *times as f64);
    Heat {
        days: sums
            .iter()
            .map(|day| day.iter().map(mean).collect())
            .collect(),
    }
}

fn every_hour(from: WireTime, to: WireTime) -> impl Iterator<Item = i64> {
    from.micros().div_euclid(HOUR_MICROS) + 1..=to.micros().div_euclid(HOUR_MICROS)
}

fn zoned(hour: i64, zone: &TimeZone) -> Zoned {
    let begins = Timestamp::from_microsecond(hour.saturating_mul(HOUR_MICROS));
    begins
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(zone.clone())
}

fn begin(hour: i64, step: Step, zone: &TimeZone) -> Timestamp {
    let local = zoned(hour, zone);
    match step {
        Step::Hour => local.timestamp(),
        Step::Day => local.start_of_day().unwrap_or(local).timestamp(),
    }
}

fn added(sum: HourRow, row: &HourRow) -> HourRow {
    HourRow {
        hour: sum.hour,
        messages: sum.messages + row.messages,
        kudos_plusplus: sum.kudos_plusplus + row.kudos_plusplus,
        kudos_phrases: sum.kudos_phrases + row.kudos_phrases,
        emotes: sum.emotes + row.emotes,
        votes: sum.votes + row.votes,
        pms: sum.pms + row.pms,
        media: sum.media + row.media,
        population_high: sum.population_high.max(row.population_high),
        population_low: match (sum.population_low, row.population_low) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(hour: i64, messages: i64, high: i64) -> HourRow {
        HourRow {
            hour,
            messages,
            kudos_plusplus: 1,
            kudos_phrases: 2,
            emotes: 0,
            votes: 0,
            pms: 0,
            media: 0,
            population_high: Some(high),
            population_low: Some(high - 1),
        }
    }

    /// 2026-11-22 was a Sunday.
    fn noon() -> i64 {
        WireTime::parse("2026-11-22T12:00:00Z").unwrap().micros() / HOUR_MICROS
    }

    fn at(hour: i64) -> WireTime {
        WireTime::from_micros(hour * HOUR_MICROS)
    }

    #[test]
    fn hours_without_a_row_are_there() {
        let rows = [row(noon() - 2, 5, 3), row(noon(), 7, 4)];
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let means = [PopulationMean {
            hour: "2026-11-22 12:00:00".to_owned(),
            avg_active_users: 2.5,
        }];
        let points = points(&rows, &means, at(noon() - 3), at(noon()), Step::Hour, &zone);
        let messages: Vec<i64> = points.iter().map(|point| point.messages).collect();
        assert_eq!(messages, [5, 0, 7]);
        assert_eq!(points[2].begins_at, "2026-11-22T13:00:00+01:00");
        assert_eq!((points[2].kudos, points[2].population_mean), (3, Some(2.5)));
        assert_eq!(points[1].population_high, None);
    }

    #[test]
    fn a_day_is_one_of_the_channels_zone() {
        let rows = [
            row(noon() - 13, 5, 3),
            row(noon() - 11, 6, 9),
            row(noon(), 7, 4),
        ];
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let points = points(&rows, &[], at(noon() - 14), at(noon()), Step::Day, &zone);
        let days: Vec<(&str, i64)> = points
            .iter()
            .map(|p| (p.begins_at.as_str(), p.messages))
            .collect();
        assert_eq!(days, [("2026-11-22T00:00:00+01:00", 18)]);
        assert_eq!(
            (points[0].population_high, points[0].population_low),
            (Some(9), Some(2))
        );
        assert_eq!(totals(&rows).messages, 18);
        assert_eq!(totals(&rows).population_high, Some(9));
    }

    #[test]
    fn the_heat_is_the_mean_of_each_hour_of_the_week() {
        let rows = [row(noon(), 7, 4), row(noon() - 7 * 24, 3, 4)];
        let heat = heat(&rows, at(noon() - 8 * 24), at(noon()), &TimeZone::UTC);
        assert_eq!(heat.days[6][12], Some(5.0));
        assert_eq!(heat.days[0][0], Some(0.0));
        assert_eq!(heat.most(), 5.0);
        let short = super::heat(&rows[..1], at(noon() - 1), at(noon()), &TimeZone::UTC);
        assert_eq!(short.days[6][12], Some(7.0));
        assert_eq!(short.days[0][0], None);
    }
}

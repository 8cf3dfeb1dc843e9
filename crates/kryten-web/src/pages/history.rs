//! The page of a channel over days and weeks.

use askama::Template;
use axum::extract::{Path, State};
use jiff::tz::TimeZone;
use kryten_protocol::time::WireTime;

use super::frame::{Frame, Link, Section};
use super::{Asked, Page, html};
use crate::charts::{Bars, Chart, PAGE, Tick, bars, heat, population};
use crate::sources::App;
use crate::views::history::{self, Heat, History, HowFar, Point, SPANS, Step};
use crate::views::{Which, find, links_of, zone_of};
use crate::words;

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    history: History,
    spans: Vec<Link>,
    population: Chart,
    messages: Chart,
    media: Chart,
    heat: Chart,
    zone: TimeZone,
}

/// `GET /channels/{channel}/history`
pub(super) async fn page(
    State(app): State<App>,
    Path(name): Path<String>,
    Asked(which): Asked<Which>,
    Asked(how_far): Asked<HowFar>,
) -> Page {
    let at = find(&app, &name, &which)?;
    let (links, zone) = (links_of(&app, at), zone_of(&app, at));
    let mut history = history::read(&app, at, &how_far).await?;
    // Who has just begun sees a day, not a week with a stroke at its end.
    if how_far.is_open() && history.is_of_one_day() {
        history = history::read(&app, at, &HowFar::one_day()).await?;
    }
    let ticks = ticks(&history, &zone);
    let totals = &history.totals;
    let per = per(&history.step);
    let of = |count: fn(&Point) -> i64| -> Vec<f64> {
        history
            .points
            .iter()
            .map(|point| count(point) as f64)
            .collect()
    };
    let days = span_name(history.days);
    let chart = |title: &str, text: &str, count: fn(&Point) -> i64| {
        let what = Bars {
            title,
            text,
            wide: PAGE,
            height: 200,
        };
        bars(&what, &of(count), &ticks)
    };
    html(HistoryPage {
        population: population(
            "Users in the channel",
            &format!(
                "Users in each {per} of {days}: at most {}.",
                totals
                    .population_high
                    .map_or("unknown".to_owned(), |high| high.to_string())
            ),
            &history.points,
            &ticks,
        )?,
        messages: chart(
            &format!("Chat lines per {per}"),
            &format!("{} chat lines in {days}.", totals.messages),
            |point| point.messages,
        )?,
        media: chart(
            &format!("Films and votes per {per}"),
            &format!("{} films began in {days}.", totals.media),
            |point| point.media,
        )?,
        heat: heat(
            "Chat lines by hour of the week",
            &format!(
                "The mean number of chat lines in each hour of the week; at most {}.",
                words::mean(&history.heat.most())
            ),
            &history.heat,
        )?,
        spans: SPANS
            .into_iter()
            .map(|days| Link {
                text: span_name(days).trim_start_matches("the last ").to_owned(),
                page: links.history_of(days),
                is_here: days == history.days,
            })
            .collect(),
        frame: Frame::of_channel(&app, at, Section::History),
        history,
        zone,
    })
}

fn per(step: &Step) -> &'static str {
    match step {
        Step::Hour => "hour",
        Step::Day => "day",
    }
}

fn span_name(days: i64) -> &'static str {
    match days {
        1 => "the last 24 hours",
        7 => "the last 7 days",
        30 => "the last 30 days",
        _ => "the last 90 days",
    }
}

/// The beginnings of days, or every third hour of one.
fn ticks(history: &History, zone: &TimeZone) -> Vec<Tick> {
    let points = history.points.iter().enumerate();
    let tick = |(at, point): (usize, &Point)| {
        let micros = WireTime::parse(&point.begins_at)?.micros();
        let hour = words::formatted(micros, zone, "%H");
        let is_shown = match (history.step, history.days) {
            (Step::Day, _) => true,
            (Step::Hour, 1) => hour.parse::<u32>().is_ok_and(|hour| hour % 3 == 0),
            (Step::Hour, _) => hour == "00",
        };
        let form = match (history.step, history.days) {
            (Step::Hour, 1) => "%H:%M",
            (Step::Hour, _) => "%a %-d",
            (Step::Day, _) => "%-d %b",
        };
        is_shown.then(|| Tick {
            at,
            label: words::formatted(micros, zone, form),
        })
    };
    points.filter_map(tick).collect()
}

/// When a point begins, as a person reads it.
fn begins(point: &Point, step: &Step, zone: &TimeZone) -> String {
    let Some(time) = WireTime::parse(&point.begins_at) else {
        return point.begins_at.clone();
    };
    let form = match step {
        Step::Hour => "%a %Y-%m-%d %H:%M",
        Step::Day => "%a %Y-%m-%d",
    };
    words::formatted(time.micros(), zone, form)
}

/// A number, or that it is not known.
fn known(number: &Option<i64>) -> String {
    number.as_ref().map_or_else(|| "–".to_owned(), words::count)
}

/// Whether a mean is known anywhere, so that the picture has its line.
fn has_means(history: &History) -> bool {
    let points = &history.points;
    points.iter().any(|point| point.population_mean.is_some())
}

/// A mean, or that it is not known.
fn known_mean(number: &Option<f64>) -> String {
    number.as_ref().map_or_else(|| "–".to_owned(), words::mean)
}

/// The mean of the busiest hour of the week.
fn busiest(heat: &Heat) -> String {
    words::mean(&heat.most())
}

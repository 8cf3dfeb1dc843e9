//! The live page of a channel.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::frame::{Frame, Section};
use super::{Asked, Page, html};
use crate::charts::{Bars, COLUMN, Chart, ChartError, Tick, bars};
use crate::error::PageError;
use crate::follow::MINUTES;
use crate::sources::App;
use crate::views::live::{self, Live};
use crate::views::{Which, find, links_of, zone_of};
use crate::words;

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    frame: Frame,
    live: Live,
    rate: Chart,
    events: String,
    rate_picture: String,
    leaderboards: String,
    zone: jiff::tz::TimeZone,
}

/// The first configured channel.
pub(super) async fn first(State(app): State<App>) -> Page {
    if app.channels().is_empty() {
        return Err(PageError::NoChannel);
    }
    show(&app, 0).await
}

/// A channel by name.
pub(super) async fn page(
    State(app): State<App>,
    Path(name): Path<String>,
    Asked(which): Asked<Which>,
) -> Page {
    let at = find(&app, &name, &which)?;
    show(&app, at).await
}

/// The picture of the chat rate alone, which the script puts in the place of the old one.
pub(super) async fn rate(
    State(app): State<App>,
    Path(name): Path<String>,
    Asked(which): Asked<Which>,
) -> Result<Response, PageError> {
    let at = find(&app, &name, &which)?;
    let both = rate_chart(&app.follow.minutes(at))?;
    // Two pictures need a root.
    let svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{both}</svg>");
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

async fn show(app: &App, at: usize) -> Page {
    let links = links_of(app, at);
    html(LivePage {
        frame: Frame::of_channel(app, at, Section::Live),
        live: live::read(app, at).await?,
        rate: rate_chart(&app.follow.minutes(at))?,
        events: links.events(),
        rate_picture: links.rate_picture(),
        leaderboards: links.leaderboards(),
        zone: zone_of(app, at),
    })
}

fn rate_chart(minutes: &[u32; MINUTES]) -> Result<Chart, ChartError> {
    let values = minutes.map(f64::from);
    let total: u32 = minutes.iter().sum();
    let most = minutes.iter().max().copied().unwrap_or(0);
    let text =
        format!("{total} chat lines in the last {MINUTES} minutes, at most {most} in a minute.");
    let what = Bars {
        title: "Chat lines per minute",
        text: &text,
        wide: COLUMN,
        height: 150,
    };
    let ticks: Vec<Tick> = (0..MINUTES)
        .step_by(15)
        .map(|at| Tick {
            at,
            label: format!("−{} min", MINUTES - at),
        })
        .collect();
    bars(&what, &values, &ticks)
}

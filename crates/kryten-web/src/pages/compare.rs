//! The page of all channels side by side.

use askama::Template;
use axum::extract::State;

use super::frame::{Frame, Section};
use super::{Page, html};
use crate::charts::{Bars, COLUMN, Chart, ChartError, bars};
use crate::sources::App;
use crate::views::compare::{self, Comparison, Side};
use crate::words;

#[derive(Template)]
#[template(path = "channels.html")]
struct ChannelsPage {
    frame: Frame,
    comparison: Comparison,
    charts: Vec<Chart>,
}

/// `GET /channels`
pub(super) async fn page(State(app): State<App>) -> Page {
    let comparison = compare::read(&app).await?;
    let charts = comparison.channels.iter().map(chart);
    html(ChannelsPage {
        frame: Frame::new(&app, "All channels", Section::Channels),
        charts: charts.collect::<Result<_, _>>()?,
        comparison,
    })
}

fn chart(side: &Side) -> Result<Chart, ChartError> {
    let values: Vec<f64> = side
        .messages_by_hour
        .iter()
        .map(|lines| *lines as f64)
        .collect();
    let what = Bars {
        title: &format!("Chat lines per hour in {}", side.channel),
        text: &format!("{} chat lines in the last 24 hours.", side.messages_24h),
        wide: COLUMN,
        height: 96,
    };
    bars(&what, &values, &[])
}

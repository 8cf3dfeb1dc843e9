//! The page of who leads in a channel.

use askama::Template;
use axum::extract::{Path, State};

use super::frame::{Frame, Section};
use super::{Asked, Page, html};
use crate::sources::App;
use crate::views::leaderboards::{self, HowMany, Leaderboards};
use crate::views::{Which, find};
use crate::words;

#[derive(Template)]
#[template(path = "leaderboards.html")]
struct LeaderboardsPage {
    frame: Frame,
    boards: Leaderboards,
}

/// `GET /channels/{channel}/leaderboards`
pub(super) async fn page(
    State(app): State<App>,
    Path(name): Path<String>,
    Asked(which): Asked<Which>,
    Asked(how_many): Asked<HowMany>,
) -> Page {
    let at = find(&app, &name, &which)?;
    html(LeaderboardsPage {
        frame: Frame::of_channel(&app, at, Section::Leaderboards),
        boards: leaderboards::read(&app, at, &how_many).await?,
    })
}

/// How long the bar of a count is beside the first one's, in hundredths.
fn share(count: &i64, first: &i64) -> i64 {
    match *first {
        first @ 1.. => (count.saturating_mul(100) / first).clamp(0, 100),
        _ => 0,
    }
}

//! The live page: it renews itself without a script.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use kryten_protocol::time::WireTime;

use super::channel::{ChannelView, Which, find, view};
use super::{WebError, WebState};
use crate::config::ChannelConfig;

#[derive(Template)]
#[template(path = "channel.html")]
struct ChannelPage<'a> {
    view: &'a ChannelView,
    others: Vec<&'a ChannelConfig>,
}

/// The first configured channel.
pub(super) async fn first(State(state): State<WebState>) -> Result<Html<String>, WebError> {
    let channel = state.channels.first().ok_or(WebError::NoChannel)?;
    render(&state, channel).await
}

/// A channel by name.
pub(super) async fn channel(
    State(state): State<WebState>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Html<String>, WebError> {
    let channel = find(&state, &name, &which)?;
    render(&state, channel).await
}

async fn render(state: &WebState, channel: &ChannelConfig) -> Result<Html<String>, WebError> {
    let view = view(state, channel).await?;
    let page = ChannelPage {
        view: &view,
        others: state.channels.iter().filter(|c| *c != channel).collect(),
    };
    Ok(Html(page.render()?))
}

/// A moment to the second, as people read it.
fn clock(time: &WireTime) -> String {
    let text = time.to_string();
    let date_and_time = text.get(..19).unwrap_or(&text);
    format!("{} UTC", date_and_time.replace('T', " "))
}

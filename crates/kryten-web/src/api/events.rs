//! The live view as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};

use super::{ApiError, Asked};
use crate::access::Visitor;
use crate::error::PageError;
use crate::sources::App;
use crate::views::{Which, find};

/// So often something is sent, so that proxies keep the connection and a lost one is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// `GET /api/v1/channels/{channel}/events`
pub(super) async fn stream(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    Asked(which): Asked<Which>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let at = find(&app, &name, &which)?;
    let permit = app
        .limits
        .stream(visitor)
        .ok_or(PageError::TooManyStreams)?;
    let mut live = app.follow.live(at);
    // What is known already is sent at once.
    live.mark_changed();
    let stop = app.stop.clone();
    let events = stream::unfold((live, stop, permit), async |(mut live, stop, permit)| {
        loop {
            tokio::select! {
                changed = live.changed() => changed.ok()?,
                () = stop.cancelled() => return None,
            }
            let view = live.borrow_and_update().as_ref().map(Arc::clone);
            if let Some(event) =
                view.and_then(|view| Event::default().event("live").json_data(&*view).ok())
            {
                return Some((Ok(event), (live, stop, permit)));
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)))
}

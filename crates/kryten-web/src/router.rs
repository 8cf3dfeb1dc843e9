//! All routes, and the doors before them.

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::middleware;
use axum::response::{IntoResponse, Response};

use crate::error::PageError;
use crate::sources::App;
use crate::{access, api, assets, headers, limit, pages};

/// The pages, the API, and what others have beside them.
pub(crate) fn router(app: App, others: Router) -> Router {
    let (doors, limits) = (Arc::clone(&app.access), Arc::clone(&app.limits));
    let own = pages::routes(app.shows_kv)
        .merge(api::routes(app.shows_kv))
        .with_state(app);
    own.merge(others)
        .merge(assets::routes())
        .merge(access::routes(&doors))
        .fallback(missing)
        .method_not_allowed_fallback(only_reading)
        .layer(middleware::from_fn_with_state(doors, access::door))
        .layer(middleware::from_fn_with_state(limits, limit::gate))
        .layer(middleware::from_fn(headers::careful))
}

async fn missing(uri: Uri) -> Response {
    told(&uri, PageError::NoPage)
}

async fn only_reading(uri: Uri) -> Response {
    told(&uri, PageError::OnlyReading)
}

fn told(uri: &Uri, error: PageError) -> Response {
    match uri.path().starts_with("/api/") {
        true => error.as_json(),
        false => error.into_response(),
    }
}

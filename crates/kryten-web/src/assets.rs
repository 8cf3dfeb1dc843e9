//! Style, script and icon, which are in the program.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

const STYLE: &str = include_str!("../assets/kryten.css");
const SCRIPT: &str = include_str!("../assets/kryten.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// They are the same for everybody.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(
            "/assets/kryten.css",
            get(async || asset("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/assets/kryten.js",
            get(async || asset("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/assets/icon.svg",
            get(async || asset("image/svg+xml", ICON)),
        )
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    // Short, since a new version of the program has new ones under the same names.
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "max-age=300"),
        ],
        text,
    )
}

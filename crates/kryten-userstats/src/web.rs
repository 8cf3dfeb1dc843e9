//! HTTP: the live page, its JSON, health and metrics. Works with scripts off; everything shown is escaped.

mod channel;
mod health;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::config::{ChannelConfig, Config};
use crate::status::Status;
use crate::store::{Store, StoreError};

const STYLE: &str = include_str!("../assets/userstats.css");
/// Nothing but our own style sheet is loaded, and nobody frames the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What pages are made of.
#[derive(Debug, Clone)]
pub struct WebState {
    store: Store,
    status: Arc<Status>,
    channels: Arc<[ChannelConfig]>,
}

impl WebState {
    /// Pages about the configured channels.
    pub fn new(store: Store, status: Arc<Status>, config: &Config) -> Self {
        Self {
            store,
            status,
            channels: config.channels.clone().into(),
        }
    }
}

/// All routes.
pub fn router(state: WebState) -> Router {
    let pages = Router::new()
        .route("/", get(page::first))
        .route("/channels/{channel}", get(page::channel))
        .route("/api/v1/channels/{channel}", get(channel::json))
        .route("/assets/userstats.css", get(style));
    finish(pages, state)
}

/// Only health and metrics, as on the original's port.
pub fn health_router(state: WebState) -> Router {
    finish(Router::new(), state)
}

fn finish(pages: Router<WebState>, state: WebState) -> Router {
    pages
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "404: Not Found") })
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, "405: Method Not Allowed")
        })
        .layer(middleware::from_fn(guard))
        .with_state(state)
}

async fn style() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "max-age=300"),
        ],
        STYLE,
    )
}

/// Headers that tell browsers to be careful.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        response.headers_mut().insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
enum WebError {
    #[error("no such channel is counted here")]
    NoChannel,
    #[error("the database does not answer; try again later")]
    Store(#[from] StoreError),
    #[error("the page cannot be written")]
    Template(#[from] askama::Error),
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NoChannel => StatusCode::NOT_FOUND,
            Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Template(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::warn!(
                error = &self as &dyn std::error::Error,
                "a page could not be shown"
            );
        }
        (status, self.to_string()).into_response()
    }
}

//! HTTP: health and metrics, as on the original's port. The page is `kryten-web`'s.

mod health;
mod kept;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;

use crate::config::{ChannelConfig, Config};
use crate::status::Status;
use crate::store::{AllTotals, Store};
use kept::Kept;

/// What health and metrics are made of.
#[derive(Debug, Clone)]
pub struct WebState {
    store: Store,
    status: Arc<Status>,
    channels: Arc<[ChannelConfig]>,
    totals: Kept<AllTotals>,
}

impl WebState {
    /// Health of a service that counts the configured channels.
    pub fn new(store: Store, status: Arc<Status>, config: &Config) -> Self {
        Self {
            store,
            status,
            channels: config.channels.clone().into(),
            totals: Kept::default(),
        }
    }
}

/// `/health` and `/metrics`, and nothing else.
pub fn router(state: WebState) -> Router {
    routes(state)
        .fallback(|| async { (StatusCode::NOT_FOUND, "404: Not Found") })
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, "405: Method Not Allowed")
        })
        .layer(middleware::from_fn(guard))
}

/// The two routes alone, to be put among others.
pub fn routes(state: WebState) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .with_state(state)
}

/// Headers that tell browsers to be careful.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
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

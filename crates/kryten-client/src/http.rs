//! `/health` and `/metrics` of a service, to which it adds its own.
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use kryten_client::http::{Counter, Need, Pages, Reading};
//! use kryten_client::service::{NoParameters, Service};
//!
//! let lines = Counter::default();
//! let reading = Reading::default();
//! let pages = Pages::new()
//!     .counter("lines_total", "Lines counted", &lines)
//!     .reader("chat", &reading.clone().lag_at_most(1_000))
//!     .check("disk", Need::Essential, || async {
//!         std::fs::write("/var/lib/greeter/probe", "").map_err(|error| format!("the disk is full: {error}"))
//!     })
//!     .routes(axum::Router::new().route("/", axum::routing::get(|| async { "The greeter greets." })));
//!
//! // Where a reader has an event: `reading.event(); lines.add(1);`
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let service = Service::builder("greeter", "1.0").serve(listener, pages).start(&client).await?;
//! # Ok(())
//! # }
//! ```
//!
//! `/health` is 200 while everything essential works and 503 else: the connection to NATS, checks that are
//! [essential](Need), readers within their limits. It is asked at that moment, not remembered. `status` is `healthy`,
//! or `degraded` where anything is wrong, and `problem` is a sentence about it.
//!
//! Names in `/metrics` begin with the service's name; what Prometheus does not take in a name becomes `_`.

mod check;
mod health;
mod metrics;
mod reading;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::check::Check;
use self::health::Findings;
use self::metrics::{Kind, Metric, Text};
use crate::service::Lifecycle;
pub use check::{CHECK_LIMIT, Need};
pub use metrics::{Counter, legal_name};
pub use reading::Reading;

/// Where health is served.
pub const HEALTH: &str = "/health";
/// Where metrics are served.
pub const METRICS: &str = "/metrics";

type Fields = Box<dyn Fn() -> Map<String, Value> + Send + Sync>;
type OwnText = Box<dyn Fn() -> String + Send + Sync>;

/// What a service shows of itself.
#[derive(Default)]
pub struct Pages {
    checks: Vec<Check>,
    readers: Vec<(String, Reading)>,
    fields: Vec<Fields>,
    metrics: Vec<Metric>,
    texts: Vec<OwnText>,
    routes: Router,
}

impl Pages {
    /// Health of the connection, and the metrics that every service has.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something that must work, or should: `Err` is a sentence that says what is wrong. A check that takes longer
    /// than [`CHECK_LIMIT`] has failed.
    #[must_use]
    pub fn check<H, F>(mut self, name: impl Into<String>, need: Need, look: H) -> Self
    where
        H: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.push(Check::new(name.into(), need, look));
        self
    }

    /// A reader of events, which says itself how far it is. Beyond its limits the service does not work.
    #[must_use]
    pub fn reader(mut self, name: impl Into<String>, reading: &Reading) -> Self {
        self.readers.push((name.into(), reading.clone()));
        self
    }

    /// More fields of `/health`. Those that every service has cannot be replaced.
    #[must_use]
    pub fn fields(
        mut self,
        fields: impl Fn() -> Map<String, Value> + Send + Sync + 'static,
    ) -> Self {
        self.fields.push(Box::new(fields));
        self
    }

    /// A count in `/metrics`.
    #[must_use]
    pub fn counter(self, name: &str, help: &str, counter: &Counter) -> Self {
        let counter = counter.clone();
        self.counter_of(name, help, move || counter.get())
    }

    /// A count that is kept elsewhere.
    #[must_use]
    pub fn counter_of(
        mut self,
        name: &str,
        help: &str,
        value: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        let value = move || value() as f64;
        self.metrics
            .push(Metric::new(name, Kind::Counter, help, value));
        self
    }

    /// A number in `/metrics` that goes up and down.
    #[must_use]
    pub fn gauge_of(
        mut self,
        name: &str,
        help: &str,
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.metrics
            .push(Metric::new(name, Kind::Gauge, help, value));
        self
    }

    /// More lines of `/metrics`, in its own text format.
    #[must_use]
    pub fn metrics_text(mut self, text: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.texts.push(Box::new(text));
        self
    }

    /// Pages of the service's own beside these.
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// All pages of the service that `lifecycle` announces, to be served or mounted anywhere.
    ///
    /// # Panics
    /// Where [`Pages::routes`] have `/health` or `/metrics`, too.
    pub fn router(self, lifecycle: &Lifecycle) -> Router {
        let routes = self.routes.clone();
        let shown = Arc::new(Shown {
            lifecycle: lifecycle.clone(),
            pages: self,
        });
        Router::new()
            .route(HEALTH, get(health))
            .route(METRICS, get(metrics))
            .with_state(shown)
            .merge(routes)
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

struct Shown {
    lifecycle: Lifecycle,
    pages: Pages,
}

impl Shown {
    async fn look(&self) -> Findings {
        let checks = self.pages.checks.iter().map(Check::look);
        let own = self.pages.fields.iter().flat_map(|fields| fields());
        Findings {
            service: self.lifecycle.identity().service.clone(),
            version: self.lifecycle.identity().version.clone(),
            uptime_seconds: self.lifecycle.uptime().as_secs_f64(),
            nats_connected: self.lifecycle.client().is_connected(),
            checks: futures_util::future::join_all(checks).await,
            readers: self
                .pages
                .readers
                .iter()
                .map(|(name, reading)| (name.clone(), reading.view()))
                .collect(),
            own: own.collect(),
        }
    }
}

async fn health(State(shown): State<Arc<Shown>>) -> impl IntoResponse {
    let findings = shown.look().await;
    let status = match findings.works() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, axum::Json(findings.body()))
}

async fn metrics(State(shown): State<Arc<Shown>>) -> impl IntoResponse {
    let findings = shown.look().await;
    let mut text = Text::of(&findings);
    for metric in &shown.pages.metrics {
        text.add(metric);
    }
    for own in &shown.pages.texts {
        text.add_lines(&own());
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text.finish())
}

/// Serves pages until `stop`; requests that are being answered then have a moment more.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    const LAST_MOMENT: std::time::Duration = std::time::Duration::from_secs(1);
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_MOMENT).await;
    };
    tokio::select! {
        served = serving => if let Err(error) = served {
            tracing::error!(%error, "HTTP is no longer served");
        },
        () = too_late => {}
    }
}

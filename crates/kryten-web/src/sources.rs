//! What everything on the page is made of.

use std::sync::{Arc, OnceLock};

use axum::Router;
use kryten_client::{Client, NatsConfig};
use kryten_userstats::{ChannelConfig, Reads, Userstats};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::config::WebConfig;
use crate::follow::Follow;
use crate::limit::Limits;

type RobotHealth = Arc<dyn Fn() -> Value + Send + Sync>;

/// Where the page gets what it shows.
pub struct Sources {
    pub(crate) reads: Reads,
    pub(crate) routes: Router,
    pub(crate) nats: Option<NatsConfig>,
    pub(crate) robot: Option<RobotHealth>,
}

impl Sources {
    /// The statistics, with their health and metrics.
    pub fn of(userstats: &Userstats) -> Self {
        Self {
            reads: userstats.reads(),
            routes: userstats.routes(),
            nats: None,
            robot: None,
        }
    }

    /// The server from which buckets and what comes next are read. An absent one is waited for.
    #[must_use]
    pub fn with_nats(mut self, nats: NatsConfig) -> Self {
        self.nats = Some(nats.named("kryten-web"));
        self
    }

    /// What the robot tells of its channels, as a JSON array of its reports.
    #[must_use]
    pub fn with_robot(mut self, reports: impl Fn() -> Value + Send + Sync + 'static) -> Self {
        self.robot = Some(Arc::new(reports));
        self
    }

    /// Routes of others below a path, behind the same doors.
    #[must_use]
    pub fn with_routes(mut self, path: &str, routes: Router) -> Self {
        self.routes = self.routes.nest(path, routes);
        self
    }
}

/// What every handler has.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) reads: Reads,
    pub(crate) robot: Option<RobotHealth>,
    pub(crate) nats: OnceLock<Client>,
    pub(crate) follow: Follow,
    pub(crate) access: Arc<Access>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) shows_kv: bool,
    pub(crate) stop: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    pub(crate) fn new(
        config: &WebConfig,
        reads: Reads,
        robot: Option<RobotHealth>,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Parts {
            follow: Follow::new(reads.channels.len()),
            reads,
            robot,
            nats: OnceLock::new(),
            access: Arc::new(Access::new(config.clone())),
            limits: Arc::new(Limits::new(config)),
            shows_kv: config.shows_kv(),
            stop,
        }))
    }

    pub(crate) fn channels(&self) -> &[ChannelConfig] {
        &self.reads.channels
    }

    /// The connection to NATS, while it stands.
    pub(crate) fn nats(&self) -> Option<&Client> {
        self.nats.get().filter(|client| client.is_connected())
    }
}

pub(crate) use kryten_protocol::clock::now;

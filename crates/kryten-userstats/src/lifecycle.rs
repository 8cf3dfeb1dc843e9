//! What the service tells of itself on `kryten.lifecycle.{service}.…`, and what it hears there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_protocol::lifecycle::Announcement;
use kryten_protocol::subject;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::config::{Config, Endpoint};
use crate::counting::now;
use crate::queries::VERSION;

#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    client: Client,
    service: String,
    hostname: String,
    started: Instant,
    heartbeat: Option<Duration>,
    answers_discovery: bool,
    channels: usize,
    metrics_port: Option<u16>,
    metadata: Map<String, Value>,
}

impl Lifecycle {
    pub(crate) fn new(client: Client, config: &Config) -> Self {
        let hostname = nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok());
        Self {
            client,
            service: config.service_name.clone(),
            hostname: hostname.unwrap_or_else(|| "unknown".to_owned()),
            started: Instant::now(),
            heartbeat: config.heartbeat_interval,
            answers_discovery: config.answers_discovery,
            channels: config.channels.len(),
            metrics_port: config.metrics_endpoint.as_ref().map(|e| e.port),
            metadata: metadata(config),
        }
    }

    /// Tells everybody that the service is there.
    pub(crate) async fn startup(&self) {
        self.announce("startup", Map::new()).await;
    }

    /// Tells everybody that the service goes.
    pub(crate) async fn shutdown(&self, reason: &str) {
        let extra = Map::from_iter([("reason".to_owned(), reason.into())]);
        self.announce("shutdown", extra).await;
    }

    /// Heartbeats, and answers to those who ask, until the service stops.
    pub(crate) async fn run(self, robot_started: Arc<Notify>, stop: CancellationToken) {
        let robot = subject::lifecycle("robot", "startup").expect("\"robot\" is a usable token");
        let nats = self.client.nats();
        let subscriptions = tokio::try_join!(
            nats.subscribe(robot),
            nats.subscribe(subject::DISCOVERY_POLL),
            nats.subscribe(subject::GROUP_RESTART),
        );
        let (mut robots, mut polls, mut restarts) = match subscriptions {
            Ok(subscriptions) => subscriptions,
            Err(error) => {
                warn!(%error, "robots and discovery polls cannot be heard");
                return;
            }
        };
        self.startup().await;
        let period = self.heartbeat.unwrap_or(Duration::from_secs(3600));
        let mut heartbeat = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = heartbeat.tick(), if self.heartbeat.is_some() => {
                    self.announce("heartbeat", Map::new()).await;
                }
                Some(_) = robots.next() => {
                    info!("a robot started; announcing this service again and loading its state");
                    robot_started.notify_one();
                    self.announce("startup", self.again()).await;
                }
                Some(_) = polls.next(), if self.answers_discovery => self.startup().await,
                Some(_) = restarts.next() => {
                    warn!("somebody asks all services to restart; this one goes on");
                }
                else => return,
            }
        }
    }

    fn again(&self) -> Map<String, Value> {
        let mut extra = Map::new();
        extra.insert("channels_configured".to_owned(), self.channels.into());
        extra.insert("metrics_port".to_owned(), json!(self.metrics_port));
        extra.insert("re_announcement".to_owned(), true.into());
        extra
    }

    async fn announce(&self, what: &str, more: Map<String, Value>) {
        let mut extra = self.metadata.clone();
        extra.extend(more);
        let announcement = Announcement {
            service: self.service.clone(),
            version: VERSION.to_owned(),
            hostname: self.hostname.clone(),
            timestamp: now(),
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            extra,
        };
        let body =
            serde_json::to_vec(&announcement).expect("an announcement can be written as JSON");
        let Ok(subject) = subject::lifecycle(&self.service, what) else {
            return;
        };
        if let Err(error) = self.client.nats().publish(subject, body.into()).await {
            debug!(%error, what, "could not announce");
        }
    }
}

/// Where health and metrics are, for the robot's registry of services.
fn metadata(config: &Config) -> Map<String, Value> {
    let mut endpoints = Map::new();
    for (name, endpoint) in [
        ("health", &config.health_endpoint),
        ("metrics", &config.metrics_endpoint),
    ] {
        if let Some(Endpoint { port, path }) = endpoint {
            endpoints.insert(name.to_owned(), json!({"port": port, "path": path}));
        }
    }
    let mut metadata = Map::new();
    if !endpoints.is_empty() {
        metadata.insert("metadata".to_owned(), json!({"endpoints": endpoints}));
    }
    metadata
}

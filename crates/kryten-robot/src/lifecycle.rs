//! What the robot tells of itself on `kryten.lifecycle.robot.…`, and when it is asked to.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_protocol::lifecycle::Announcement;
use kryten_protocol::subject;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// How often a heartbeat is sent; the original's registry forgets a service after 90 s without one.
const HEARTBEAT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    client: Client,
    started: Instant,
    hostname: String,
    /// Extra fields of `startup`, sent again on a discovery poll.
    startup: Map<String, Value>,
}

impl Lifecycle {
    pub(crate) fn new(client: Client, startup: Map<String, Value>) -> Self {
        let hostname = nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok());
        Self {
            client,
            started: Instant::now(),
            hostname: hostname.unwrap_or_else(|| "unknown".to_owned()),
            startup,
        }
    }

    pub(crate) fn hostname(&self) -> &str {
        &self.hostname
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) async fn startup(&self) {
        self.announce("startup", self.startup.clone()).await;
    }

    pub(crate) async fn connected(&self, domain: &str, channel: &str, note: Option<String>) {
        let mut extra = target("CyTube", domain, channel);
        if let Some(note) = note {
            extra.insert("note".to_owned(), note.into());
        }
        self.announce("connected", extra).await;
    }

    pub(crate) async fn disconnected(&self, domain: &str, channel: &str, reason: &str) {
        let mut extra = target("CyTube", domain, channel);
        extra.insert("reason".to_owned(), reason.into());
        self.announce("disconnected", extra).await;
    }

    pub(crate) async fn shutdown(&self, reason: &str) {
        self.announce(
            "shutdown",
            Map::from_iter([("reason".to_owned(), reason.into())]),
        )
        .await;
    }

    /// Heartbeats, and a new `startup` for everybody who polls, until the robot stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut polls = match self.client.nats().subscribe(subject::DISCOVERY_POLL).await {
            Ok(polls) => polls,
            Err(error) => {
                warn!(%error, "discovery polls cannot be heard");
                return;
            }
        };
        let mut heartbeat =
            tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = heartbeat.tick() => self.announce("heartbeat", Map::new()).await,
                Some(_) = polls.next() => self.startup().await,
            }
        }
    }

    async fn announce(&self, what: &str, extra: Map<String, Value>) {
        let announcement = Announcement {
            service: "robot".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hostname: self.hostname.clone(),
            timestamp: crate::now(),
            uptime_seconds: self.uptime().as_secs_f64(),
            extra,
        };
        let body =
            serde_json::to_vec(&announcement).expect("an announcement can be written as JSON");
        let subject = subject::lifecycle("robot", what).expect("\"robot\" is a usable token");
        if let Err(error) = self.client.nats().publish(subject, body.into()).await {
            debug!(%error, what, "could not announce");
        }
    }
}

fn target(target: &str, domain: &str, channel: &str) -> Map<String, Value> {
    let fields = json!({"target": target, "domain": domain, "channel": channel});
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The extra fields of the robot's `startup`.
pub(crate) fn startup_fields(
    domain: &str,
    channel: &str,
    commands_enabled: bool,
    health_enabled: bool,
) -> Map<String, Value> {
    let fields = json!({
        "domain": domain, "channel": channel,
        "commands_enabled": commands_enabled, "health_enabled": health_enabled,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

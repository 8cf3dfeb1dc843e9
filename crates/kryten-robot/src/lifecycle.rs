//! What the robot tells of itself on `kryten.lifecycle.robot.…`, and when it is asked to.

use std::time::Duration;

use kryten_client::Client;
use kryten_client::service::{Identity, Listening};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use tracing::warn;

#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    announced: kryten_client::service::Lifecycle,
    /// Extra fields of `startup`, sent again on a discovery poll.
    startup: Map<String, Value>,
}

impl Lifecycle {
    pub(crate) fn new(client: Client, startup: Map<String, Value>) -> Self {
        let identity = Identity::new("robot", env!("CARGO_PKG_VERSION"));
        let announced = kryten_client::service::Lifecycle::new(&client, identity)
            .expect("\"robot\" is a usable token");
        Self { announced, startup }
    }

    pub(crate) fn hostname(&self) -> &str {
        &self.announced.identity().hostname
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.announced.uptime()
    }

    pub(crate) async fn startup(&self) {
        self.announced.startup(self.startup.clone()).await;
    }

    pub(crate) async fn connected(&self, domain: &str, channel: &str, note: Option<String>) {
        let mut extra = target("CyTube", domain, channel);
        if let Some(note) = note {
            extra.insert("note".to_owned(), note.into());
        }
        self.announced.announce("connected", extra).await;
    }

    pub(crate) async fn disconnected(&self, domain: &str, channel: &str, reason: &str) {
        let mut extra = target("CyTube", domain, channel);
        extra.insert("reason".to_owned(), reason.into());
        self.announced.announce("disconnected", extra).await;
    }

    pub(crate) async fn shutdown(&self, reason: &str) {
        self.announced.shutdown(reason).await;
    }

    /// Heartbeats, and a new `startup` for everybody who polls, until the robot stops.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let listening = Listening {
            startup: self.startup,
            // Robots announce themselves to others, not to each other.
            for_robots: None,
            after_reconnect: false,
            ..Listening::default()
        };
        match self.announced.listen(listening).await {
            Ok(listener) => listener.run(stop, drop).await,
            Err(error) => warn!(%error, "discovery polls cannot be heard"),
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

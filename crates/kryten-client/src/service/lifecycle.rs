//! What a service tells of itself on `kryten.lifecycle.{service}.…`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kryten_protocol::clock::now;
use kryten_protocol::lifecycle::{Announcement, RestartNotice};
use kryten_protocol::subject::{self, SubjectError};
use serde_json::{Map, Value, json};

use crate::connection::Client;

/// The `reason` of a shutdown that somebody wanted.
pub const NORMAL_SHUTDOWN: &str = "Normal shutdown";

/// Who a service is.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// The name: in subjects, and in the robot's registry of services.
    pub service: String,
    /// The version.
    pub version: String,
    /// The host it runs on; the robot's registry makes addresses of it.
    pub hostname: String,
    /// What every announcement has beside the base fields, such as [`endpoints`].
    pub fields: Map<String, Value>,
}

impl Identity {
    /// A service on this host.
    pub fn new(service: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            version: version.into(),
            hostname: hostname(),
            fields: Map::new(),
        }
    }
}

/// The field `metadata` that tells the robot's registry where health and metrics are: name, port and path of each.
pub fn endpoints<'a>(
    served: impl IntoIterator<Item = (&'a str, u16, &'a str)>,
) -> Map<String, Value> {
    let endpoints: Map<String, Value> = served
        .into_iter()
        .map(|(name, port, path)| (name.to_owned(), json!({"port": port, "path": path})))
        .collect();
    match endpoints.is_empty() {
        true => Map::new(),
        false => Map::from_iter([("metadata".to_owned(), json!({ "endpoints": endpoints }))]),
    }
}

fn hostname() -> String {
    #[cfg(unix)]
    let name = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").ok();
    name.unwrap_or_else(|| "unknown".to_owned())
}

/// How long an announcement waits for room among what is to be sent, of which there is none after a long time without
/// NATS.
const PATIENCE: Duration = Duration::from_secs(1);

/// Announces a service; cheap to clone. [`Service`](super::Service) does it by itself.
///
/// An announcement that cannot be sent is logged and nothing more: no service stands still for it.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    client: Client,
    identity: Arc<Identity>,
    started: Instant,
}

impl Lifecycle {
    /// Nothing is sent yet; the uptime counts from now.
    ///
    /// # Errors
    /// [`SubjectError`] when the name leaves no subject.
    pub fn new(client: &Client, identity: Identity) -> Result<Self, SubjectError> {
        subject::lifecycle(&identity.service, "startup")?;
        Ok(Self {
            client: client.clone(),
            identity: Arc::new(identity),
            started: Instant::now(),
        })
    }

    /// Who is announced.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How long the service runs.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The service is there; `fields` come after the base fields.
    pub async fn startup(&self, fields: Map<String, Value>) {
        self.announce("startup", fields).await;
    }

    /// The service is still there.
    pub async fn heartbeat(&self) {
        self.announce("heartbeat", Map::new()).await;
    }

    /// The service goes; [`NORMAL_SHUTDOWN`] is the usual reason.
    pub async fn shutdown(&self, reason: &str) {
        let fields = Map::from_iter([("reason".to_owned(), reason.into())]);
        self.announce("shutdown", fields).await;
    }

    /// The service has a connection to something, such as `CyTube`.
    pub async fn connected(&self, target: &str) {
        let fields = Map::from_iter([("target".to_owned(), target.into())]);
        self.announce("connected", fields).await;
    }

    /// The service has lost the connection to something.
    pub async fn disconnected(&self, target: &str, reason: &str) {
        let fields = Map::from_iter([
            ("target".to_owned(), target.into()),
            ("reason".to_owned(), reason.into()),
        ]);
        self.announce("disconnected", fields).await;
    }

    /// Any announcement: the last token of its subject, and what comes after the base fields.
    pub async fn announce(&self, what: &str, fields: Map<String, Value>) {
        let mut extra = self.identity.fields.clone();
        extra.extend(fields);
        let announcement = Announcement {
            service: self.identity.service.clone(),
            version: self.identity.version.clone(),
            hostname: self.identity.hostname.clone(),
            timestamp: now(),
            uptime_seconds: self.uptime().as_secs_f64(),
            extra,
        };
        let body =
            serde_json::to_vec(&announcement).expect("an announcement can be written as JSON");
        let subject = subject::lifecycle(&self.identity.service, what)
            .expect("the name was tried when this was made");
        self.send(subject, body).await;
    }

    /// Asks all services to restart. Which of them do is [their own affair](super::RestartPolicy).
    pub async fn ask_all_to_restart(&self, reason: &str, delay: Duration) {
        let notice = RestartNotice {
            initiator: self.identity.service.clone(),
            reason: reason.to_owned(),
            delay_seconds: delay.as_secs_f64(),
            timestamp: Some(now()),
        };
        let body = serde_json::to_vec(&notice).expect("a notice can be written as JSON");
        self.send(subject::GROUP_RESTART.to_owned(), body).await;
    }

    /// Publishes; while NATS is away it is kept and sent later, as far as there is room.
    async fn send(&self, subject: String, body: Vec<u8>) {
        let nats = self.client.nats();
        let sent = nats.publish(subject.clone(), body.into());
        match tokio::time::timeout(PATIENCE, sent).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, subject, "could not announce"),
            Err(_) => tracing::debug!(
                subject,
                "could not announce: NATS is away, and much waits for it"
            ),
        }
    }
}

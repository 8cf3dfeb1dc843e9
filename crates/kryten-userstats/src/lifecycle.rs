//! What the service tells of itself on `kryten.lifecycle.{service}.…`, and what it hears there.

use std::sync::Arc;

use kryten_client::Client;
use kryten_client::service::{Identity, LifecycleEvent, Listening, endpoints};
use kryten_protocol::subject::SubjectError;
use serde_json::{Map, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::queries::VERSION;

#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    announced: kryten_client::service::Lifecycle,
    listening: Listening,
}

impl Lifecycle {
    pub(crate) fn new(
        client: &Client,
        config: &Config,
        instance: &str,
    ) -> Result<Self, SubjectError> {
        let served = [
            ("health", &config.health_endpoint),
            ("metrics", &config.metrics_endpoint),
        ];
        let served = served.into_iter().filter_map(|(name, endpoint)| {
            let endpoint = endpoint.as_ref()?;
            Some((name, endpoint.port, endpoint.path.as_str()))
        });
        let mut fields = endpoints(served);
        // Two on one host are told apart.
        fields.insert("instance".to_owned(), instance.into());
        let identity = Identity {
            fields,
            ..Identity::new(&config.service_name, VERSION)
        };
        let metrics_port = config.metrics_endpoint.as_ref().map(|e| e.port);
        let for_robots = Map::from_iter([
            (
                "channels_configured".to_owned(),
                config.channels.len().into(),
            ),
            ("metrics_port".to_owned(), json!(metrics_port)),
            ("re_announcement".to_owned(), true.into()),
        ]);
        Ok(Self {
            announced: kryten_client::service::Lifecycle::new(client, identity)?,
            listening: Listening {
                heartbeat: config.heartbeat_interval,
                answers_polls: config.answers_discovery,
                for_robots: Some(for_robots),
                after_reconnect: false,
                ..Listening::default()
            },
        })
    }

    /// Tells everybody that the service goes.
    pub(crate) async fn shutdown(&self, reason: &str) {
        self.announced.shutdown(reason).await;
    }

    /// Tells everybody that the service is there, then heartbeats and answers to those who ask, until it stops.
    pub(crate) async fn run(self, robot_started: Arc<Notify>, stop: CancellationToken) {
        let listener = match self.announced.listen(self.listening).await {
            Ok(listener) => listener,
            Err(error) => {
                warn!(%error, "robots and discovery polls cannot be heard");
                return;
            }
        };
        self.announced.startup(Map::new()).await;
        let hear = move |event| {
            if event == LifecycleEvent::RobotStarted {
                info!("a robot started; loading its state");
                robot_started.notify_one();
            }
        };
        listener.run(stop, hear).await;
    }
}

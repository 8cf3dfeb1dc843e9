//! HTTP: socketconfig, Engine.IO's address, and the control endpoint.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::SimConfig;
use crate::control::{ControlError, Operation};
use crate::engine::{Input, Target};
use crate::engineio::{self, Sessions, Version};
use crate::intake::{Intake, Outage, Peer, Port};
use crate::limits::Connections;
use crate::socket::SocketSettings;

/// What the engine tells the server and the sockets.
#[derive(Debug, Clone)]
pub(crate) struct Gates {
    pub(crate) frozen: watch::Receiver<bool>,
    pub(crate) refusal: watch::Receiver<Refusal>,
    pub(crate) outage: watch::Receiver<Outage>,
    /// Whether CyTube's limits of connections are in force.
    pub(crate) limited: watch::Receiver<bool>,
}

/// How new connections are turned away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) connections: bool,
    pub(crate) rate_limited: bool,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) input: mpsc::Sender<Input>,
    pub(crate) sessions: Sessions,
    gates: Gates,
    connections: Connections,
    stop: CancellationToken,
    next_connection: Arc<AtomicU64>,
    ping_interval: Duration,
    ping_timeout: Duration,
    addresses: Addresses,
}

/// Where the server can be reached.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) plain: SocketAddr,
    pub(crate) tls: Option<SocketAddr>,
    pub(crate) proxy: Option<String>,
}

pub(crate) fn spawn(
    ports: Vec<Port>,
    addresses: Addresses,
    config: &SimConfig,
    input: mpsc::Sender<Input>,
    gates: Gates,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let intake = Intake::open(ports, &gates.outage, &stop);
    let server = Server {
        input,
        sessions: Sessions::default(),
        gates,
        connections: Connections::default(),
        stop: stop.clone(),
        next_connection: Arc::new(AtomicU64::new(1)),
        ping_interval: config.ping_interval,
        ping_timeout: config.ping_timeout,
        addresses,
    };
    let router = Router::new()
        .route("/socketconfig/{file}", get(socketconfig))
        .route("/socket.io/", any(engineio::serve))
        .route("/control/{operation}", any(control))
        .with_state(server)
        .into_make_service_with_connect_info::<Peer>();
    tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(intake, router) => if let Err(error) = served {
                warn!(%error, "the simulator's server ended");
            },
            () = stop.cancelled() => {}
        }
    })
}

async fn socketconfig(
    State(server): State<Server>,
    Path(file): Path<String>,
    peer: Peer,
    headers: HeaderMap,
) -> Response {
    server.thaw().await;
    if server.refuses() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let channel = file.strip_suffix(".json").unwrap_or(&file);
    let well_formed = (1..=30).contains(&channel.len())
        && channel
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !well_formed {
        let error = format!("Channel \"{channel}\" does not exist.");
        return (StatusCode::NOT_FOUND, Json(json!({"error": error}))).into_response();
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    Json(json!({"servers": server.addresses.servers(host, peer)})).into_response()
}

impl Addresses {
    /// The entries of a socketconfig, as seen by one who asked for this host: secure ones first, as CyTube does.
    fn servers(&self, host: Option<&str>, peer: Peer) -> Vec<Value> {
        let address = |addr: SocketAddr, is_asked: bool| match host {
            Some(host) if is_asked => host.to_owned(),
            Some(host) => {
                let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
                format!("{name}:{}", addr.port())
            }
            None => addr.to_string(),
        };
        let entry = |url: String, secure: bool| json!({"url": url, "secure": secure});
        let mut servers = Vec::new();
        if let Some(tls) = self.tls {
            let url = format!("https://{}", address(tls, peer.is_secure));
            servers.push(entry(url, true));
        }
        let plain = address(self.plain, !peer.is_secure);
        servers.push(entry(format!("http://{plain}"), false));
        if let Some(url) = &self.proxy {
            servers.push(entry(url.clone(), true));
        }
        servers
    }
}

#[derive(Deserialize)]
struct Addressed {
    channel: Option<String>,
}

async fn control(
    State(server): State<Server>,
    Path(operation): Path<String>,
    Query(addressed): Query<Addressed>,
    body: Bytes,
) -> Response {
    let target = match addressed.channel {
        Some(channel) => Target::Named(channel),
        None => Target::Server,
    };
    match server.control(target, operation, &body).await {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            let status = match error {
                ControlError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
                ControlError::NotInRecording => StatusCode::CONFLICT,
                ControlError::NoSuchUser(_) | ControlError::NoSuchChannel(_) => {
                    StatusCode::NOT_FOUND
                }
                ControlError::BadRequest(_) => StatusCode::BAD_REQUEST,
            };
            (status, Json(json!({"error": error.to_string()}))).into_response()
        }
    }
}

impl Server {
    async fn control(
        &self,
        target: Target,
        operation: String,
        body: &[u8],
    ) -> Result<Value, ControlError> {
        let bad = |error: serde_json::Error| ControlError::BadRequest(error.to_string());
        let mut fields: Map<String, Value> = match body {
            [] => Map::new(),
            body => serde_json::from_slice(body).map_err(bad)?,
        };
        fields.insert("operation".to_owned(), operation.into());
        let operation: Operation = serde_json::from_value(fields.into()).map_err(bad)?;
        let (reply, answered) = oneshot::channel();
        let input = Input::Control {
            target,
            operation,
            reply,
        };
        if self.input.send(input).await.is_err() {
            return Err(ControlError::Stopped);
        }
        answered.await.unwrap_or(Err(ControlError::Stopped))
    }

    /// A frozen server does not answer.
    pub(crate) async fn thaw(&self) {
        let mut frozen = self.gates.frozen.clone();
        tokio::select! {
            // An Err means that the engine has ended, which `stop` tells too.
            _ = frozen.wait_for(|frozen| !frozen) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Whether requests get 503, during an outage those over connections that were open before.
    pub(crate) fn refuses(&self) -> bool {
        self.gates.refusal.borrow().connections || self.gates.outage.borrow().is_on()
    }

    /// How a new client's task is to be run.
    pub(crate) fn settings(&self, version: Version, peer: Peer) -> SocketSettings {
        let connection = self.next_connection.fetch_add(1, Ordering::Relaxed);
        let ip = peer.addr.ip();
        let too_many = *self.gates.limited.borrow() && !self.connections.take(ip);
        SocketSettings {
            connection,
            version,
            sid: format!("sim-t-{connection:08}"),
            ip,
            ping_interval: self.ping_interval,
            ping_timeout: self.ping_timeout,
            rate_limited: too_many || self.gates.refusal.borrow().rate_limited,
            frozen: self.gates.frozen.clone(),
            stop: self.stop.clone(),
        }
    }
}

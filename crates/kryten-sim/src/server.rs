//! HTTP on the one port: socketconfig, the websocket's upgrade, and the control endpoint.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get};
use axum::serve::ListenerExt;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::SimConfig;
use crate::control::{ControlError, Operation};
use crate::engine::Input;
use crate::socket::{self, SocketSettings};

/// What the engine tells the server and the sockets.
#[derive(Debug, Clone)]
pub(crate) struct Gates {
    pub(crate) frozen: watch::Receiver<bool>,
    pub(crate) refusal: watch::Receiver<Refusal>,
}

/// How new connections are turned away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) connections: bool,
    pub(crate) rate_limited: bool,
}

#[derive(Clone)]
struct Server {
    input: mpsc::Sender<Input>,
    gates: Gates,
    stop: CancellationToken,
    next_connection: Arc<AtomicU64>,
    ping_interval: Duration,
    ping_timeout: Duration,
    addr: Option<SocketAddr>,
    secure_url: Option<String>,
}

pub(crate) fn spawn(
    listener: TcpListener,
    config: &SimConfig,
    input: mpsc::Sender<Input>,
    gates: Gates,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let server = Server {
        input,
        gates,
        stop: stop.clone(),
        next_connection: Arc::new(AtomicU64::new(1)),
        ping_interval: config.ping_interval,
        ping_timeout: config.ping_timeout,
        addr: listener.local_addr().ok(),
        secure_url: config.secure_url.clone(),
    };
    let router = Router::new()
        .route("/socketconfig/{file}", get(socketconfig))
        .route("/socket.io/", get(websocket))
        .route("/control/{operation}", any(control))
        .with_state(server);
    let listener = listener.tap_io(|tcp| {
        if let Err(error) = tcp.set_nodelay(true) {
            warn!(%error, "cannot switch off Nagle's algorithm");
        }
    });
    tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(listener, router) => if let Err(error) = served {
                warn!(%error, "the simulator's server ended");
            },
            () = stop.cancelled() => {}
        }
    })
}

async fn socketconfig(
    State(server): State<Server>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    server.thaw().await;
    if server.gates.refusal.borrow().connections {
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
        .and_then(|host| host.to_str().ok())
        .map(str::to_owned)
        .or_else(|| server.addr.map(|addr| addr.to_string()))
        .unwrap_or_default();
    let mut servers = vec![json!({"url": format!("http://{host}"), "secure": false})];
    if let Some(url) = &server.secure_url {
        servers.push(json!({"url": url, "secure": true}));
    }
    Json(json!({"servers": servers})).into_response()
}

#[derive(Deserialize)]
struct Transport {
    transport: Option<String>,
    #[serde(rename = "EIO")]
    version: Option<String>,
    sid: Option<String>,
}

async fn websocket(
    State(server): State<Server>,
    Query(query): Query<Transport>,
    mut request: Request,
) -> Response {
    server.thaw().await;
    let refusal = *server.gates.refusal.borrow();
    if refusal.connections {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let refused = |code: u32, message: &str| {
        let body = json!({"code": code, "message": message});
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    };
    if query.sid.is_some() {
        return refused(1, "Session ID unknown");
    }
    if query.version.as_deref() != Some("4") {
        return refused(5, "Unsupported protocol version");
    }
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY);
    let Some(key) = key.filter(|_| query.transport.as_deref() == Some("websocket")) else {
        return refused(0, "Transport unknown");
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    let settings = SocketSettings {
        connection: server.next_connection.fetch_add(1, Ordering::Relaxed),
        ping_interval: server.ping_interval,
        ping_timeout: server.ping_timeout,
        rate_limited: refusal.rate_limited,
        frozen: server.gates.frozen.clone(),
        stop: server.stop.clone(),
    };
    let input = server.input.clone();
    tokio::spawn(async move {
        // The client may leave between its request and our answer.
        let Ok(upgraded) = upgrade.await else {
            return;
        };
        let limits = WebSocketConfig::default()
            .max_message_size(Some(socket::MAX_PAYLOAD))
            .max_frame_size(Some(socket::MAX_PAYLOAD));
        let stream = TokioIo::new(upgraded);
        let websocket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits)).await;
        socket::serve(websocket, settings, input).await;
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

async fn control(
    State(server): State<Server>,
    Path(operation): Path<String>,
    body: Bytes,
) -> Response {
    match server.control(operation, &body).await {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            let status = match error {
                ControlError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
                ControlError::NotInRecording => StatusCode::CONFLICT,
                ControlError::NoSuchUser(_) => StatusCode::NOT_FOUND,
                ControlError::BadRequest(_) => StatusCode::BAD_REQUEST,
            };
            (status, Json(json!({"error": error.to_string()}))).into_response()
        }
    }
}

impl Server {
    async fn control(&self, operation: String, body: &[u8]) -> Result<Value, ControlError> {
        let bad = |error: serde_json::Error| ControlError::BadRequest(error.to_string());
        let mut fields: Map<String, Value> = match body {
            [] => Map::new(),
            body => serde_json::from_slice(body).map_err(bad)?,
        };
        fields.insert("operation".to_owned(), operation.into());
        let operation: Operation = serde_json::from_value(fields.into()).map_err(bad)?;
        let (reply, answered) = oneshot::channel();
        let input = Input::Control { operation, reply };
        if self.input.send(input).await.is_err() {
            return Err(ControlError::Stopped);
        }
        answered.await.unwrap_or(Err(ControlError::Stopped))
    }

    /// A frozen server does not answer.
    async fn thaw(&self) {
        let mut frozen = self.gates.frozen.clone();
        tokio::select! {
            // An Err means that the engine has ended, which `stop` tells too.
            _ = frozen.wait_for(|frozen| !frozen) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

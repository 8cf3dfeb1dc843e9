//! Engine.IO 3 and 4 over HTTP: handshakes, polls, posts, and websockets that begin or take over.

mod payload;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::intake::Peer;
use crate::server::Server;
use crate::socket::{self, Arrival, MAX_PAYLOAD, SocketSettings, Start};

/// The version of Engine.IO; without one a client means 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Three,
    Four,
}

/// The clients that can be addressed by their `sid`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<HashMap<String, Session>>>);

#[derive(Debug, Clone)]
struct Session {
    version: Version,
    arrivals: mpsc::Sender<Arrival>,
}

impl Sessions {
    // A panic elsewhere cannot leave the map half changed.
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, Session>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn find(&self, sid: &str) -> Option<Session> {
        self.with(|sessions| sessions.get(sid).cloned())
    }
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    transport: Option<String>,
    #[serde(rename = "EIO")]
    version: Option<String>,
    sid: Option<String>,
}

/// What Engine.IO says to a request that makes no sense.
#[derive(Debug, Clone, Copy)]
enum Refused {
    Transport = 0,
    Session = 1,
    Method = 2,
    Request = 3,
    Version = 5,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let message = match self {
            Self::Transport => "Transport unknown",
            Self::Session => "Session ID unknown",
            Self::Method => "Bad handshake method",
            Self::Request => "Bad request",
            Self::Version => "Unsupported protocol version",
        };
        let body = json!({"code": self as u32, "message": message});
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

/// `/socket.io/`: what it is, the query and the method tell.
pub(crate) async fn serve(
    State(server): State<Server>,
    Query(asked): Query<Asked>,
    peer: Peer,
    request: Request,
) -> Response {
    server.thaw().await;
    if server.refuses() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answer(server, asked, peer, request).await {
        Ok(response) => response,
        Err(refused) => refused.into_response(),
    }
}

async fn answer(
    server: Server,
    asked: Asked,
    peer: Peer,
    request: Request,
) -> Result<Response, Refused> {
    let version = match asked.version.as_deref() {
        None | Some("3") => Version::Three,
        Some("4") => Version::Four,
        Some(_) => return Err(Refused::Version),
    };
    let is_websocket = match asked.transport.as_deref() {
        Some("websocket") => true,
        Some("polling") => false,
        _ => return Err(Refused::Transport),
    };
    let session = match &asked.sid {
        Some(sid) => Some(server.sessions.find(sid).ok_or(Refused::Session)?),
        None => None,
    };
    match (session, is_websocket) {
        (None, false) if *request.method() != Method::GET => Err(Refused::Method),
        (None, false) => begin_polling(&server, version, peer).await,
        (None, true) => {
            let (arrivals, settings) = server.admit(version, peer);
            upgrade(request, move |socket| async move {
                let start = Start::Websocket(Box::new(socket));
                server.run(start, arrivals, settings).await;
            })
        }
        (Some(session), true) => upgrade(request, move |socket| async move {
            let taken = Arrival::Upgrade(Box::new(socket));
            // The client may have gone meanwhile.
            let _ = session.arrivals.send(taken).await;
        }),
        (Some(session), false) if *request.method() == Method::GET => poll(session).await,
        (Some(session), false) => post(session, request).await,
    }
}

impl Server {
    /// A new client's number, name and place in the sessions.
    fn admit(&self, version: Version, peer: Peer) -> (mpsc::Receiver<Arrival>, SocketSettings) {
        let settings = self.settings(version, peer);
        let (arrivals, arrivals_rx) = mpsc::channel(16);
        let session = Session { version, arrivals };
        self.sessions
            .with(|sessions| sessions.insert(settings.sid.clone(), session));
        (arrivals_rx, settings)
    }

    async fn run(&self, start: Start, arrivals: mpsc::Receiver<Arrival>, settings: SocketSettings) {
        let sid = settings.sid.clone();
        socket::serve(start, arrivals, settings, self.input.clone()).await;
        self.sessions.with(|sessions| sessions.remove(&sid));
    }
}

async fn begin_polling(server: &Server, version: Version, peer: Peer) -> Result<Response, Refused> {
    let (arrivals, settings) = server.admit(version, peer);
    let (packets, packets_rx) = oneshot::channel();
    let server = server.clone();
    tokio::spawn(async move {
        server
            .run(Start::Polling(packets), arrivals, settings)
            .await;
    });
    polled(version, packets_rx).await
}

async fn poll(session: Session) -> Result<Response, Refused> {
    let (packets, packets_rx) = oneshot::channel();
    let asked = session.arrivals.send(Arrival::Poll(packets)).await;
    asked.map_err(|_| Refused::Session)?;
    polled(session.version, packets_rx).await
}

async fn polled(
    version: Version,
    packets: oneshot::Receiver<Vec<tokio_tungstenite::tungstenite::Utf8Bytes>>,
) -> Result<Response, Refused> {
    let packets = packets.await.map_err(|_| Refused::Session)?;
    let body = payload::encode(version, packets.iter().map(|packet| packet.as_str()));
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=UTF-8")];
    Ok((kind, body).into_response())
}

async fn post(session: Session, request: Request) -> Result<Response, Refused> {
    let Ok(body) = to_bytes(request.into_body(), MAX_PAYLOAD).await else {
        return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
    };
    let packets = payload::decode(session.version, &body).unwrap_or_else(|| vec![String::new()]);
    let (done, done_rx) = oneshot::channel();
    let given = session.arrivals.send(Arrival::Post(packets, done)).await;
    given.map_err(|_| Refused::Session)?;
    done_rx.await.map_err(|_| Refused::Request)?;
    Ok(([(header::CONTENT_TYPE, "text/html")], "ok").into_response())
}

/// Answers the websocket's handshake; what comes of it goes on by itself.
fn upgrade<F>(
    mut request: Request,
    then: impl FnOnce(socket::Socket) -> F + Send + 'static,
) -> Result<Response, Refused>
where
    F: Future<Output = ()> + Send,
{
    let accept = accept_key(request.headers()).ok_or(Refused::Request)?;
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // The client may leave between its request and our answer.
        if let Some(socket) = websocket(upgraded).await {
            then(socket).await;
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

async fn websocket(upgraded: OnUpgrade) -> Option<socket::Socket> {
    // Clients say little, and the buffer is cleared before each read.
    let limits = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .max_message_size(Some(MAX_PAYLOAD))
        .max_frame_size(Some(MAX_PAYLOAD));
    let stream = TokioIo::new(upgraded.await.ok()?);
    Some(WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits)).await)
}

//! The ports: streams of clients, plain or over TLS, and times when nobody is let in.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// How soon a port that cannot be taken again is tried anew.
const AGAIN: Duration = Duration::from_millis(50);

/// Whether clients are refused by TCP itself, and until when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Outage {
    #[default]
    None,
    Until(Instant),
    Endless,
}

impl Outage {
    pub(crate) fn is_on(self) -> bool {
        match self {
            Self::None => false,
            Self::Until(end) => end > Instant::now(),
            Self::Endless => true,
        }
    }
}

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) addr: SocketAddr,
    pub(crate) is_secure: bool,
}

/// All ports as one.
pub(crate) struct Intake {
    streams: mpsc::Receiver<(Box<dyn Stream>, Peer)>,
    local: SocketAddr,
}

/// One port.
pub(crate) struct Port {
    pub(crate) listener: TcpListener,
    pub(crate) addr: SocketAddr,
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Intake {
    /// Takes clients at all ports, except during an outage.
    pub(crate) fn open(
        ports: Vec<Port>,
        outage: &watch::Receiver<Outage>,
        stop: &CancellationToken,
    ) -> Self {
        let (streams, streams_rx) = mpsc::channel(64);
        let local = ports
            .first()
            .map_or(SocketAddr::from(([127, 0, 0, 1], 0)), |port| port.addr);
        for port in ports {
            let (outage, streams, stop) = (outage.clone(), streams.clone(), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = port.serve(outage, streams) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
        Self {
            streams: streams_rx,
            local,
        }
    }
}

impl Port {
    async fn serve(
        self,
        mut outage: watch::Receiver<Outage>,
        streams: mpsc::Sender<(Box<dyn Stream>, Peer)>,
    ) {
        let Self {
            listener,
            addr,
            tls,
        } = self;
        let mut listener = Some(listener);
        loop {
            let now = *outage.borrow_and_update();
            if now != Outage::None {
                // A closed port refuses by itself.
                listener = None;
            }
            match now {
                Outage::Until(end) if end > Instant::now() => {
                    tokio::select! {
                        () = sleep_until(end) => {}
                        changed = outage.changed() => if changed.is_ok() { continue } else { return },
                    }
                }
                Outage::Endless if outage.changed().await.is_ok() => continue,
                Outage::Endless => return,
                Outage::Until(_) | Outage::None => {}
            }
            let open = match listener.take() {
                Some(open) => open,
                None => match TcpListener::bind(addr).await {
                    Ok(open) => open,
                    Err(error) => {
                        warn!(%addr, %error, "the port cannot be taken again yet");
                        sleep_until(Instant::now() + AGAIN).await;
                        continue;
                    }
                },
            };
            if !accept_all(&open, &tls, &mut outage, &streams).await {
                return;
            }
            listener = Some(open);
        }
    }
}

/// Accepts until something about the outage changes; whether to go on at all.
async fn accept_all(
    listener: &TcpListener,
    tls: &Option<TlsAcceptor>,
    outage: &mut watch::Receiver<Outage>,
    streams: &mpsc::Sender<(Box<dyn Stream>, Peer)>,
) -> bool {
    loop {
        tokio::select! {
            changed = outage.changed() => return changed.is_ok(),
            accepted = listener.accept() => match accepted {
                Ok((stream, addr)) => {
                    tokio::spawn(welcome(stream, addr, tls.clone(), streams.clone()));
                }
                Err(error) => warn!(%error, "a client cannot be accepted"),
            }
        }
    }
}

async fn welcome(
    stream: TcpStream,
    addr: SocketAddr,
    tls: Option<TlsAcceptor>,
    streams: mpsc::Sender<(Box<dyn Stream>, Peer)>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        warn!(%error, "cannot switch off Nagle's algorithm");
    }
    let is_secure = tls.is_some();
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(stream),
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => Box::new(stream),
            // A client that does not trust us hangs up here.
            Err(error) => return debug!(%error, "a client gave up the TLS handshake"),
        },
    };
    // The server may have ended.
    let _ = streams.send((stream, Peer { addr, is_secure })).await;
}

impl Listener for Intake {
    type Io = Box<dyn Stream>;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.streams.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(Peer {
            addr: self.local,
            is_secure: false,
        })
    }
}

impl Connected<IncomingStream<'_, Intake>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Intake>) -> Self {
        *stream.remote_addr()
    }
}

impl Peer {
    /// The client's address, or the one that a proxy on this machine names.
    fn behind_proxy(mut self, headers: &HeaderMap) -> Self {
        let named = headers.get("x-forwarded-for");
        let named =
            named.and_then(|list| list.to_str().ok()?.split(',').next()?.trim().parse().ok());
        if let Some(ip) = named.filter(|_: &IpAddr| self.addr.ip().is_loopback()) {
            self.addr.set_ip(ip);
        }
        self
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let peer = ConnectInfo::<Self>::from_request_parts(parts, state).await;
        let ConnectInfo(peer) = peer.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok(peer.behind_proxy(&parts.headers))
    }
}

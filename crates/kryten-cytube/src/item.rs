//! What the client hands on, and why a connection ends.

use std::sync::Arc;
use std::time::Duration;

use kryten_protocol::time::WireTime;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite;

use crate::frame::FrameError;

/// One thing that happened, in the order in which it happened.
///
/// Every event of the server is handed on, those before the login included. After `Stopped` nothing follows.
#[derive(Debug)]
#[non_exhaustive]
pub enum CytubeItem {
    /// The socket is up and the server knows us; join and login follow.
    Connected {
        /// How many attempts failed or ended early before this one; 0 at the start.
        attempt: u32,
        /// When.
        at: WireTime,
    },
    /// We are in the channel and logged in; comes right after the event that says so.
    Joined {
        /// Our name as CyTube spells it; `None` for an anonymous viewer.
        name: Option<String>,
        /// Whether we are a guest.
        guest: bool,
        /// When.
        at: WireTime,
    },
    /// An event of the server.
    Event {
        /// CyTube's name of it, such as `chatMsg`.
        name: String,
        /// What came with it, byte for byte: `null` without an argument, an array if there were several.
        payload: Box<RawValue>,
        /// The id to answer with [`crate::CytubeHandle::acknowledge`], if the server asked for an answer.
        ack: Option<u64>,
        /// When it was read from the socket.
        received: WireTime,
    },
    /// The server's heartbeat: nothing has happened since the item before. CyTube has one every 25 seconds.
    SignOfLife {
        /// When it was read from the socket.
        at: WireTime,
    },
    /// A frame that is no Socket.IO; it was skipped.
    Unreadable {
        /// What is wrong with it.
        error: FrameError,
        /// When it was read from the socket.
        received: WireTime,
    },
    /// A connection ended, or an attempt failed.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
        /// When the next attempt follows; `None` if `Stopped` follows.
        will_retry_in: Option<Duration>,
        /// When.
        at: WireTime,
    },
    /// The client has given up, or was closed. This is the last item.
    Stopped {
        /// Why.
        reason: DisconnectReason,
    },
}

/// Why a connection ended or an attempt failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// No connection came about.
    #[error(transparent)]
    Connect(Arc<ConnectError>),
    /// The connection broke without a word.
    #[error("the connection was lost: {0}")]
    Lost(Arc<tungstenite::Error>),
    /// The server closed the websocket.
    #[error("the server closed the connection")]
    ClosedByServer,
    /// The server ended the Socket.IO session without a kick.
    #[error("the server ended the session")]
    EndedByServer,
    /// Nothing came from the server for longer than it promised.
    #[error("the server has been silent for longer than its own heartbeat allows")]
    HeartbeatMissed,
    /// The server did not take what we sent.
    #[error("the server did not take what was sent to it in time")]
    WriteTimeout,
    /// The server did not answer the Engine.IO or Socket.IO handshake.
    #[error("the server did not answer the Socket.IO handshake in time")]
    HandshakeTimeout,
    /// The server refused the session, mostly because of too many connections in a short time.
    #[error("the server refused the connection: {message}")]
    Refused {
        /// The server's words.
        message: String,
    },
    /// The server kicked us.
    #[error("kicked: {reason}")]
    Kicked {
        /// The kicker's words; may be empty.
        reason: String,
    },
    /// We are banned from the channel.
    #[error("banned: {reason}; ask the channel's moderators to lift the ban")]
    Banned {
        /// CyTube's words.
        reason: String,
    },
    /// The same account has joined the channel elsewhere.
    #[error("the same account has joined the channel elsewhere; stop the other login first")]
    DuplicateLogin,
    /// The channel has a password and none is configured.
    #[error("the channel needs a password; set the channel password in the configuration")]
    ChannelPasswordNeeded,
    /// The configured channel password is wrong.
    #[error("the channel password is wrong; correct it in the configuration")]
    WrongChannelPassword,
    /// The login was refused for good.
    #[error("the login was refused: {error}")]
    LoginRefused {
        /// CyTube's words.
        error: String,
    },
    /// The login was refused, but may succeed later.
    #[error("the login was refused for now: {error}")]
    LoginDeferred {
        /// CyTube's words.
        error: String,
    },
    /// `joinChannel` or `login` was not answered.
    #[error("the server did not answer the join or the login in time")]
    JoinTimeout,
    /// The client's owner wants a new connection.
    #[error("a new connection was asked for")]
    Reconnecting,
    /// The client was closed by its owner.
    #[error("closed")]
    Closed,
}

impl DisconnectReason {
    /// Whether another attempt makes sense without a change by a person; kicks are decided by the configuration.
    pub fn is_transient(&self) -> bool {
        !matches!(
            self,
            Self::Kicked { .. }
                | Self::Banned { .. }
                | Self::DuplicateLogin
                | Self::ChannelPasswordNeeded
                | Self::WrongChannelPassword
                | Self::LoginRefused { .. }
                | Self::Closed
        ) && !matches!(self, Self::Connect(error) if !error.is_transient())
    }
}

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The configured address is no http or https address.
    #[error("{url:?} is not an address of a CyTube server; write it like https://cytu.be")]
    BadUrl {
        /// The address as configured, or as the server gave it.
        url: String,
    },
    /// CyTube does not take the channel's name.
    #[error("CyTube does not know a channel of that name: {message}")]
    NoSuchChannel {
        /// CyTube's words.
        message: String,
    },
    /// The address of the socket could not be asked for.
    #[error("cannot ask {url} for the socket's address")]
    Socketconfig {
        /// What was asked.
        url: String,
        /// Why it failed.
        #[source]
        source: reqwest::Error,
    },
    /// The server's certificate comes from nobody whom we trust.
    #[error(
        "the certificate of {url} is not trusted; name its authority's PEM file as cytube.ca_file"
    )]
    Untrusted {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// The address of the socket was asked for, and the answer was an HTTP error.
    #[error("{url} answered with HTTP status {status}")]
    SocketconfigStatus {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer names no server.
    #[error("{url} names no server for this channel")]
    NoServers {
        /// What was asked.
        url: String,
    },
    /// The websocket could not be opened.
    #[error("cannot open a websocket to {url}")]
    Websocket {
        /// The socket's address.
        url: String,
        /// Why it failed.
        #[source]
        source: tungstenite::Error,
    },
    /// The websocket did not open in time.
    #[error("{url} did not open a websocket in time")]
    Timeout {
        /// The socket's address.
        url: String,
    },
    /// The file with certificates cannot be used.
    #[error("cannot use the certificates in {path}; it has to be a PEM file")]
    CaFile {
        /// The file.
        path: String,
        /// Why it failed.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client")]
    HttpClient(#[source] reqwest::Error),
}

impl ConnectError {
    /// Whether another attempt makes sense without a change by a person.
    pub fn is_transient(&self) -> bool {
        !matches!(
            self,
            Self::BadUrl { .. } | Self::NoSuchChannel { .. } | Self::CaFile { .. } | Self::Tls(_)
        )
    }
}

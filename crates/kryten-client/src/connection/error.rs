//! Why no connection was made.

use std::error::Error;
use std::io;

use async_nats::ConnectErrorKind;

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No server address, or one that is none.
    #[error("{url:?} is no NATS address; write it as nats://host:4222")]
    BadUrl {
        /// The address without credentials.
        url: String,
    },
    /// No server listens there.
    #[error("no NATS server answers at {servers}; start one, or name another with --nats")]
    ServerAway {
        /// The addresses without credentials.
        servers: String,
        /// What the system said.
        #[source]
        source: Box<async_nats::ConnectError>,
    },
    /// The server refuses the credentials.
    #[error(
        "the NATS server at {servers} refuses the credentials; check user and password, or the token"
    )]
    WrongCredentials {
        /// The addresses without credentials.
        servers: String,
        /// What the server said.
        #[source]
        source: Box<async_nats::ConnectError>,
    },
    /// The secure connection could not be made.
    #[error("no secure connection to the NATS server at {servers}; check its certificate")]
    Tls {
        /// The addresses without credentials.
        servers: String,
        /// What went wrong.
        #[source]
        source: Box<async_nats::ConnectError>,
    },
    /// A server listens but does not answer in time.
    #[error("the NATS server at {servers} did not answer in time")]
    TimedOut {
        /// The addresses without credentials.
        servers: String,
    },
}

impl ConnectError {
    pub(super) fn new(servers: String, error: async_nats::ConnectError) -> Self {
        let is_tls = is_tls(&error);
        let kind = error.kind();
        let source = Box::new(error);
        match kind {
            ConnectErrorKind::Tls => Self::Tls { servers, source },
            _ if is_tls => Self::Tls { servers, source },
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                Self::WrongCredentials { servers, source }
            }
            ConnectErrorKind::TimedOut => Self::TimedOut { servers },
            ConnectErrorKind::ServerParse => Self::BadUrl { url: servers },
            ConnectErrorKind::Dns | ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => {
                Self::ServerAway { servers, source }
            }
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::ServerAway { .. } | Self::TimedOut { .. })
    }
}

/// A failed handshake arrives as an I/O error around the one of rustls.
fn is_tls(error: &async_nats::ConnectError) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<async_nats::rustls::Error>() {
            return true;
        }
        if let Some(inner) = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            && inner.is::<async_nats::rustls::Error>()
        {
            return true;
        }
        cause = error.source();
    }
    false
}

//! The connection to NATS.

use async_nats::jetstream;

use crate::config::NatsConfig;

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

/// A connection to NATS; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    nats: async_nats::Client,
    jetstream: jetstream::Context,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`ConnectError`] that tells apart: no server, wrong credentials, TLS, bad address, no answer in time.
    pub async fn connect(config: &NatsConfig) -> Result<Self, ConnectError> {
        let _ = config;
        unimplemented!()
    }

    /// The NATS client below.
    pub fn nats(&self) -> &async_nats::Client {
        &self.nats
    }

    /// The JetStream context below.
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// The largest message that the server takes, in bytes.
    pub fn max_payload(&self) -> usize {
        unimplemented!()
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        unimplemented!()
    }

    /// How often the connection was made again since [`Client::connect`].
    pub fn reconnects(&self) -> u64 {
        unimplemented!()
    }
}

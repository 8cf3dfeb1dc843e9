//! A connection that ends when it breaks, for those who must not be overtaken by their own messages.
//!
//! A NATS client that reconnects by itself loses what was written to the broken connection and goes on with what came
//! after it. Whoever resends the lost part then changes the order. A connection of one life never goes on.

use tokio_util::sync::CancellationToken;

use crate::config::NatsConfig;
use crate::connection::{Client, ConnectError};

/// A connection to NATS that never reconnects.
#[derive(Debug)]
pub struct OneLife {
    client: Client,
    ended: CancellationToken,
}

impl OneLife {
    /// Connects once.
    ///
    /// # Errors
    /// As [`Client::connect`]; a server that is away is an error at once.
    pub async fn connect(config: &NatsConfig) -> Result<Self, ConnectError> {
        let ended = CancellationToken::new();
        let client = Client::connect_once(config, ended.clone()).await?;
        Ok(Self { client, ended })
    }

    /// The client; after the end its requests fail.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until the connection has ended.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Whether the connection has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }
}

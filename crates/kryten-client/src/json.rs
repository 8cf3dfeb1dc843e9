//! JSON to any subject, with or without an answer; for services that speak neither of the two forms we have types for.
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use serde_json::{Value, json};
//!
//! client.publish_json("kryten.greeter.seen", &json!({"username": "bob"})).await?;
//! let balance = json!({"command": "balance", "channel": "420Grindhouse", "username": "bob"});
//! let reply: Value = client
//!     .request_json("kryten.economy.command", &balance, Duration::from_secs(5))
//!     .await?;
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::client::PublishErrorKind;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::CommandError;
use crate::connection::{Client, REQUEST_TIMEOUT};
use crate::exchange::ExchangeError;

impl Client {
    /// Publishes a value as JSON over a connection that stands. That anybody got it is not known. Errors name the subject where others name a
    /// service.
    ///
    /// # Errors
    /// [`CommandError::ServerAway`] when there is no connection: nothing is left in a buffer to be sent much later.
    /// [`CommandError::BadSubject`]. [`CommandError::TooLarge`]. [`CommandError::Malformed`] for what JSON cannot hold.
    pub async fn publish_json<T: Serialize + ?Sized>(
        &self,
        subject: &str,
        body: &T,
    ) -> Result<(), CommandError> {
        let body = to_json(subject, body)?;
        let sent = self
            .publish_within(subject, body.into(), REQUEST_TIMEOUT)
            .await;
        sent.map_err(|error| CommandError::new(subject, REQUEST_TIMEOUT, error))
    }

    /// Sends a value as JSON and reads the answer, whatever its fields are: nothing is taken as a refusal. Errors name
    /// the subject where others name a service.
    ///
    /// # Errors
    /// [`CommandError`]; [`CommandError::Malformed`] where the answer is not JSON of this shape.
    pub async fn request_json<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &B,
        timeout: Duration,
    ) -> Result<T, CommandError> {
        let body = to_json(subject, body)?;
        let answer = self
            .exchange_within(subject, HeaderMap::new(), body.into(), timeout)
            .await
            .map_err(|error| CommandError::new(subject, timeout, error))?;
        serde_json::from_slice(&answer.payload).map_err(|source| malformed(subject, source))
    }

    /// Publishes when the connection stands.
    pub(crate) async fn publish_within(
        &self,
        subject: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<(), ExchangeError> {
        let limit = self.max_payload();
        if body.len() > limit {
            return Err(ExchangeError::TooLarge { limit });
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "who may not subscribe to an inbox can publish all the same"
        )]
        let sent = async {
            self.connected().await;
            let nats = self.nats();
            let published = nats.publish(subject.to_owned(), body).await;
            published.map_err(|error| match error.kind() {
                PublishErrorKind::InvalidSubject => ExchangeError::BadSubject {
                    subject: subject.to_owned(),
                },
                PublishErrorKind::MaxPayloadExceeded => ExchangeError::TooLarge {
                    limit: self.max_payload(),
                },
                _ => ExchangeError::Away,
            })?;
            nats.flush().await.map_err(|_| ExchangeError::Away)
        };
        let sent = tokio::time::timeout(timeout, sent).await;
        sent.unwrap_or(Err(ExchangeError::Away))
    }
}

fn to_json<T: Serialize + ?Sized>(subject: &str, body: &T) -> Result<Vec<u8>, CommandError> {
    serde_json::to_vec(body).map_err(|source| malformed(subject, source))
}

fn malformed(subject: &str, source: serde_json::Error) -> CommandError {
    CommandError::Malformed {
        service: subject.to_owned(),
        source,
    }
}

//! Asks a service on `kryten.{service}.command`.

use std::time::Duration;

use kryten_protocol::command::{Reply, Request};

use crate::connection::Client;

/// Why a command brought no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No service of this name listens.
    #[error("no {service} service is running; start it, or check which NATS server it uses")]
    NoResponders {
        /// The service.
        service: String,
    },
    /// The service did not answer in time.
    #[error("the {service} service did not answer within {} s", timeout.as_secs_f64())]
    TimedOut {
        /// The service.
        service: String,
        /// How long we waited.
        timeout: Duration,
    },
    /// The service said no.
    #[error("{error}")]
    Refused {
        /// The service.
        service: String,
        /// The service's own words.
        error: String,
    },
    /// The answer is no reply.
    #[error("the {service} service sent an answer that is no reply")]
    Malformed {
        /// The service.
        service: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Sends a request to a service and waits for its reply; one with `success: false` is an error.
///
/// # Errors
/// [`CommandError`] that tells apart: no such service, no answer in time, refused, not a reply.
pub async fn request(
    client: &Client,
    service: &str,
    request: Request,
    timeout: Duration,
) -> Result<Reply, CommandError> {
    let _ = (client, service, request, timeout);
    unimplemented!()
}

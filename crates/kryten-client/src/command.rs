//! Asks a service on `kryten.{service}.command`.

use std::time::Duration;

use async_nats::HeaderMap;
use kryten_protocol::command::{Reply, Request};
use kryten_protocol::subject::{self, SubjectError};
use serde_json::{Map, Value};

use crate::connection::Client;
use crate::exchange::ExchangeError;

/// Why a command brought no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The service name leaves no subject.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// NATS does not take the subject; nothing was sent.
    #[error(
        "{subject:?} is no NATS subject; write words without white space, with a dot between two"
    )]
    BadSubject {
        /// The subject as given.
        subject: String,
    },
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
    /// The connection was lost between the request and its answer; whether the service has done it is not known.
    #[error("the connection to NATS was lost before the {service} service answered; ask again")]
    ConnectionLost {
        /// The service.
        service: String,
    },
    /// No connection to a server; nothing was sent.
    #[error("the NATS server is away; start it, or name another with --nats")]
    ServerAway,
    /// The account may not ask this service.
    #[error("this NATS user may not use {subject}; give it the permission")]
    NoPermission {
        /// The subject that was refused.
        subject: String,
    },
    /// The request is larger than the server takes; nothing was sent.
    #[error(
        "the request to the {service} service is too large; the NATS server takes at most {limit} bytes"
    )]
    TooLarge {
        /// The service.
        service: String,
        /// The largest size.
        limit: usize,
    },
    /// The service said no.
    #[error("{error}")]
    Refused {
        /// The service.
        service: String,
        /// The service's own words.
        error: String,
    },
    /// The robot's rank in the channel is too low for what it was asked to do; it was not asked.
    #[error(
        "the robot has rank {rank} in the channel, and this needs {needed}; give it a higher rank"
    )]
    RankTooLow {
        /// The robot's rank.
        rank: f64,
        /// The rank that CyTube asks for.
        needed: f64,
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

impl CommandError {
    pub(crate) fn new(service: &str, timeout: Duration, error: ExchangeError) -> Self {
        let service = service.to_owned();
        match error {
            ExchangeError::Away => Self::ServerAway,
            ExchangeError::BadSubject { subject } => Self::BadSubject { subject },
            ExchangeError::NoResponders => Self::NoResponders { service },
            ExchangeError::TimedOut => Self::TimedOut { service, timeout },
            ExchangeError::ConnectionLost => Self::ConnectionLost { service },
            ExchangeError::NoPermission { subject } => Self::NoPermission { subject },
            ExchangeError::TooLarge { limit } => Self::TooLarge { service, limit },
        }
    }
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
    let subject = subject::command(service)?;
    let service = service.to_owned();
    let body = match serde_json::to_vec(&request) {
        Ok(body) => body,
        Err(source) => return Err(CommandError::Malformed { service, source }),
    };
    let answer = client
        .exchange_within(&subject, HeaderMap::new(), body.into(), timeout)
        .await;
    let answer = answer.map_err(|error| CommandError::new(&service, timeout, error))?;
    // Read as an object first, since a struct is read from an array too.
    let fields: Result<Map<String, Value>, _> = serde_json::from_slice(&answer.payload);
    let reply: Reply = match fields.and_then(|fields| serde_json::from_value(fields.into())) {
        Ok(reply) => reply,
        Err(source) => return Err(CommandError::Malformed { service, source }),
    };
    if reply.success {
        Ok(reply)
    } else {
        let error = reply
            .error
            .unwrap_or_else(|| "refused without a reason".to_owned());
        Err(CommandError::Refused { service, error })
    }
}

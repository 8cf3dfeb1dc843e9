//! Answers as a service on `kryten.{service}.command`.

use std::future::Future;

use kryten_protocol::command::Request;
use serde_json::Value;

use crate::connection::Client;

/// Why a command is refused; one sentence for the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl<T: Into<String>> From<T> for Refusal {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// Why a responder could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RespondError {
    /// The service name leaves no subject.
    #[error(transparent)]
    Subject(#[from] kryten_protocol::subject::SubjectError),
}

/// A running responder; it stops when dropped.
#[derive(Debug)]
pub struct Responder {}

impl Responder {
    /// Starts answering requests to a service: exactly one reply per request, each request in a task of its own.
    ///
    /// # Errors
    /// [`RespondError`] when the service name is unusable or the connection is closed.
    pub async fn start<H, F>(
        client: &Client,
        service: &str,
        handler: H,
    ) -> Result<Self, RespondError>
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Value, Refusal>> + Send + 'static,
    {
        let _ = (client, service, handler);
        unimplemented!()
    }

    /// How many requests were read as JSON, whatever became of them.
    pub fn requests(&self) -> u64 {
        unimplemented!()
    }

    /// Takes no more requests, and returns when those taken are answered.
    pub async fn stop(self) {
        unimplemented!()
    }
}

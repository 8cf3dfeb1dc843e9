//! Answers as a service on `kryten.{service}.command`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::Message;
use futures_util::StreamExt;
use kryten_protocol::command::{Reply, Request};
use kryten_protocol::subject::{self, SubjectError};
use kryten_protocol::token;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Client;
use crate::round_trip::round_trip;

/// Requests that are worked on at the same time; more wait in the connection.
const AT_ONCE: usize = 64;
/// How long a server may be silent before we stop waiting for the last requests that it has sent us.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

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
    Subject(#[from] SubjectError),
    /// The connection was closed for good.
    #[error("the connection to NATS is closed")]
    Closed(#[source] Box<async_nats::SubscribeError>),
}

/// A running responder; it takes no more requests when dropped.
#[derive(Debug)]
pub struct Responder {
    requests: Arc<AtomicU64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Responder {
    /// Starts answering requests to a service: exactly one reply per request, each request in a task of its own.
    ///
    /// Instances of one service share the requests. What is no request is answered as the originals do, without
    /// calling `handler`.
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
        let subject = subject::command(service)?;
        // As in the subject, since a group cannot have white space in it either.
        let group = format!("kryten-{}", token::normalize(service));
        let mut inbox = client
            .listen(subject, Some(group))
            .await
            .map_err(|error| RespondError::Closed(Box::new(error)))?;
        // Who asks right after we return must find us.
        round_trip(&client.nats()).await;

        let responder = Self {
            requests: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (requests, stop) = (Arc::clone(&responder.requests), responder.stop.clone());
        let (tasks, handler) = (responder.tasks.clone(), Arc::new(handler));
        let client = client.clone();
        let service: Arc<str> = service.into();
        let at_once = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
        responder.tasks.spawn(async move {
            let mut draining = false;
            loop {
                let message = match draining {
                    false => tokio::select! {
                        message = inbox.next() => message,
                        () = stop.cancelled() => {
                            draining = true;
                            match inbox.drain().await {
                                Ok(()) => continue,
                                Err(_) => None,
                            }
                        }
                    },
                    true => tokio::time::timeout(DRAIN_LIMIT, inbox.next())
                        .await
                        .unwrap_or_default(),
                };
                let Some(message) = message else { break };
                let Ok(permit) = Arc::clone(&at_once).acquire_owned().await else {
                    break;
                };
                let (client, handler) = (client.clone(), Arc::clone(&handler));
                let (service, requests) = (Arc::clone(&service), Arc::clone(&requests));
                tasks.spawn(async move {
                    let reply = answer(&service, &requests, handler.as_ref(), &message).await;
                    send(&client.nats(), &service, message, &reply).await;
                    drop(permit);
                });
            }
        });
        responder.tasks.close();
        Ok(responder)
    }

    /// How many requests were read as JSON, whatever became of them.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    #[cfg(feature = "http")]
    pub(crate) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.requests)
    }

    /// Takes no more requests, and returns when those that the server has sent are answered.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer<H, F>(service: &str, requests: &AtomicU64, handler: &H, message: &Message) -> Reply
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Value, Refusal>>,
{
    let request = match read(service, requests, &message.payload) {
        Ok(request) => request,
        Err(reply) => return reply,
    };
    let command = request.command.clone();
    match handler(request).await {
        Ok(data) => Reply::done(service, &command, data),
        Err(refusal) => Reply::failed(service, Some(&command), refusal.0),
    }
}

#[expect(clippy::result_large_err, reason = "both are moved once per request")]
/// Reads a request, or says what is wrong with it in the originals' words.
fn read(service: &str, requests: &AtomicU64, body: &[u8]) -> Result<Request, Reply> {
    let bare = |error: &str| Reply {
        service: None,
        ..Reply::failed(service, None, error)
    };
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(bare("Internal error"));
    };
    let value: Value = serde_json::from_str(text).map_err(|_| bare("Invalid JSON"))?;
    requests.fetch_add(1, Ordering::Relaxed);
    let Value::Object(mut fields) = value else {
        return Err(bare("Internal error"));
    };
    let command = match fields.get("command") {
        Some(Value::Array(_) | Value::Object(_)) => return Err(bare("Internal error")),
        Some(command) if is_truthy(command) => command.clone(),
        _ => return Err(Reply::failed(service, None, "Missing 'command' field")),
    };
    if let Some(meant) = fields.get("service").filter(|meant| is_truthy(meant)) {
        let meant = text_of(meant);
        if meant != service {
            let error = format!("Command intended for '{meant}', not '{service}'");
            return Err(Reply::failed(service, None, error));
        }
    }
    let Value::String(command) = command else {
        return Err(Reply {
            command: Some(command.clone()),
            ..Reply::failed(
                service,
                None,
                format!("Unknown command: {}", text_of(&command)),
            )
        });
    };
    fields.shift_remove("command");
    fields.shift_remove("service");
    Ok(Request {
        command,
        service: Some(service.to_owned()),
        parameters: fields,
    })
}

/// What Python takes as true.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

async fn send(nats: &async_nats::Client, service: &str, message: Message, reply: &Reply) {
    // An answer among events or values would be our word for what somebody else wants there.
    let is_inbox = |inbox: &async_nats::Subject| {
        !["kryten.", "$"]
            .iter()
            .any(|taken| inbox.starts_with(taken))
    };
    let Some(inbox) = message.reply.filter(is_inbox) else {
        tracing::error!(service, subject = %message.subject, "a command came without a reply subject of its own; its answer is lost");
        return;
    };
    let body = match serialise(reply) {
        Ok(body) if body.len() <= nats.max_payload() => body,
        Ok(body) => {
            let error = format!(
                "The answer has {} bytes, but the NATS server takes at most {}",
                body.len(),
                nats.max_payload()
            );
            let command = reply.command.as_ref().and_then(Value::as_str);
            serialise(&Reply::failed(service, command, error)).unwrap_or_default()
        }
        Err(error) => {
            tracing::error!(service, %error, "an answer cannot be written");
            return;
        }
    };
    if let Err(error) = nats.publish(inbox, body.into()).await {
        tracing::error!(service, %error, "an answer could not be sent");
    }
}

/// A reply without a service is the originals' `{"error": …}`, which has no other field.
fn serialise(reply: &Reply) -> serde_json::Result<Vec<u8>> {
    match (&reply.service, &reply.error) {
        (None, Some(error)) => serde_json::to_vec(&serde_json::json!({ "error": error })),
        _ => serde_json::to_vec(reply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal_of(body: &[u8]) -> String {
        let reply = read("userstats", &AtomicU64::new(0), body).unwrap_err();
        String::from_utf8(serialise(&reply).unwrap()).unwrap()
    }

    #[test]
    fn what_is_no_request_is_answered_in_the_originals_words() {
        for (body, expected) in [
            (&b"nonsense"[..], r#"{"error":"Invalid JSON"}"#),
            (b"", r#"{"error":"Invalid JSON"}"#),
            (b"\xff", r#"{"error":"Internal error"}"#),
            (b"[1]", r#"{"error":"Internal error"}"#),
            (br#"{"command":["a"]}"#, r#"{"error":"Internal error"}"#),
            (
                br#"{"command":""}"#,
                r#"{"service":"userstats","success":false,"error":"Missing 'command' field"}"#,
            ),
            (
                br#"{"command":"x","service":"robot"}"#,
                r#"{"service":"userstats","success":false,"error":"Command intended for 'robot', not 'userstats'"}"#,
            ),
            (
                br#"{"command":7}"#,
                r#"{"service":"userstats","command":7,"success":false,"error":"Unknown command: 7"}"#,
            ),
        ] {
            assert_eq!(
                refusal_of(body),
                expected,
                "{}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn a_request_keeps_its_parameters_and_counts() {
        let requests = AtomicU64::new(0);
        let body = br#"{"command":"user.stats","service":"","username":"bob","limit":3}"#;
        let request = read("userstats", &requests, body).unwrap();
        assert_eq!(request.command, "user.stats");
        assert_eq!(request.parameters["username"], "bob");
        assert_eq!(request.parameters.len(), 2);
        assert_eq!(requests.load(Ordering::Relaxed), 1);
    }
}

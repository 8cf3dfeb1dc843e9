//! One request and its answer, with every way in which it can fail told apart.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{HeaderMap, Message, Request};
use bytes::Bytes;
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::connection::{Client, REQUEST_TIMEOUT};

/// Most answers come sooner; only after this is it looked whether something else has happened to the connection.
const USUAL: Duration = Duration::from_millis(50);

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExchangeError {
    /// No connection; nothing was sent.
    Away,
    /// Sent, but nobody listens on the subject.
    NoResponders,
    /// Sent, but no answer came.
    TimedOut,
    /// Sent, and then the connection was lost: an answer can no longer come, and whether it was done is not known.
    ConnectionLost,
    /// The account may not publish there; the server has dropped it.
    NoPermission { subject: String },
    /// Larger than the server takes; nothing was sent.
    TooLarge { limit: usize },
    /// The subject cannot be sent; nothing was sent.
    BadSubject { subject: String },
}

impl Client {
    /// Sends a request and waits for its answer; waits for the connection first, so that nothing is left in a buffer
    /// to be sent later, when nobody waits for it any more.
    pub(crate) async fn exchange(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Message, ExchangeError> {
        self.exchange_within(subject, headers, body, REQUEST_TIMEOUT)
            .await
    }

    pub(crate) async fn exchange_within(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Message, ExchangeError> {
        let deadline = Instant::now() + timeout;
        let mut life = tokio::time::timeout_at(deadline, self.life())
            .await
            .map_err(|_| ExchangeError::Away)?;
        let refusals = self.connection_events().refusals();
        // Timed here: a timer for each of thousands of requests at once costs more than the requests.
        let mut request = Request::new().payload(body).timeout(None);
        if !headers.is_empty() {
            request = request.headers(headers);
        }
        let nats = self.nats();
        let answer = nats.send_request(subject.to_owned(), request);
        let mut answer = std::pin::pin!(answer);
        let usual = tokio::time::timeout(USUAL, &mut answer).await;
        let answer = match usual {
            Ok(answer) => answer,
            Err(_) => tokio::select! {
                // An answer that came with the end of the connection is one.
                biased;
                answer = &mut answer => answer,
                () = life.ended() => return Err(ExchangeError::ConnectionLost),
                () = refused(refusals, subject) => return Err(ExchangeError::NoPermission {
                    subject: subject.to_owned(),
                }),
                () = tokio::time::sleep_until(deadline) => return Err(ExchangeError::TimedOut),
            },
        };
        let kind = match answer {
            Ok(answer) => return Ok(answer),
            Err(error) => error.kind(),
        };
        Err(match kind {
            RequestErrorKind::NoResponders => ExchangeError::NoResponders,
            RequestErrorKind::MaxPayloadExceeded => ExchangeError::TooLarge {
                limit: self.max_payload(),
            },
            RequestErrorKind::InvalidSubject => ExchangeError::BadSubject {
                subject: subject.to_owned(),
            },
            RequestErrorKind::TimedOut => ExchangeError::TimedOut,
            // The task that held the connection is gone; before that is told, the next request would go to it, too.
            RequestErrorKind::Other => {
                life.word_of_death().await;
                ExchangeError::ConnectionLost
            }
        })
    }
}

/// Returns when the server refuses a publication on the subject, which it tells apart from the answer.
async fn refused(mut refusals: broadcast::Receiver<String>, subject: &str) {
    let quoted = format!("\"{subject}\"");
    loop {
        match refusals.recv().await {
            Ok(text) if is_refusal_of(&text, &quoted) => return,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn is_refusal_of(text: &str, quoted_subject: &str) -> bool {
    text.to_lowercase()
        .contains("permissions violation for publish")
        && text.contains(quoted_subject)
}

//! Records what is published on the server, by whomever.

use anyhow::Context;
use async_nats::Subscriber;
use futures_util::StreamExt;
use kryten_client::{Client, NatsConfig};
use serde_json::Value;

const MARK: &str = "interop.mark";
/// Answers, and what a client asks of the server itself, which is each library's own affair.
const LEFT_OUT: [&str; 3] = ["_INBOX", "$SYS", "$JS"];
/// The one request to the server whose body is part of the contract.
const KEPT: &str = "$JS.API.STREAM.CREATE.";

/// A message as it was published.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    pub(crate) subject: String,
    pub(crate) body: Body,
    pub(crate) wants_answer: bool,
    pub(crate) headers: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

pub(crate) struct Recorder {
    client: Client,
    inbox: Subscriber,
}

impl Recorder {
    /// On a connection of its own.
    pub(crate) async fn start(config: &NatsConfig) -> anyhow::Result<Self> {
        let client = Client::connect(config).await?;
        let inbox = client.nats().subscribe(">").await?;
        let mut recorder = Self { client, inbox };
        recorder.take().await?;
        Ok(recorder)
    }

    /// What was published since the last time, by those who have flushed.
    pub(crate) async fn take(&mut self) -> anyhow::Result<Vec<Sent>> {
        self.client.nats().publish(MARK, "".into()).await?;
        let mut all = Vec::new();
        loop {
            let message = self.inbox.next().await.context("the recorder has ended")?;
            let subject = message.subject.to_string();
            if subject == MARK {
                return Ok(all);
            }
            let first = subject.split('.').next().unwrap_or_default();
            if LEFT_OUT.contains(&first) && !subject.starts_with(KEPT) {
                continue;
            }
            let body = match serde_json::from_slice(&message.payload) {
                Ok(json) => Body::Json(json),
                Err(_) => Body::Bytes(message.payload.to_vec()),
            };
            let headers = message.headers.iter().flat_map(|headers| headers.iter());
            let headers = headers.flat_map(|(name, values)| {
                values
                    .iter()
                    .map(|value| (name.to_string(), value.to_string()))
            });
            all.push(Sent {
                subject,
                body,
                wants_answer: message.reply.is_some(),
                headers: headers.collect(),
            });
        }
    }
}

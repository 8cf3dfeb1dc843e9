//! A consumer that we create, own and remove.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api::ApiError;
use crate::connection::Client;

/// How long the server keeps a consumer that nobody asks any more.
const INACTIVE: Duration = Duration::from_secs(30);

/// Where a consumer starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At a sequence; 0 is the start of the stream.
    Sequence(u64),
    /// With the last message of every subject, then going on.
    LastPerSubject,
    /// With the first message that was stored at this moment or later.
    Time(Timestamp),
}

/// What a consumer delivers.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) stream: String,
    /// Empty for all subjects.
    pub(crate) filters: Vec<String>,
    pub(crate) start: Start,
    pub(crate) headers_only: bool,
}

#[derive(Serialize)]
struct CreateRequest<'a> {
    stream_name: &'a str,
    action: &'static str,
    config: ConsumerConfig<'a>,
}

#[derive(Serialize)]
struct ConsumerConfig<'a> {
    name: &'a str,
    deliver_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_start_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_subjects: Option<&'a [String]>,
    ack_policy: &'static str,
    replay_policy: &'static str,
    inactive_threshold: u64,
    num_replicas: usize,
    mem_storage: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    headers_only: bool,
}

/// What the server tells of a consumer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ConsumerInfo {
    pub(crate) num_pending: u64,
    pub(crate) delivered: Delivered,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Delivered {
    pub(crate) consumer_seq: u64,
    #[serde(default)]
    pub(crate) stream_seq: u64,
}

#[derive(Deserialize)]
struct Deleted {
    #[serde(rename = "success")]
    _success: bool,
}

/// A consumer that is removed from the server when this is dropped.
#[derive(Debug)]
pub(crate) struct Consumer {
    client: Client,
    stream: String,
    name: String,
    removed: bool,
}

impl Consumer {
    /// Creates a consumer; also says how many messages wait for it, and behind which it begins.
    pub(crate) async fn create(
        client: &Client,
        wanted: &Wanted,
    ) -> Result<(Self, ConsumerInfo), ApiError> {
        let name = format!("kryten-{:032x}", rand::random::<u128>());
        let (deliver_policy, opt_start_seq) = match wanted.start {
            Start::Sequence(0 | 1) => ("all", None),
            Start::Sequence(sequence) => ("by_start_sequence", Some(sequence)),
            Start::LastPerSubject => ("last_per_subject", None),
            Start::Time(_) => ("by_start_time", None),
        };
        let request = CreateRequest {
            stream_name: &wanted.stream,
            action: "create",
            config: ConsumerConfig {
                name: &name,
                deliver_policy,
                opt_start_seq,
                opt_start_time: match wanted.start {
                    Start::Time(time) => Some(time.to_string()),
                    _ => None,
                },
                // The server wants a filter with this policy.
                filter_subject: match (wanted.filters.as_slice(), wanted.start) {
                    ([one], _) => Some(one),
                    ([], Start::LastPerSubject) => Some(">"),
                    _ => None,
                },
                filter_subjects: (wanted.filters.len() > 1).then_some(wanted.filters.as_slice()),
                ack_policy: "none",
                replay_policy: "instant",
                inactive_threshold: u64::try_from(INACTIVE.as_nanos()).unwrap_or(u64::MAX),
                num_replicas: 1,
                mem_storage: true,
                headers_only: wanted.headers_only,
            },
        };
        // From here on the server may have it, also when the answer is lost.
        let consumer = Self {
            client: client.clone(),
            stream: wanted.stream.clone(),
            name: name.clone(),
            removed: false,
        };
        let endpoint = format!("CONSUMER.CREATE.{}.{}", consumer.stream, consumer.name);
        let info: ConsumerInfo = client.api(&endpoint, &request).await?;
        Ok((consumer, info))
    }

    pub(crate) async fn info(&self) -> Result<ConsumerInfo, ApiError> {
        let endpoint = format!("CONSUMER.INFO.{}.{}", self.stream, self.name);
        self.client.api_bare(&endpoint).await
    }

    /// The subject on which it is asked for messages.
    pub(crate) fn next_subject(&self) -> String {
        let endpoint = format!("CONSUMER.MSG.NEXT.{}.{}", self.stream, self.name);
        self.client.api_subject(&endpoint)
    }

    /// Removes it from the server; one that is gone already is no error.
    pub(crate) async fn remove(mut self) {
        self.removed = true;
        delete(&self.client, &self.stream, &self.name).await;
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if self.removed || !self.client.is_connected() {
            return;
        }
        // Outside a runtime the server removes it by itself after a while.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (client, stream, name) = (
                self.client.clone(),
                std::mem::take(&mut self.stream),
                std::mem::take(&mut self.name),
            );
            runtime.spawn(async move { delete(&client, &stream, &name).await });
        }
    }
}

async fn delete(client: &Client, stream: &str, name: &str) {
    let deleted: Result<Deleted, ApiError> = client
        .api_bare(&format!("CONSUMER.DELETE.{stream}.{name}"))
        .await;
    if let Err(error) = deleted {
        tracing::debug!(stream, name, ?error, "the consumer was not removed");
    }
}

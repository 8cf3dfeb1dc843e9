//! A message as a stream keeps it, and how one is read.

use async_nats::{HeaderMap, HeaderName, HeaderValue, Message, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::api::{ApiError, code};
use crate::connection::Client;
use crate::exchange::ExchangeError;

/// A message as a stream keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) time_nanos: i128,
}

impl Stored {
    /// The last value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get_last(name).map(HeaderValue::as_str)
    }
}

/// Which message is meant.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) enum Which<'a> {
    #[serde(rename = "seq")]
    Sequence(u64),
    #[serde(rename = "last_by_subj")]
    LastFor(&'a str),
    /// The first one of a subject from a sequence on.
    #[serde(untagged)]
    NextFor {
        #[serde(rename = "seq")]
        from: u64,
        #[serde(rename = "next_by_subj")]
        subject: &'a str,
    },
}

/// Who may answer a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// Any replica of the stream, which may be a moment behind; the stream has to allow it.
    AnyReplica,
    /// The stream's leader.
    Leader,
}

impl Client {
    /// Reads one message of a stream.
    pub(crate) async fn read_stored(
        &self,
        stream: &str,
        from: From,
        which: Which<'_>,
    ) -> Result<Option<Stored>, ApiError> {
        match from {
            From::AnyReplica => self.read_direct(stream, which).await,
            From::Leader => self.read_from_leader(stream, which).await,
        }
    }

    async fn read_direct(
        &self,
        stream: &str,
        which: Which<'_>,
    ) -> Result<Option<Stored>, ApiError> {
        let subject = self.api_subject(&format!("DIRECT.GET.{stream}"));
        let body = serde_json::to_vec(&which).unwrap_or_default();
        let answer = match self.exchange(&subject, HeaderMap::new(), body.into()).await {
            Ok(answer) => answer,
            // Nobody answers for this stream: it is gone, or JetStream is; the leader's way tells which.
            Err(ExchangeError::NoResponders) => return self.read_from_leader(stream, which).await,
            // The connection may have broken over the answer, which the leader gives in another form. Whom the leader
            // does not answer, or not yet, has lost the connection and no more.
            Err(ExchangeError::ConnectionLost) => {
                let answer = self.read_from_leader(stream, which).await;
                return answer.map_err(|error| match error {
                    ApiError::NoPermission { .. } | ApiError::JetStreamOff => ApiError::TimedOut,
                    error => error,
                });
            }
            Err(ExchangeError::Away) => return Err(ApiError::Away),
            Err(ExchangeError::NoPermission { subject }) => {
                return Err(ApiError::NoPermission { subject });
            }
            Err(_) => return Err(ApiError::TimedOut),
        };
        match answer.status {
            // What was stored with a status in its headers is a message all the same.
            _ if is_stored(&answer) => Ok(from_direct(answer)),
            Some(StatusCode::NOT_FOUND) => Ok(None),
            Some(status) => Err(ApiError::Refused {
                code: 0,
                description: format!("{status} {}", answer.description.unwrap_or_default()),
            }),
            None => Ok(from_direct(answer)),
        }
    }

    async fn read_from_leader(
        &self,
        stream: &str,
        which: Which<'_>,
    ) -> Result<Option<Stored>, ApiError> {
        let answer = self.api(&format!("STREAM.MSG.GET.{stream}"), &which).await;
        match answer {
            Ok(Answer { message }) => Ok(Some(message.into())),
            Err(error) if error.is(code::NO_MESSAGE) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_stored(answer: &Message) -> bool {
    let headers = answer.headers.as_ref();
    headers.is_some_and(|headers| headers.get("Nats-Sequence").is_some())
}

/// Takes the stream's own headers off a direct answer.
fn from_direct(answer: Message) -> Option<Stored> {
    let mut headers = HeaderMap::new();
    let (mut sequence, mut subject, mut time_nanos) = (None, None, 0);
    for (name, values) in answer.headers.unwrap_or_default().iter() {
        let name: &str = name.as_ref();
        for value in values {
            match name {
                "Nats-Sequence" => sequence = value.as_str().parse().ok(),
                "Nats-Subject" => subject = Some(value.as_str().to_owned()),
                "Nats-Time-Stamp" => time_nanos = nanos(value.as_str()),
                "Nats-Stream" | "Nats-Last-Sequence" | "Nats-Num-Pending" => {}
                _ => headers.append(name, value.as_str()),
            }
        }
    }
    Some(Stored {
        sequence: sequence?,
        subject: subject?,
        headers,
        body: answer.payload,
        time_nanos,
    })
}

fn nanos(time: &str) -> i128 {
    time.parse::<jiff::Timestamp>()
        .map_or(0, jiff::Timestamp::as_nanosecond)
}

#[derive(Deserialize)]
struct Answer {
    message: LeaderMessage,
}

#[derive(Deserialize)]
struct LeaderMessage {
    subject: String,
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
    #[serde(default)]
    time: String,
}

impl std::convert::From<LeaderMessage> for Stored {
    fn from(message: LeaderMessage) -> Self {
        let decoded = |text: &str| STANDARD.decode(text).unwrap_or_default();
        Self {
            sequence: message.seq,
            subject: message.subject,
            headers: parse_headers(&decoded(&message.hdrs)),
            body: decoded(&message.data).into(),
            time_nanos: nanos(&message.time),
        }
    }
}

/// Reads the block of headers that NATS puts before a body.
fn parse_headers(block: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let text = String::from_utf8_lossy(block);
    for line in text.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if let (Ok(name), Ok(value)) = (
            name.parse::<HeaderName>(),
            value.trim().parse::<HeaderValue>(),
        ) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_leaders_answer_are_read() {
        let headers = parse_headers(b"NATS/1.0\r\nA: b: c\r\nKV-Operation:DEL\r\n\r\n");
        assert_eq!(headers.get("A").unwrap().as_str(), "b: c");
        assert_eq!(headers.get("KV-Operation").unwrap().as_str(), "DEL");
        assert!(parse_headers(b"").is_empty());
    }
}

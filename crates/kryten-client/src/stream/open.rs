//! Finds the stream that keeps the events, or creates it.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use kryten_protocol::subject::{EVENTS_STREAM, EVENTS_WILDCARD};
use serde::{Deserialize, Serialize};

use super::EventStreamConfig;
use crate::connection::Client;
use crate::jetstream::api::{ApiError, code};

/// A robot that was cut off resends within this time; the stream then keeps the first one only.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(600);

pub(super) fn config_of(config: &EventStreamConfig) -> Config {
    Config {
        name: EVENTS_STREAM.to_owned(),
        description: Some("CyTube events as the robot published them".to_owned()),
        subjects: vec![EVENTS_WILDCARD.to_owned()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        max_age: config.max_age,
        max_bytes: config
            .max_bytes
            .and_then(|bytes| i64::try_from(bytes).ok())
            .unwrap_or(-1),
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        num_replicas: config.replicas.unwrap_or(1),
        duplicate_window: DUPLICATE_WINDOW.min(non_zero(config.max_age)),
        allow_direct: true,
        ..Config::default()
    }
}

/// The stream that is there; [`code::STREAM_NOT_FOUND`] where none is.
pub(super) async fn open(client: &Client, config: &Config) -> Result<Info, ApiError> {
    let found = client.stream_info(&config.name).await;
    match found {
        Err(error) if error.is(code::STREAM_NOT_FOUND) => match covering(client).await? {
            Some(name) => client.stream_info(&name).await,
            None => Err(error),
        },
        found => found,
    }
}

pub(super) async fn open_or_create(client: &Client, config: &Config) -> Result<Info, ApiError> {
    match open(client, config).await {
        Err(error) if error.is(code::STREAM_NOT_FOUND) => {}
        found => return found,
    }
    match client.create_stream(config).await {
        // Somebody was faster, with other limits or under another name.
        Err(error) if error.is(code::STREAM_NAME_IN_USE) => client.stream_info(&config.name).await,
        Err(error) if error.is(code::SUBJECTS_OVERLAP) => match covering(client).await? {
            Some(name) => client.stream_info(&name).await,
            None => Err(error),
        },
        created => created,
    }
}

#[derive(Serialize)]
struct NamesRequest {
    subject: &'static str,
}

#[derive(Deserialize)]
struct NamesAnswer {
    #[serde(default)]
    streams: Option<Vec<String>>,
}

/// A stream that already takes all event subjects.
async fn covering(client: &Client) -> Result<Option<String>, ApiError> {
    for name in overlapping(client).await? {
        let info = client.stream_info(&name).await?;
        let takes_all = |subject: &String| {
            [
                EVENTS_WILDCARD,
                "kryten.>",
                ">",
                "*.>",
                "*.*.>",
                "*.events.>",
                "kryten.*.>",
            ]
            .contains(&subject.as_str())
        };
        if info.config.subjects.iter().any(takes_all) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Every stream that takes some of the event subjects.
pub(super) async fn overlapping(client: &Client) -> Result<Vec<String>, ApiError> {
    let request = NamesRequest {
        subject: EVENTS_WILDCARD,
    };
    let answer: NamesAnswer = client.api("STREAM.NAMES", &request).await?;
    Ok(answer.streams.unwrap_or_default())
}

/// How a stream differs from the one that we would create, in what matters to us.
pub(super) fn differences(wanted: &Config, found: &Config) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |is_different: bool, text: String| {
        if is_different {
            differences.push(text);
        }
    };
    let seconds = |duration: Duration| duration.as_secs();
    differ(
        wanted.name != found.name,
        format!("is {}, not {}", found.name, wanted.name),
    );
    differ(
        wanted.storage != found.storage,
        "is kept in memory: events are gone when the server stops".to_owned(),
    );
    differ(
        found.retention != RetentionPolicy::Limits,
        "removes events that were read: only one reader gets each".to_owned(),
    );
    differ(
        wanted.max_age != found.max_age,
        format!(
            "keeps events for {} s, not {} s",
            seconds(found.max_age),
            seconds(wanted.max_age)
        ),
    );
    differ(
        wanted.max_bytes.max(-1) != unlimited(found.max_bytes),
        format!(
            "keeps {} bytes, not {}",
            limit(found.max_bytes),
            limit(wanted.max_bytes)
        ),
    );
    differ(
        unlimited(found.max_messages) != -1,
        format!("keeps {} events only", found.max_messages),
    );
    differ(
        unlimited(found.max_messages_per_subject) != -1,
        format!(
            "keeps {} events of each kind only",
            found.max_messages_per_subject
        ),
    );
    if let Some(bytes) = max_message_size(found) {
        differ(
            true,
            format!("takes events of at most {bytes} bytes, headers included"),
        );
    }
    differ(
        found.duplicate_window < wanted.duplicate_window,
        format!(
            "recognises what is sent twice for {} s, not {} s",
            seconds(found.duplicate_window),
            seconds(wanted.duplicate_window)
        ),
    );
    differ(
        wanted.num_replicas != found.num_replicas,
        format!(
            "has {} replicas, not {}",
            found.num_replicas, wanted.num_replicas
        ),
    );
    differ(
        found.no_ack,
        "acknowledges nothing: a lost event cannot be noticed".to_owned(),
    );
    differences
}

/// How large a message may be with its headers; `None` where the stream says nothing of it.
pub(super) fn max_message_size(found: &Config) -> Option<usize> {
    let limit = usize::try_from(found.max_message_size).ok();
    limit.filter(|limit| *limit > 0)
}

fn unlimited(limit: i64) -> i64 {
    if limit <= 0 { -1 } else { limit }
}

fn limit(limit: i64) -> String {
    match unlimited(limit) {
        -1 => "any number of".to_owned(),
        limit => limit.to_string(),
    }
}

/// A window of duplicates longer than the age of events is refused; no age is no bound.
fn non_zero(age: Duration) -> Duration {
    if age.is_zero() { Duration::MAX } else { age }
}

//! What the NATS server has: JetStream, the stream, buckets, a clock.

use std::collections::BTreeSet;

use async_nats::jetstream::account::Account;
use async_nats::jetstream::response::Response;
use jiff::Timestamp;
use kryten_client::{Client, EventStream, KvBucket, KvError, StreamError, state};
use kryten_protocol::state::StateBucket;
use kryten_protocol::subject::EVENTS_WILDCARD;
use serde_json::{Value, json};

use super::super::facts::{Bucket, BucketState, Clock, JetStream, List, Stream};

pub(super) async fn jetstream(client: &Client) -> JetStream {
    // What the library says of JetStream's absence and of permissions is the clearer word.
    match KvBucket::names(client).await {
        Err(KvError::JetStreamOff) => return JetStream::Off,
        Err(KvError::NoPermission { subject }) => return JetStream::NoPermission(subject),
        Err(error) => return JetStream::Failed(error.to_string()),
        Ok(_) => {}
    }
    let asked = client
        .jetstream()
        .request::<_, _, Response<Account>>("INFO", &json!({}))
        .await;
    match asked {
        Ok(Response::Ok(account)) => JetStream::On {
            storage: account.storage,
            limit: account
                .limits
                .max_storage
                .and_then(|limit| u64::try_from(limit).ok())
                .filter(|limit| *limit > 0),
        },
        // A user that may not ask this may still do everything else.
        Ok(Response::Err { .. }) | Err(_) => JetStream::On {
            storage: 0,
            limit: None,
        },
    }
}

pub(super) async fn stream(client: &Client) -> Stream {
    let stream = match EventStream::open(client).await {
        Ok(stream) => stream,
        Err(StreamError::Missing { .. }) => {
            return Stream::Missing {
                overlapping: overlapping(client).await,
            };
        }
        Err(StreamError::NoPermission { subject }) => return Stream::NoPermission(subject),
        Err(error) => return Stream::Failed(error.to_string()),
    };
    match stream.info().await {
        Ok(info) => Stream::There {
            name: stream.name().to_owned(),
            messages: info.messages,
            differences: stream.differences().to_vec(),
        },
        Err(error) => Stream::Failed(error.to_string()),
    }
}

async fn overlapping(client: &Client) -> Vec<String> {
    let request = json!({"subject": EVENTS_WILDCARD});
    let answer: Result<Value, _> = client.jetstream().request("STREAM.NAMES", &request).await;
    let names = answer
        .ok()
        .and_then(|answer| answer["streams"].as_array().cloned());
    let names = names.unwrap_or_default();
    names
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The server's clock, from an answer that has one.
pub(super) async fn clock(client: &Client) -> Option<Clock> {
    let stream = match EventStream::open(client).await {
        Ok(stream) => stream.name().to_owned(),
        Err(_) => format!("KV_{}", KvBucket::names(client).await.ok()?.first()?),
    };
    let before = Timestamp::now();
    let answer: Value = client
        .jetstream()
        .request(format!("STREAM.INFO.{stream}"), &json!({}))
        .await
        .ok()?;
    let after = Timestamp::now();
    let theirs: Timestamp = answer["ts"].as_str()?.parse().ok()?;
    Some(Clock {
        whose: "the NATS server".to_owned(),
        ahead_seconds: ahead(theirs, before, after),
    })
}

/// How much a clock is ahead of ours, which was read before and after.
pub(super) fn ahead(theirs: Timestamp, before: Timestamp, after: Timestamp) -> f64 {
    let micros = |time: Timestamp| time.as_microsecond() as f64;
    let ours = (micros(before) + micros(after)) / 2.0;
    (micros(theirs) - ours) / 1e6
}

#[derive(Default)]
pub(super) struct Buckets {
    pub(super) of_channels: Vec<Bucket>,
    pub(super) dead: Vec<String>,
    pub(super) lists: Vec<List>,
}

pub(super) async fn buckets(client: &Client, channels: &BTreeSet<String>) -> Buckets {
    let mut buckets = Buckets::default();
    // Told as a matter of JetStream already.
    let Ok(names) = KvBucket::names(client).await else {
        return buckets;
    };
    for channel in channels {
        for bucket in StateBucket::ALL {
            let name = bucket.name(channel);
            let state = match KvBucket::open(client, &name).await {
                Ok(open) => {
                    buckets.lists.extend(list(&open, bucket, channel).await);
                    match open.info().await {
                        Ok(info) => BucketState::There {
                            info: Box::new(info),
                            usual_size: usize::try_from(bucket.max_value_size()).unwrap_or(0),
                        },
                        Err(error) => BucketState::Failed(error.to_string()),
                    }
                }
                Err(KvError::BucketMissing { .. }) => BucketState::Missing {
                    similar: names
                        .iter()
                        .find(|other| other.eq_ignore_ascii_case(&name))
                        .cloned(),
                },
                Err(KvError::NotABucket { .. }) => BucketState::NotABucket,
                Err(KvError::BadBucketName { .. }) => BucketState::NoName,
                Err(KvError::NoPermission { subject }) => BucketState::NoPermission(subject),
                Err(error) => BucketState::Failed(error.to_string()),
            };
            buckets.of_channels.push(Bucket {
                channel: channel.clone(),
                name,
                state,
            });
        }
    }
    buckets.dead = names.into_iter().filter(|name| is_dead(name)).collect();
    buckets
}

async fn list(open: &KvBucket, bucket: StateBucket, channel: &str) -> Option<List> {
    let what = match bucket {
        StateBucket::Userlist => "userlist",
        StateBucket::Emotes => "emote list",
        StateBucket::Playlist => "playlist",
        StateBucket::State => return None,
    };
    let key = bucket.list_keys_to_try().first()?;
    let list = state::list(open, key).await.ok()??;
    Some(List {
        channel: channel.to_owned(),
        what,
        bytes: list.json.len(),
    })
}

/// Names that documents and older versions of the originals have, and that nothing uses.
fn is_dead(name: &str) -> bool {
    let is_state = StateBucket::ALL
        .iter()
        .any(|bucket| name.ends_with(&format!("_{}", bucket.suffix())));
    name.starts_with("cytube_") && is_state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_old_are_known() {
        assert!(is_dead("cytube_cytu_be_lounge_userlist") && is_dead("cytube_lounge_playlist"));
        assert!(!is_dead("kryten_lounge_userlist") && !is_dead("cytube_bot_notes"));
    }

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_question() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(ahead(at(110), at(100), at(102)), 9.0);
        assert_eq!(ahead(at(90), at(100), at(100)), -10.0);
    }
}

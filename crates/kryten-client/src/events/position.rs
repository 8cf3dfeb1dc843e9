//! Where a named consumer stopped.

use serde::Deserialize;
use tokio::sync::Mutex;

use crate::connection::Client;
use crate::kv::{BucketConfig, KvBucket, KvError, Operation, PutOptions};
use crate::stream::EventStream;

/// The bucket that keeps where consumers stopped; the key is `{name}:{channel}`, the channel as in subjects.
pub const CONSUMERS_BUCKET: &str = "kryten_consumers";

/// Why it could not be noted that an event is done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PositionError {
    /// Another program reads under the same name and has noted a position meanwhile.
    #[error("another program reads events under the name of {key:?}; give each its own name")]
    TakenOver {
        /// The key in [`CONSUMERS_BUCKET`].
        key: String,
    },
    /// The position could not be written.
    #[error(transparent)]
    Kv(#[from] KvError),
}

/// A place in a stream that may be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Place {
    /// When the stream was created, in nanoseconds since the Unix epoch.
    pub(super) created_nanos: i128,
    /// The last sequence that is done.
    pub(super) sequence: u64,
}

impl Place {
    fn to_json(self) -> String {
        let Self {
            created_nanos,
            sequence,
        } = self;
        format!(r#"{{"created_nanos":{created_nanos},"sequence":{sequence}}}"#)
    }
}

#[derive(Debug)]
pub(super) struct Position {
    bucket: KvBucket,
    key: String,
    noted: Mutex<Noted>,
}

#[derive(Debug, Clone, Copy)]
struct Noted {
    place: Place,
    revision: u64,
    /// A write was sent whose answer did not come.
    unsure: bool,
}

/// Reads the position, or notes the end of the stream as the first one.
pub(super) async fn open(
    client: &Client,
    stream: &EventStream,
    key: String,
) -> Result<Position, super::SubscribeError> {
    let bucket = KvBucket::open_or_create(client, BucketConfig::new(CONSUMERS_BUCKET)).await?;
    let noted = match read(&bucket, &key).await? {
        Some(noted) => noted,
        None => {
            let info = stream.info().await?;
            let place = Place {
                created_nanos: info.created_nanos,
                sequence: info.last_sequence,
            };
            let revision = bucket.put(&key, place.to_json()).await?;
            Noted {
                place,
                revision,
                unsure: false,
            }
        }
    };
    Ok(Position {
        bucket,
        key,
        noted: Mutex::new(noted),
    })
}

async fn read(bucket: &KvBucket, key: &str) -> Result<Option<Noted>, KvError> {
    let entry = bucket.entry(key).await?;
    let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
        return Ok(None);
    };
    let place = serde_json::from_slice(&entry.value).map_err(|error| KvError::WrongKind {
        key: key.to_owned(),
        wanted: "a consumer's position; delete it to start anew",
        source: Some(error.into()),
    })?;
    Ok(Some(Noted {
        place,
        revision: entry.revision,
        unsure: false,
    }))
}

impl Position {
    pub(super) async fn place(&self) -> Place {
        self.noted.lock().await.place
    }

    /// Notes that everything up to a place is done.
    pub(super) async fn advance(&self, place: Place) -> Result<(), PositionError> {
        let mut noted = self.noted.lock().await;
        let is_behind = place.created_nanos == noted.place.created_nanos
            && place.sequence <= noted.place.sequence;
        if is_behind && !noted.unsure {
            return Ok(());
        }
        match self.put(&mut noted, place).await {
            Err(KvError::WrongRevision { .. }) if noted.unsure => {
                // Our own write whose answer was lost.
                if let Some(entry) = self.bucket.entry(&self.key).await? {
                    noted.revision = entry.revision;
                }
                self.put(&mut noted, place).await?;
            }
            Err(KvError::WrongRevision { .. }) => {
                return Err(PositionError::TakenOver {
                    key: self.key.clone(),
                });
            }
            other => other?,
        }
        Ok(())
    }

    async fn put(&self, noted: &mut Noted, place: Place) -> Result<(), KvError> {
        let options = PutOptions {
            expected_revision: Some(noted.revision),
            ..PutOptions::default()
        };
        match self
            .bucket
            .put_at(&self.key, place.to_json(), options)
            .await
        {
            Ok(revision) => {
                *noted = Noted {
                    place,
                    revision,
                    unsure: false,
                };
                Ok(())
            }
            Err(error) => {
                noted.unsure |= matches!(error, KvError::OutcomeUnknown { .. });
                Err(error)
            }
        }
    }
}

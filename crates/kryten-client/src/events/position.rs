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
    /// When the server stored what was done last, in nanoseconds since the Unix epoch: a restored copy of the stream may
    /// use the sequence again. Positions of older versions have none.
    #[serde(default)]
    pub(super) stored_nanos: Option<i128>,
}

impl Place {
    fn to_json(self) -> String {
        let Self {
            created_nanos,
            sequence,
            stored_nanos,
        } = self;
        let stored = stored_nanos.map(|nanos| format!(r#","stored_nanos":{nanos}"#));
        let stored = stored.unwrap_or_default();
        format!(r#"{{"created_nanos":{created_nanos},"sequence":{sequence}{stored}}}"#)
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
    /// A write was sent whose answer did not come, or was not waited for.
    unsure: bool,
    /// What was written last, whether it is stored or not.
    tried: Place,
    /// How often reading has gone on in another stream, or in one that was set back; an event that was read before is no
    /// part of what is read now.
    round: u64,
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
                stored_nanos: None,
            };
            let revision = bucket.put(&key, place.to_json()).await?;
            Noted {
                place,
                revision,
                unsure: false,
                tried: place,
                round: 0,
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
    let place: Place =
        serde_json::from_slice(&entry.value).map_err(|error| KvError::WrongKind {
            key: key.to_owned(),
            wanted: "a consumer's position; delete it to start anew",
            source: Some(error.into()),
        })?;
    Ok(Some(Noted {
        place,
        revision: entry.revision,
        unsure: false,
        tried: place,
        round: 0,
    }))
}

impl Position {
    pub(super) async fn place(&self) -> Place {
        self.noted.lock().await.place
    }

    /// Notes that everything up to a place is done, of an event that was read in this round.
    pub(super) async fn advance(&self, place: Place, round: u64) -> Result<(), PositionError> {
        let mut noted = self.noted.lock().await;
        if round < noted.round {
            return Ok(());
        }
        let is_behind = place.created_nanos == noted.place.created_nanos
            && place.sequence <= noted.place.sequence;
        if is_behind && !noted.unsure {
            return Ok(());
        }
        // What was given up may be stored, and is not to be taken back.
        let tried = noted.tried;
        let is_behind =
            place.created_nanos == tried.created_nanos && place.sequence <= tried.sequence;
        let place = if noted.unsure && is_behind {
            tried
        } else {
            place
        };
        self.note(&mut noted, place).await
    }

    /// Begins a round: another stream is read from now on. What was noted stays until something of it is done.
    pub(super) async fn begin_round(&self) -> u64 {
        let mut noted = self.noted.lock().await;
        noted.round += 1;
        noted.round
    }

    /// Begins a round in the same stream, which was set back and ends at `last_sequence` now.
    ///
    /// Where nothing can be written now, what is done next makes up for it.
    pub(super) async fn set_back(&self, last_sequence: u64) -> u64 {
        let mut noted = self.noted.lock().await;
        noted.round += 1;
        let place = Place {
            sequence: noted.place.sequence.min(last_sequence),
            ..noted.place
        };
        if let Err(error) = self.note(&mut noted, place).await {
            tracing::debug!(key = self.key, %error, "the position is not set back yet");
        }
        // Whatever is done next comes after it, also what came into the stream before we saw that it was set back.
        noted.place.sequence = 0;
        noted.tried = noted.place;
        noted.round
    }

    async fn note(&self, noted: &mut Noted, place: Place) -> Result<(), PositionError> {
        match self.put(noted, place).await {
            Err(KvError::WrongRevision { .. }) if noted.unsure => {
                // Our own write whose answer was lost.
                if let Some(entry) = self.bucket.entry(&self.key).await? {
                    noted.revision = entry.revision;
                }
                self.put(noted, place).await?;
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
        // Who waits for this may give up at any moment, and what was sent is stored all the same.
        let was_unsure = std::mem::replace(&mut noted.unsure, true);
        noted.tried = place;
        match self
            .bucket
            .put_at(&self.key, place.to_json(), options)
            .await
        {
            Ok(revision) => {
                noted.place = place;
                noted.revision = revision;
                noted.unsure = false;
                Ok(())
            }
            Err(error) => {
                noted.unsure = was_unsure || matches!(error, KvError::OutcomeUnknown { .. });
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written_and_one_of_an_older_version_too() {
        let place = Place {
            created_nanos: 1_795_364_422_994_000_123,
            sequence: 17,
            stored_nanos: Some(1_795_364_422_994_000_124),
        };
        let json = place.to_json();
        assert_eq!(
            json,
            r#"{"created_nanos":1795364422994000123,"sequence":17,"stored_nanos":1795364422994000124}"#
        );
        assert_eq!(serde_json::from_str::<Place>(&json).unwrap(), place);
        let older = r#"{"created_nanos":1795364422994000123,"sequence":17}"#;
        let place = Place {
            stored_nanos: None,
            ..place
        };
        assert_eq!(serde_json::from_str::<Place>(older).unwrap(), place);
        assert_eq!(place.to_json(), older);
    }
}

//! Writes the state's values into the channel's KV buckets, one writer for each channel.
//!
//! Each put expects the last revision that this writer knows and carries the mark of the event that the value
//! reflects. Whoever finds a mark of a higher epoch has been replaced and writes no more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use kryten_client::Client;
use kryten_client::kv::{BucketConfig, Entry, KvBucket, KvError, PutOptions};
use kryten_protocol::state::{STATE_HEADER, StateBucket, StateMark};
use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::channel::StateKey;
use crate::channel_name::ChannelId;
use crate::outbox::Snapshot;
use crate::status::{ChannelStatus, add, set};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

pub(crate) struct KvWriter {
    id: Arc<ChannelId>,
    client: Client,
    status: Arc<ChannelStatus>,
    epoch: u64,
    buckets: HashMap<StateBucket, KvBucket>,
    revisions: HashMap<StateKey, u64>,
    stood_down: bool,
}

/// What to do after a put was refused because of another revision.
enum Conflict {
    AlreadyWritten,
    Overwrite(u64),
    StandDown,
}

impl KvWriter {
    /// Opens or creates the four buckets and takes the next epoch.
    pub(crate) async fn open(
        id: Arc<ChannelId>,
        client: Client,
        status: Arc<ChannelStatus>,
    ) -> Result<Self, KvError> {
        let mut writer = Self {
            id,
            client,
            status,
            epoch: 1,
            buckets: HashMap::new(),
            revisions: HashMap::new(),
            stood_down: false,
        };
        for bucket in StateBucket::ALL {
            writer.bucket(bucket).await?;
        }
        for key in StateKey::ALL {
            let entry = writer.bucket(key.bucket()).await?.entry(key.key()).await?;
            if let Some(entry) = entry {
                writer.revisions.insert(key, entry.revision);
                if let Some(mark) = mark_of(&entry) {
                    writer.epoch = writer.epoch.max(mark.epoch + 1);
                }
            }
        }
        set(&writer.status.kv_up, true);
        Ok(writer)
    }

    /// The epoch of this writer: one more than any before it.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Writes what comes until the sender is gone; tells of each key when it is written.
    pub(crate) async fn run(
        mut self,
        mut snapshots: mpsc::UnboundedReceiver<(Snapshot, Option<StateMark>)>,
        written: mpsc::UnboundedSender<StateKey>,
    ) {
        while let Some((snapshot, mark)) = snapshots.recv().await {
            let key = snapshot.key;
            if let Some(mark) = mark
                && !self.stood_down
            {
                self.write(snapshot, mark).await;
            }
            if written.send(key).is_err() {
                return;
            }
        }
    }

    async fn bucket(&mut self, bucket: StateBucket) -> Result<KvBucket, KvError> {
        if let Some(open) = self.buckets.get(&bucket) {
            return Ok(open.clone());
        }
        let config = BucketConfig {
            description: bucket.description(&self.id.channel),
            max_value_size: Some(bucket.max_value_size()),
            ..BucketConfig::new(bucket.name(&self.id.channel))
        };
        let open = KvBucket::open_or_create(&self.client, config).await?;
        self.buckets.insert(bucket, open.clone());
        Ok(open)
    }

    /// Writes one value, until it is written or can never be.
    async fn write(&mut self, mut snapshot: Snapshot, mark: StateMark) {
        let mut wait = FIRST_WAIT;
        loop {
            let error = match self.put(&snapshot, mark).await {
                Ok(()) => {
                    set(&self.status.kv_up, true);
                    return;
                }
                Err(error) => error,
            };
            let (channel, key) = (&self.id.channel, snapshot.key.key());
            match error {
                KvError::TooLarge {
                    size,
                    limit,
                    limited_by,
                    ..
                } if snapshot.value != snapshot.key.empty_value() => {
                    error!(
                        channel,
                        key,
                        size,
                        limit,
                        limited_by,
                        "the value is too large for KV; readers get an empty one"
                    );
                    snapshot.value = Bytes::from_static(snapshot.key.empty_value().as_bytes());
                    continue;
                }
                KvError::BucketMissing { .. } => {
                    warn!(channel, key, "the bucket was deleted; creating it again");
                    self.buckets.remove(&snapshot.key.bucket());
                    self.revisions.remove(&snapshot.key);
                }
                KvError::OutcomeUnknown { .. } | KvError::WrongRevision { .. } => {}
                other => {
                    if set(&self.status.kv_up, false) {
                        warn!(channel, key, error = %other, "the state cannot be stored now; trying again");
                    }
                    if !other.is_transient() {
                        wait = LONGEST_WAIT;
                    }
                }
            }
            if self.stood_down {
                return;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn put(&mut self, snapshot: &Snapshot, mark: StateMark) -> Result<(), KvError> {
        let key = snapshot.key;
        let bucket = self.bucket(key.bucket()).await?;
        let mut headers = HeaderMap::new();
        headers.insert(STATE_HEADER, mark.to_string());
        let options = PutOptions {
            expected_revision: Some(self.revisions.get(&key).copied().unwrap_or(0)),
            headers,
        };
        let size = snapshot.value.len() as u64;
        match bucket
            .put_at(key.key(), snapshot.value.clone(), options)
            .await
        {
            Ok(revision) => self.note_written(key, revision, size),
            Err(error @ (KvError::WrongRevision { .. } | KvError::OutcomeUnknown { .. })) => {
                let entry = bucket.entry(key.key()).await?;
                match self.judge(entry.as_ref(), mark) {
                    Conflict::AlreadyWritten => {
                        self.note_written(key, entry.map_or(0, |entry| entry.revision), size)
                    }
                    Conflict::Overwrite(revision) => {
                        self.revisions.insert(key, revision);
                        return Err(error);
                    }
                    Conflict::StandDown => {
                        error!(
                            channel = self.id.channel,
                            "another robot has taken the channel's state over; writing no more"
                        );
                        set(&self.status.stood_down, true);
                        self.stood_down = true;
                        return Err(error);
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn note_written(&mut self, key: StateKey, revision: u64, size: u64) {
        self.revisions.insert(key, revision);
        add(&self.status.kv_writes, 1);
        add(&self.status.kv_bytes, size);
    }

    fn judge(&self, entry: Option<&Entry>, mark: StateMark) -> Conflict {
        let Some(entry) = entry else {
            return Conflict::Overwrite(0);
        };
        match mark_of(entry) {
            Some(theirs) if theirs == mark => Conflict::AlreadyWritten,
            Some(theirs) if theirs.epoch > self.epoch => Conflict::StandDown,
            Some(theirs) if theirs.epoch == self.epoch => Conflict::Overwrite(entry.revision),
            _ => {
                add(&self.status.foreign_writes, 1);
                warn!(
                    channel = self.id.channel,
                    key = entry.key,
                    "someone else wrote our state; writing it again"
                );
                Conflict::Overwrite(entry.revision)
            }
        }
    }
}

fn mark_of(entry: &Entry) -> Option<StateMark> {
    entry.headers.get(STATE_HEADER)?.as_str().parse().ok()
}

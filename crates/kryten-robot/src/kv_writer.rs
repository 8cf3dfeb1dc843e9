//! Writes the state's values into the channel's KV buckets, one writer for each channel.
//!
//! Each put expects the last revision that this writer knows and carries the mark of the event that the value
//! reflects. Whoever finds a mark of a higher epoch has been replaced and writes no more. Lists are written twice: in
//! parts (`lists`), and under the originals' key as long as they fit.

mod lists;
mod parts;
mod verify;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use bytes::Bytes;
use kryten_client::kv::{BucketConfig, Entry, KvBucket, KvError, PutOptions};
use kryten_client::{Client, state};
use kryten_protocol::state::list::manifest_key;
use kryten_protocol::state::{STATE_HEADER, StateBucket, StateMark};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::channel::StateKey;
use crate::channel_name::ChannelId;
use crate::lease::NO_TERM;
use crate::outbox::Snapshot;
use crate::status::{ChannelStatus, add, set};

pub(crate) use verify::KvFindings;

/// Asks the writer to compare KV with what it has written last.
pub(crate) type VerifyRequest = oneshot::Sender<KvFindings>;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

pub(crate) struct KvWriter {
    id: Arc<ChannelId>,
    client: Client,
    status: Arc<ChannelStatus>,
    epoch: u64,
    buckets: HashMap<StateBucket, KvBucket>,
    revisions: HashMap<Place, u64>,
    /// The newest value of each key.
    last: HashMap<StateKey, (Snapshot, StateMark)>,
    /// Buckets that were found gone, whose other keys are still to be put anew.
    lost: Vec<StateBucket>,
    stood_down: bool,
    started: Instant,
    /// How often a bucket was found gone.
    losses: u64,
    /// How long a replaced part stays: readers of the manifest before may still want it.
    grace: Duration,
    parts: HashMap<StateKey, parts::Parts>,
    old_terms: Vec<(Duration, StateKey, u64)>,
    looked_for_old_terms: HashSet<StateKey>,
    omitting: HashSet<StateKey>,
    /// Lists that do not fit into one value.
    too_large: HashSet<Place>,
}

/// A key in one of the channel's buckets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    bucket: StateBucket,
    key: String,
}

impl Place {
    fn value(key: StateKey) -> Self {
        Self {
            bucket: key.bucket(),
            key: key.key().to_owned(),
        }
    }

    fn manifest(key: StateKey) -> Self {
        Self {
            bucket: key.bucket(),
            key: manifest_key(key.key()),
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        let manifests = StateKey::ALL.into_iter().filter(|key| key.is_list());
        let values = StateKey::ALL.into_iter().map(Self::value);
        values.chain(manifests.map(Self::manifest))
    }
}

/// What to do after a put was refused because of another revision.
enum Conflict {
    AlreadyWritten,
    Overwrite(u64),
    StandDown,
}

impl KvWriter {
    /// Opens or creates the four buckets and takes the next epoch, `least_epoch` or higher; `grace` is how long a replaced part of a list stays.
    pub(crate) async fn open(
        id: Arc<ChannelId>,
        client: Client,
        status: Arc<ChannelStatus>,
        least_epoch: u64,
        grace: Duration,
    ) -> Result<Self, KvError> {
        let mut writer = Self {
            id,
            client,
            status,
            epoch: least_epoch.max(1),
            buckets: HashMap::new(),
            revisions: HashMap::new(),
            last: HashMap::new(),
            lost: Vec::new(),
            stood_down: false,
            started: Instant::now(),
            losses: 0,
            grace,
            parts: HashMap::new(),
            old_terms: Vec::new(),
            looked_for_old_terms: HashSet::new(),
            omitting: HashSet::new(),
            too_large: HashSet::new(),
        };
        for bucket in StateBucket::ALL {
            writer.bucket(bucket).await?;
        }
        for place in Place::all() {
            let bucket = writer.bucket(place.bucket).await?;
            if let Some(entry) = bucket.entry(&place.key).await? {
                writer.revisions.insert(place, entry.revision);
                // Before there was a key, robots wrote without a seal, and their terms count, too.
                let unsealed = || written_mark(&entry).filter(|mark| mark.epoch < NO_TERM);
                if let Some(mark) = mark_of(&bucket, &entry).or_else(unsealed) {
                    writer.epoch = writer.epoch.max(mark.epoch.saturating_add(1));
                }
            }
        }
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
        mut verify: mpsc::Receiver<VerifyRequest>,
    ) {
        loop {
            let next = tokio::select! {
                next = snapshots.recv() => next,
                Some(asked) = verify.recv() => {
                    let findings = self.verify().await;
                    // Whoever asked may not have waited.
                    let _ = asked.send(findings);
                    continue;
                }
                () = sleep(self.next_removal().map(|due| due.saturating_sub(self.started.elapsed()))) => {
                    self.remove_due().await;
                    continue;
                }
            };
            let Some((snapshot, mark)) = next else { return };
            let key = snapshot.key;
            if let Some(mark) = mark {
                self.last.insert(key, (snapshot.clone(), mark));
                self.write(&snapshot, mark).await;
                self.put_lost().await;
            }
            if written.send(key).is_err() {
                return;
            }
        }
    }

    async fn write(&mut self, snapshot: &Snapshot, mark: StateMark) {
        if self.stood_down {
            return;
        }
        let key = snapshot.key;
        if key.is_list() {
            self.write_list(snapshot, mark).await;
        }
        let (place, value) = (Place::value(key), snapshot.value.clone());
        self.write_value(&place, value, key.empty_value(), mark)
            .await;
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

    /// Writes one value, until it is written or can never be; one that is too large becomes `empty`.
    async fn write_value(
        &mut self,
        place: &Place,
        value: Bytes,
        empty: &'static str,
        mark: StateMark,
    ) {
        let mut value = value;
        let mut wait = FIRST_WAIT;
        while !self.stood_down {
            let error = match self.put(place, &value, mark).await {
                Ok(()) => {
                    set(&self.status.kv_up, true);
                    if value != empty {
                        self.too_large.remove(place);
                    }
                    return;
                }
                Err(error) => error,
            };
            if let KvError::TooLarge {
                size,
                limit,
                limited_by,
                ..
            } = &error
                && value != empty
            {
                if self.too_large.insert(place.clone()) {
                    let (channel, key) = (&self.id.channel, &place.key);
                    error!(
                        channel,
                        key,
                        size,
                        limit,
                        limited_by,
                        "the value is too large for one KV value; readers of this key get an empty one, the parts have the list"
                    );
                }
                value = Bytes::from_static(empty.as_bytes());
                continue;
            }
            if !self.note_error(place, &error) {
                wait = LONGEST_WAIT;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// What a failed put means for the next one; says whether it may soon go better.
    fn note_error(&mut self, place: &Place, error: &KvError) -> bool {
        match error {
            KvError::BucketMissing { .. } => {
                let (channel, key) = (&self.id.channel, &place.key);
                warn!(channel, key, "the bucket was deleted; creating it again");
                self.forget(place.bucket);
                true
            }
            KvError::OutcomeUnknown { .. } | KvError::WrongRevision { .. } => true,
            other => {
                if set(&self.status.kv_up, false) {
                    let (channel, key) = (&self.id.channel, &place.key);
                    warn!(channel, key, error = %other, "the state cannot be stored now; trying again");
                }
                other.is_transient()
            }
        }
    }

    /// The bucket is gone with all that was in it.
    fn forget(&mut self, bucket: StateBucket) {
        self.losses += 1;
        self.lost.push(bucket);
        self.buckets.remove(&bucket);
        self.revisions.retain(|place, _| place.bucket != bucket);
        for (key, parts) in &mut self.parts {
            if key.bucket() == bucket {
                parts.forget();
            }
        }
    }

    async fn put(&mut self, place: &Place, value: &Bytes, mark: StateMark) -> Result<(), KvError> {
        let bucket = self.bucket(place.bucket).await?;
        let mut headers = HeaderMap::new();
        headers.insert(STATE_HEADER, mark.to_string());
        state::seal(&bucket, &place.key, value, &mut headers);
        let options = PutOptions {
            expected_revision: Some(self.revisions.get(place).copied().unwrap_or(0)),
            headers,
        };
        let size = value.len() as u64;
        match bucket.put_at(&place.key, value.clone(), options).await {
            Ok(revision) => self.note_written(place, revision, size),
            Err(error @ (KvError::WrongRevision { .. } | KvError::OutcomeUnknown { .. })) => {
                let entry = bucket.entry(&place.key).await?;
                match self.judge(&bucket, entry.as_ref(), mark) {
                    Conflict::AlreadyWritten => {
                        let revision = entry.map_or(0, |entry| entry.revision);
                        self.note_written(place, revision, size);
                    }
                    Conflict::Overwrite(revision) => {
                        self.revisions.insert(place.clone(), revision);
                        return Err(error);
                    }
                    Conflict::StandDown => {
                        self.stand_down();
                        return Err(error);
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn stand_down(&mut self) {
        error!(
            channel = self.id.channel,
            "another robot has taken the channel's state over; writing no more"
        );
        set(&self.status.stood_down, true);
        self.stood_down = true;
    }

    fn note_written(&mut self, place: &Place, revision: u64, size: u64) {
        self.revisions.insert(place.clone(), revision);
        add(&self.status.kv_writes, 1);
        add(&self.status.kv_bytes, size);
    }

    fn judge(&self, bucket: &KvBucket, entry: Option<&Entry>, mark: StateMark) -> Conflict {
        let Some(entry) = entry else {
            return Conflict::Overwrite(0);
        };
        match mark_of(bucket, entry) {
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

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

/// The mark of a robot; with a key for seals only one that a robot with this key wrote.
fn mark_of(bucket: &KvBucket, entry: &Entry) -> Option<StateMark> {
    let is_known = bucket.client().seal_key().is_none() || state::is_sealed(bucket, entry);
    written_mark(entry).filter(|_| is_known)
}

fn written_mark(entry: &Entry) -> Option<StateMark> {
    entry.headers.get_last(STATE_HEADER)?.as_str().parse().ok()
}

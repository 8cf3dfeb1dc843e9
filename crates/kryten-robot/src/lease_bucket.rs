//! The records of who serves which channel, in the bucket `kryten_leases`.

use std::sync::Arc;
use std::time::Instant;

use kryten_client::kv::{BucketConfig, Entry, KvBucket, KvError, PutOptions};
use kryten_client::process::Process;
use kryten_client::{Client, state};
use kryten_protocol::token;
use tracing::{debug, info, warn};

use crate::channel_name::ChannelId;
use crate::channel_view::ChannelView;
use crate::lease::{Candidate, Found, Holding, NO_TERM, Record, Times, Verdict};
use crate::status::ChannelStatus;

/// The bucket of all channels' records.
pub(crate) const LEASES: &str = "kryten_leases";

/// Who we are to other robots.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) hostname: String,
    pub(crate) process: Process,
}

impl Identity {
    pub(crate) fn new(hostname: String) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            hostname,
            process: Process::this(),
        }
    }
}

/// The lease of one channel.
#[derive(Debug)]
pub(crate) struct Lease {
    client: Client,
    bucket: KvBucket,
    key: String,
    channel: Arc<ChannelId>,
    status: Arc<ChannelStatus>,
    identity: Identity,
    times: Times,
    started: Instant,
}

/// A lease that we hold.
#[derive(Debug)]
pub(crate) struct Held {
    revision: u64,
    /// The number of our term; higher than that of all robots before.
    pub(crate) term: u64,
    holding: Holding,
    rival_revision: u64,
}

/// Why a channel cannot be waited for.
#[derive(Debug)]
pub(crate) enum Denied {
    /// Someone serves a channel of the same name on this host.
    Foreign { domain: String },
}

/// Why a held lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Another robot has it.
    Taken,
    /// NATS is out of reach, and another robot waits that may have taken over.
    Unreachable,
}

/// What came of putting the record anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// The channel is ours.
    Held,
    /// Nobody said that it is ours, nor that it is not.
    Unconfirmed,
    Lost(Loss),
}

impl Lease {
    pub(crate) async fn open(
        client: &Client,
        view: &ChannelView,
        identity: Identity,
        times: Times,
    ) -> Result<Self, KvError> {
        let token = token::normalize(&view.id.channel);
        Ok(Self {
            client: client.clone(),
            bucket: open_bucket(client).await?,
            key: format!("robot.{token}"),
            channel: Arc::clone(&view.id),
            status: Arc::clone(&view.status),
            identity,
            times,
            started: Instant::now(),
        })
    }

    /// Waits until the channel is ours; `standing_by` is called once if another robot serves it.
    pub(crate) async fn acquire(&self, mut standing_by: impl FnMut(&str)) -> Result<Held, Denied> {
        let mut candidate = Candidate {
            id: &self.identity.id,
            domain: &self.channel.domain,
            times: self.times,
            seen: None,
        };
        let mut told = false;
        loop {
            let found = match self.find().await {
                Ok(found) => found,
                Err(error) => {
                    debug!(channel = self.channel.channel, %error, "cannot see who serves the channel");
                    self.pause(&error).await;
                    continue;
                }
            };
            match candidate.look(found.as_ref(), self.started.elapsed()) {
                Verdict::Take { revision, term } => match self.take(found, revision, term).await {
                    Ok(revision) => {
                        if told {
                            info!(channel = self.channel.channel, "taking the channel over");
                        }
                        return Ok(Held {
                            revision,
                            term,
                            holding: Holding {
                                times: self.times,
                                renewed: self.started.elapsed(),
                                rival: None,
                            },
                            rival_revision: 0,
                        });
                    }
                    Err(KvError::WrongRevision { .. }) => candidate.seen = None,
                    Err(error) => {
                        debug!(channel = self.channel.channel, %error, "cannot take the channel");
                        self.pause(&error).await;
                    }
                },
                Verdict::StandBy => {
                    if !told {
                        let holder = found.and_then(|found| found.record);
                        let host = holder.map_or_else(String::new, |record| record.hostname);
                        info!(
                            channel = self.channel.channel,
                            host, "another robot serves the channel; standing by"
                        );
                        standing_by(&host);
                        told = true;
                    }
                    self.show_that_we_wait().await;
                    tokio::time::sleep(self.times.renewal).await;
                }
                Verdict::Foreign { domain } => return Err(Denied::Foreign { domain }),
            }
        }
    }

    /// Puts our record in the place of another one, and keeps until when that one's holder was there.
    async fn take(&self, found: Option<Found>, revision: u64, term: u64) -> Result<u64, KvError> {
        let before = found.filter(|found| found.is_believed);
        let before = before.and_then(|found| found.record);
        let of_this_host = before.filter(|before| before.domain == self.channel.domain);
        if let Some(until) = of_this_host.and_then(|before| before.attended) {
            self.status.attendance.take_over(until);
        }
        self.put(revision, term, false).await
    }

    /// Renews the lease until it is lost.
    pub(crate) async fn hold(&self, held: &mut Held) -> Loss {
        loop {
            let usual = self.times.renewal;
            tokio::time::sleep(held.holding.at_most(usual, self.started.elapsed())).await;
            if let Renewal::Lost(loss) = self.renew(held).await {
                return loss;
            }
        }
    }

    /// Puts the record anew, once.
    pub(crate) async fn renew(&self, held: &mut Held) -> Renewal {
        let asked = self.started.elapsed();
        // On a connection that takes everything and brings nothing the answer would be too late.
        // Who slept too long may still be the holder, and is told so at once or not at all.
        let least = self.times.renewal / 5;
        let patience = held.holding.at_most(self.times.renewal, asked).max(least);
        let answered = tokio::time::timeout(patience, self.try_to_renew(held)).await;
        match answered.unwrap_or(Renewal::Unconfirmed) {
            Renewal::Held => held.holding.renewed = asked,
            Renewal::Unconfirmed if held.holding.must_leave(self.started.elapsed()) => {
                return Renewal::Lost(Loss::Unreachable);
            }
            other => return other,
        }
        Renewal::Held
    }

    async fn try_to_renew(&self, held: &mut Held) -> Renewal {
        match self.put(held.revision, held.term, false).await {
            Ok(revision) => {
                held.revision = revision;
                self.look_for_rivals(held).await;
                return Renewal::Held;
            }
            Err(KvError::WrongRevision { .. } | KvError::OutcomeUnknown { .. }) => {
                match self.find().await {
                    Ok(Some(found)) if self.is_ours(&found) => {
                        held.revision = found.revision;
                        return Renewal::Held;
                    }
                    Ok(Some(found)) if found.replaces(held.revision) => {
                        return Renewal::Lost(Loss::Taken);
                    }
                    // What no robot wrote is overwritten by the next try.
                    Ok(Some(found)) if found.revision > held.revision => {
                        held.revision = found.revision;
                    }
                    // The bucket was made anew: nobody holds the channel.
                    Ok(_) => held.revision = 0,
                    Err(error) => debug!(%error, "cannot see who serves the channel"),
                }
            }
            Err(KvError::BucketMissing { .. }) => {
                if let Err(error) = open_bucket(&self.client).await {
                    warn!(%error, "the bucket of leases is gone and cannot be made anew");
                }
                held.revision = 0;
            }
            Err(error) => {
                debug!(channel = self.channel.channel, %error, "the lease cannot be renewed");
            }
        }
        Renewal::Unconfirmed
    }

    /// Lets others take the channel at once.
    pub(crate) async fn release(&self, held: &Held) {
        if let Err(error) = self.put(held.revision, held.term, true).await {
            debug!(channel = self.channel.channel, %error, "the lease could not be released");
        }
    }

    fn is_ours(&self, found: &Found) -> bool {
        let record = found.record.as_ref();
        record.is_some_and(|record| record.holder == self.identity.id && !record.released)
    }

    async fn find(&self) -> Result<Option<Found>, KvError> {
        let entry = self.bucket.entry(&self.key).await?;
        Ok(entry.map(|entry| read(&self.bucket, &entry, &self.identity.process)))
    }

    async fn put(&self, revision: u64, term: u64, released: bool) -> Result<u64, KvError> {
        let record = Record {
            holder: self.identity.id.clone(),
            domain: self.channel.domain.clone(),
            hostname: self.identity.hostname.clone(),
            process: self.identity.process.clone(),
            term,
            released,
            attended: self.status.attendance.until(),
            after: self.client.seal_key().map(|_| revision),
        };
        let mut options = PutOptions {
            expected_revision: Some(revision),
            ..PutOptions::default()
        };
        let json = serde_json::to_vec(&record).expect("a record can be written as JSON");
        state::seal(&self.bucket, &self.key, &json, &mut options.headers);
        self.bucket.put_at(&self.key, json, options).await
    }

    async fn show_that_we_wait(&self) {
        let sign =
            serde_json::json!({"waiting": self.identity.id, "hostname": self.identity.hostname});
        if let Err(error) = self.bucket.put_json(&self.rival_key(), &sign).await {
            debug!(%error, "cannot show that this robot stands by");
        }
    }

    async fn look_for_rivals(&self, held: &mut Held) {
        let Ok(Some(sign)) = self.bucket.entry(&self.rival_key()).await else {
            return;
        };
        if sign.revision != held.rival_revision {
            let is_first_look = held.rival_revision == 0;
            held.rival_revision = sign.revision;
            // What was there before us is no sign of life.
            if !is_first_look || sign.revision > held.revision {
                held.holding.rival = Some(self.started.elapsed());
            }
        }
    }

    fn rival_key(&self) -> String {
        format!("{}.standby", self.key)
    }

    async fn pause(&self, error: &KvError) {
        if matches!(error, KvError::BucketMissing { .. }) && open_bucket(&self.client).await.is_ok()
        {
            return;
        }
        tokio::time::sleep(self.times.renewal).await;
    }
}

async fn open_bucket(client: &Client) -> Result<KvBucket, KvError> {
    let config = BucketConfig {
        description: "Which robot serves which channel".to_owned(),
        ..BucketConfig::new(LEASES)
    };
    KvBucket::open_or_create(client, config).await
}

fn read(bucket: &KvBucket, entry: &Entry, process: &Process) -> Found {
    let record: Option<Record> = serde_json::from_slice(&entry.value).ok();
    let record = record.filter(|record| record.term < NO_TERM);
    let is_dead = record
        .as_ref()
        .is_some_and(|record| record.process.has_ended(process));
    let has_key = bucket.client().seal_key().is_some();
    Found {
        record,
        revision: entry.revision,
        is_believed: !has_key || state::is_sealed(bucket, entry),
        is_dead,
    }
}

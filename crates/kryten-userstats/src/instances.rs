//! This instance among others on the same database: its beat, and which channels it is to count.
//!
//! A task of its own, so that nothing that counting waits for keeps the beat from moving.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kryten_client::process::Process;
use kryten_protocol::token::normalize;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::config::{ChannelConfig, Config};
use crate::report::Report;
use crate::sharing::{BEAT, Found, Lookout, Me, Plan, Row};
use crate::status::{Sharing, Status};
use crate::store::{InstanceRow, SILENT, Store, StoreError, unless_silent};

/// Without NATS for so long, an instance leaves its channels to those who have it.
const WITHOUT_NATS: Duration = Duration::from_secs(4);
/// How long leaving may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// The instances of this process: one that was dropped in it is dead, though the process goes on.
static HERE: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);

fn here() -> MutexGuard<'static, BTreeSet<String>> {
    HERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What counting and sharing tell each other: channels by subject token.
#[derive(Debug)]
pub(crate) struct Duty {
    /// Our id.
    pub(crate) instance: String,
    /// What is to be counted; `None` before the first look.
    pub(crate) wanted: watch::Sender<Option<BTreeSet<String>>>,
    /// What is counted. A channel that is not is committed, and may be given away.
    pub(crate) counted: watch::Sender<BTreeSet<String>>,
}

impl Duty {
    pub(crate) fn new() -> Self {
        Self {
            instance: uuid::Uuid::new_v4().to_string(),
            wanted: watch::Sender::new(None),
            counted: watch::Sender::new(BTreeSet::new()),
        }
    }
}

/// Beats, looks at the others, and says what is to be counted here.
#[derive(Debug)]
pub(crate) struct Instances {
    store: Store,
    status: Arc<Status>,
    duty: Arc<Duty>,
    process: Process,
    channels: Vec<ChannelConfig>,
    configured: BTreeSet<String>,
    lookout: Lookout,
    started: Instant,
    beat: i64,
    giving: BTreeSet<String>,
    without_nats_since: Option<Instant>,
    /// The database did not answer the last look.
    is_blind: bool,
    takeovers: u64,
    /// What the others were last told.
    told: Option<Report>,
}

impl Instances {
    pub(crate) fn new(store: Store, status: Arc<Status>, duty: Arc<Duty>, config: &Config) -> Self {
        here().insert(duty.instance.clone());
        let channels = config.channels.iter();
        Self {
            store,
            status,
            duty,
            process: Process::this(),
            channels: config.channels.clone(),
            configured: channels.map(|c| normalize(&c.channel)).collect(),
            lookout: Lookout::default(),
            started: Instant::now(),
            beat: 0,
            giving: BTreeSet::new(),
            without_nats_since: None,
            is_blind: false,
            takeovers: 0,
            told: None,
        }
    }

    /// Goes on until told to stop, whatever the database does after the first look; call [`Instances::leave`] when
    /// counting has ended.
    ///
    /// # Errors
    /// [`StoreError`] that waiting does not mend.
    pub(crate) async fn run(&mut self, stop: CancellationToken) -> Result<(), StoreError> {
        let mut counted = self.duty.counted.subscribe();
        let mut has_looked = false;
        let mut looks = tokio::time::interval(BEAT);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = looks.tick() => {}
                // Somebody may be waiting for what is given away.
                Ok(()) = counted.changed(), if !self.giving.is_empty() => {}
            }
            let looked = tokio::select! {
                looked = self.look() => looked,
                () = stop.cancelled() => return Ok(()),
            };
            match looked {
                Ok(()) if self.is_blind => {
                    has_looked = true;
                    self.is_blind = false;
                    self.status.database_is_there();
                    info!("the database answers");
                }
                Ok(()) => has_looked = true,
                // What is wrong from the start is told; later everything is waited for, as counting does.
                Err(error) if !has_looked && !error.is_transient() => return Err(error),
                Err(error) => {
                    let was_there = self.status.database_is_away();
                    if !self.is_blind && was_there {
                        error!(
                            error = &error as &dyn std::error::Error,
                            "the database cannot be used now; trying again until it can"
                        );
                    }
                    self.is_blind = true;
                }
            }
        }
    }

    /// Leaves the channels to others.
    pub(crate) async fn leave(self) {
        let left = tokio::time::timeout(LEAVE_LIMIT, self.store.leave(&self.duty.instance)).await;
        if !matches!(left, Ok(Ok(()))) {
            info!("the others could not be told that this instance ends; they will notice");
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        // Changes of tables take as long as they take.
        self.store.prepare().await?;
        let limit = self.store.path().is_none().then_some(SILENT);
        unless_silent(limit, self.look_around()).await
    }

    async fn look_around(&mut self) -> Result<(), StoreError> {
        let none = BTreeSet::new();
        let offers = match self.can_count() {
            true => self.configured.clone(),
            false => none,
        };
        self.beat += 1;
        self.store.beat(&self.row(&offers)).await?;
        let found = self.found().await?;
        let me = Me {
            id: &self.duty.instance,
            offers: &offers,
            giving: &self.giving,
        };
        let plan = self.lookout.look(me, &found, self.started.elapsed());
        let mut leases = found.leases;
        self.take(&plan, &mut leases).await?;
        self.bury(&plan).await?;
        self.give(&plan, &mut leases).await?;
        let mine = leases
            .iter()
            .filter(|(token, holder)| {
                **holder == self.duty.instance && !self.giving.contains(*token)
            })
            .map(|(token, _)| token.clone());
        let mine: BTreeSet<String> = mine.collect();
        self.duty.wanted.send_if_modified(|wanted| {
            let is_new = wanted.as_ref() != Some(&mine);
            *wanted = Some(mine);
            is_new
        });
        self.tell(&plan, leases).await
    }

    /// Whether it makes sense that channels are counted here.
    fn can_count(&mut self) -> bool {
        if self.status.is_connected() {
            self.without_nats_since = None;
            return true;
        }
        let since = self.without_nats_since.get_or_insert_with(Instant::now);
        since.elapsed() < WITHOUT_NATS
    }

    fn row(&self, offers: &BTreeSet<String>) -> InstanceRow {
        InstanceRow {
            instance: self.duty.instance.clone(),
            process: json(&self.process),
            channels: json(offers),
            beat: self.beat,
        }
    }

    async fn found(&self) -> Result<Found, StoreError> {
        let rows = self.store.instances().await?;
        let leases = self.store.leases().await?;
        let rows = rows.into_iter().map(|row| {
            let process: Process = serde_json::from_str(&row.process).unwrap_or_default();
            let has_left = process == self.process && !here().contains(&row.instance);
            Row {
                has_ended: has_left || process.has_ended(&self.process),
                channels: serde_json::from_str(&row.channels).unwrap_or_default(),
                id: row.instance,
                beat: row.beat,
            }
        });
        Ok(Found {
            rows: rows.collect(),
            leases: leases.into_iter().collect(),
        })
    }

    async fn take(
        &mut self,
        plan: &Plan,
        leases: &mut BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let id = self.duty.instance.clone();
        let taken = self.store.take_leases(&plan.take, &id).await?;
        for (token, from) in &plan.take {
            if !taken.contains(token) {
                continue;
            }
            self.giving.remove(token);
            leases.insert(token.clone(), id.clone());
            match from {
                None => info!(channel = token, "this instance counts the channel"),
                Some(_) => {
                    self.takeovers += 1;
                    info!(
                        channel = token,
                        "this instance takes the channel over from one that is dead"
                    );
                }
            }
        }
        Ok(())
    }

    async fn bury(&self, plan: &Plan) -> Result<(), StoreError> {
        for (instance, beat) in &plan.dead {
            if self.store.remove_instance(instance, *beat).await? {
                info!(instance, "another instance gives no sign of life any more");
            }
        }
        Ok(())
    }

    async fn give(
        &mut self,
        plan: &Plan,
        leases: &mut BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        for token in &plan.give {
            info!(
                channel = token,
                "this instance leaves the channel to another one"
            );
            self.giving.insert(token.clone());
        }
        if plan.alive.is_empty() {
            self.giving.clear();
        }
        let id = &self.duty.instance;
        self.giving
            .retain(|token| leases.get(token).is_some_and(|holder| holder == id));
        let counted = self.duty.counted.borrow().clone();
        for token in self.giving.clone() {
            if !counted.contains(&token) {
                self.store.release_lease(&token, id).await?;
                leases.remove(&token);
                self.giving.remove(&token);
            }
        }
        Ok(())
    }

    async fn tell(
        &mut self,
        plan: &Plan,
        leases: BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let elsewhere = leases.into_iter().filter(|(token, holder)| {
            self.configured.contains(token) && plan.alive.contains(holder)
        });
        let sharing = Sharing {
            instance: self.duty.instance.clone(),
            here: self.duty.counted.borrow().clone(),
            elsewhere: elsewhere.collect(),
            configured: self.configured.len(),
            instances: plan.alive.len() + 1,
            takeovers: self.takeovers,
        };
        if sharing.instances > 1 {
            self.status
                .set_open_visits(self.store.open_visit_count().await?);
            let report = self.status.report(&self.channels);
            if self.told.as_ref() != Some(&report) {
                self.store.tell(&self.duty.instance, &json(&report)).await?;
                self.told = Some(report);
            }
        }
        let before = self.status.set_sharing(sharing);
        if before.instances > 0 && before.instances != plan.alive.len() + 1 {
            info!(
                instances = plan.alive.len() + 1,
                "so many instances share the channels now"
            );
        }
        Ok(())
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        here().remove(&self.duty.instance);
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers can be written")
}

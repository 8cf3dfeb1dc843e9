//! What the running service tells of itself: one value shared by counting, queries, page and metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use kryten_client::Client;
use kryten_client::pulse::Pulse;
use kryten_client::respond::Responder;
use kryten_protocol::time::WireTime;

use crate::config::ChannelConfig;
use crate::drift_log::DriftLog;
use crate::report::Report;
use crate::tally::{Counters, Difference};

/// How events come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// No connection or stream yet.
    Waiting,
    /// From the stream, exactly.
    Stream,
    /// Only while connected, since there is no stream.
    LiveOnly,
}

/// Who counts which of our channels, by subject token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sharing {
    /// This instance's id.
    pub instance: String,
    /// What is counted here.
    pub here: BTreeSet<String>,
    /// What another instance counts, with its id.
    pub elsewhere: BTreeMap<String, String>,
    /// How many channels are configured here.
    pub configured: usize,
    /// How many instances share the database, this one included; 0 before the first look.
    pub instances: usize,
    /// Channels that were taken over from dead instances.
    pub takeovers: u64,
}

impl Sharing {
    /// How many of our channels nobody counts now.
    pub fn uncounted(&self) -> usize {
        let elsewhere = self.elsewhere.keys();
        let counted = self.here.len()
            + elsewhere
                .filter(|token| !self.here.contains(*token))
                .count();
        self.configured.saturating_sub(counted)
    }
}

/// The service's state.
#[derive(Debug)]
pub struct Status {
    sharing: Mutex<Sharing>,
    started: Instant,
    nats: std::sync::OnceLock<Client>,
    source: AtomicU8,
    ready: AtomicBool,
    has_ended: AtomicBool,
    database_ok: AtomicBool,
    responder: std::sync::OnceLock<Weak<Responder>>,
    events: AtomicU64,
    malformed: AtomicU64,
    repeated: AtomicU64,
    backwards: AtomicU64,
    stale: AtomicU64,
    unsealed: AtomicU64,
    repeated_events: AtomicU64,
    drift: AtomicU64,
    drift_log: DriftLog,
    batch_events: AtomicU64,
    database_micros: AtomicU64,
    commits: AtomicU64,
    failed_commits: AtomicU64,
    lost_channels: AtomicU64,
    sequence: AtomicU64,
    lag: AtomicU64,
    open_visits: AtomicU64,
    last_event_micros: AtomicI64,
    /// Beats while something is counted or waited for.
    pub(crate) pulse: Pulse,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            sharing: Mutex::default(),
            started: Instant::now(),
            nats: std::sync::OnceLock::new(),
            source: AtomicU8::new(Source::Waiting as u8),
            ready: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            database_ok: AtomicBool::new(true),
            responder: std::sync::OnceLock::new(),
            events: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            backwards: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            unsealed: AtomicU64::new(0),
            repeated_events: AtomicU64::new(0),
            drift: AtomicU64::new(0),
            drift_log: DriftLog::default(),
            batch_events: AtomicU64::new(0),
            database_micros: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            failed_commits: AtomicU64::new(0),
            lost_channels: AtomicU64::new(0),
            sequence: AtomicU64::new(0),
            lag: AtomicU64::new(0),
            open_visits: AtomicU64::new(0),
            last_event_micros: AtomicI64::new(0),
            pulse: Pulse::default(),
        }
    }
}

/// The state at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusView {
    /// Seconds since the start.
    pub uptime_seconds: f64,
    /// Whether everything that was in the stream at the start is counted.
    pub ready: bool,
    /// Whether the service has ended, so that nothing is counted any more.
    pub has_ended: bool,
    /// Whether the connection to NATS stands.
    pub nats_connected: bool,
    /// Whether the last use of the database succeeded.
    pub database_ok: bool,
    /// How events come in.
    pub source: Source,
    /// Events folded since the start, and what was odd about them.
    pub counters: Counters,
    /// Requests that parsed as JSON.
    pub commands: u64,
    /// In how many names, emotes and films the robot's state differed from the events.
    pub drift: u64,
    /// Committed batches.
    pub commits: u64,
    /// Messages in the last batch.
    pub batch_events: u64,
    /// Seconds spent in commits.
    pub database_seconds: f64,
    /// Failed commits; each was tried again.
    pub failed_commits: u64,
    /// Channels that this instance is to count and whose counts are refused.
    pub lost_channels: u64,
    /// Who counts which channel.
    pub sharing: Sharing,
    /// The last committed sequence of the stream.
    pub sequence: u64,
    /// Events of the stream that are not committed yet.
    pub lag: u64,
    /// Open visits.
    pub open_visits: u64,
    /// When the last committed event happened, in microseconds since the Unix epoch; 0 before the first.
    pub last_event_micros: i64,
}

impl StatusView {
    /// The service does everything it can.
    pub fn is_healthy(&self) -> bool {
        self.problem().is_none()
    }

    /// What is wrong, in a sentence.
    pub fn problem(&self) -> Option<&'static str> {
        if self.has_ended {
            Some("counting has ended; the log says why")
        } else if !self.nats_connected {
            Some("the NATS server is away")
        } else if !self.database_ok {
            Some("the database cannot be written")
        } else if self.lost_channels > 0 {
            Some(
                "the database refuses counts of this instance; they are read again from the stream",
            )
        } else if self.source == Source::LiveOnly {
            Some("there is no event stream: what happens while this service is away is lost")
        } else if !self.ready {
            Some("the service is still counting what happened while it was away")
        } else if self.sharing.uncounted() > 0 {
            Some("a channel is counted by nobody yet; it is taken over within ten seconds")
        } else {
            None
        }
    }
}

impl Status {
    /// The state now.
    pub fn view(&self) -> StatusView {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StatusView {
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            ready: self.ready.load(Ordering::Relaxed),
            has_ended: self.has_ended.load(Ordering::Relaxed),
            nats_connected: self.is_connected(),
            database_ok: self.is_database_there(),
            source: match self.source.load(Ordering::Relaxed) {
                1 => Source::Stream,
                2 => Source::LiveOnly,
                _ => Source::Waiting,
            },
            counters: Counters {
                events: load(&self.events),
                malformed: load(&self.malformed),
                repeated: load(&self.repeated),
                backwards: load(&self.backwards),
                stale: load(&self.stale),
                unsealed: load(&self.unsealed),
                repeated_events: load(&self.repeated_events),
            },
            commands: self.commands(),
            drift: load(&self.drift),
            commits: load(&self.commits),
            batch_events: load(&self.batch_events),
            database_seconds: load(&self.database_micros) as f64 / 1e6,
            failed_commits: load(&self.failed_commits),
            lost_channels: load(&self.lost_channels),
            sharing: self.sharing().clone(),
            sequence: load(&self.sequence),
            lag: load(&self.lag),
            open_visits: load(&self.open_visits),
            last_event_micros: self.last_event_micros.load(Ordering::Relaxed),
        }
    }

    /// Whether the last use of the database succeeded; a view of everything is too much for each commit.
    pub(crate) fn is_database_there(&self) -> bool {
        self.database_ok.load(Ordering::Relaxed)
    }

    /// Whether other instances count on the same database.
    pub(crate) fn is_shared(&self) -> bool {
        self.sharing().instances > 1
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.nats.get().is_some_and(Client::is_connected)
    }

    fn sharing(&self) -> MutexGuard<'_, Sharing> {
        self.sharing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what was before.
    pub(crate) fn set_sharing(&self, sharing: Sharing) -> Sharing {
        std::mem::replace(&mut self.sharing(), sharing)
    }

    /// What is counted here, as soon as counting knows.
    pub(crate) fn counts_here(&self, tokens: BTreeSet<String>) {
        self.sharing().here = tokens;
    }

    pub(crate) fn set_open_visits(&self, count: usize) {
        self.open_visits.store(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn connected(&self, client: Client) {
        // A second connection is never made.
        let _ = self.nats.set(client);
    }

    pub(crate) fn set_source(&self, source: Source) {
        self.source.store(source as u8, Ordering::Relaxed);
    }

    pub(crate) fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_ended(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }

    /// Notes that the database cannot be used; whether that is new.
    pub(crate) fn database_is_away(&self) -> bool {
        self.database_ok.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn database_is_there(&self) {
        self.database_ok.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_lost_channels(&self, count: usize) {
        self.lost_channels.store(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn set_lag(&self, lag: u64) {
        self.lag.store(lag, Ordering::Relaxed);
    }

    pub(crate) fn commit_failed(&self) {
        self.failed_commits.fetch_add(1, Ordering::Relaxed);
        self.database_is_away();
    }

    pub(crate) fn committed(&self) {
        self.database_is_there();
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_position(&self, sequence: u64, open_visits: usize, last_event_micros: i64) {
        self.sequence.store(sequence, Ordering::Relaxed);
        // Of channels that others count only the database knows.
        if !self.is_shared() {
            self.set_open_visits(open_visits);
        }
        self.last_event_micros
            .fetch_max(last_event_micros, Ordering::Relaxed);
    }

    pub(crate) fn folded(&self, counters: Counters) {
        for (counter, by) in [
            (&self.events, counters.events),
            (&self.malformed, counters.malformed),
            (&self.repeated, counters.repeated),
            (&self.backwards, counters.backwards),
            (&self.stale, counters.stale),
            (&self.unsealed, counters.unsealed),
            (&self.repeated_events, counters.repeated_events),
        ] {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// The robot's state was compared with what the events told.
    pub(crate) fn compared(
        &self,
        channel: &ChannelConfig,
        differences: &[Difference],
        healed: bool,
        at: WireTime,
    ) {
        let size = self.drift_log.note(channel, differences, healed, at);
        self.drift.fetch_add(size, Ordering::Relaxed);
    }

    /// What only this process knows, for the others on its database.
    pub(crate) fn report(&self, channels: &[ChannelConfig]) -> Report {
        Report {
            position: self.sequence.load(Ordering::Relaxed),
            lag: self.lag.load(Ordering::Relaxed),
            drift: self.drift_log.json(channels),
        }
    }

    pub(crate) fn drift_log(&self) -> &DriftLog {
        &self.drift_log
    }

    pub(crate) fn set_batch(&self, events: usize) {
        self.batch_events.store(events as u64, Ordering::Relaxed);
    }

    pub(crate) fn spent_in_database(&self, time: std::time::Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.database_micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn answers_with(&self, responder: &Arc<Responder>) {
        // A second one is never started.
        let _ = self.responder.set(Arc::downgrade(responder));
    }

    fn commands(&self) -> u64 {
        let responder = self.responder.get().and_then(Weak::upgrade);
        responder.map_or(0, |responder| responder.requests())
    }
}

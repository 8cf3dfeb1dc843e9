//! Counts: reads the event stream in order, folds batches, commits each with its position.

mod book;
mod channels;
mod commit;
mod early;
mod inputs;
mod live;
mod past;
mod read;
mod resume;
mod state;
mod subjects;
mod trace;
mod wishes;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use kryten_client::log_levels::LogLevels;
use kryten_client::{Client, EventStream, StreamError};
pub(crate) use kryten_protocol::clock::now;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::answers::Questions;
use crate::config::Config;
use crate::initial_state::Telling;
use crate::instances::Duty;
use crate::status::Status;
use crate::store::{SILENT, Store, StoreError};
use crate::tally::Rules;
use book::Book;
use early::{Early, EarlyState};
use inputs::Input;
pub(crate) use inputs::{Asked, Inputs, NotNow};
pub(crate) use past::PastSource;

/// The largest batch, and the longest wait for one after its first message.
const BATCH: usize = 5000;
const BATCH_WAIT: Duration = Duration::from_millis(20);
/// While there is more to read, so many events are committed together, or those of so long a time.
const BACKLOG: usize = 10 * BATCH;
const BACKLOG_WAIT: Duration = Duration::from_millis(250);
/// The pause before the stream is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What counting shares with the rest of the service.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) status: Arc<Status>,
    pub(crate) names_changed: Arc<AtomicBool>,
    /// The robot was started anew, so its state is to be loaded again.
    pub(crate) robot_started: Arc<Notify>,
    pub(crate) ready: Arc<watch::Sender<bool>>,
    pub(crate) log_levels: Arc<watch::Sender<LogLevels>>,
    pub(crate) stop: CancellationToken,
}

/// Why counting ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountingError {
    /// The database cannot be read at the start, or not be written at the end.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect of ours.
    #[error("counting broke down; start the service again, and report this")]
    Broke,
}

/// What a part of the work ended with.
enum Ended {
    Stopped,
    /// Try again from opening the stream.
    Again,
}

pub(crate) struct Counting {
    client: Client,
    store: Store,
    shared: Shared,
    book: Book,
    filters: Vec<String>,
    config: Config,
    duty: Arc<Duty>,
    wanted: watch::Receiver<Option<BTreeSet<String>>>,
    rules: Rules,
    snapshots: Interval,
    refreshes: Option<Interval>,
    asked: Asked,
    questions: Questions,
    wish_count: i64,
    names_read: Instant,
    /// The newest row of `users` that was read, where others write them too.
    last_user: i64,
    lag_read: Instant,
    /// A commit was reported as failed; it may have been done all the same.
    outcome_unknown: bool,
    /// So long a server of PostgreSQL may say nothing about a commit.
    silent: Duration,
    live_was_told: bool,
    /// There was a stream in this process's life.
    had_a_stream: bool,
    /// Up to here the stream has to be counted before we are ready.
    target: u64,
    /// Not all channels that are wanted could be had; then they are asked for again.
    ask_again: Option<Instant>,
    /// Channels, or none, were taken over once.
    has_settled: bool,
    /// How many events are folded and not committed, and since when, while there is more to read.
    backlog: Option<(usize, Instant)>,
    /// The channels' state as it was read at the start.
    early_state: Option<EarlyState>,
}

impl Counting {
    /// Counts what it is told to.
    pub(crate) fn new(
        client: Client,
        store: Store,
        config: Config,
        shared: Shared,
        (asked, questions): (Asked, Questions),
        duty: Arc<Duty>,
    ) -> Self {
        let period = config.snapshot_interval;
        let mut snapshots = interval_at(Instant::now() + period, period);
        snapshots.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // The original loads the state once, and counts on from what it then had.
        let refresh_every = config
            .refresh_interval
            .filter(|_| !config.rules.as_original);
        let refreshes = refresh_every.map(|period| {
            let mut refreshes = interval_at(Instant::now() + period, period);
            refreshes.set_missed_tick_behavior(MissedTickBehavior::Delay);
            refreshes
        });
        Self {
            client,
            store,
            shared,
            book: Book::default(),
            filters: Vec::new(),
            wanted: duty.wanted.subscribe(),
            duty,
            rules: config.rules,
            config,
            snapshots,
            refreshes,
            asked,
            questions,
            // Another number than any, so that wishes since the start are read.
            wish_count: -1,
            names_read: Instant::now(),
            last_user: 0,
            lag_read: Instant::now(),
            outcome_unknown: false,
            silent: SILENT,
            live_was_told: false,
            had_a_stream: false,
            target: 0,
            ask_again: None,
            has_settled: false,
            backlog: None,
            early_state: None,
        }
    }

    /// Counts until told to stop, and commits what is folded.
    pub(crate) async fn run(mut self) -> Result<(), CountingError> {
        let stop = self.shared.stop.clone();
        let channels = self.config.channels.clone();
        let mut early = Some(Early::begin(self.client.clone(), channels, self.rules));
        loop {
            self.shared.status.pulse.beat();
            if !self.settle().await? {
                break;
            }
            let early = early.take();
            if self.filters.is_empty() {
                match self.stand_by().await {
                    Ended::Stopped => break,
                    Ended::Again => continue,
                }
            }
            let stream = tokio::select! {
                stream = self.open(early) => stream,
                () = stop.cancelled() => break,
            };
            let ended = match stream {
                Ok(stream) => {
                    self.had_a_stream = true;
                    match self.count_stream(&stream).await {
                        Ok(ended) => ended,
                        Err(error) => self.without_stream(&error).await,
                    }
                }
                Err(error) => self.without_stream(&error).await,
            };
            if matches!(ended, Ended::Stopped) {
                break;
            }
        }
        self.shared.status.pulse.rest();
        self.finish().await?;
        Ok(())
    }

    async fn without_stream(&mut self, error: &StreamError) -> Ended {
        // A server switches JetStream off when its disk is full; what is published then comes into the stream later.
        let is_off_now = matches!(error, StreamError::JetStreamOff) && self.had_a_stream;
        if error.is_transient() || is_off_now || matches!(error, StreamError::Missing { .. }) {
            info!(%error, "the event stream cannot be read now; trying again");
            return self.pause(RETRY).await;
        }
        self.count_live(error).await
    }

    async fn pause(&self, time: Duration) -> Ended {
        tokio::select! {
            () = tokio::time::sleep(time) => Ended::Again,
            () = self.shared.stop.cancelled() => Ended::Stopped,
        }
    }

    /// Does what somebody asks.
    async fn take(
        &mut self,
        input: Input,
        stream: Option<&EventStream>,
    ) -> Result<(), StreamError> {
        match input {
            Input::Refresh(done) => {
                self.load_state(stream, Telling::Faults).await?;
                // What is compared is told with the commit.
                if self.commit().await {
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }
            }
            Input::Backfill(source, done) => {
                if let Some(outcome) = self.backfill(source, stream).await {
                    // Whoever asked may have gone; it is done all the same.
                    let _ = done.send(outcome);
                }
            }
            Input::Wish { wish, names, done } => {
                if let Some(outcome) = self.carry_out(wish, &names).await {
                    // Whoever asked may have gone; it is done all the same.
                    let _ = done.send(outcome);
                }
            }
        }
        Ok(())
    }
}

/// The next tick, or never.
async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

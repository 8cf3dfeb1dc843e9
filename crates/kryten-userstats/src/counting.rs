//! Counts: reads the event stream in order, folds batches, commits each with its position.

mod book;
mod commit;
mod inputs;
mod live;
mod resume;
mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kryten_client::log_levels::LogLevels;
use kryten_client::{Client, EventReader, EventStream, ReaderItem, ReaderOptions, StreamError};
use kryten_protocol::subject;
use kryten_protocol::time::WireTime;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::config::{ChannelConfig, Config};
use crate::initial_state::{self, Telling};
use crate::status::{Source, Status};
use crate::store::{Claim, Position, Store, StoreError};
use crate::tally::{Aliases, Rules};
pub(crate) use book::Book;
use inputs::Input;
pub(crate) use inputs::{Asked, Inputs, NotNow};

/// The largest batch, and the longest wait for one after its first message.
const BATCH: usize = 5000;
const BATCH_WAIT: Duration = Duration::from_millis(5);
/// The pause before the stream is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Aliases may be changed in the database itself; this often it is asked.
const ALIASES_EVERY: Duration = Duration::from_secs(1);

/// How often the stream's end is asked.
const LAG_EVERY: Duration = Duration::from_secs(2);

/// What counting shares with the rest of the service.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) status: Arc<Status>,
    pub(crate) aliases_changed: Arc<AtomicBool>,
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
    rules: Rules,
    snapshots: Interval,
    refreshes: Option<Interval>,
    asked: Asked,
    aliases_read: Instant,
    lag_read: Instant,
    /// A commit was reported as failed; it may have been done all the same.
    outcome_unknown: bool,
    live_was_told: bool,
    /// Up to here the stream has to be counted before we are ready.
    target: u64,
}

/// Takes the channels over and loads the tally.
pub(crate) async fn take_over(store: &Store, config: &Config) -> Result<Book, StoreError> {
    let phrases = store.phrases_or(&config.default_phrases).await?;
    info!("{} trigger phrases", phrases.len());
    let mut claims: Vec<(Claim, ChannelConfig)> = Vec::new();
    for channel in &config.channels {
        let token = kryten_protocol::token::normalize(&channel.channel);
        let claim = match claims.iter().find(|(claim, _)| claim.token == token) {
            Some((claim, _)) => claim.clone(),
            None => store.claim(&channel.channel).await?,
        };
        claims.push((claim, channel.clone()));
    }
    let mut tally = store.load(&phrases).await?;
    tally.set_rules(config.rules);
    Ok(Book::new(tally, claims))
}

/// The subjects of the channels that are ours.
fn filters_of(book: &Book) -> Vec<String> {
    let filters = book.tokens().filter_map(|token| {
        let events = subject::channel_events(token).ok()?;
        Some([events, subject::gap(token).ok()?])
    });
    filters.flatten().collect()
}

impl Counting {
    /// Counts on from what was taken over.
    pub(crate) fn new(
        client: Client,
        store: Store,
        config: &Config,
        shared: Shared,
        asked: Asked,
        book: Book,
    ) -> Self {
        let filters = filters_of(&book);
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
            book,
            filters,
            rules: config.rules,
            snapshots,
            refreshes,
            asked,
            aliases_read: Instant::now(),
            lag_read: Instant::now(),
            outcome_unknown: false,
            live_was_told: false,
            target: 0,
        }
    }

    /// Counts until told to stop, and commits what is folded.
    pub(crate) async fn run(mut self) -> Result<(), CountingError> {
        let stop = self.shared.stop.clone();
        loop {
            self.shared.status.pulse.beat();
            let stream = tokio::select! {
                stream = EventStream::open_or_create(&self.client) => stream,
                () = stop.cancelled() => break,
            };
            let ended = match stream {
                Ok(stream) => match self.count_stream(&stream).await {
                    Ok(ended) => ended,
                    Err(error) => self.without_stream(&error).await,
                },
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
        if error.is_transient() || matches!(error, StreamError::Missing { .. }) {
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

    async fn count_stream(&mut self, stream: &EventStream) -> Result<Ended, StreamError> {
        let created = self.place(stream).await?;
        self.shared.status.set_source(Source::Stream);
        self.load_state(Some(stream), Telling::All).await?;
        let mut reader = EventReader::open(
            stream,
            ReaderOptions {
                filter_subjects: self.filters.clone(),
                start_sequence: self.book.counted_to() + 1,
                expected_created_nanos: Some(created),
            },
        )
        .await?;
        info!("listening to {}", self.filters.join(", "));
        let ended = self.read(stream, &mut reader).await;
        reader.close().await;
        ended
    }

    async fn read(
        &mut self,
        stream: &EventStream,
        reader: &mut EventReader,
    ) -> Result<Ended, StreamError> {
        let stop = self.shared.stop.clone();
        let robot_started = Arc::clone(&self.shared.robot_started);
        loop {
            self.shared.status.pulse.beat();
            self.tell_if_ready().await;
            let item = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Stopped),
                _ = self.snapshots.tick() => {
                    self.book.snapshot(now());
                    None
                }
                () = robot_started.notified() => {
                    self.load_state(Some(stream), Telling::All).await?;
                    None
                }
                () = tick(&mut self.refreshes) => {
                    self.load_state(Some(stream), Telling::Faults).await?;
                    None
                }
                Some(input) = self.asked.recv() => {
                    self.take(input, Some(stream)).await?;
                    None
                }
                item = reader.next_batch(BATCH, BATCH_WAIT) => Some(item?),
            };
            match item {
                Some(ReaderItem::Batch(batch)) => {
                    self.renew_aliases().await;
                    let created = reader.created_nanos().unwrap_or_default();
                    trace::batch(&batch);
                    self.book.fold(&batch, created);
                    self.shared.status.set_batch(batch.len());
                }
                Some(ReaderItem::Idle) if reader.is_stream_missing() => {
                    warn!("the event stream was deleted; making it anew");
                    return Ok(Ended::Again);
                }
                Some(ReaderItem::Replaced { .. }) => {
                    warn!("the event stream was made anew or set back");
                    self.place(stream).await?;
                    self.load_state(Some(stream), Telling::All).await?;
                    reader.resume_at(self.book.counted_to() + 1);
                }
                Some(ReaderItem::Truncated { first_sequence, .. }) => {
                    self.note_truncation(stream, first_sequence).await?;
                    reader.resume_at(first_sequence);
                }
                Some(ReaderItem::Idle) | None => {}
            }
            if !self.commit().await {
                return Ok(Ended::Stopped);
            }
            self.note_lag(stream).await;
            if self.book.ours().next().is_none() {
                error!("another instance counts all our channels; this one stops counting");
                self.shared.status.pulse.rest();
                stop.cancelled().await;
                return Ok(Ended::Stopped);
            }
        }
    }

    /// Sees to it that every position belongs to this stream as it is; returns when it was created.
    async fn place(&mut self, stream: &EventStream) -> Result<i128, StreamError> {
        let info = stream.info().await?;
        let filters = self.filters.clone();
        let mut places: Vec<Position> = Vec::new();
        let mut missing = false;
        for held in self.book.ours() {
            self.shared.status.pulse.beat();
            let place = match &held.position {
                Some(position) if resume::holds(stream, position).await? => position.clone(),
                Some(position) => {
                    let tally = self.book.tally();
                    let resume = resume::find(stream, &filters, position, tally).await?;
                    missing |= !resume.exact;
                    resume.position
                }
                // What the original counted, or we without a stream, is not counted again.
                None => Position {
                    stream_created: info.created_nanos,
                    sequence: match held.has_counts {
                        true => info.last_sequence,
                        false => info.first_sequence.saturating_sub(1),
                    },
                    message_id: None,
                    message_time: 0,
                },
            };
            places.push(place);
        }
        self.target = 0;
        for (held, place) in self.book.ours_mut().zip(places) {
            held.position = Some(place);
        }
        if missing {
            warn!("what was counted last is not in the event stream; events may be missing");
            self.book.note_lost_events(now());
        }
        Ok(info.created_nanos)
    }

    async fn note_truncation(
        &mut self,
        stream: &EventStream,
        first_sequence: u64,
    ) -> Result<(), StreamError> {
        let first = stream.get(first_sequence).await?;
        let to = first.as_ref().map_or_else(now, book::stored_at);
        warn!(
            first_sequence,
            "the event stream has dropped events before they were counted"
        );
        self.book.note_lost_events(to);
        self.load_state(Some(stream), Telling::All).await
    }

    /// Loads the robot's state and queues it for the place in the stream that it reflects.
    async fn load_state(
        &mut self,
        stream: Option<&EventStream>,
        telling: Telling,
    ) -> Result<(), StreamError> {
        let noted = self.last_of_ours(stream).await?;
        let channels: Vec<_> = self
            .book
            .ours()
            .flat_map(|held| held.channels.iter().cloned())
            .collect();
        let mut loaded = Vec::new();
        for channel in channels {
            self.shared.status.pulse.beat();
            let state = initial_state::load(&self.client, &channel, self.rules, telling).await;
            loaded.push((channel, state));
        }
        let last = self.last_of_ours(stream).await?;
        let created = match stream {
            Some(stream) => stream.info().await?.created_nanos,
            None => 0,
        };
        for (channel, state) in loaded {
            self.book
                .queue(&channel, state, created, noted, last, stream.is_none());
        }
        self.target = self.target.max(last);
        Ok(())
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
        }
        Ok(())
    }

    /// The last sequence of our channels; 0 without one.
    async fn last_of_ours(&self, stream: Option<&EventStream>) -> Result<u64, StreamError> {
        let mut last = 0;
        if let Some(stream) = stream {
            for filter in &self.filters {
                let message = stream.last_for(filter).await?;
                last = last.max(message.map_or(0, |message| message.sequence));
            }
        }
        Ok(last)
    }

    /// Everything that was there at the start is counted and committed, and the state is taken over.
    async fn tell_if_ready(&mut self) {
        if *self.shared.ready.borrow() || self.book.counted_to() < self.target {
            return;
        }
        if let Some(sequence) = self.book.waits_for() {
            self.book.adopt_before(sequence + 1);
        }
        if self.commit().await {
            info!(
                position = self.book.counted_to(),
                "everything in the event stream is counted"
            );
            self.tell_position();
            self.shared.status.set_ready();
            self.shared.ready.send_replace(true);
        }
    }

    /// Asks how far the stream is; now and then, since asking after each batch would slow a backlog down.
    async fn note_lag(&mut self, stream: &EventStream) {
        if self.lag_read.elapsed() < LAG_EVERY && self.book.counted_to() < self.target {
            return;
        }
        if self.lag_read.elapsed() >= LAG_EVERY {
            self.lag_read = Instant::now();
            match self.last_of_ours(Some(stream)).await {
                Ok(last) => self.target = self.target.max(last),
                Err(error) => debug!(%error, "the stream's end cannot be asked"),
            }
        }
        let lag = self.target.saturating_sub(self.book.counted_to());
        self.shared.status.set_lag(lag);
    }

    async fn renew_aliases(&mut self) {
        let changed = self.shared.aliases_changed.swap(false, Ordering::Relaxed);
        if !changed && self.aliases_read.elapsed() < ALIASES_EVERY {
            return;
        }
        self.aliases_read = Instant::now();
        match self.store.aliases().await {
            Ok(rows) => self.book.tally_mut().set_aliases(Aliases::new(rows)),
            Err(error) => warn!(%error, "aliases cannot be read; the last ones hold"),
        }
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

/// The wall clock, for what no event dates.
pub(crate) fn now() -> WireTime {
    WireTime::from_micros(jiff::Timestamp::now().as_microsecond())
}

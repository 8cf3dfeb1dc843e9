//! Reads the event stream in order, from where counting stopped.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use kryten_client::{EventReader, EventStream, ReaderItem, ReaderOptions, StreamError};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::channels::turn;
use super::{
    BACKLOG, BACKLOG_WAIT, BATCH, BATCH_WAIT, Counting, Ended, book, now, resume, tick, trace,
};
use crate::initial_state::Telling;
use crate::status::Source;
use crate::store::Position;

/// How often the stream's end is asked.
const LAG_EVERY: Duration = Duration::from_secs(2);
/// So many requests about the stream are on their way at the same time.
const REQUESTS_AT_ONCE: usize = 32;

impl Counting {
    pub(super) async fn count_stream(
        &mut self,
        stream: &EventStream,
    ) -> Result<Ended, StreamError> {
        let created = self.place(stream).await?;
        self.shared.status.set_source(Source::Stream);
        self.early_state = self.early_state.take().filter(|state| state.is_of(created));
        self.load_state(Some(stream), Telling::All).await?;
        let opening = EventReader::open(
            stream,
            ReaderOptions {
                filter_subjects: self.filters.clone(),
                start_sequence: self.book.counted_to() + 1,
                expected_created_nanos: Some(created),
            },
        );
        // Where nothing is to be read first, the state is committed meanwhile.
        let (reader, ()) = tokio::join!(opening, self.tell_if_ready());
        let mut reader = reader?;
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
                () = turn(&mut self.wanted, self.ask_again) => return Ok(Ended::Again),
                item = reader.next_batch(BATCH, BATCH_WAIT) => Some(item?),
            };
            let is_batch = matches!(item, Some(ReaderItem::Batch(_)));
            if !is_batch && self.backlog.take().is_some() && !self.commit().await {
                return Ok(Ended::Stopped);
            }
            match item {
                Some(ReaderItem::Batch(batch)) => {
                    self.renew_names().await;
                    let created = reader.created_nanos().unwrap_or_default();
                    trace::batch(&batch);
                    self.book.fold(&batch, created);
                    self.shared.status.set_batch(batch.len());
                    if self.waits_for_more(batch.len()) {
                        continue;
                    }
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
            if self.book.lost() > 0 {
                return Ok(Ended::Again);
            }
        }
    }

    /// Whether what is folded is committed with what comes next: the more events, the fewer rows for each.
    fn waits_for_more(&mut self, batch: usize) -> bool {
        let (folded, since) = self.backlog.unwrap_or((0, Instant::now()));
        let folded = folded + batch;
        let waits = batch >= BATCH && folded < BACKLOG && since.elapsed() < BACKLOG_WAIT;
        self.backlog = waits.then_some((folded, since));
        waits
    }

    /// Sees to it that every position belongs to this stream as it is; returns when it was created.
    async fn place(&mut self, event_stream: &EventStream) -> Result<i128, StreamError> {
        self.book.spread();
        let filters = self.filters.clone();
        let positions: Vec<_> = self.book.ours().map(|held| held.position.clone()).collect();
        let created = event_stream.identity().created_nanos;
        let of_it = positions.iter().flatten();
        let of_it = of_it.filter(|position| position.stream_created == created);
        let counted_to = of_it.map(|position| position.sequence).max();
        let info = event_stream
            .info_up_to(created, counted_to.unwrap_or_default())
            .await?;
        let info_now = &info;
        let looks = stream::iter(positions).map(|position| async move {
            match position {
                Some(position) => resume::holds(event_stream, info_now, &position).await,
                None => Ok(false),
            }
        });
        let holds: Vec<bool> = looks.buffered(REQUESTS_AT_ONCE).try_collect().await?;
        let mut places: Vec<Position> = Vec::new();
        let mut missing = false;
        let mut newest = None;
        for (held, holds) in self.book.ours().zip(holds) {
            self.shared.status.pulse.beat();
            let place = match &held.position {
                Some(position) if holds => position.clone(),
                Some(position) => {
                    // Read once for all channels.
                    let newest = match &newest {
                        Some(newest) => newest,
                        None => newest.insert(resume::newest(event_stream, &filters).await?),
                    };
                    let tally = self.book.tally();
                    let resume =
                        resume::find(event_stream, &filters, newest, position, tally).await?;
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
        self.book.place(places);
        if missing {
            warn!("what was counted last is not in the event stream; events may be missing");
            self.book.note_lost_events(now(), None);
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
        // The stream numbers the events of all channels, so of several it is not known whose they were.
        let dropped = first_sequence.saturating_sub(self.book.counted_to() + 1);
        let only_one = self.book.ours().count() == 1;
        self.book.note_lost_events(to, only_one.then_some(dropped));
        self.book.go_on_behind_a_hole(to);
        self.load_state(Some(stream), Telling::All).await
    }

    /// The last sequence of our channels; 0 without one.
    pub(super) async fn last_of_ours(
        &self,
        event_stream: Option<&EventStream>,
    ) -> Result<u64, StreamError> {
        let Some(event_stream) = event_stream else {
            return Ok(0);
        };
        last_of(event_stream, &self.filters).await
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
}

/// The last message of any of these subjects; 0 where there is none.
pub(super) async fn last_of(
    event_stream: &EventStream,
    filters: &[String],
) -> Result<u64, StreamError> {
    let asked = stream::iter(filters.to_vec())
        .map(|filter| async move { event_stream.last_for(&filter).await })
        .buffer_unordered(REQUESTS_AT_ONCE);
    asked
        .try_fold(0, |last, message| async move {
            Ok(last.max(message.map_or(0, |message| message.sequence)))
        })
        .await
}

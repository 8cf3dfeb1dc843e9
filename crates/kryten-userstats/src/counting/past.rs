//! The past, read and counted between two batches.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use jiff::tz::TimeZone;
use kryten_client::pulse::Pulse;
use kryten_client::{EventReader, EventStream, ReaderItem, ReaderOptions, StreamError};
use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::line::LINE_ID_PREFIX;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::book::stored_at;
use super::{BATCH, BATCH_WAIT, Book, Counting, now};
use crate::backfill::{
    Added, Channel, ChatLogDates, Past, PastEvent, read_chat_log, read_recording,
};
use crate::store::{ChannelBatch, Store, StoreError};
use crate::tally::{RoomKey, Sums};

/// So many lines of a file are read between two beats.
const LINES_A_BEAT: usize = 1000;
/// How often we beat while the database takes the past.
const BEAT: Duration = Duration::from_secs(1);
/// Years of a large channel are committed in less; a database that needs more is taken to hang.
const LONGEST_COMMIT: Duration = Duration::from_secs(1800);

/// Where the past comes from.
#[derive(Debug, Clone)]
pub(crate) enum PastSource {
    /// What the stream still has.
    Stream,
    /// A recording in JSON lines; its frames, where it has some, are of this channel.
    Recording { file: PathBuf, frames_of: Channel },
    /// The robot's audit log of this channel's chat.
    ChatLog {
        file: PathBuf,
        of: Channel,
        zone: TimeZone,
        /// The day of its last line; that of the file's last change without it.
        last_day: Option<jiff::civil::Date>,
    },
}

/// Why it was not counted; nothing of it is stored then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackfillError {
    #[error("cannot read {}: {source}", file.display())]
    File {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("there is no event stream to read")]
    NoStream,
    #[error("the event stream cannot be read: {0}")]
    Stream(#[from] StreamError),
    #[error("the stream was changed while it was read, so nothing of it is counted; ask again")]
    Changed,
    #[error("the database is away; try again later")]
    Store(#[from] StoreError),
    #[error(
        "nothing in it is an event of a channel that is counted here; name domain and channel as they are configured"
    )]
    Nothing,
    #[error("the service ends; ask again when it has been started")]
    Stopped,
    #[error("another instance counts this channel now; ask that one")]
    Lost,
    #[error("reading it broke down; report this")]
    Broke,
}

impl Counting {
    /// Counts the past. `None` when told to stop meanwhile.
    pub(super) async fn backfill(
        &mut self,
        source: PastSource,
        stream: Option<&EventStream>,
    ) -> Option<Result<Added, BackfillError>> {
        // What was folded first is in what is covered.
        if !self.commit().await {
            return None;
        }
        let added = self.count_past(source, stream).await;
        if matches!(added, Err(BackfillError::Stopped)) {
            return None;
        }
        if let Ok(added) = &added {
            info!(
                events = added.events,
                lines = added.lines,
                counted_before = added.covered,
                "the past is counted"
            );
        }
        Some(added)
    }

    async fn count_past(
        &mut self,
        source: PastSource,
        stream: Option<&EventStream>,
    ) -> Result<Added, BackfillError> {
        let channels: Vec<_> = self
            .book
            .ours()
            .flat_map(|held| held.channels.clone())
            .collect();
        let mut covered = HashMap::new();
        let pulse = self.shared.status.pulse.clone();
        for channel in channels {
            pulse.beat();
            let spans = self
                .store
                .covered(&channel.domain, &channel.channel)
                .await?;
            let key = RoomKey {
                domain: channel.domain,
                channel: channel.channel,
            };
            covered.insert(key, spans);
        }
        let past = Past::new(self.book.tally().for_the_past(), covered);
        let between = BetweenLines {
            pulse,
            stop: self.shared.stop.clone(),
        };
        let past = match source {
            PastSource::Stream => {
                let stream = stream.ok_or(BackfillError::NoStream)?;
                self.fold_stream(past, stream).await?
            }
            PastSource::Recording { file, frames_of } => {
                blocking(move || fold_recording(past, &file, &frames_of, &between)).await?
            }
            PastSource::ChatLog {
                file,
                of,
                zone,
                last_day,
            } => {
                blocking(move || fold_chat_log(past, &file, &of, (zone, last_day), &between))
                    .await?
            }
        };
        let (sums, added) = past.finish();
        self.shared.status.pulse.beat();
        if added == Added::default() {
            return Err(BackfillError::Nothing);
        }
        self.store_past(sums).await?;
        Ok(added)
    }

    async fn fold_stream(
        &self,
        mut past: Past,
        stream: &EventStream,
    ) -> Result<Past, BackfillError> {
        let info = stream.info().await?;
        let end = self.book.counted_to();
        if end < info.first_sequence {
            return Ok(past);
        }
        let mut reader = EventReader::open(
            stream,
            ReaderOptions {
                filter_subjects: self.filters.clone(),
                start_sequence: info.first_sequence,
                expected_created_nanos: Some(info.created_nanos),
            },
        )
        .await?;
        let mut sealed = self.book.seals_of_the_past();
        let mut silences = 0;
        // Whatever comes last, what is behind the position is counted by the usual way.
        let read = loop {
            self.shared.status.pulse.beat();
            let item = tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => break Err(BackfillError::Stopped),
                item = reader.next_batch(BATCH, BATCH_WAIT) => item,
            };
            match item {
                Ok(ReaderItem::Batch(batch)) => {
                    silences = 0;
                    for message in batch.iter().filter(|message| message.sequence <= end) {
                        if let Some(event) = past_event(message)
                            && sealed.admits(message, (&event.domain, &event.channel))
                        {
                            past.fold(&event);
                        }
                    }
                    if batch.last().is_none_or(|last| last.sequence >= end) {
                        break Ok(past);
                    }
                }
                Ok(ReaderItem::Idle) if reader.is_stream_missing() => {
                    break Err(BackfillError::Changed);
                }
                // A server that is away is waited for. The last events may be of others than our channels.
                Ok(ReaderItem::Idle) if !self.client.is_connected() => silences = 0,
                Ok(ReaderItem::Idle) if silences == 0 => silences += 1,
                Ok(ReaderItem::Idle) => break Ok(past),
                Ok(ReaderItem::Truncated { .. } | ReaderItem::Replaced { .. }) => {
                    break Err(BackfillError::Changed);
                }
                Err(error) => break Err(error.into()),
            }
        };
        reader.close().await;
        read
    }

    async fn store_past(&mut self, mut sums: Sums) -> Result<(), BackfillError> {
        let mut by_token: HashMap<String, Sums> = HashMap::new();
        let names: Vec<String> = sums.users.keys().cloned().collect();
        for (key, room) in std::mem::take(&mut sums.rooms) {
            let token = kryten_protocol::token::normalize(&key.channel);
            by_token.entry(token).or_default().rooms.insert(key, room);
        }
        // Users and private messages are of no channel.
        if let Some(first) = by_token.values_mut().next() {
            first.users = sums.users;
            first.pms = sums.pms;
        }
        let batches: Vec<ChannelBatch<'_>> = self
            .book
            .ours_by_token()
            .filter_map(|(token, held)| {
                Some(ChannelBatch {
                    token,
                    epoch: held.epoch,
                    sums: by_token.get(token)?,
                    position: None,
                    seals: None,
                })
            })
            .collect();
        let commit = self.store.commit(&batches);
        let pulse = &self.shared.status.pulse;
        let committed = beating(pulse, (BEAT, LONGEST_COMMIT), commit).await?;
        if !committed.lost.is_empty() {
            return Err(BackfillError::Lost);
        }
        for name in names {
            self.book.tally_mut().know(&name);
        }
        Ok(())
    }
}

/// Notes that what was counted before coverage was noted is counted.
pub(super) async fn cover(store: &Store, book: &Book) -> Result<(), StoreError> {
    let held = book.ours().filter(|held| held.has_counts);
    let rooms: Vec<(&str, &str)> = held
        .flat_map(|held| &held.channels)
        .map(|channel| (channel.domain.as_str(), channel.channel.as_str()))
        .collect();
    store.cover_past(&rooms, now().micros()).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackfillError> + Send + 'static,
) -> Result<T, BackfillError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(BackfillError::Broke))
}

/// Beats every so often while the work is done, but not for longer than the longest time that it may take.
async fn beating<T>(
    pulse: &Pulse,
    (every, longest): (Duration, Duration),
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    let began = Instant::now();
    while began.elapsed() < longest {
        pulse.beat();
        if let Ok(done) = timeout(every, &mut work).await {
            pulse.beat();
            return done;
        }
    }
    work.await
}

/// What is done between the lines of a file.
struct BetweenLines {
    pulse: Pulse,
    stop: CancellationToken,
}

impl BetweenLines {
    /// Beats now and then, and hears a stop.
    fn note(&self, at: usize) -> Result<(), BackfillError> {
        if !at.is_multiple_of(LINES_A_BEAT) {
            return Ok(());
        }
        self.pulse.beat();
        match self.stop.is_cancelled() {
            true => Err(BackfillError::Stopped),
            false => Ok(()),
        }
    }
}

fn fold_recording(
    mut past: Past,
    file: &Path,
    frames_of: &Channel,
    between: &BetweenLines,
) -> Result<Past, BackfillError> {
    let failed = |source| BackfillError::File {
        file: file.to_owned(),
        source,
    };
    let reader = BufReader::new(std::fs::File::open(file).map_err(failed)?);
    for (at, line) in reader.split(b'\n').enumerate() {
        between.note(at)?;
        let line = line.map_err(failed)?;
        let text = String::from_utf8_lossy(&line);
        if let Some(event) = read_recording(&text, frames_of) {
            past.fold(&event);
        }
    }
    Ok(past)
}

fn fold_chat_log(
    mut past: Past,
    file: &Path,
    of: &Channel,
    (zone, last_day): (TimeZone, Option<jiff::civil::Date>),
    between: &BetweenLines,
) -> Result<Past, BackfillError> {
    let failed = |source| BackfillError::File {
        file: file.to_owned(),
        source,
    };
    let bytes = std::fs::read(file).map_err(failed)?;
    let last_day = match last_day {
        Some(day) => day,
        None => {
            let changed = std::fs::metadata(file).and_then(|metadata| metadata.modified());
            let changed = jiff::Timestamp::try_from(changed.map_err(failed)?);
            let changed = changed.map_err(|_| BackfillError::Broke)?;
            zone.to_datetime(changed).date()
        }
    };
    let dates = ChatLogDates { last_day, zone };
    between.note(0)?;
    let events = read_chat_log(&String::from_utf8_lossy(&bytes), of, &dates);
    for (at, event) in events.iter().enumerate() {
        between.note(at)?;
        past.fold(event);
    }
    Ok(past)
}

fn past_event(message: &kryten_client::StoredMessage) -> Option<PastEvent> {
    if !message.subject.starts_with("kryten.events.cytube.") {
        return None;
    }
    let envelope = EnvelopeRef::parse(&message.body).ok()?;
    let id = message.message_id.as_ref();
    Some(PastEvent {
        time: envelope.timestamp.unwrap_or_else(|| stored_at(message)),
        domain: envelope.domain.into_owned(),
        channel: envelope.channel.into_owned(),
        name: envelope.event_name.into_owned(),
        payload: envelope.payload.get().to_owned(),
        line_id: id.filter(|id| id.starts_with(LINE_ID_PREFIX)).cloned(),
        precision_micros: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;
    use crate::tally::Tally;

    fn past() -> Past {
        Past::new(Tally::default(), HashMap::new())
    }

    #[test]
    fn reading_a_file_gives_signs_of_life_and_hears_a_stop() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("past");
        std::fs::write(&file, "10:00:00 <a>: one\n").unwrap();
        let of = Channel {
            domain: "d".to_owned(),
            channel: "c".to_owned(),
        };
        let between = BetweenLines {
            pulse: Pulse::default(),
            stop: CancellationToken::new(),
        };
        let pulse = &between.pulse;
        let dates = || (TimeZone::UTC, None);
        fold_recording(past(), &file, &of, &between).unwrap();
        assert!(pulse.silence().is_some());
        pulse.rest();
        fold_chat_log(past(), &file, &of, dates(), &between).unwrap();
        assert!(pulse.silence().is_some());
        between.stop.cancel();
        let stopped = [
            fold_recording(past(), &file, &of, &between),
            fold_chat_log(past(), &file, &of, dates(), &between),
        ];
        for ended in stopped {
            assert!(matches!(ended, Err(BackfillError::Stopped)));
        }
    }

    #[tokio::test]
    async fn a_long_commit_gives_signs_of_life_until_it_takes_too_long() {
        let every = Duration::from_millis(1);
        let pulse = Pulse::default();
        let of_work = pulse.clone();
        let mut beats = 0;
        // Nothing wakes this but the next beat.
        let work = std::future::poll_fn(|_| {
            beats += usize::from(of_work.silence().is_some());
            of_work.rest();
            match beats {
                3.. => Poll::Ready(()),
                _ => Poll::Pending,
            }
        });
        let long = Duration::from_secs(60);
        timeout(long, beating(&pulse, (every, long), work))
            .await
            .unwrap();
        assert!(pulse.silence().is_some());

        let hanging = std::future::pending::<()>();
        let mut hanging = pin!(beating(&pulse, (every, every), hanging));
        let many = Duration::from_millis(50);
        assert!(timeout(many, &mut hanging).await.is_err());
        pulse.rest();
        assert!(timeout(many, &mut hanging).await.is_err());
        assert_eq!(pulse.silence(), None, "no beat without progress");
    }
}

//! Events from the stream.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{BoxStream, unfold};
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use kryten_protocol::event::Event;

use super::position::{Place, Position, PositionError};
use super::{BadMessage, ChannelEvents, SubscribeError};
use crate::jetstream::consumer::Start;
use crate::reader::{EventReader, ReaderItem, ReaderOptions};
use crate::stream::{EventStream, StoredMessage, StreamError, StreamInfo};

/// Messages taken from the server at a time; the most that a reader that stands still keeps in memory, times two.
const BATCH: usize = 256;
/// How long a first message waits for others to come with it.
const TOGETHER: Duration = Duration::from_millis(2);

/// What a durable subscription has to tell.
#[derive(Debug)]
#[non_exhaustive]
pub enum DurableItem {
    /// The next event.
    Event(StoredEvent),
    /// The stream has dropped its oldest messages before we read them; reading goes on with what is there.
    Missed {
        /// The sequence that should have come next.
        expected: u64,
        /// The first one that is still there.
        first_sequence: u64,
    },
    /// Another stream is there now, or its sequence numbers were set back; reading goes on with what is new in it.
    Replaced {
        /// The stream as last seen.
        old: StreamInfo,
        /// The stream now.
        new: StreamInfo,
    },
    /// A message on the channel's subjects that is no event.
    BadMessage(BadMessage),
}

/// An event and its place in the stream.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// The event.
    pub event: Event,
    /// Its place in the stream.
    pub sequence: u64,
    /// When the server stored it, in nanoseconds since the Unix epoch.
    pub stored_nanos: i128,
    /// The epoch of the robot that published it, where it says so.
    pub epoch: Option<u64>,
    created_nanos: i128,
    position: Option<Arc<Position>>,
    round: u64,
}

impl StoredEvent {
    /// Says that this event and all before it need not come again. One write to the server: a busy reader says it
    /// now and then only, and has so many events again after a crash.
    ///
    /// Does nothing where the events were not read [from where a consumer stopped](ChannelEvents::from_where_stopped),
    /// or a later one was said to be done already, or the stream was [replaced](DurableItem::Replaced) since.
    ///
    /// # Errors
    /// [`PositionError`]. Where the server was away, or this was given up, a later `done` makes up for it.
    pub async fn done(&self) -> Result<(), PositionError> {
        match &self.position {
            Some(position) => position.advance(self.place(), self.round).await,
            None => Ok(()),
        }
    }

    fn place(&self) -> Place {
        Place {
            created_nanos: self.created_nanos,
            sequence: self.sequence,
            stored_nanos: Some(self.stored_nanos),
        }
    }
}

/// Events from the stream, in its order; a [`Stream`] of [`DurableItem`]s. Waits for an absent server, for ever.
///
/// Nothing is dropped for a slow reader: the stream waits. An error is the last item.
pub struct DurableEvents {
    items: BoxStream<'static, Result<DurableItem, StreamError>>,
}

impl DurableEvents {
    /// The next item; `None` after an error. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<DurableItem, StreamError>> {
        self.items.next().await
    }
}

impl fmt::Debug for DurableEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableEvents").finish_non_exhaustive()
    }
}

impl Stream for DurableEvents {
    type Item = Result<DurableItem, StreamError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<DurableItem, StreamError>>> {
        self.items.poll_next_unpin(context)
    }
}

pub(super) async fn open(
    wanted: ChannelEvents,
    stream: &EventStream,
    start: Start,
    position: Option<Position>,
) -> Result<DurableEvents, SubscribeError> {
    let mut options = ReaderOptions {
        filter_subjects: wanted.subjects()?,
        ..ReaderOptions::default()
    };
    let mut start = start;
    let (mut last_nanos, mut set_back) = (None, None);
    if let Some(position) = &position {
        let place = position.place().await;
        options.expected_created_nanos = Some(place.created_nanos);
        start = Start::Sequence(place.sequence + 1);
        last_nanos = place.stored_nanos;
        set_back = set_back_since(stream, place).await?;
    }
    let mut reading = Reading {
        reader: EventReader::open_from(stream, options.clone(), start).await?,
        stream: stream.clone(),
        options,
        created_nanos: stream.identity().created_nanos,
        last_nanos,
        wanted,
        waiting: VecDeque::new(),
        position: position.map(Arc::new),
        round: 0,
        told: None,
    };
    if let Some((old, new)) = set_back {
        reading.told = Some(reading.replaced(old, new).await?);
    }
    let items = unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        match reading.next().await {
            Ok(item) => Some((Ok(item), Some(reading))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(DurableEvents {
        items: items.boxed(),
    })
}

/// The stream as it was and as it is, where it has something else than what was done last at that place: a copy was
/// restored, and others have written since.
///
/// One that is shorter than it was the reader finds out by itself. What was removed cannot be compared.
async fn set_back_since(
    stream: &EventStream,
    place: Place,
) -> Result<Option<(StreamInfo, StreamInfo)>, StreamError> {
    let Some(stored_nanos) = place.stored_nanos else {
        return Ok(None);
    };
    let new = stream.info().await?;
    if new.created_nanos != place.created_nanos || place.sequence == 0 {
        return Ok(None);
    }
    let there = stream.get_from_leader(place.sequence).await?;
    let is_other = there.is_some_and(|message| message.time_nanos != stored_nanos);
    let old = StreamInfo {
        created_nanos: place.created_nanos,
        first_sequence: 0,
        last_sequence: place.sequence,
        messages: 0,
    };
    Ok(is_other.then_some((old, new)))
}

struct Reading {
    reader: EventReader,
    stream: EventStream,
    options: ReaderOptions,
    /// When the stream was created that the waiting messages are of.
    created_nanos: i128,
    /// When the last message that was read, or done before, was stored.
    last_nanos: Option<i128>,
    wanted: ChannelEvents,
    waiting: VecDeque<StoredMessage>,
    position: Option<Arc<Position>>,
    /// The position's round in which the waiting messages were read.
    round: u64,
    /// To be told before anything is read.
    told: Option<DurableItem>,
}

impl Reading {
    async fn next(&mut self) -> Result<DurableItem, StreamError> {
        if let Some(item) = self.told.take() {
            return Ok(item);
        }
        loop {
            if let Some(message) = self.waiting.pop_front() {
                match self.item(message) {
                    Some(item) => return Ok(item),
                    None => continue,
                }
            }
            match self.reader.next_batch(BATCH, TOGETHER).await? {
                ReaderItem::Idle => {}
                ReaderItem::Batch(batch) => {
                    if let Some(created_nanos) = self.reader.created_nanos() {
                        self.created_nanos = created_nanos;
                    }
                    if let Some(last) = batch.last() {
                        self.last_nanos = Some(last.time_nanos);
                    }
                    self.waiting.extend(batch);
                }
                ReaderItem::Truncated {
                    expected,
                    first_sequence,
                } => {
                    self.reader.resume_at(first_sequence);
                    return Ok(DurableItem::Missed {
                        expected,
                        first_sequence,
                    });
                }
                ReaderItem::Replaced { old, new } => return self.replaced(old, new).await,
            }
        }
    }

    /// Goes on with what is new in the stream as it is now.
    async fn replaced(
        &mut self,
        old: StreamInfo,
        new: StreamInfo,
    ) -> Result<DurableItem, StreamError> {
        let is_same = old.created_nanos == new.created_nanos;
        if let Some(position) = &self.position {
            self.round = match is_same {
                true => position.set_back(new.last_sequence).await,
                false => position.begin_round().await,
            };
        }
        // Of a stream set back, by a restored copy say, what it still has was read already. Others may have written
        // since, and sequences are used again, so it is the time that tells what is new.
        let after = self.last_nanos.filter(|_| is_same);
        let after = after.and_then(|nanos| Timestamp::from_nanosecond(nanos + 1).ok());
        match after {
            Some(time) => {
                self.options.expected_created_nanos = Some(new.created_nanos);
                let (stream, options) = (&self.stream, self.options.clone());
                let start = Start::Time(time);
                self.reader = EventReader::open_from(stream, options, start).await?;
            }
            None => {
                let next = if is_same { new.last_sequence + 1 } else { 0 };
                self.reader.resume_at(next.min(self.reader.next_sequence()));
            }
        }
        Ok(DurableItem::Replaced { old, new })
    }

    fn item(&self, message: StoredMessage) -> Option<DurableItem> {
        match Event::parse(&message.body) {
            Ok(event) => self.wanted.is_wanted(&event).then(|| {
                DurableItem::Event(StoredEvent {
                    event,
                    sequence: message.sequence,
                    stored_nanos: message.time_nanos,
                    epoch: message.epoch,
                    created_nanos: self.created_nanos,
                    position: self.position.clone(),
                    round: self.round,
                })
            }),
            Err(error) => Some(DurableItem::BadMessage(BadMessage {
                subject: message.subject,
                body: message.body,
                error,
            })),
        }
    }
}

//! Events from the stream.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{BoxStream, unfold};
use futures_util::{Stream, StreamExt};
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
}

impl StoredEvent {
    /// Says that this event and all before it need not come again. One write to the server: a busy reader says it
    /// now and then only, and has so many events again after a crash.
    ///
    /// Does nothing where the events were not read [from where a consumer stopped](ChannelEvents::from_where_stopped),
    /// or a later one was said to be done already.
    ///
    /// # Errors
    /// [`PositionError`]. Where the server was away a later `done` makes up for it.
    pub async fn done(&self) -> Result<(), PositionError> {
        match &self.position {
            Some(position) => position.advance(self.place()).await,
            None => Ok(()),
        }
    }

    fn place(&self) -> Place {
        Place {
            created_nanos: self.created_nanos,
            sequence: self.sequence,
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
    if let Some(position) = &position {
        let place = position.place().await;
        options.expected_created_nanos = Some(place.created_nanos);
        start = Start::Sequence(place.sequence + 1);
    }
    let reading = Reading {
        reader: EventReader::open_from(stream, options, start).await?,
        created_nanos: stream.identity().created_nanos,
        wanted,
        waiting: VecDeque::new(),
        position: position.map(Arc::new),
    };
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

struct Reading {
    reader: EventReader,
    /// When the stream was created that the waiting messages are of.
    created_nanos: i128,
    wanted: ChannelEvents,
    waiting: VecDeque<StoredMessage>,
    position: Option<Arc<Position>>,
}

impl Reading {
    async fn next(&mut self) -> Result<DurableItem, StreamError> {
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
                ReaderItem::Replaced { old, new } => {
                    // Of a stream set back, by a restored copy say, what it still has was read already.
                    let next = match old.created_nanos == new.created_nanos {
                        true => new.last_sequence + 1,
                        false => 0,
                    };
                    self.reader.resume_at(next.min(self.reader.next_sequence()));
                    return Ok(DurableItem::Replaced { old, new });
                }
            }
        }
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

//! Reads the event stream in order, without a hole.

use std::time::Duration;

use crate::jetstream::consumer::{Start, Wanted};
use crate::jetstream::ordered::{Holes, OrderedItem, OrderedReader};
use crate::stream::{EventStream, StoredMessage, StreamError, StreamInfo};

/// Where to read and what.
#[derive(Debug, Clone, Default)]
pub struct ReaderOptions {
    /// Only messages on these subjects; empty for all. They must not overlap.
    pub filter_subjects: Vec<String>,
    /// The first sequence to deliver; 0 and 1 are the start of the stream.
    pub start_sequence: u64,
    /// When the stream was created for which `start_sequence` was noted; if it is another one now, the first item is
    /// [`ReaderItem::Replaced`].
    pub expected_created_nanos: Option<i128>,
}

/// What the reader has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum ReaderItem {
    /// The next messages in stream order, at least one.
    Batch(Vec<StoredMessage>),
    /// Nothing new for a while, or the server is away; time for other work.
    Idle,
    /// Another stream is there now, or its sequence numbers were set back: nothing more is delivered until
    /// [`EventReader::resume_at`].
    Replaced {
        /// The stream as last seen; `last_sequence` is at least the last one delivered.
        old: StreamInfo,
        /// The stream now.
        new: StreamInfo,
    },
    /// Messages are gone that had not been delivered: nothing more is delivered until [`EventReader::resume_at`].
    ///
    /// With filters this is told wherever the stream has lost its oldest messages before we read them, since nobody
    /// can say whether one of them matched.
    Truncated {
        /// The sequence that should have come next.
        expected: u64,
        /// The first one that is still there.
        first_sequence: u64,
    },
}

/// An ordered reader of the event stream.
#[derive(Debug)]
pub struct EventReader {
    stream: EventStream,
    ordered: OrderedReader,
}

impl EventReader {
    /// Starts reading.
    ///
    /// # Errors
    /// [`StreamError`] when the stream cannot be read at all; an absent server or stream is waited for.
    pub async fn open(stream: &EventStream, options: ReaderOptions) -> Result<Self, StreamError> {
        let start = Start::Sequence(options.start_sequence);
        Self::open_from(stream, options, start).await
    }

    /// As [`EventReader::open`], from what was stored at this moment or later; `start_sequence` counts for nothing.
    ///
    /// # Errors
    /// As there.
    pub async fn open_at(
        stream: &EventStream,
        options: ReaderOptions,
        time: jiff::Timestamp,
    ) -> Result<Self, StreamError> {
        Self::open_from(stream, options, Start::Time(time)).await
    }

    /// As [`EventReader::open`], from anywhere.
    pub(crate) async fn open_from(
        stream: &EventStream,
        options: ReaderOptions,
        start: Start,
    ) -> Result<Self, StreamError> {
        match stream.info().await {
            Ok(_) | Err(StreamError::Missing { .. }) => {}
            Err(error) if error.is_transient() => {}
            Err(error) => return Err(error),
        }
        let wanted = Wanted {
            stream: stream.name().to_owned(),
            filters: options.filter_subjects,
            start,
            headers_only: false,
        };
        let ordered = OrderedReader::new(
            stream.client(),
            wanted,
            Holes::Told,
            options.expected_created_nanos,
        );
        Ok(Self {
            stream: stream.clone(),
            ordered,
        })
    }

    /// The next item. A batch is given after `max_wait_after_first` at the latest, counted from its first message.
    /// Cancel safe: what was received and not returned comes with the next call.
    ///
    /// # Errors
    /// [`StreamError`] for what waiting does not mend, such as a missing permission.
    pub async fn next_batch(
        &mut self,
        max_messages: usize,
        max_wait_after_first: Duration,
    ) -> Result<ReaderItem, StreamError> {
        let item = self.ordered.next(max_messages, max_wait_after_first).await;
        let item = item.map_err(|error| self.stream.error(error))?;
        Ok(match item {
            OrderedItem::Batch(batch) => {
                let messages = batch.into_iter().map(|received| received.stored.into());
                ReaderItem::Batch(messages.collect())
            }
            OrderedItem::Idle => ReaderItem::Idle,
            OrderedItem::Replaced { old, new } => ReaderItem::Replaced { old, new },
            OrderedItem::Truncated {
                expected,
                first_sequence,
            } => ReaderItem::Truncated {
                expected,
                first_sequence,
            },
        })
    }

    /// The sequence from which on nothing was returned yet.
    pub fn next_sequence(&self) -> u64 {
        self.ordered.next_sequence()
    }

    /// When the stream that is read was created, in nanoseconds since the Unix epoch; `None` until the server has
    /// told.
    pub fn created_nanos(&self) -> Option<i128> {
        self.ordered.created_nanos()
    }

    /// Whether the stream was not there when the reader last looked. It is then waited for; somebody has to create
    /// it again ([`EventStream::open_or_create`]), which the reader then tells as [`ReaderItem::Replaced`].
    pub fn is_stream_missing(&self) -> bool {
        self.ordered.is_missing()
    }

    /// Goes on at a sequence of the stream as it is now, after [`ReaderItem::Replaced`] or
    /// [`ReaderItem::Truncated`], or at any time.
    pub fn resume_at(&mut self, sequence: u64) {
        self.ordered.resume_at(sequence);
    }

    /// Stops reading and removes the consumer from the server.
    pub async fn close(self) {
        self.ordered.close().await;
    }
}

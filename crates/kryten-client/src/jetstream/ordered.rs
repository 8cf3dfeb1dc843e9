//! Reads a stream in order and for ever, over restarts of the server, and tells when another stream is there.
//!
//! The consumer is ours: at each loss of the connection, at each gap in its own numbering and after each silence we
//! look at the stream, and make a new consumer at the next sequence. A stream that is deleted and made again under a
//! live connection leaves a consumer silent, hence the look after silence.

mod check;
mod suspicion;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use self::check::Halt;
use super::api::{ApiError, code};
use super::breaks::Breaks;
use super::consumer::{Start, Wanted};
use super::pull::{Patience, Pulled, Puller, Received};
use crate::connection::Client;
use crate::stream::StreamInfo;

/// Silence after which we ask the server whether the consumer and the stream are what they were.
const SILENCE: Duration = Duration::from_secs(5);
/// How often the caller gets a turn when nothing comes.
const IDLE: Duration = Duration::from_secs(2);
/// The longest wait before we try again what failed.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// What the reader has to tell.
#[derive(Debug)]
pub(crate) enum OrderedItem {
    /// The next messages in stream order, at least one.
    Batch(Vec<Received>),
    /// Nothing came for a while.
    Idle,
    /// Another stream is there now, or its sequence numbers were set back.
    Replaced { old: StreamInfo, new: StreamInfo },
    /// Messages were removed that had not been delivered.
    Truncated { expected: u64, first_sequence: u64 },
}

/// Whether messages may be missing before the first that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holes {
    /// A hole is told.
    Told,
    /// Old messages are meant to go, as in a bucket.
    Expected,
}

#[derive(Debug)]
pub(crate) struct OrderedReader {
    client: Client,
    wanted: Wanted,
    holes: Holes,
    puller: Option<Puller>,
    /// Which connection the puller was made on.
    connection: u64,
    /// Whether all that was there has been received at some moment; looked for where holes are expected.
    is_at_end: bool,
    end_is_told: bool,
    /// The stream as last seen.
    seen: Option<StreamInfo>,
    expected_created: Option<i128>,
    /// Sequence and time of the last message received.
    last: Option<(u64, i128)>,
    /// The sequence from which on nothing was received.
    received: u64,
    /// The sequence from which on nothing was returned; 0 while a first message may have any.
    returned: u64,
    buffer: VecDeque<Received>,
    buffer_since: Option<Instant>,
    heard: Instant,
    told: Instant,
    failures: u32,
    missing: bool,
    /// Since when the stream has had less than was received.
    behind_since: Option<Instant>,
    halt: Option<Halt>,
    breaks: Breaks,
    /// The message after which reading began, where that was not said by its sequence.
    begins_behind: u64,
    /// Whether the connection may break over the next message.
    is_suspicious: bool,
    /// How many pullers in a row that do not wait brought nothing in their time, while the connection stood.
    in_vain: u32,
}

impl OrderedReader {
    pub(crate) fn new(
        client: &Client,
        wanted: Wanted,
        holes: Holes,
        expected_created: Option<i128>,
    ) -> Self {
        let mut reader = Self {
            client: client.clone(),
            holes,
            puller: None,
            connection: 0,
            is_at_end: false,
            end_is_told: false,
            seen: None,
            expected_created,
            last: None,
            received: 0,
            returned: 0,
            buffer: VecDeque::new(),
            buffer_since: None,
            heard: Instant::now(),
            told: Instant::now(),
            failures: 0,
            missing: false,
            behind_since: None,
            halt: None,
            breaks: Breaks::default(),
            begins_behind: 0,
            is_suspicious: false,
            in_vain: 0,
            wanted,
        };
        reader.place(reader.wanted.start);
        reader
    }

    /// The sequence from which on nothing was returned.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.returned.max(1)
    }

    pub(crate) fn created_nanos(&self) -> Option<i128> {
        self.seen.as_ref().map(|seen| seen.created_nanos)
    }

    /// Whether the stream was not there when we last looked.
    pub(crate) fn is_missing(&self) -> bool {
        self.missing
    }

    /// When a message came, or the server's word that none is missing.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Whether all that was there at some moment has been returned; only where holes are expected.
    pub(crate) fn has_told_end(&self) -> bool {
        self.end_is_told
    }

    /// Goes on at a sequence of the stream as it is now.
    pub(crate) fn resume_at(&mut self, sequence: u64) {
        if let Some(Halt::Replaced { new, .. }) = self.halt.take() {
            self.expected_created = Some(new.created_nanos);
            self.seen = Some(new);
        }
        self.puller = None;
        self.buffer.clear();
        self.buffer_since = None;
        // Where the connection broke before says nothing of this place, which may be in another stream.
        self.breaks = Breaks::default();
        self.begins_behind = 0;
        self.is_suspicious = false;
        self.place(Start::Sequence(sequence));
    }

    pub(crate) async fn close(self) {
        if let Some(puller) = self.puller {
            puller.close().await;
        }
    }

    /// The next item. Cancel safe.
    pub(crate) async fn next(
        &mut self,
        max_messages: usize,
        max_wait_after_first: Duration,
    ) -> Result<OrderedItem, ApiError> {
        let max_messages = max_messages.max(1);
        self.told = Instant::now();
        loop {
            // Looked at before more is taken, which may never end. Who follows a bucket wants to know at once.
            if self.comes_to_end() {
                return Ok(OrderedItem::Idle);
            }
            self.notice_reconnect();
            self.take_ready(max_messages).await;
            if self.comes_to_end() {
                return Ok(OrderedItem::Idle);
            }
            if self.is_batch_due(max_messages, max_wait_after_first) {
                match self.batch(max_messages).await {
                    Ok(Some(batch)) => return Ok(OrderedItem::Batch(batch)),
                    Ok(None) => {}
                    Err(error) => self.after_failure(error).await?,
                }
            } else if let Some(halt) = &self.halt {
                return Ok(halt.item());
            } else if self.told.elapsed() >= IDLE && self.buffer.is_empty() {
                return Ok(OrderedItem::Idle);
            } else if let Err(error) = self.step(max_wait_after_first).await {
                self.after_failure(error).await?;
            }
        }
    }

    /// Whether everything up to the end has been returned, for the first time.
    fn comes_to_end(&mut self) -> bool {
        let comes = self.is_at_end && !self.end_is_told && self.buffer.is_empty();
        self.end_is_told |= comes;
        comes
    }

    fn place(&mut self, start: Start) {
        self.wanted.start = start;
        self.last = None;
        // From the start of a stream nothing is missing, wherever it starts.
        (self.received, self.returned) = match start {
            Start::Sequence(sequence) if sequence > 1 => (sequence, sequence),
            _ => (0, 0),
        };
    }

    /// Takes what is here already, without waiting.
    async fn take_ready(&mut self, max_messages: usize) {
        while self.buffer.len() < max_messages {
            let Some(puller) = &mut self.puller else {
                return;
            };
            let Some(pulled) = puller.next_ready().await else {
                return;
            };
            self.accept(pulled);
        }
    }

    fn accept(&mut self, pulled: Pulled) {
        match pulled {
            Pulled::Message(message) => self.accept_message(message),
            Pulled::NothingNow => {
                self.is_at_end = true;
                if let Some(puller) = &mut self.puller {
                    puller.wait();
                }
            }
            // Where the connection has ended, that is noticed first.
            Pulled::Broken => {
                self.notice_reconnect();
                let broken = self.puller.take();
                // What it was to bring may need longer over a slow link.
                if broken.is_some_and(|puller| !puller.waits() && puller.delivered() == 0) {
                    self.in_vain += 1;
                }
            }
        }
    }

    fn accept_message(&mut self, message: Received) {
        let now = Instant::now();
        self.heard = now;
        self.in_vain = 0;
        self.buffer_since.get_or_insert(now);
        self.received = message.stored.sequence + 1;
        self.last = Some((message.stored.sequence, message.stored.time_nanos));
        self.buffer.push_back(message);
    }

    /// Whether the buffer is full or old enough, or nothing will be added to it soon.
    fn is_batch_due(&self, max_messages: usize, max_wait: Duration) -> bool {
        self.buffer_since.is_some_and(|since| {
            self.buffer.len() >= max_messages
                || self.puller.is_none()
                || self.halt.is_some()
                || since.elapsed() >= max_wait
        })
    }

    /// The next messages; `None` where the first of them comes after a hole, which is then the halt.
    async fn batch(&mut self, max_messages: usize) -> Result<Option<Vec<Received>>, ApiError> {
        let count = self.buffer.len().min(max_messages);
        let safe = self.count_before_truncation(count).await?;
        let batch: Vec<Received> = self.buffer.drain(..safe).collect();
        if self.halt.is_some() {
            self.buffer.clear();
        }
        if self.buffer.is_empty() {
            self.buffer_since = None;
        }
        if let Some(last) = batch.last() {
            self.returned = last.stored.sequence + 1;
        }
        Ok((!batch.is_empty()).then_some(batch))
    }

    /// Does the one thing that is to be done next.
    async fn step(&mut self, max_wait: Duration) -> Result<(), ApiError> {
        let turn = self.told + IDLE;
        let Some(puller) = &mut self.puller else {
            // An absent server is waited for without holding up the caller.
            if tokio::time::timeout_at(turn, self.client.connected())
                .await
                .is_ok()
            {
                self.establish().await?;
            }
            return Ok(());
        };
        let mut until = match self.buffer_since {
            Some(since) => since + max_wait,
            None => turn,
        };
        // One that does not wait gives up by itself, over a slow link later than this.
        if puller.waits() {
            let check = self.heard + SILENCE;
            if Instant::now() >= check {
                return self.check_after_silence().await;
            }
            until = until.min(check);
        }
        if let Ok(pulled) = tokio::time::timeout_at(until, puller.next()).await {
            self.accept(pulled);
        }
        Ok(())
    }

    /// Makes a consumer at the next sequence, and makes sure that it is one of the stream that we know.
    async fn establish(&mut self) -> Result<(), ApiError> {
        let connection = self.client.connections();
        // First, so that what is fetched is of the stream that we know.
        if self.is_suspicious && !self.check_stream().await? {
            return Ok(());
        }
        let alone = self.fetch_suspicious().await?;
        let next = match &alone {
            Some(message) => message.stored.sequence + 1,
            None => self.received,
        };
        let mut wanted = self.wanted.clone();
        if next > 0 {
            wanted.start = Start::Sequence(next);
        }
        let patience = match self.holes {
            Holes::Expected if !self.is_at_end => Patience::NoWait,
            _ => Patience::Wait,
        };
        let (mut puller, _) = Puller::start(&self.client, &wanted, patience).await?;
        puller.be_patient(self.in_vain);
        if next == 0 {
            self.begins_behind = puller.begins_behind();
        }
        // Looked at only now: a stream made anew before the consumer shows in this, one made anew after it leaves the
        // consumer silent.
        if self.check_stream().await? {
            // Not before: it may have been fetched from a stream made anew.
            if let Some(message) = alone {
                self.accept_message(message);
            }
            self.is_suspicious = false;
            self.puller = Some(puller);
            self.connection = connection;
        } else {
            puller.close().await;
        }
        self.heard = Instant::now();
        self.failures = 0;
        self.missing = false;
        Ok(())
    }

    /// Waits before the next try, or gives up where waiting does not help.
    async fn after_failure(&mut self, error: ApiError) -> Result<(), ApiError> {
        self.puller = None;
        self.missing = error.is(code::STREAM_NOT_FOUND);
        if matches!(error, ApiError::NoPermission { .. }) || error.is_about_filters() {
            return Err(error);
        }
        if self.failures == 0 {
            tracing::warn!(
                stream = self.wanted.stream,
                ?error,
                "cannot read the stream now"
            );
        }
        let delay = Duration::from_millis(50 << self.failures.min(5)).min(LONGEST_DELAY);
        self.failures += 1;
        tokio::time::sleep(delay.mul_f64(rand::random_range(0.5..=1.0))).await;
        Ok(())
    }
}

//! Empties a channel's outbox into the event stream: in order, each event once.
//!
//! The connection has one life: it never reconnects by itself, so whatever was written to it before it broke comes
//! before everything that is written to the next one. A new life first reads back what of the outbox the stream has,
//! then sends the rest. The first event, and one now and then, is a fence: it names the last sequence of the
//! channel that we know (`Nats-Expected-Last-Subject-Sequence`), and the others follow when it is stored, so a writer
//! that we do not know of is noticed soon. Where another server than ours may keep the stream, each event
//! waits for the one before: when a leader changes, one is lost between servers and the next one is stored.

mod fence;
mod losses;
mod next;
mod plain;
mod telling;

use std::collections::{HashSet, VecDeque};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::publish::PublishAck;
use kryten_client::one_life::OneLife;
use kryten_client::shared_lives::SharedLives;
use kryten_client::stream::{EventStream, StreamError};
use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::seal::{EventParts, SEAL_HEADER, SealPlace};
use kryten_protocol::state::{EPOCH_HEADER, StateMark};
use kryten_protocol::time::WireTime;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::channel_name::ChannelId;
use crate::house_stream::StreamWatch;
use crate::outbox::{Entry, Outgoing, Snapshot};
use crate::shared_outbox::SharedOutbox;
use crate::status::{ChannelStatus, add, set};
use fence::Fence;
use next::Next;
pub(crate) use telling::Told;

/// How many events may wait for their acknowledgement.
const WINDOW: usize = 256;
/// How far back a new life looks for events of its own: what can be in flight, and gaps between them.
const TAIL: usize = WINDOW + 64;
/// What NATS and the headers add to a body at most.
const OVERHEAD: usize = 512;
/// A stream that takes longer than this for an event is slow.
const SLOW: Duration = Duration::from_secs(1);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often somebody else may be faster before we wait as after a failure.
const OVERTAKEN_AT_ONCE: u32 = 3;

type Ack = Pin<Box<dyn Future<Output = Result<PublishAck, PublishError>> + Send>>;

pub(crate) struct Publisher {
    pub(crate) id: Arc<ChannelId>,
    pub(crate) connections: Arc<SharedLives>,
    pub(crate) outbox: Arc<SharedOutbox>,
    /// Whether the robot has found a stream, where it was started without one.
    pub(crate) house_stream: StreamWatch,
    pub(crate) snapshots: mpsc::UnboundedSender<(Snapshot, Option<StateMark>)>,
    pub(crate) status: Arc<ChannelStatus>,
    pub(crate) epoch: u64,
    /// The random number of this term that is in its seals.
    pub(crate) run: u32,
    pub(crate) stop: CancellationToken,
    /// Before its first event was received.
    pub(crate) started: WireTime,
    /// What was logged.
    pub(crate) told: Mutex<Told>,
}

/// One connection and what we know of the stream through it.
struct Life {
    connection: Arc<OneLife>,
    stream: EventStream,
    /// The last sequence of the channel's events.
    last_event: u64,
    /// The sequence of the last message of ours, gaps too.
    last_own: u64,
    in_flight: VecDeque<InFlight>,
    /// How many events may wait for their acknowledgement.
    window: usize,
    fence: Fence,
    /// It was told that the stream is slow.
    is_slow: bool,
}

enum InFlight {
    Event {
        is_gap: bool,
        sent: Instant,
        ack: Ack,
    },
    State,
}

/// What is to be sent next.
enum Unsent {
    Event { event: Outgoing, is_fence: bool },
    State,
}

enum End {
    Stopped,
    /// The connection, or what was asked for over it before anything was sent.
    Lost(String),
    /// The server said no to an event.
    Refused(String),
    /// The server said nothing about an event.
    Silent(String),
    /// Someone else wrote to the channel's subjects: look again.
    Overtaken,
    /// There is a stream where there was none.
    Found,
}

impl Publisher {
    /// Runs until it is told to stop.
    pub(crate) async fn run(self) {
        let mut wait = FIRST_WAIT;
        let mut overtaken = 0;
        let mut next = Next::default();
        loop {
            let end = tokio::select! {
                end = self.live(&mut next) => end,
                () = self.stop.cancelled() => End::Stopped,
            };
            self.outbox.lock().unsend();
            if set(&self.status.stream_up, false) {
                (wait, overtaken) = (FIRST_WAIT, 0);
            }
            match end {
                End::Stopped => return,
                End::Overtaken | End::Found if overtaken < OVERTAKEN_AT_ONCE => {
                    overtaken += 1;
                    continue;
                }
                // Somebody else is faster each time, or it is a stream only for others.
                End::Overtaken | End::Found => {}
                End::Lost(reason) | End::Refused(reason) | End::Silent(reason) => {
                    self.note_down(reason);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => return,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn live(&self, next: &mut Next) -> End {
        let connection = match std::mem::take(next).connection(&self.connections).await {
            Ok(connection) => connection,
            Err(error) => return End::Lost(error.to_string()),
        };
        set(&self.status.nats_up, true);
        let end = self.publish(&connection).await;
        set(&self.status.nats_up, false);
        *next = Next::after(&end, connection, &self.connections).await;
        end
    }

    async fn publish(&self, connection: &Arc<OneLife>) -> End {
        match EventStream::open_or_create(connection.client()).await {
            Ok(stream) => match self.look(Arc::clone(connection), stream).await {
                Ok(mut life) => {
                    if self.outbox.lock().is_empty() {
                        self.note_up();
                        self.outbox.note_progress();
                    }
                    self.pump(&mut life).await
                }
                Err(error) => End::Lost(error.to_string()),
            },
            // One that kept events before is to keep these too: a server switches JetStream off when its disk is full.
            Err(StreamError::JetStreamOff) if !self.had_a_stream() => {
                self.publish_plainly(connection).await
            }
            Err(error) => End::Lost(error.to_string()),
        }
    }

    /// Reads back what the stream has of the outbox.
    async fn look(
        &self,
        connection: Arc<OneLife>,
        stream: EventStream,
    ) -> Result<Life, StreamError> {
        self.note_stream(stream.identity().created_nanos);
        let tail = stream.tail(&self.id.filter, TAIL).await?;
        let stored: HashSet<&str> = tail
            .iter()
            .filter_map(|message| message.message_id.as_deref())
            .collect();
        let removed = {
            let mut outbox = self.outbox.lock();
            outbox.unsend();
            outbox.remove_stored(|event| stored.contains(event.message_id.as_str()))
        };
        if removed > 0 {
            info!(
                channel = self.id.channel,
                events = removed,
                "the stream has events whose acknowledgement was lost"
            );
            add(&self.status.events_stored, removed as u64);
        }
        self.report_not_kept(tail.last());
        debug!(
            channel = self.id.channel,
            tail = tail.len(),
            removed,
            waiting = self.outbox.lock().len(),
            "looked at the stream"
        );
        let last_event = tail.last().map_or(0, |message| message.sequence);
        let alone = stream.is_elsewhere();
        let version = connection.client().nats().server_info().version;
        Ok(Life {
            connection,
            window: if alone { 1 } else { WINDOW },
            fence: Fence::new(&version, alone),
            stream,
            last_event,
            last_own: last_event,
            in_flight: VecDeque::new(),
            is_slow: false,
        })
    }

    async fn pump(&self, life: &mut Life) -> End {
        loop {
            if let Err(reason) = self.fill(life).await {
                return End::Lost(reason);
            }
            if self.stop.is_cancelled() {
                return End::Stopped;
            }
            let slow_at = life.slow_at();
            tokio::select! {
                () = life.connection.ended() => return End::Lost("the connection to NATS was lost".to_owned()),
                () = self.outbox.filled(), if life.has_room() => {}
                ack = front(&mut life.in_flight), if !life.in_flight.is_empty() => {
                    if let Err(end) = self.take_ack(life, ack) {
                        return end;
                    }
                }
                () = sleep_until(slow_at) => self.note_slow(life),
            }
        }
    }

    /// Sends as much as may be in flight.
    async fn fill(&self, life: &mut Life) -> Result<(), String> {
        while life.has_room() {
            self.report_dropped();
            match self.take_unsent(life) {
                None => return Ok(()),
                Some(Unsent::State) => life.in_flight.push_back(InFlight::State),
                Some(Unsent::Event { event, is_fence }) => {
                    self.send(life, event, is_fence).await?;
                }
            }
            self.settle_snapshots(life);
        }
        Ok(())
    }

    /// The next entry, counted as sent; `None` when there is none, or it has to wait.
    fn take_unsent(&self, life: &Life) -> Option<Unsent> {
        let limit = life.largest_body();
        let mut outbox = self.outbox.lock();
        let is_fence = loop {
            match outbox.peek_unsent()? {
                // The report of a gap is small; where even that is too large the stream says so.
                Entry::Event(event) if event.body.len() > limit && !event.is_gap() => {
                    let Some(Entry::Event(event)) = outbox.remove_unsent() else {
                        continue;
                    };
                    let gap = self.too_large(life, &event, limit);
                    outbox.push_before_unsent(gap);
                }
                Entry::Event(event) => break life.must_fence(event, &self.id),
                Entry::State(_) => break false,
            }
        };
        if is_fence && !life.in_flight.is_empty() {
            // It names the last sequence, which is not known yet.
            return None;
        }
        Some(match outbox.send_next()? {
            Entry::Event(event) => Unsent::Event {
                event: event.clone(),
                is_fence,
            },
            Entry::State(_) => Unsent::State,
        })
    }

    async fn send(&self, life: &mut Life, event: Outgoing, is_fence: bool) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", event.message_id.as_str());
        headers.insert(EPOCH_HEADER, self.epoch.to_string());
        if let Some(key) = life.connection.client().seal_key() {
            let place = SealPlace {
                stream_created: life.stream.identity().created_nanos,
                run: self.run,
                number: event.number,
            };
            let parts = EventParts {
                subject: &event.subject,
                message_id: &event.message_id,
                epoch: self.epoch,
                body: &event.body,
            };
            headers.insert(SEAL_HEADER, key.seal_event(place, &parts));
        }
        let is_gap = event.is_gap();
        if is_fence {
            headers.insert(
                "Nats-Expected-Last-Subject-Sequence",
                life.last_event.to_string(),
            );
            headers.insert(
                "Nats-Expected-Last-Subject-Sequence-Subject",
                self.id.filter.as_str(),
            );
            life.fence.put_up();
        }
        let jetstream = life.connection.client().jetstream();
        match jetstream
            .publish_with_headers(event.subject, headers, event.body)
            .await
        {
            Ok(ack) => {
                life.in_flight.push_back(InFlight::Event {
                    is_gap,
                    sent: Instant::now(),
                    ack: Box::pin(ack.into_future()),
                });
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn take_ack(&self, life: &mut Life, ack: Result<PublishAck, PublishError>) -> Result<(), End> {
        let ack = match ack {
            Ok(ack) => ack,
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                info!(
                    channel = self.id.channel,
                    "another writer published events of this channel; looking again"
                );
                return Err(End::Overtaken);
            }
            Err(error) => {
                let reason = error.to_string();
                return Err(match error.kind() {
                    PublishErrorKind::TimedOut => End::Silent(reason),
                    PublishErrorKind::BrokenPipe => End::Lost(reason),
                    _ => End::Refused(reason),
                });
            }
        };
        if let Some(InFlight::Event { is_gap, sent, .. }) = life.in_flight.pop_front() {
            if !is_gap {
                life.last_event = life.last_event.max(ack.sequence);
            }
            life.fence.note_stored(sent);
        }
        life.last_own = life.last_own.max(ack.sequence);
        if ack.duplicate {
            debug!(
                channel = self.id.channel,
                sequence = ack.sequence,
                "the stream had this event already"
            );
        }
        add(&self.status.events_stored, 1);
        self.note_up();
        let stored = self.outbox.lock().acknowledge();
        if let Some(Entry::Event(event)) = stored
            && tracing::enabled!(tracing::Level::DEBUG)
        {
            let envelope = EnvelopeRef::parse(&event.body).ok();
            let correlation_id = envelope.and_then(|envelope| envelope.correlation_id);
            debug!(
                channel = self.id.channel,
                event = event.event,
                correlation_id = correlation_id.as_deref(),
                sequence = ack.sequence,
                "an event is stored"
            );
        }
        self.settle_snapshots(life);
        self.outbox.note_progress();
        self.note_fast(life);
        Ok(())
    }

    /// Snapshots at the front have all their events stored.
    fn settle_snapshots(&self, life: &mut Life) {
        while matches!(life.in_flight.front(), Some(InFlight::State)) {
            life.in_flight.pop_front();
            let Some(Entry::State(snapshot)) = self.outbox.lock().acknowledge() else {
                continue;
            };
            let mark = StateMark {
                stream_created: life.stream.identity().created_nanos,
                sequence: life.last_own,
                epoch: self.epoch,
            };
            // The writer ends only when the robot does.
            let _ = self.snapshots.send((snapshot, Some(mark)));
            self.note_up();
        }
        self.outbox.note_progress();
    }
}

impl Life {
    /// When it will be time to say that the stream is slow, unless something is stored before.
    fn slow_at(&self) -> Option<Instant> {
        let sent = self.in_flight.iter().find_map(|entry| match entry {
            InFlight::Event { sent, .. } => Some(*sent),
            InFlight::State => None,
        });
        sent.filter(|_| !self.is_slow).map(|sent| sent + SLOW)
    }

    /// How large an event may be for the server and for the stream, which may be an operator's own with less.
    fn largest_body(&self) -> usize {
        let server = self.connection.client().max_payload();
        let stream = self.stream.max_message_size();
        let limit = stream.map_or(server, |stream| stream.min(server));
        limit.saturating_sub(OVERHEAD)
    }

    fn has_room(&self) -> bool {
        !self.fence.is_up() && self.in_flight.len() < self.window
    }

    fn must_fence(&self, event: &Outgoing, id: &ChannelId) -> bool {
        event.subject != id.gap && self.fence.is_due(Instant::now())
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn front(in_flight: &mut VecDeque<InFlight>) -> Result<PublishAck, PublishError> {
    match in_flight.front_mut() {
        Some(InFlight::Event { ack, .. }) => ack.await,
        Some(InFlight::State) | None => std::future::pending().await,
    }
}

//! What a channel's tasks tell of themselves; read by health, metrics and queries.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use kryten_client::pulse::Pulse;
use kryten_protocol::time::WireTime;
use serde::Serialize;

use crate::attendance::Attendance;
use crate::rate::Rate;

/// Counters and flags of one channel.
#[derive(Debug, Default)]
pub(crate) struct ChannelStatus {
    pub(crate) in_channel: AtomicBool,
    pub(crate) nats_up: AtomicBool,
    pub(crate) stream_up: AtomicBool,
    pub(crate) kv_up: AtomicBool,
    pub(crate) stood_down: AtomicBool,
    pub(crate) standing_by: AtomicBool,
    pub(crate) events_received: AtomicU64,
    pub(crate) events_stored: AtomicU64,
    pub(crate) lines_known: AtomicU64,
    pub(crate) events_dropped: AtomicU64,
    pub(crate) events_too_large: AtomicU64,
    pub(crate) outbox_entries: AtomicU64,
    pub(crate) outbox_bytes: AtomicU64,
    pub(crate) stalls: AtomicU64,
    pub(crate) streams_replaced: AtomicU64,
    pub(crate) gaps: AtomicU64,
    pub(crate) drift_entries: AtomicU64,
    pub(crate) users_drift: AtomicU64,
    pub(crate) playlist_drift: AtomicU64,
    pub(crate) emotes_drift: AtomicU64,
    pub(crate) kv_drift: AtomicU64,
    pub(crate) kv_writes: AtomicU64,
    pub(crate) kv_bytes: AtomicU64,
    pub(crate) foreign_writes: AtomicU64,
    pub(crate) connects: AtomicU64,
    pub(crate) frames_unreadable: AtomicU64,
    pub(crate) bytes_published: AtomicU64,
    pub(crate) commands_done: AtomicU64,
    pub(crate) commands_failed: AtomicU64,
    pub(crate) last_event_micros: AtomicI64,
    connected_micros: AtomicI64,
    /// What a gap report begins with.
    pub(crate) attendance: Attendance,
    /// Beats while the channel is served here.
    pub(crate) pulse: Pulse,
    /// How often events come, and the kind of the last one.
    events: Mutex<(Rate, String)>,
    /// Why the channel was given up, in one sentence.
    pub(crate) stopped: Mutex<Option<String>>,
    /// Why we are not in the channel now, in one sentence.
    trouble: Mutex<Option<String>>,
}

/// A moment's view of a channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelReport {
    /// The CyTube host.
    pub domain: String,
    /// The channel.
    pub channel: String,
    /// Whether we are in the channel.
    pub in_channel: bool,
    /// Whether events reach the stream; without JetStream they are only published.
    pub stream_up: bool,
    /// Whether the state reaches KV.
    pub kv_up: bool,
    /// Whether another robot has taken over.
    pub stood_down: bool,
    /// Whether another robot serves the channel and this one waits to take over.
    pub standing_by: bool,
    /// Why the channel was given up, if it was.
    pub stopped: Option<String>,
    /// Why the bot is not in the channel, while it tries to come back.
    pub trouble: Option<String>,
    /// Events received from CyTube.
    pub events_received: u64,
    /// Events that the stream has acknowledged.
    pub events_stored: u64,
    /// Replayed chat lines that had been published before.
    pub lines_known: u64,
    /// Events given up because the outbox was full.
    pub events_dropped: u64,
    /// Events larger than the NATS server takes.
    pub events_too_large: u64,
    /// Events and values that wait to be stored.
    pub outbox_entries: u64,
    /// Their bytes.
    pub outbox_bytes: u64,
    /// How often the stream took more than a second for an event.
    pub stalls: u64,
    /// How often the stream was deleted and a new one taken.
    pub streams_replaced: u64,
    /// Gaps reported.
    pub gaps: u64,
    /// Entries of lists that a full frame mended although no event had announced it.
    pub drift_entries: u64,
    /// Those of them that were users.
    pub users_drift: u64,
    /// Those of them that were items of the playlist.
    pub playlist_drift: u64,
    /// Those of them that were emotes.
    pub emotes_drift: u64,
    /// Values in KV that were missing or not ours, and were put anew.
    pub kv_drift: u64,
    /// Values written to KV.
    pub kv_writes: u64,
    /// Bytes written to KV.
    pub kv_bytes: u64,
    /// Writes of others over our state.
    pub foreign_writes: u64,
    /// Connections made to CyTube.
    pub connects: u64,
    /// Frames of CyTube that are no Socket.IO.
    pub frames_unreadable: u64,
    /// Bytes of events that were handed to the publisher.
    pub bytes_published: u64,
    /// Commands that CyTube has done.
    pub commands_done: u64,
    /// Commands that were refused or not done.
    pub commands_failed: u64,
    /// When the last event was received.
    pub last_event: Option<WireTime>,
}

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

pub(crate) fn set(flag: &AtomicBool, value: bool) -> bool {
    flag.swap(value, Ordering::Relaxed)
}

impl ChannelStatus {
    pub(crate) fn report(&self, domain: &str, channel: &str) -> ChannelReport {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let flag = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let last_event = self.last_event_micros.load(Ordering::Relaxed);
        ChannelReport {
            domain: domain.to_owned(),
            channel: channel.to_owned(),
            in_channel: flag(&self.in_channel),
            stream_up: flag(&self.stream_up),
            kv_up: flag(&self.kv_up),
            stood_down: flag(&self.stood_down),
            standing_by: flag(&self.standing_by),
            stopped: self
                .stopped
                .lock()
                .map(|stopped| stopped.clone())
                .unwrap_or_default(),
            trouble: self
                .trouble
                .lock()
                .map(|trouble| trouble.clone())
                .unwrap_or_default(),
            events_received: count(&self.events_received),
            events_stored: count(&self.events_stored),
            lines_known: count(&self.lines_known),
            events_dropped: count(&self.events_dropped),
            events_too_large: count(&self.events_too_large),
            outbox_entries: count(&self.outbox_entries),
            outbox_bytes: count(&self.outbox_bytes),
            stalls: count(&self.stalls),
            streams_replaced: count(&self.streams_replaced),
            gaps: count(&self.gaps),
            drift_entries: count(&self.drift_entries),
            users_drift: count(&self.users_drift),
            playlist_drift: count(&self.playlist_drift),
            emotes_drift: count(&self.emotes_drift),
            kv_drift: count(&self.kv_drift),
            kv_writes: count(&self.kv_writes),
            kv_bytes: count(&self.kv_bytes),
            foreign_writes: count(&self.foreign_writes),
            connects: count(&self.connects),
            frames_unreadable: count(&self.frames_unreadable),
            bytes_published: count(&self.bytes_published),
            commands_done: count(&self.commands_done),
            commands_failed: count(&self.commands_failed),
            last_event: (last_event != 0).then(|| WireTime::from_micros(last_event)),
        }
    }

    /// An event was received.
    pub(crate) fn note_event(&self, name: &str, at: WireTime) {
        add(&self.events_received, 1);
        self.last_event_micros.store(at.micros(), Ordering::Relaxed);
        if let Ok(mut events) = self.events.lock() {
            events.0.note(second_of(at));
            if events.1 != name {
                name.clone_into(&mut events.1);
            }
        }
    }

    /// A command has come to its end.
    pub(crate) fn note_command(&self, is_done: bool) {
        let counter = if is_done {
            &self.commands_done
        } else {
            &self.commands_failed
        };
        add(counter, 1);
    }

    /// Events per second over a window of seconds.
    pub(crate) fn event_rate(&self, window: usize) -> f64 {
        let now = second_of(crate::now());
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.0.per_second(window, now)
    }

    /// When the last event came, and its name.
    pub(crate) fn last_event(&self) -> Option<(WireTime, String)> {
        let at = self.last_event_micros.load(Ordering::Relaxed);
        let events = self.events.lock().ok()?;
        (at != 0).then(|| (WireTime::from_micros(at), events.1.clone()))
    }

    /// We are in the channel, or not any more; whether we were before.
    pub(crate) fn set_in_channel(&self, is_in: bool) -> bool {
        let since = if is_in { crate::now().micros() } else { 0 };
        self.connected_micros.store(since, Ordering::Relaxed);
        if is_in {
            self.set_trouble(None);
        }
        set(&self.in_channel, is_in)
    }

    /// Since when we are in the channel.
    pub(crate) fn connected_since(&self) -> Option<WireTime> {
        let since = self.connected_micros.load(Ordering::Relaxed);
        (since != 0).then(|| WireTime::from_micros(since))
    }

    /// Why we are not in the channel, or that we try no more.
    pub(crate) fn set_trouble(&self, why: Option<String>) {
        if let Ok(mut trouble) = self.trouble.lock() {
            *trouble = why;
        }
    }

    /// A new term begins.
    pub(crate) fn take_up(&self) {
        if let Ok(mut stopped) = self.stopped.lock() {
            *stopped = None;
        }
    }

    pub(crate) fn give_up(&self, why: String) {
        if let Ok(mut stopped) = self.stopped.lock() {
            *stopped = Some(why);
        }
    }
}

fn second_of(at: WireTime) -> u64 {
    at.micros().unsigned_abs() / 1_000_000
}

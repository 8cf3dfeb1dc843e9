//! The past, counted later: from the stream, from recordings, from the robot's audit log of chat. Pure.
//!
//! A tally of its own folds what is read, and only what lies outside of what is covered goes into the sums. The sums are
//! stored in one transaction with the span that they cover, so doing it again changes nothing.

mod chat_log;
mod presence;
mod recording;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use kryten_protocol::cytube::ChatMsg;
use kryten_protocol::time::WireTime;
use serde_json::Value;

use crate::tally::{Covered, CoveredKind, EventView, Room, RoomKey, Span, Sums, Tally};

use presence::Stays;

pub use chat_log::{ChatLogDates, read as read_chat_log};
pub use recording::{Channel, read as read_recording};

/// An event of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEvent {
    /// The CyTube host.
    pub domain: String,
    /// The channel's name.
    pub channel: String,
    /// CyTube's name of the event.
    pub name: String,
    /// CyTube's payload, JSON.
    pub payload: String,
    /// When it happened.
    pub time: WireTime,
    /// The line's identity, where its publisher gave it one.
    pub line_id: Option<String>,
    /// How exactly the time is known, in microseconds.
    pub precision_micros: i64,
}

/// What was added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) events: u64,
    pub(crate) lines: u64,
    /// Counted before.
    pub(crate) covered: u64,
}

/// Folds the past into sums; `covered` is what is counted of each channel.
pub(crate) struct Past {
    tally: Tally,
    covered: HashMap<RoomKey, Covered>,
    spans: BTreeMap<(RoomKey, CoveredKind), Span>,
    stays: BTreeMap<RoomKey, Stays>,
    sums: Sums,
    added: Added,
}

impl Past {
    /// `tally` knows whom and what the service knows, and no channel but for its emotes.
    pub(crate) fn new(tally: Tally, covered: HashMap<RoomKey, Covered>) -> Self {
        Self {
            tally,
            covered,
            spans: BTreeMap::new(),
            stays: BTreeMap::new(),
            sums: Sums::default(),
            added: Added::default(),
        }
    }

    /// Folds an event; those of channels that are not ours are passed over.
    pub(crate) fn fold(&mut self, event: &PastEvent) {
        let key = RoomKey {
            domain: event.domain.clone(),
            channel: event.channel.clone(),
        };
        let Some(covered) = self.covered.get(&key) else {
            return;
        };
        let is_line = ["chatmsg", "pm"].contains(&event.name.to_lowercase().as_str());
        let (kind, at) = match is_line {
            true => (CoveredKind::Lines, said_at(event)),
            false => (CoveredKind::Events, event.time),
        };
        let span = Span {
            from: at.micros(),
            to: at.micros() + event.precision_micros,
        };
        let view = EventView {
            domain: &event.domain,
            channel: &event.channel,
            name: &event.name,
            payload: &event.payload,
            time: event.time,
            line_id: event.line_id.as_deref(),
            epoch: 0,
        };
        let is_covered = covered.touches(kind, span);
        if is_covered {
            self.added.covered += 1;
        } else {
            let known = self.spans.entry((key.clone(), kind)).or_insert(span);
            known.from = known.from.min(span.from);
            known.to = known.to.max(span.to);
            self.added.events += 1;
            self.added.lines += u64::from(is_line);
        }
        // What is covered tells of the channel all the same; its sums are not kept.
        let mut ignored = Sums::default();
        let sums = match is_covered {
            true => &mut ignored,
            false => &mut self.sums,
        };
        self.tally.apply(&view, sums);
        if let Some(room_sums) = sums.rooms.get_mut(&key) {
            // A recording may have millions of lines, and their ids are not stored.
            room_sums.lines.clear();
            let room = self.tally.room(&key.domain, &key.channel);
            let now = room.and_then(Room::last_event_at).unwrap_or(event.time);
            self.stays.entry(key).or_default().take(room_sums, now);
        }
    }

    /// What is to be stored: for each channel what counts, and which span it covers.
    pub(crate) fn finish(mut self) -> (Sums, Added) {
        let mut ended = Sums::default();
        self.tally.end_visits(&mut ended);
        for (key, room_sums) in &mut ended.rooms {
            let room = self.tally.room(&key.domain, &key.channel);
            let now = room.and_then(Room::last_event_at).unwrap_or_default();
            let stays = self.stays.entry(key.clone()).or_default();
            stays.take(room_sums, now);
        }
        for (key, room) in &mut self.sums.rooms {
            // Presence that is not within what is covered from now on would be counted again by the next recording.
            let seen = self.spans.get(&(key.clone(), CoveredKind::Events));
            if let (Some(seen), Some(stays)) = (seen, self.stays.remove(key)) {
                let covered = self.covered.remove(key).unwrap_or_default();
                stays.count(&presence::uncovered(*seen, &covered), room);
            }
            room.gaps.clear();
            room.snapshots.clear();
            room.memory = None;
            room.coverage.clear();
            for hour in room.hours.values_mut() {
                hour.population = None;
            }
            room.covered_by = Some("backfill");
        }
        for ((key, kind), span) in self.spans {
            self.sums.room(&key).cover(kind, span);
        }
        self.sums.questions.clear();
        (self.sums, self.added)
    }
}

fn said_at(event: &PastEvent) -> WireTime {
    let payload = serde_json::from_str::<Value>(&event.payload).ok();
    let line = payload.as_ref().and_then(ChatMsg::read);
    match line.map_or(0, |line| line.time) {
        0 => event.time,
        time => WireTime::from_millis(time),
    }
}

//! What the tally remembers of a channel.

use std::collections::VecDeque;

use kryten_protocol::time::WireTime;
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::coverage::Coverage;
use super::drift::Changes;
use super::emotes::EmoteSet;
use super::films::Films;
use super::headcount::Headcount;
use super::lines::RecentLines;
use super::sums::StoredMemory;
use super::visits::{Attendance, Visits};

/// A join is over after this time at the latest.
const JOIN_MICROS: u64 = 10_000_000;

/// A vote in a replayed line: which film it means is only known when CyTube has told what plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplayedVote {
    pub(crate) voter: String,
    pub(crate) vote: i8,
    pub(crate) at: WireTime,
    pub(crate) said_millis: i64,
    /// When the robot received it.
    pub(crate) received: WireTime,
}

/// What is kept over restarts besides emotes, lines and visits, which have tables of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    pub(crate) films: Films,
    pub(crate) chat_clock: Clock,
    pub(crate) event_clock: Clock,
    /// By how much the robot's clock was ahead of CyTube's at the last line that was no replay, in microseconds.
    pub(crate) ahead_micros: i64,
    pub(crate) attendance: Attendance,
    pub(crate) headcount: Headcount,
    pub(crate) robot_epoch: u64,
    pub(crate) joining_since: Option<WireTime>,
    pub(crate) replayed_votes: VecDeque<ReplayedVote>,
    pub(crate) changes: Changes,
    pub(crate) coverage: Coverage,
}

impl Memory {
    /// The memory of a channel of which only the newest logged film is known.
    pub fn after(films: Films) -> Self {
        Self {
            films,
            ..Self::default()
        }
    }

    /// What played.
    pub fn films(&self) -> &Films {
        &self.films
    }

    /// Whether the lines that come now are CyTube's replay to the robot that joins.
    pub(crate) fn is_joining(&self, now: WireTime) -> bool {
        self.joining_since
            .is_some_and(|since| apart(now, since) <= JOIN_MICROS)
    }

    /// Whether replayed votes have waited long enough for what plays to be told: nothing does.
    pub(crate) fn waited_long(&self, now: WireTime) -> bool {
        self.replayed_votes
            .front()
            .is_some_and(|vote| apart(now, vote.received) > JOIN_MICROS)
    }
}

/// How far two moments are from each other; of a clock that is set back the later one may be the earlier.
fn apart(one: WireTime, other: WireTime) -> u64 {
    one.micros().abs_diff(other.micros())
}

/// A channel.
#[derive(Debug, Clone, Default)]
pub struct Room {
    pub(crate) emotes: Option<EmoteSet>,
    pub(crate) emotes_changed: bool,
    pub(crate) lines: RecentLines,
    pub(crate) visits: Visits,
    pub(crate) memory: Memory,
}

impl Room {
    /// A channel as stored.
    pub fn new(
        emotes: Option<EmoteSet>,
        lines: RecentLines,
        visits: Visits,
        memory: Memory,
    ) -> Self {
        Self {
            emotes,
            emotes_changed: false,
            lines,
            visits,
            memory,
        }
    }

    /// The emotes; `None` before they are known.
    pub fn emotes(&self) -> Option<&EmoteSet> {
        self.emotes.as_ref()
    }

    /// Who is there.
    pub fn visits(&self) -> &Visits {
        &self.visits
    }

    /// What played.
    pub fn films(&self) -> &Films {
        &self.memory.films
    }

    /// Whether a line was counted, as far as that is remembered.
    pub fn knows_line(&self, id: &str) -> bool {
        self.lines.contains(id)
    }

    /// Whether a full user list was seen.
    pub fn list_known(&self) -> bool {
        self.memory.attendance.list_known
    }

    /// The time of the last event; `None` before the first.
    pub fn last_event_at(&self) -> Option<WireTime> {
        self.memory.event_clock.latest()
    }

    pub(crate) fn set_emotes(&mut self, emotes: EmoteSet) {
        self.emotes = Some(emotes);
        self.emotes_changed = true;
    }

    /// The stored form; the emotes only where they changed since the last call.
    pub(crate) fn store(&mut self) -> StoredMemory {
        let emotes = self
            .emotes
            .as_ref()
            .filter(|_| self.emotes_changed)
            .map(|emotes| {
                let names: Vec<String> = emotes.listed().collect();
                serde_json::Value::from(names).to_string()
            });
        self.emotes_changed = false;
        let memory = serde_json::to_string(&self.memory)
            .expect("a memory has text keys and finite numbers only");
        StoredMemory { emotes, memory }
    }
}

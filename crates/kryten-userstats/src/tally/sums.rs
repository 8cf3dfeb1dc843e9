//! What a batch of events adds to the rows: sums for counters, last values for the rest.

use std::collections::{BTreeMap, HashMap};

use kryten_protocol::gap::Gap;
use kryten_protocol::time::WireTime;

use super::coverage::{CoveredKind, Span};
use super::films::Film;
use super::questions::Question;
use super::visits::Visit;

/// A channel as the publisher of its events wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey {
    /// The CyTube host.
    pub domain: String,
    /// The channel.
    pub channel: String,
}

/// When a user was first and last seen within the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The first time.
    pub first: WireTime,
    /// The last time.
    pub last: WireTime,
}

/// Everything that a batch of events of one subject token changes.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    /// Users, whether new or not.
    pub users: HashMap<String, Seen>,
    /// Private messages by sender.
    pub pms: HashMap<String, i64>,
    /// What belongs to a channel.
    pub rooms: BTreeMap<RoomKey, RoomSums>,
    /// Lines that may be questions; answered when they are committed, not stored.
    pub questions: Vec<Question>,
    /// What is only reported.
    pub counters: Counters,
}

impl Sums {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.pms.is_empty() && self.rooms.is_empty()
    }
}

/// What is not stored, but reported as metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events that the tally knows.
    pub events: u64,
    /// Messages that are no events, and events whose payload cannot be read.
    pub malformed: u64,
    /// Lines that had been counted before.
    pub repeated: u64,
    /// Events whose time was before that of the event before them.
    pub backwards: u64,
    /// Events of a robot that another one has replaced.
    pub stale: u64,
    /// Events without the robot's seal, where it seals.
    pub unsealed: u64,
    /// Sealed events that had been counted before.
    pub repeated_events: u64,
}

impl Counters {
    /// Adds another batch's.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.malformed += other.malformed;
        self.repeated += other.repeated;
        self.backwards += other.backwards;
        self.stale += other.stale;
        self.unsealed += other.unsealed;
        self.repeated_events += other.repeated_events;
    }
}

/// What a batch changes for one channel.
#[derive(Debug, Clone, Default)]
pub struct RoomSums {
    /// Chat lines by sender.
    pub messages: HashMap<String, i64>,
    /// The senders in the order of their first lines: of equals, rankings give the older row first.
    pub senders: Vec<String>,
    /// `++` kudos by receiver.
    pub kudos: HashMap<String, i64>,
    /// Kudos by receiver and phrase.
    pub phrases: HashMap<(String, String), i64>,
    /// Uses by sender and emote.
    pub emotes: HashMap<(String, String), i64>,
    /// Seconds of ended visits by user.
    pub activity: HashMap<String, Activity>,
    /// The last vote of each voter for each title.
    pub votes: HashMap<(String, String), Vote>,
    /// Films to log, in order.
    pub media: Vec<MediaChange>,
    /// Sums by UTC hour, the hour counted from the Unix epoch.
    pub hours: BTreeMap<i64, Hour>,
    /// Visits that began, changed or ended, by user and beginning.
    pub visits: BTreeMap<(String, i64), VisitChange>,
    /// Counted lines, in order.
    pub lines: Vec<CountedLine>,
    /// Spans of which everything is counted, by kind and beginning.
    pub coverage: BTreeMap<(CoveredKind, i64), Span>,
    /// Who counted them, where it was not the usual counting.
    pub covered_by: Option<&'static str>,
    /// Reported gaps, in order.
    pub gaps: Vec<Gap>,
    /// Population snapshots, in order.
    pub snapshots: Vec<Snapshot>,
    /// What the tally needs to go on from here after a restart.
    pub memory: Option<StoredMemory>,
}

/// A line that is not to be counted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedLine {
    /// Its id.
    pub id: String,
    /// The digest of its sender's name.
    pub who: String,
    /// Whether CyTube replays it to those who join.
    pub is_replayed: bool,
}

/// Seconds of presence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// All.
    pub total_seconds: i64,
    /// Without the time away from the keyboard.
    pub not_afk_seconds: i64,
}

/// A vote for a film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The film.
    pub film: Film,
    /// 1 or -1.
    pub vote: i8,
    /// When.
    pub at: WireTime,
}

/// A film that began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaChange {
    /// The film.
    pub film: Film,
    /// When the event came.
    pub at: WireTime,
}

/// One hour's sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hour {
    /// Chat lines.
    pub messages: i64,
    /// Private messages.
    pub pms: i64,
    /// `++` kudos that reached somebody.
    pub kudos_plusplus: i64,
    /// Kudos by phrase that reached somebody.
    pub kudos_phrases: i64,
    /// Uses of emotes.
    pub emotes: i64,
    /// Votes cast.
    pub votes: i64,
    /// Films logged.
    pub media: i64,
    /// How many users there were; `None` where it is not known.
    pub population: Option<Extent>,
}

/// The most and the fewest users of a span, and when there were so many first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The most.
    pub high: i64,
    /// When.
    pub high_at: WireTime,
    /// The fewest.
    pub low: i64,
    /// When.
    pub low_at: WireTime,
}

impl Hour {
    /// Notes how many users there are at a moment.
    pub fn note_population(&mut self, users: i64, at: WireTime) {
        let extent = self.population.get_or_insert(Extent {
            high: users,
            high_at: at,
            low: users,
            low_at: at,
        });
        if users > extent.high {
            (extent.high, extent.high_at) = (users, at);
        }
        if users < extent.low {
            (extent.low, extent.low_at) = (users, at);
        }
    }
}

/// A visit as it is to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisitChange {
    /// The visit.
    pub visit: Visit,
    /// When it ended.
    pub closed_at: Option<WireTime>,
}

/// How many users a channel has at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// When.
    pub at: WireTime,
    /// Open visits.
    pub connected: i64,
    /// Those of them that chat; the original stores the same number.
    pub chatting: i64,
}

/// A channel's part of the tally in stored form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMemory {
    /// The emotes as a JSON array, where they changed.
    pub emotes: Option<String>,
    /// Everything else as JSON.
    pub memory: String,
}

impl Sums {
    /// A channel's sums.
    pub fn room(&mut self, key: &RoomKey) -> &mut RoomSums {
        self.rooms.entry(key.clone()).or_default()
    }
}

impl RoomSums {
    /// Notes a span of which everything is counted.
    pub fn cover(&mut self, kind: CoveredKind, span: Span) {
        self.coverage.insert((kind, span.from), span);
    }

    /// Takes back what a visit that ended added.
    pub fn take_back(&mut self, name: &str, change: &VisitChange) {
        let Some(closed_at) = change.closed_at else {
            return;
        };
        let seconds = change.visit.activity(closed_at);
        if let Some(sum) = self.activity.get_mut(name) {
            sum.total_seconds -= seconds.total_seconds;
            sum.not_afk_seconds -= seconds.not_afk_seconds;
        }
    }

    /// Ends a visit whose end was not counted.
    pub fn end_visit(&mut self, name: &str, opened_at: i64, at: WireTime) {
        if let Some(change) = self.visits.get_mut(&(name.to_owned(), opened_at)) {
            let at = at.max(change.visit.opened_at);
            change.closed_at = Some(at);
            let seconds = change.visit.activity(at);
            let sum = self.activity.entry(name.to_owned()).or_default();
            sum.total_seconds += seconds.total_seconds;
            sum.not_afk_seconds += seconds.not_afk_seconds;
        }
    }

    /// The sums of the hour of a moment.
    pub fn hour(&mut self, at: WireTime) -> &mut Hour {
        const HOUR_MICROS: i64 = 3_600_000_000;
        self.hours
            .entry(at.micros().div_euclid(HOUR_MICROS))
            .or_default()
    }
}

/// Adds to a counter without copying a key that is there; whether it is new.
pub(crate) fn add(counters: &mut HashMap<String, i64>, key: &str) -> bool {
    match counters.get_mut(key) {
        Some(count) => {
            *count += 1;
            false
        }
        None => {
            counters.insert(key.to_owned(), 1);
            true
        }
    }
}

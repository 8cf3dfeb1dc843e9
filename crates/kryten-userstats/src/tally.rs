//! The pure core: events in, sums out. No I/O, no clock, no randomness.
//!
//! In reading order: [`EventView`] is what comes in; the detectors [`plusplus()`], [`phrase_kudos`], [`emote_uses`] and
//! [`vote()`] find what is in a line; [`Room`] is what is remembered of a channel; [`Tally::apply`] folds an event into
//! [`Sums`].

mod chars;
mod chat;
mod clock;
mod coverage;
mod drift;
mod emotes;
mod entities;
mod event;
mod films;
mod headcount;
mod known_state;
mod lines;
mod names;
mod phrases;
mod plusplus;
mod presence;
mod privacy;
mod questions;
mod real_names;
mod room;
mod rules;
mod seals;
mod sums;
mod visits;
mod vote;
mod wishes;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use kryten_protocol::cytube::fold_name;
use kryten_protocol::gap::{Gap, GapReason};
use kryten_protocol::time::WireTime;
use serde_json::Value;

pub use coverage::{Covered, CoveredKind, Span};
pub use drift::{Difference, StateKind};
pub use emotes::{EmoteSet, emote_uses, emote_uses_by};
pub use entities::decode_entities;
pub use event::EventView;
pub use films::{Film, Films};
pub use known_state::KnownState;
pub use lines::{REMEMBERED as REMEMBERED_LINES, RecentLines};
pub use names::{Aliases, KnownNames, real_receiver, receiver};
pub use phrases::{Phrases, phrase_kudos};
pub use plusplus::plusplus;
pub use privacy::{Privacy, Wish};
pub use questions::{Listening, QUESTION_PREFIX, Question};
pub use real_names::{is_user_name, thanked_names};
pub use room::{Memory, Room};
pub use rules::Rules;
pub use seals::{Admission, Seals};
pub use sums::{
    Activity, CountedLine, Counters, Extent, Hour, MediaChange, RoomKey, RoomSums, Seen, Snapshot,
    StoredMemory, Sums, VisitChange, Vote,
};
pub(crate) use visits::LONGEST_ABSENCE_MICROS;
pub use visits::{Visit, Visits};
pub use vote::vote;

use event::Kind;

/// Everything that counting needs to know.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    rooms: HashMap<String, HashMap<String, Room>>,
    names: KnownNames,
    aliases: Aliases,
    phrases: Phrases,
    rules: Rules,
    privacy: Privacy,
    listening: Listening,
}

impl Tally {
    /// A tally that knows these users, aliases and trigger phrases, and no channel yet.
    pub fn new(names: KnownNames, aliases: Aliases, phrases: Phrases) -> Self {
        Self {
            rooms: HashMap::new(),
            names,
            aliases,
            phrases,
            rules: Rules::default(),
            privacy: Privacy::default(),
            listening: Listening::default(),
        }
    }

    /// Sets what counts from now on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Sets in which lines questions are looked for.
    pub fn listen(&mut self, listening: Listening) {
        self.listening = listening;
    }

    /// A tally that knows the same people, phrases and emotes, and nothing of what has happened: to fold the past.
    pub fn for_the_past(&self) -> Self {
        let mut past = Self {
            rooms: HashMap::new(),
            listening: Listening::default(),
            ..self.clone()
        };
        for (domain, channel, room) in self.rooms() {
            let key = RoomKey {
                domain: domain.to_owned(),
                channel: channel.to_owned(),
            };
            let emotes = room.emotes().cloned();
            let nothing = (RecentLines::default(), Visits::default(), Memory::default());
            past.restore(key, Room::new(emotes, nothing.0, nothing.1, nothing.2));
        }
        past
    }

    /// What comes from now on may not follow on what came before: nobody listened meanwhile.
    pub fn break_coverage(&mut self) {
        for room in self.rooms.values_mut().flat_map(HashMap::values_mut) {
            room.memory.coverage = Default::default();
            room.memory.attendance.not_listened();
        }
    }

    /// Forgets which robot was the last: with another stream their terms may begin anew.
    pub fn forget_robot(&mut self, domain: &str, channel: &str) {
        let rooms = self.rooms.get_mut(domain);
        if let Some(room) = rooms.and_then(|rooms| rooms.get_mut(channel)) {
            room.memory.robot_epoch = 0;
        }
    }

    /// Ends all visits, as of the last event of each channel.
    pub fn end_visits(&mut self, sums: &mut Sums) {
        for (domain, rooms) in &mut self.rooms {
            for (channel, room) in rooms {
                let Some(at) = room.last_event_at() else {
                    continue;
                };
                let key = RoomKey {
                    domain: domain.clone(),
                    channel: channel.clone(),
                };
                room.visits.close_all(at, sums.room(&key));
            }
        }
    }

    /// For long nothing was heard of a channel from this moment on: whoever was there may have gone since, and who is
    /// there is not known until a list comes.
    pub fn lose_sight(&mut self, domain: &str, channel: &str, from: WireTime, sums: &mut Sums) {
        let fold = self.fold(domain, channel, sums);
        fold.room.visits.close_all(from, fold.room_sums);
        fold.room.memory.attendance.list_known = false;
    }

    /// Makes a name one that kudos can reach.
    pub fn know(&mut self, name: &str) {
        self.names.insert(name);
    }

    /// Ends somebody's visits, as of the last event of each channel.
    pub fn leave(&mut self, domain: &str, channel: &str, name: &str, sums: &mut Sums) {
        let mut fold = self.fold(domain, channel, sums);
        fold.now = fold.room.last_event_at().unwrap_or_default();
        let now = fold.now;
        let there = fold.room.visits.iter().map(|(name, _)| name);
        let folded = fold_name(name);
        let there: Vec<String> = there
            .filter(|there| fold_name(there) == folded)
            .map(str::to_owned)
            .collect();
        for name in there {
            fold.room.visits.close(&name, now, fold.room_sums);
        }
    }

    /// Sets what is remembered of a channel.
    pub fn restore(&mut self, key: RoomKey, room: Room) {
        self.rooms
            .entry(key.domain)
            .or_default()
            .insert(key.channel, room);
    }

    /// Sets the aliases that hold from now on.
    pub fn set_aliases(&mut self, aliases: Aliases) {
        self.aliases = aliases;
    }

    /// Takes the trigger phrases anew.
    pub fn set_phrases(&mut self, phrases: Phrases) {
        self.phrases = phrases;
    }

    /// A channel, where anything is known of it.
    pub fn room(&self, domain: &str, channel: &str) -> Option<&Room> {
        self.rooms.get(domain)?.get(channel)
    }

    /// All channels.
    pub fn rooms(&self) -> impl Iterator<Item = (&str, &str, &Room)> {
        self.rooms.iter().flat_map(|(domain, rooms)| {
            rooms
                .iter()
                .map(move |(channel, room)| (domain.as_str(), channel.as_str(), room))
        })
    }

    /// How many visits are open.
    pub fn open_visits(&self) -> usize {
        self.rooms().map(|(_, _, room)| room.visits().len()).sum()
    }

    /// Folds one event into the sums.
    pub fn apply(&mut self, event: &EventView<'_>, sums: &mut Sums) {
        let rules = self.rules;
        let Some(kind) = Kind::of(event.name).filter(|kind| rules.hear(*kind)) else {
            self.pass(event, sums);
            return;
        };
        sums.counters.events += 1;
        let Ok(payload) = serde_json::from_str::<Value>(event.payload) else {
            sums.counters.malformed += 1;
            return;
        };
        let mut fold = self.fold(event.domain, event.channel, sums);
        if !fold.begin(event, Some(kind)) {
            return;
        }
        if !rules.take(kind, &payload) {
            fold.counters.malformed += 1;
            return;
        }
        let readable = match kind {
            Kind::ChatMsg => fold.chat_msg(event, &payload),
            Kind::Pm => fold.pm(event, &payload),
            Kind::AddUser => fold.add_user(&payload),
            Kind::UserLeave => fold.user_leave(&payload),
            Kind::Userlist => fold.userlist(&payload),
            Kind::SetAfk | Kind::SetUserMeta => fold.set_afk(&payload),
            Kind::ChangeMedia => fold.change_media(&payload),
            Kind::EmoteList => fold.emote_list(&payload),
            Kind::UpdateEmote => fold.update_emote(&payload),
            Kind::RenameEmote => fold.rename_emote(&payload),
            Kind::RemoveEmote => fold.remove_emote(&payload),
            Kind::DrinkCount => {
                fold.room.memory.joining_since = None;
                true
            }
        };
        fold.note_population();
        sums.counters.malformed += u64::from(!readable);
    }

    /// An event that is not counted is still a sign of life.
    fn pass(&mut self, event: &EventView<'_>, sums: &mut Sums) {
        if self.room(event.domain, event.channel).is_some() {
            self.fold(event.domain, event.channel, sums)
                .begin(event, None);
        }
    }

    /// Folds the robot's report of a gap.
    pub fn apply_gap(&mut self, gap: Gap, sums: &mut Sums) {
        let fold = self.fold(&gap.domain, &gap.channel, sums);
        if fold.room.memory.coverage.gap(&gap, fold.room_sums) {
            let unheard = gap.reason != GapReason::Absent;
            let attendance = &mut fold.room.memory.attendance;
            attendance.absent(gap.from, gap.to, unheard);
        }
        fold.room_sums.gaps.push(gap);
    }

    /// Counts who is where, for every channel with at least one open visit.
    pub fn snapshot(&self, at: WireTime, sums: &mut Sums, is_ours: impl Fn(&str) -> bool) {
        for (domain, channel, room) in self.rooms() {
            if room.visits.is_empty() || !is_ours(channel) {
                continue;
            }
            let key = RoomKey {
                domain: domain.to_owned(),
                channel: channel.to_owned(),
            };
            let connected = room.visits.len() as i64;
            let chatting = match self.rules.as_original {
                true => connected,
                false => room.visits.awake() as i64,
            };
            sums.room(&key).snapshots.push(Snapshot {
                at,
                connected,
                chatting,
            });
        }
    }

    /// Adds to the sums what has to be stored so that counting can go on from here after a restart.
    pub fn remember(&mut self, sums: &mut Sums) {
        for (key, room_sums) in &mut sums.rooms {
            let room = self
                .rooms
                .get_mut(&key.domain)
                .and_then(|rooms| rooms.get_mut(&key.channel));
            if let Some(room) = room {
                let mut memory = room.store();
                // A batch may be added to before it is committed.
                if let Some(earlier) = room_sums.memory.take() {
                    memory.emotes = memory.emotes.or(earlier.emotes);
                }
                room_sums.memory = Some(memory);
            }
        }
    }

    fn fold<'a>(&'a mut self, domain: &str, channel: &str, sums: &'a mut Sums) -> Fold<'a> {
        let key = RoomKey {
            domain: domain.to_owned(),
            channel: channel.to_owned(),
        };
        let rooms = self.rooms.entry(key.domain.clone()).or_default();
        Fold {
            room: rooms.entry(key.channel.clone()).or_default(),
            room_sums: sums.rooms.entry(key.clone()).or_default(),
            users: &mut sums.users,
            pms: &mut sums.pms,
            counters: &mut sums.counters,
            names: &mut self.names,
            aliases: &self.aliases,
            phrases: &self.phrases,
            rules: self.rules,
            privacy: &self.privacy,
            listening: self.listening,
            questions: &mut sums.questions,
            key,
            now: WireTime::default(),
            told: WireTime::default(),
        }
    }
}

/// One event being folded: the channel, its sums, and what they share with other channels.
struct Fold<'a> {
    room: &'a mut Room,
    room_sums: &'a mut RoomSums,
    users: &'a mut HashMap<String, Seen>,
    pms: &'a mut HashMap<String, i64>,
    counters: &'a mut Counters,
    names: &'a mut KnownNames,
    aliases: &'a Aliases,
    phrases: &'a Phrases,
    rules: Rules,
    privacy: &'a Privacy,
    listening: Listening,
    questions: &'a mut Vec<Question>,
    key: RoomKey,
    /// The time of the event by the robot's clock.
    now: WireTime,
    /// The same as it was told, also where the clock ran backwards: an event that comes again is as old as it was.
    told: WireTime,
}

impl Fold<'_> {
    /// Moves the clock and ends what has ended by then; `false` when a robot that was replaced sent the event.
    fn begin(&mut self, event: &EventView<'_>, kind: Option<Kind>) -> bool {
        let is_line = kind.is_some_and(Kind::is_line);
        let memory = &mut self.room.memory;
        if event.epoch != 0 {
            if event.epoch < memory.robot_epoch && !is_line {
                self.counters.stale += 1;
                return false;
            }
            memory.robot_epoch = memory.robot_epoch.max(event.epoch);
        }
        let before = memory.event_clock.latest();
        let (now, backwards) = memory.event_clock.advance(event.time);
        self.counters.backwards += u64::from(backwards);
        self.now = now;
        self.told = event.time;
        if !is_line {
            memory.coverage.event(event.time, self.room_sums);
        }
        match before {
            Some(before) if event.epoch == 0 => memory.attendance.silence(before, now),
            Some(before) => memory.attendance.pause(before, now),
            None => {}
        }
        let may_be_of_join = match kind {
            Some(Kind::AddUser | Kind::UserLeave) => false,
            Some(Kind::ChatMsg) => memory.is_joining(event.time),
            _ => true,
        };
        let settled = memory.headcount.hear(before, now, may_be_of_join);
        if memory.waited_long(event.time) {
            self.settle_replayed_votes();
        }
        if let Some(at) = settled {
            self.note_population_of(at);
        }
        // As many as there were at the last event are there when the next one comes.
        self.note_population();
        true
    }

    fn note_population(&mut self) {
        if self.room.memory.headcount.is_known() {
            self.note_population_of(self.now);
        }
    }

    /// Where the user list is known it is known how many there are.
    fn note_population_of(&mut self, at: WireTime) {
        if self.room.list_known() {
            let users = self.room.visits.len() as i64;
            self.room_sums.hour(at).note_population(users, at);
        }
    }

    fn see(&mut self, name: &str, at: WireTime) {
        if let Some(seen) = self.users.get_mut(name) {
            seen.first = seen.first.min(at);
            seen.last = seen.last.max(at);
            return;
        }
        let seen = Seen {
            first: at,
            last: at,
        };
        self.users.insert(name.to_owned(), seen);
        self.names.insert(name);
    }

    /// Whether nothing of somebody counts now: by a wish, or because who was forgotten comes back only by what they
    /// do themselves.
    fn passes_over(&self, name: &str) -> bool {
        self.privacy.hides(name, self.told)
            || (self.privacy.is_forgotten(name) && self.names.find(name).is_none())
    }

    /// Makes a user known who is not; one who is keeps the time of the last event.
    fn meet(&mut self, name: &str, at: WireTime) {
        if self.names.find(name) != Some(name) && !self.passes_over(name) {
            self.see(name, at);
        }
    }
}

//! Who is in the channel, since when, and how long away from the keyboard.

use std::collections::BTreeMap;

use kryten_protocol::cytube::User;
use kryten_protocol::time::WireTime;
use serde::{Deserialize, Serialize};

use super::sums::{Activity, RoomSums, VisitChange};

/// After a longer absence of the robot nobody is taken to have stayed throughout.
pub(crate) const LONGEST_ABSENCE_MICROS: i64 = 120_000_000;
/// A user list that comes later than this after an absence has nothing to do with it.
pub(super) const JOIN_MICROS: i64 = 60_000_000;
/// A silence from which on the robot may have been away; CyTube tells the position of what plays every 5 s.
pub(super) const SILENCE_MICROS: i64 = 20_000_000;

/// A user's stay in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// When it began.
    pub opened_at: WireTime,
    /// Since when the user is away from the keyboard.
    pub afk_since: Option<WireTime>,
    /// Whole seconds of earlier pauses.
    pub afk_seconds: i64,
}

impl Visit {
    fn new(at: WireTime, afk: bool) -> Self {
        Self {
            opened_at: at,
            afk_since: afk.then_some(at),
            afk_seconds: 0,
        }
    }

    fn set_afk(&mut self, afk: bool, at: WireTime) -> bool {
        match (self.afk_since, afk) {
            (None, true) => self.afk_since = Some(at),
            (Some(since), false) => {
                self.afk_seconds += whole_seconds(since, at);
                self.afk_since = None;
            }
            _ => return false,
        }
        true
    }

    pub(crate) fn activity(&self, until: WireTime) -> Activity {
        let total_seconds = whole_seconds(self.opened_at, until);
        let open_pause = self
            .afk_since
            .map_or(0, |since| whole_seconds(since, until));
        let afk_seconds = self.afk_seconds + open_pause;
        Activity {
            total_seconds,
            not_afk_seconds: (total_seconds - afk_seconds).max(0),
        }
    }
}

/// A span in which the robot did not see the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Absence {
    from_micros: i64,
    to_micros: i64,
    /// Reported, not only a silence.
    reported: bool,
    /// Events of it did not reach this service, so whatever tells next who is there ends it.
    #[serde(default)]
    unheard: bool,
}

/// What decides how a user list is joined with the visits, kept over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attendance {
    /// Whether a full user list was seen: then lines of others open no visit.
    pub(crate) list_known: bool,
    absence: Option<Absence>,
    /// This service did not listen since the last event.
    #[serde(default)]
    unheard: bool,
}

impl Attendance {
    /// Notes the time between two events of a robot that tells of its absences: only we may not have listened.
    pub(crate) fn pause(&mut self, from: WireTime, to: WireTime) {
        if self.unheard {
            self.silence(from, to);
        }
    }

    /// Notes the time between two events, in which the robot may have been away.
    pub(crate) fn silence(&mut self, from: WireTime, to: WireTime) {
        let unheard = std::mem::take(&mut self.unheard);
        let reported = self
            .absence
            .is_some_and(|absence| absence.reported && absence.to_micros >= from.micros());
        if to.micros() - from.micros() >= SILENCE_MICROS && !reported {
            self.absence = Some(Absence {
                from_micros: from.micros(),
                to_micros: to.micros(),
                reported: false,
                unheard,
            });
        }
    }

    /// Notes an absence that is reported: of the robot, or `unheard`, where the robot's events are lost.
    /// One that follows on another goes on with it.
    pub(crate) fn absent(&mut self, from: WireTime, to: WireTime, unheard: bool) {
        let before = self.absence.filter(|before| {
            before.reported && (before.from_micros..=before.to_micros).contains(&from.micros())
        });
        self.absence = Some(Absence {
            from_micros: before.map_or(from.micros(), |before| before.from_micros),
            to_micros: to.micros(),
            reported: true,
            unheard: unheard || before.is_some_and(|before| before.unheard),
        });
    }

    /// Notes that this service did not listen since the last event.
    pub(crate) fn not_listened(&mut self) {
        self.unheard = true;
        // What was silence before has nothing to do with it.
        self.absence = self.absence.take().filter(|absence| absence.reported);
    }

    /// The absence that the list of a join ends.
    pub(super) fn end_by_join(&mut self, at: WireTime) -> Option<Absence> {
        self.absence
            .take()
            .filter(|absence| at.micros() - absence.to_micros <= JOIN_MICROS)
    }

    /// The absence that a stored list of this moment ends, where the last event was at another one. While we listen
    /// there is none, however long nothing happens.
    pub(super) fn end_by_state(&mut self, last_event: WireTime, at: WireTime) -> Option<Absence> {
        if self.unheard {
            self.silence(last_event, at);
        }
        match self.absence {
            Some(absence) if absence.unheard => self.end_by_join(at),
            _ => None,
        }
    }
}

/// The open visits of a channel.
#[derive(Debug, Clone, Default)]
pub struct Visits(BTreeMap<String, Visit>);

impl Visits {
    /// From stored visits.
    pub fn new(open: impl IntoIterator<Item = (String, Visit)>) -> Self {
        Self(open.into_iter().collect())
    }

    /// Who is there, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Visit)> {
        self.0.iter().map(|(name, visit)| (name.as_str(), visit))
    }

    /// How many are there.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How many of them are not away from the keyboard.
    pub fn awake(&self) -> usize {
        let visits = self.0.values();
        visits.filter(|visit| visit.afk_since.is_none()).count()
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a user is there.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A user came, or is seen again; a visit that is open goes on.
    pub fn open(&mut self, name: &str, afk: Option<bool>, at: WireTime, sums: &mut RoomSums) {
        if is_person(name) {
            self.open_any(name, afk, at, sums);
        }
    }

    /// As [`Visits::open`], for names behind which nobody is, too.
    pub fn open_any(&mut self, name: &str, afk: Option<bool>, at: WireTime, sums: &mut RoomSums) {
        if self.0.contains_key(name) {
            if let Some(afk) = afk {
                self.set_afk(name, afk, at, sums);
            }
            return;
        }
        let visit = Visit::new(at, afk.unwrap_or(false));
        self.0.insert(name.to_owned(), visit);
        store(name, visit, None, sums);
    }

    /// A user came; what was counted of an open visit is lost, as in the original.
    pub fn begin_anew(&mut self, name: &str, at: WireTime, sums: &mut RoomSums) {
        if let Some(visit) = self.0.remove(name) {
            store(name, visit, Some(at.max(visit.opened_at)), sums);
        }
        self.open_any(name, None, at, sums);
    }

    /// A user went away from the keyboard or came back; whether the user is there.
    pub fn set_afk(&mut self, name: &str, afk: bool, at: WireTime, sums: &mut RoomSums) -> bool {
        let Some(visit) = self.0.get_mut(name) else {
            return false;
        };
        if visit.set_afk(afk, at) {
            store(name, *visit, None, sums);
        }
        true
    }

    /// A user left.
    pub fn close(&mut self, name: &str, at: WireTime, sums: &mut RoomSums) {
        let Some(visit) = self.0.remove(name) else {
            return;
        };
        let at = at.max(visit.opened_at);
        let seconds = visit.activity(at);
        let sum = sums.activity.entry(name.to_owned()).or_default();
        sum.total_seconds += seconds.total_seconds;
        sum.not_afk_seconds += seconds.not_afk_seconds;
        store(name, visit, Some(at), sums);
    }

    /// All left.
    pub(super) fn close_all(&mut self, at: WireTime, sums: &mut RoomSums) {
        let there: Vec<String> = self.0.keys().cloned().collect();
        for name in there {
            self.close(&name, at, sums);
        }
    }

    /// A user's visit is not to be remembered; nothing is counted of it.
    pub fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// A full user list came, after an absence or while we looked on: visits are opened and closed so that they agree
    /// with it. Returns in how many names they had differed.
    pub(super) fn reconcile(
        &mut self,
        list: &[User],
        absence: Option<Absence>,
        at: WireTime,
        sums: &mut RoomSums,
    ) -> usize {
        let left_at = absence.map_or(at, |absence| WireTime::from_micros(absence.from_micros));
        let long = absence.is_some_and(|absence| {
            absence.to_micros - absence.from_micros >= LONGEST_ABSENCE_MICROS
        });
        let mut differences = 0;
        let there: Vec<String> = self.0.keys().cloned().collect();
        for name in there {
            let listed = list.iter().any(|user| user.name == name);
            differences += usize::from(!listed);
            if !listed || long {
                self.close(&name, left_at, sums);
            }
        }
        for user in list {
            differences +=
                usize::from(!long && is_person(&user.name) && !self.contains(&user.name));
            self.open(&user.name, Some(user.afk), at, sums);
        }
        differences
    }
}

/// CyTube's own notices come under names in brackets; nobody is behind them, nor behind an empty name.
pub(crate) fn is_person(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('[')
}

fn store(name: &str, visit: Visit, closed_at: Option<WireTime>, sums: &mut RoomSums) {
    let key = (name.to_owned(), visit.opened_at.micros());
    sums.visits.insert(key, VisitChange { visit, closed_at });
}

fn whole_seconds(from: WireTime, to: WireTime) -> i64 {
    (to.micros() - from.micros()).max(0) / 1_000_000
}

//! Who was there in the past, and which part of it is not counted yet. Pure.
//!
//! Stays are followed through what is covered, too, and cut at its borders at the end: only then is it known when a stay
//! ended, and a robot that was away tells that late.

use std::collections::BTreeMap;

use kryten_protocol::time::WireTime;

use crate::tally::{
    Covered, CoveredKind, LONGEST_ABSENCE_MICROS, RoomSums, Span, Visit, VisitChange,
};

/// The stays in a channel by user and beginning, whether counted before or not.
#[derive(Debug, Default)]
pub(super) struct Stays(BTreeMap<(String, i64), Stay>);

#[derive(Debug, Default)]
struct Stay {
    pauses: Vec<Pause>,
    /// `None` while the user is there.
    closed_at: Option<i64>,
    /// Whether the tally counted its seconds: as the original it does not where somebody comes who was there.
    has_seconds: bool,
}

/// A time away from the keyboard.
#[derive(Debug)]
struct Pause {
    from: i64,
    to: Option<i64>,
}

/// The parts of a span of which nothing is covered, in order; neighbours share no moment but a border.
///
/// A short part between two islands is the robot's absence; the visits that were counted live go on over it.
pub(super) fn uncovered(seen: Span, covered: &Covered) -> Vec<Span> {
    let mut islands = covered.spans(CoveredKind::Events).to_vec();
    islands.sort_unstable_by_key(|island| island.from);
    let mut parts = Vec::new();
    let mut from = seen.from;
    for island in islands {
        let to = island.from.min(seen.to);
        // How far the next island is away, wherever what was seen ends.
        let is_absence = from > seen.from && island.from - from < LONGEST_ABSENCE_MICROS;
        if from < to && !is_absence {
            parts.push(Span { from, to });
        }
        from = from.max(island.to);
    }
    if from < seen.to {
        let to = seen.to;
        parts.push(Span { from, to });
    }
    parts
}

impl Stays {
    /// Takes what an event changed out of the sums; `now` is its time.
    pub(super) fn take(&mut self, sums: &mut RoomSums, now: WireTime) {
        let activity = std::mem::take(&mut sums.activity);
        for (visit, change) in std::mem::take(&mut sums.visits) {
            let has_seconds = activity.contains_key(&visit.0);
            let stay = self.0.entry(visit).or_default();
            stay.closed_at = change.closed_at.map(WireTime::micros);
            stay.has_seconds = has_seconds;
            stay.set_afk(change.visit.afk_since, now);
        }
    }

    /// Adds what lies in these parts to the sums.
    pub(super) fn count(self, parts: &[Span], sums: &mut RoomSums) {
        for ((name, from), stay) in self.0 {
            // All are ended at the end.
            let Some(to) = stay.closed_at else {
                continue;
            };
            let first = parts.partition_point(|part| part.to <= from);
            for part in parts[first..].iter().take_while(|part| part.from < to) {
                let at = Span {
                    from: part.from.max(from),
                    to: part.to.min(to),
                };
                if at.from < at.to {
                    stay.count(&name, at, sums);
                }
            }
        }
    }
}

impl Stay {
    fn set_afk(&mut self, since: Option<WireTime>, now: WireTime) {
        let open = self.pauses.last_mut().filter(|pause| pause.to.is_none());
        match (open, since) {
            (Some(pause), None) => pause.to = Some(now.micros()),
            (None, Some(since)) => self.pauses.push(Pause {
                from: since.micros(),
                to: None,
            }),
            _ => {}
        }
    }

    /// Adds a part of it as a visit of its own.
    fn count(&self, name: &str, at: Span, sums: &mut RoomSums) {
        let mut visit = Visit {
            opened_at: WireTime::from_micros(at.from),
            afk_since: None,
            afk_seconds: 0,
        };
        for pause in self.pauses.iter().filter(|pause| pause.from < at.to) {
            let from = pause.from.max(at.from);
            match pause.to.filter(|to| *to < at.to) {
                Some(to) => visit.afk_seconds += (to - from).max(0) / 1_000_000,
                None => visit.afk_since = Some(WireTime::from_micros(from)),
            }
        }
        let closed_at = WireTime::from_micros(at.to);
        if self.has_seconds {
            let seconds = visit.activity(closed_at);
            let sum = sums.activity.entry(name.to_owned()).or_default();
            sum.total_seconds += seconds.total_seconds;
            sum.not_afk_seconds += seconds.not_afk_seconds;
        }
        let key = (name.to_owned(), at.from);
        let closed_at = Some(closed_at);
        sums.visits.insert(key, VisitChange { visit, closed_at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn minutes(from: i64, to: i64) -> Span {
        Span {
            from: from * MINUTE,
            to: to * MINUTE,
        }
    }

    #[test]
    fn a_short_hole_is_an_absence_and_the_beginning_of_a_long_one_is_not() {
        let of = |seen, islands: &[Span]| {
            let mut covered = Covered::default();
            for island in islands {
                covered.add(CoveredKind::Events, *island);
            }
            uncovered(seen, &covered)
        };
        let (before, soon, later) = (minutes(0, 60), minutes(61, 90), minutes(180, 240));
        assert_eq!(of(minutes(30, 90), &[before, soon]), []);
        assert_eq!(of(minutes(30, 61), &[before, soon]), []);
        assert_eq!(of(minutes(30, 61), &[before, later]), [minutes(60, 61)]);
        assert_eq!(of(minutes(30, 61), &[before]), [minutes(60, 61)]);
        assert_eq!(of(minutes(30, 200), &[later, before]), [minutes(60, 180)]);
        assert_eq!(of(minutes(-1, 30), &[before]), [minutes(-1, 0)]);
    }
}

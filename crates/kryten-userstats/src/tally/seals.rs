//! Which of the robot's sealed events were counted, so that each counts once and what nobody sealed not at all. Pure.
//!
//! Seals are optional: until the first one that was made with our key everything counts, as it did before.

use std::collections::{BTreeMap, VecDeque};

use kryten_protocol::seal::SealPlace;
use serde::{Deserialize, Serialize};

/// So far an event may come behind one that was sealed after it: what a robot has on its way, and twice over.
const LATE: u64 = 512;
/// Of so many of the robot's terms it is known what was counted; events of earlier ones are not counted any more.
const TERMS: usize = 4;

/// What to do with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It counts.
    Counts,
    /// The robot did not say it: others of the channel carry its seal, and this one does not.
    Unsealed,
    /// It was counted, or is of a term that is long over.
    Repeated,
}

/// What is known of the seals of a channel's subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seals {
    /// Which key they were made with.
    key: String,
    /// When the first event was stored that carried one, in nanoseconds since the Unix epoch.
    since: Option<i64>,
    /// By `domain/channel`, since channels of one name on two hosts share a subject.
    series: BTreeMap<String, Series>,
}

/// The events of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Series {
    /// The stream for which they were sealed.
    stream_created: i64,
    /// In the order in which they began.
    terms: Vec<Term>,
}

/// A term of the robot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Term {
    epoch: u64,
    run: u32,
    /// The highest number that was counted.
    top: u64,
    /// Lower ones that were not, in order.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    missing: VecDeque<u64>,
}

impl Seals {
    /// Forgets what was sealed with another key.
    pub fn expect(&mut self, key: &str) {
        if self.key != key {
            *self = Self {
                key: key.to_owned(),
                ..Self::default()
            };
        }
    }

    /// The same key and the same first moment, and nothing counted: to read the past again.
    #[must_use]
    pub fn for_the_past(&self) -> Self {
        Self {
            key: self.key.clone(),
            since: self.since,
            series: BTreeMap::new(),
        }
    }

    /// Whether the robot is known to seal what it says at this time, in nanoseconds since the Unix epoch.
    pub fn are_due(&self, stored_at: i128) -> bool {
        self.since
            .is_some_and(|since| stored_at >= i128::from(since))
    }

    /// Notes an event that was stored at this time; `place` is what its seal says, `None` without a good one.
    pub fn admit(
        &mut self,
        (domain, channel): (&str, &str),
        epoch: u64,
        place: Option<SealPlace>,
        stored_at: i128,
    ) -> Admission {
        let Some(place) = place else {
            return match self.are_due(stored_at) {
                true => Admission::Unsealed,
                false => Admission::Counts,
            };
        };
        let Ok(stream_created) = i64::try_from(place.stream_created) else {
            return Admission::Unsealed;
        };
        self.since
            .get_or_insert(i64::try_from(stored_at).unwrap_or_default());
        let series = self.series.entry(format!("{domain}/{channel}"));
        let series = series.or_default();
        match series.stream_created.cmp(&stream_created) {
            std::cmp::Ordering::Greater => return Admission::Repeated,
            std::cmp::Ordering::Equal => {}
            // Terms are counted anew where NATS has lost everything.
            std::cmp::Ordering::Less => {
                *series = Series {
                    stream_created,
                    terms: Vec::new(),
                }
            }
        }
        match series.note(epoch, place) {
            true => Admission::Counts,
            false => Admission::Repeated,
        }
    }
}

impl Series {
    /// Whether it is the first time.
    fn note(&mut self, epoch: u64, place: SealPlace) -> bool {
        let is_it = |term: &&mut Term| (term.epoch, term.run) == (epoch, place.run);
        if let Some(term) = self.terms.iter_mut().find(is_it) {
            return term.note(place.number);
        }
        let earliest = self.terms.iter().map(|term| term.epoch).min();
        if earliest.is_some_and(|earliest| epoch < earliest) {
            return false;
        }
        let mut term = Term {
            epoch,
            run: place.run,
            ..Term::default()
        };
        match earliest {
            Some(_) => {
                term.note(place.number);
            }
            // What came before was counted before there were seals.
            None => term.top = place.number,
        }
        self.terms.push(term);
        while self.terms.len() > TERMS {
            let first = self.terms.iter().enumerate();
            let first = first.min_by_key(|(at, term)| (term.epoch, *at));
            let at = first.map_or(0, |(at, _)| at);
            self.terms.remove(at);
        }
        true
    }
}

impl Term {
    fn note(&mut self, number: u64) -> bool {
        if number <= self.top {
            let at = self.missing.binary_search(&number);
            return at.is_ok_and(|at| self.missing.remove(at).is_some());
        }
        let from = (self.top + 1).max(number.saturating_sub(LATE));
        self.missing.extend(from..number);
        self.top = number;
        while (self.missing.front()).is_some_and(|first| first + LATE < number) {
            self.missing.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const LOUNGE: (&str, &str) = ("cytu.be", "Lounge");

    fn seals() -> Seals {
        let mut seals = Seals::default();
        seals.expect("k1");
        seals
    }

    fn place(stream_created: i128, number: u64) -> Option<SealPlace> {
        Some(SealPlace {
            stream_created,
            run: 1,
            number,
        })
    }

    #[test]
    fn unsealed_events_count_until_the_first_that_is_sealed() {
        let mut seals = seals();
        assert_eq!(seals.admit(LOUNGE, 3, None, 10), Admission::Counts);
        assert_eq!(seals.admit(LOUNGE, 3, place(1, 9), 20), Admission::Counts);
        assert_eq!(seals.admit(LOUNGE, 3, None, 21), Admission::Unsealed);
        // Another name in the body is no way around.
        let other = ("cytu.be", "lounge2");
        assert_eq!(seals.admit(other, 3, None, 22), Admission::Unsealed);
        // One of the past, that is read again.
        assert_eq!(seals.admit(LOUNGE, 3, None, 19), Admission::Counts);
        seals.expect("k1");
        assert!(seals.are_due(22));
        seals.expect("k2");
        assert_eq!(seals.admit(LOUNGE, 3, None, 23), Admission::Counts);
    }

    #[test]
    fn a_sealed_event_counts_once() {
        let mut seals = seals();
        let mut admit = |epoch, number| seals.admit(LOUNGE, epoch, place(1, number), 5);
        // What the robot said before we had the key was counted.
        assert_eq!(admit(3, 40), Admission::Counts);
        assert_eq!(admit(3, 39), Admission::Repeated);
        assert_eq!(admit(3, 40), Admission::Repeated);
        // Out of order, but not twice.
        for number in [43, 41, 42, 44] {
            assert_eq!(admit(3, number), Admission::Counts, "{number}");
        }
        assert_eq!(admit(3, 42), Admission::Repeated);
        // The next robot begins anew, and what the last one still had to say counts.
        for (epoch, number) in [(4, 2), (4, 1), (3, 45)] {
            assert_eq!(admit(epoch, number), Admission::Counts, "{epoch} {number}");
        }
        assert_eq!(admit(2, 1), Admission::Repeated);
        for epoch in 5..=7 {
            assert_eq!(admit(epoch, 1), Admission::Counts);
        }
        assert_eq!(admit(3, 46), Admission::Repeated, "its term is long over");
    }

    /// A robot that was killed before it had written anything of its term leaves its epoch to the next.
    #[test]
    fn two_terms_of_one_epoch_have_numbers_of_their_own() {
        let mut seals = seals();
        let mut admit = |run, number| {
            let place = SealPlace {
                stream_created: 1,
                run,
                number,
            };
            seals.admit(LOUNGE, 3, Some(place), 5)
        };
        for (run, number) in [(7, 1), (7, 2), (8, 1), (8, 2)] {
            assert_eq!(admit(run, number), Admission::Counts, "{run} {number}");
        }
        for (run, number) in [(7, 1), (7, 2), (8, 1), (8, 2)] {
            assert_eq!(admit(run, number), Admission::Repeated, "{run} {number}");
        }
    }

    #[test]
    fn another_stream_begins_anew_and_an_earlier_one_does_not_come_back() {
        let mut seals = seals();
        assert_eq!(seals.admit(LOUNGE, 9, place(7, 80), 5), Admission::Counts);
        assert_eq!(seals.admit(LOUNGE, 1, place(8, 1), 6), Admission::Counts);
        assert_eq!(seals.admit(LOUNGE, 1, place(8, 1), 7), Admission::Repeated);
        assert_eq!(seals.admit(LOUNGE, 9, place(7, 81), 8), Admission::Repeated);
    }

    #[test]
    fn hosts_that_share_a_subject_have_numbers_of_their_own() {
        let mut seals = seals();
        assert_eq!(seals.admit(LOUNGE, 1, place(1, 5), 5), Admission::Counts);
        let elsewhere = ("other.tv", "Lounge");
        assert_eq!(seals.admit(elsewhere, 1, place(1, 5), 6), Admission::Counts);
        assert_eq!(
            seals.admit(elsewhere, 1, place(1, 5), 7),
            Admission::Repeated
        );
    }

    #[test]
    fn what_is_kept_over_a_restart_is_small() {
        let mut seals = seals();
        for epoch in 1..10 {
            for number in 1..5000 {
                seals.admit(LOUNGE, epoch, place(1, number), 5);
            }
        }
        let stored = serde_json::to_string(&seals).unwrap();
        assert!(stored.len() < 300, "{stored}");
        assert_eq!(serde_json::from_str::<Seals>(&stored).unwrap(), seals);
    }

    proptest! {
        /// However far events come out of order, within what a robot has on its way, and however often each is
        /// repeated: each counts once.
        #[test]
        fn each_counts_once(
            jumps in proptest::collection::vec(0u64..250, 300),
            repeats in proptest::collection::vec(0usize..300, 100),
        ) {
            let mut order: Vec<u64> = (1..=300).collect();
            order.sort_by_key(|number| number + jumps[*number as usize - 1]);
            for (after, number) in repeats.iter().enumerate() {
                order.insert(after * 3, *number as u64 + 1);
            }
            let mut seals = seals();
            seals.admit(LOUNGE, 1, place(1, 1), 5);
            let mut counted = HashSet::new();
            for number in order {
                let admission = seals.admit(LOUNGE, 2, place(1, number), 5);
                prop_assert_eq!(admission == Admission::Counts, counted.insert(number));
            }
            prop_assert_eq!(counted.len(), 300);
        }
    }
}

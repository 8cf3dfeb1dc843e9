//! Which of several robots serves a channel. Pure; `lease_bucket` reads and writes the records.
//!
//! The record of a channel names its holder, who puts it anew again and again. Whoever waits measures with its own
//! clock how long the record's revision stays the same, so no two clocks are compared. A record whose revision stands
//! still for [`Times::expiry`] may be replaced, expecting that revision: of several who try, the server lets one.

use std::time::Duration;

use kryten_client::process::Process;
use kryten_protocol::time::WireTime;
use serde::{Deserialize, Serialize};

/// How patient robots are with one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How often the holder puts its record anew, and the one who waits looks.
    pub renewal: Duration,
    /// After how long without a sign the holder counts as dead.
    pub expiry: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self::with_expiry(Duration::from_secs(5))
    }
}

impl Times {
    /// The usual proportion: three signs in the time after which the holder counts as dead.
    pub fn with_expiry(expiry: Duration) -> Self {
        Self {
            renewal: expiry / 4,
            expiry,
        }
    }
}

/// No robot has so many terms: whoever writes such a number wants to use the numbers up.
pub(crate) const NO_TERM: u64 = 1 << 53;

/// What stands in KV for a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The running robot, by an id of its own.
    pub(crate) holder: String,
    /// The CyTube host that it serves the channel of.
    pub(crate) domain: String,
    pub(crate) hostname: String,
    pub(crate) process: Process,
    /// The number of the holder's term; the next holder has a higher one.
    pub(crate) term: u64,
    /// The holder has left by itself.
    #[serde(default)]
    pub(crate) released: bool,
    /// Until when the holder was in the channel with all of it stored, or one before it was; none where nobody was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attended: Option<WireTime>,
    /// In a sealed record the revision in whose place it was put, by which an old one that is put anew is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<u64>,
}

/// A record as it was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) record: Option<Record>,
    pub(crate) revision: u64,
    /// Whether a robot wrote it, as far as that can be known: with a key for seals only what is sealed.
    pub(crate) is_believed: bool,
    /// Whether the holder is known to be dead.
    pub(crate) is_dead: bool,
}

impl Found {
    /// Whether a robot has taken the channel from one who held it by this revision.
    pub(crate) fn replaces(&self, held: u64) -> bool {
        let after = self.record.as_ref().and_then(|record| record.after);
        self.revision > held && self.is_believed && after.is_none_or(|after| after >= held)
    }
}

/// What one who wants the channel is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Put an own record of this term, expecting this revision.
    Take { revision: u64, term: u64 },
    /// Look again after a renewal's time.
    StandBy,
    /// Someone serves a channel of the same name on another host.
    Foreign { domain: String },
}

/// One who wants the channel. Moments are durations since any fixed start.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) id: &'a str,
    pub(crate) domain: &'a str,
    pub(crate) times: Times,
    /// The revision that stands, and since when we see it.
    pub(crate) seen: Option<(u64, Duration)>,
}

impl Candidate<'_> {
    pub(crate) fn look(&mut self, found: Option<&Found>, now: Duration) -> Verdict {
        let Some(found) = found else {
            return Verdict::Take {
                revision: 0,
                term: 1,
            };
        };
        if !found.is_believed {
            // Whoever holds the channel puts his own in its place soon.
            let take = Verdict::Take {
                revision: found.revision,
                term: 1,
            };
            return match self.has_stood_still(found.revision, now) {
                Some(true) => take,
                _ => Verdict::StandBy,
            };
        }
        let Some(record) = &found.record else {
            // Nobody can read it, so nobody holds it.
            return Verdict::Take {
                revision: found.revision,
                term: 1,
            };
        };
        let take = Verdict::Take {
            revision: found.revision,
            term: record.term.saturating_add(1),
        };
        if record.released || found.is_dead || record.holder == self.id {
            return take;
        }
        let is_first_look = self.seen.is_none();
        match self.has_stood_still(found.revision, now) {
            Some(true) => take,
            None if !is_first_look && record.domain != self.domain => Verdict::Foreign {
                domain: record.domain.clone(),
            },
            _ => Verdict::StandBy,
        }
    }

    /// Whether this revision has stood for so long that its holder is gone; `None` where it is another than at the last
    /// look.
    fn has_stood_still(&mut self, revision: u64, now: Duration) -> Option<bool> {
        match self.seen {
            Some((seen, since)) if seen == revision => {
                Some(now.saturating_sub(since) >= self.times.expiry)
            }
            _ => {
                self.seen = Some((revision, now));
                None
            }
        }
    }
}

/// The one who holds the channel.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(crate) times: Times,
    pub(crate) renewed: Duration,
    /// When a sign of one who waits was last seen.
    pub(crate) rival: Option<Duration>,
}

impl Holding {
    /// Whether to leave the channel: the record could not be put for so long that one who waits may have taken over.
    ///
    /// With nobody waiting the holder stays: while NATS is away for all it still collects what happens.
    pub(crate) fn must_leave(&self, now: Duration) -> bool {
        self.leaves_at().is_some_and(|at| now >= at)
    }

    /// How long to wait for what usually takes so long, or comes so often: no longer than until the channel is to be
    /// left.
    pub(crate) fn at_most(&self, usual: Duration, now: Duration) -> Duration {
        self.leaves_at()
            .map_or(usual, |at| usual.min(at.saturating_sub(now)))
    }

    /// When to leave the channel unless the record is put anew before; `None` with nobody waiting.
    fn leaves_at(&self) -> Option<Duration> {
        let has_rival = self
            .rival
            .is_some_and(|seen| self.renewed.saturating_sub(seen) < self.times.expiry * 2);
        // Earlier than the other one may take over.
        has_rival.then(|| self.renewed + self.times.expiry.mul_f64(0.8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(holder: &str, term: u64) -> Record {
        Record {
            holder: holder.to_owned(),
            domain: "cytu.be".to_owned(),
            hostname: "h".to_owned(),
            process: Process::default(),
            term,
            released: false,
            attended: None,
            after: None,
        }
    }

    fn found(record: Record, revision: u64) -> Found {
        Found {
            record: Some(record),
            revision,
            is_believed: true,
            is_dead: false,
        }
    }

    fn candidate() -> Candidate<'static> {
        Candidate {
            id: "me",
            domain: "cytu.be",
            times: Times::default(),
            seen: None,
        }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_record_that_no_robot_wrote_moves_nobody() {
        let forged = |revision| Found {
            is_believed: false,
            ..found(
                Record {
                    domain: "other.tv".to_owned(),
                    released: true,
                    ..record("mallory", NO_TERM)
                },
                revision,
            )
        };
        // It is no foreign host and nobody's release; the holder puts his own in its place.
        let mut waiting = candidate();
        for (seconds, revision) in [(0, 4), (1, 5), (5, 5)] {
            let verdict = waiting.look(Some(&forged(revision)), at(seconds));
            assert_eq!(verdict, Verdict::StandBy);
        }
        // Where there is none, it is in nobody's way for longer than a holder's death is.
        assert_eq!(
            waiting.look(Some(&forged(5)), at(6)),
            Verdict::Take {
                revision: 5,
                term: 1
            }
        );
        // Who holds the channel leaves it to a robot, and neither to somebody else nor for an old record.
        assert!(!forged(9).replaces(8));
        let put_after = |after| {
            let record = Record {
                after,
                ..record("other", 3)
            };
            found(record, 9).replaces(8)
        };
        assert!(put_after(Some(8)) && put_after(None) && !put_after(Some(7)));
        assert!(!found(record("other", 3), 8).replaces(8));
    }

    #[test]
    fn a_free_channel_is_taken_at_once() {
        let take = |revision, term| Verdict::Take { revision, term };
        assert_eq!(candidate().look(None, at(0)), take(0, 1));
        let unreadable = Found {
            record: None,
            revision: 4,
            is_believed: true,
            is_dead: false,
        };
        assert_eq!(candidate().look(Some(&unreadable), at(0)), take(4, 1));
        let released = Record {
            released: true,
            ..record("other", 6)
        };
        assert_eq!(
            candidate().look(Some(&found(released, 8)), at(0)),
            take(8, 7)
        );
        let dead = Found {
            is_dead: true,
            ..found(record("other", 2), 5)
        };
        assert_eq!(candidate().look(Some(&dead), at(0)), take(5, 3));
        let own = found(record("me", 2), 5);
        assert_eq!(candidate().look(Some(&own), at(0)), take(5, 3));
    }

    #[test]
    fn a_holder_that_gives_signs_keeps_the_channel_and_one_that_does_not_loses_it() {
        let mut candidate = candidate();
        for second in 0..100 {
            let sign = found(record("other", 1), second);
            assert_eq!(candidate.look(Some(&sign), at(second)), Verdict::StandBy);
        }
        let last = found(record("other", 1), 99);
        for second in 100..104 {
            assert_eq!(candidate.look(Some(&last), at(second)), Verdict::StandBy);
        }
        assert_eq!(
            candidate.look(Some(&last), at(104)),
            Verdict::Take {
                revision: 99,
                term: 2
            }
        );
    }

    #[test]
    fn a_living_robot_of_another_host_is_told_apart_from_a_dead_one() {
        let other = |revision| {
            found(
                Record {
                    domain: "other.tv".into(),
                    ..record("other", 1)
                },
                revision,
            )
        };
        let mut one = candidate();
        assert_eq!(one.look(Some(&other(1)), at(0)), Verdict::StandBy);
        assert_eq!(
            one.look(Some(&other(2)), at(2)),
            Verdict::Foreign {
                domain: "other.tv".into()
            }
        );
        let mut one = candidate();
        assert_eq!(one.look(Some(&other(1)), at(0)), Verdict::StandBy);
        assert!(matches!(
            one.look(Some(&other(1)), at(5)),
            Verdict::Take { .. }
        ));
    }

    #[test]
    fn the_holder_leaves_before_another_can_take_over_and_stays_if_there_is_none() {
        let mut holding = Holding {
            times: Times::default(),
            renewed: at(100),
            rival: None,
        };
        assert!(!holding.must_leave(at(10_000)), "nobody waits");
        holding.rival = Some(at(99));
        assert!(!holding.must_leave(at(103)));
        assert!(holding.must_leave(at(104)));
        holding.rival = Some(at(80));
        assert!(!holding.must_leave(at(200)), "the other one is long gone");
    }

    #[test]
    fn nothing_is_waited_for_beyond_the_moment_to_leave() {
        let usual = Duration::from_secs(2);
        let mut holding = Holding {
            times: Times::default(),
            renewed: at(100),
            rival: None,
        };
        assert_eq!(holding.at_most(usual, at(103)), usual, "nobody waits");
        holding.rival = Some(at(99));
        assert_eq!(holding.at_most(usual, at(101)), usual);
        assert_eq!(holding.at_most(usual, at(103)), at(1));
        assert_eq!(holding.at_most(usual, at(110)), Duration::ZERO);
    }
}

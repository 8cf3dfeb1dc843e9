//! A question, and until when it is answered.

use std::time::Duration;

use kryten_protocol::time::WireTime;
use tokio::time::Instant;

use super::Ask;
use crate::tally::Question;

/// Lines that are older are history, or came out of a backlog.
const FRESH_MICROS: i64 = 10_000_000;
/// CyTube's clock may be ahead of ours.
const AHEAD_MICROS: i64 = 60_000_000;

/// A question that was fresh when it was counted.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(super) question: Question,
    /// By a clock that nobody sets.
    until: Instant,
}

impl Heard {
    /// `None` for what is not fresh now.
    pub(super) fn fresh(question: Question, now: WireTime) -> Option<Self> {
        let age = now.micros() - question.at.micros();
        if !(-AHEAD_MICROS..=FRESH_MICROS).contains(&age) {
            return None;
        }
        let left = FRESH_MICROS - age.max(0);
        let left = Duration::from_micros(left.unsigned_abs());
        Some(Self {
            question,
            until: Instant::now() + left,
        })
    }

    /// Whether it is too late to answer. A wish is carried out, and its asker told, whatever time it takes.
    pub(super) fn is_late_for(&self, ask: &Ask) -> bool {
        self.is_late_at(ask, Instant::now())
    }

    fn is_late_at(&self, ask: &Ask, now: Instant) -> bool {
        !matches!(ask, Ask::Wish(_)) && now > self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Wish;

    const NOW: i64 = 1_795_364_000_000;

    fn asked(millis_ago: i64) -> Option<Heard> {
        let question = Question {
            domain: "cytu.be".to_owned(),
            channel: "lounge".to_owned(),
            user: "bob".to_owned(),
            text: "!top".to_owned(),
            at: WireTime::from_millis(NOW - millis_ago),
            private: false,
        };
        Heard::fresh(question, WireTime::from_millis(NOW))
    }

    #[test]
    fn a_question_is_fresh_for_ten_seconds_since_it_was_said() {
        // As CyTube's clock has it, which may be ahead.
        for (millis_ago, left) in [
            (10_001, None),
            (10_000, Some(0)),
            (4000, Some(6000)),
            (0, Some(10_000)),
            (-60_000, Some(10_000)),
            (-60_001, None),
        ] {
            let before = Instant::now();
            let heard = asked(millis_ago);
            let after = Instant::now();
            assert_eq!(heard.is_some(), left.is_some(), "{millis_ago}");
            let (Some(heard), Some(left)) = (heard, left) else {
                continue;
            };
            let left = Duration::from_millis(left);
            assert!(!heard.is_late_at(&Ask::Top, before + left), "{millis_ago}");
            let millisecond = Duration::from_millis(1);
            let late = after + left + millisecond;
            assert!(heard.is_late_at(&Ask::Top, late), "{millis_ago}");
            assert!(!heard.is_late_at(&Ask::Wish(Wish::Forget), late));
        }
    }
}

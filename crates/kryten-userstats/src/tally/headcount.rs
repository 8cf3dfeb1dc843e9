//! Whether it is known how many are in a channel, so that the number may count for the hour.
//!
//! As many as were there at the last event are there when the next one comes, unless the robot was away meanwhile. Then
//! CyTube's list of users tells, and before it come other events of the join. So after a silence the number is in doubt
//! until something comes that is no part of a join, and counts for the time of the doubt only then.

use kryten_protocol::time::WireTime;
use serde::{Deserialize, Serialize};

use super::visits::{JOIN_MICROS, SILENCE_MICROS};

/// What is kept of it over restarts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Headcount {
    in_doubt_since: Option<WireTime>,
}

impl Headcount {
    /// An event comes that is, or is not, part of a join. Returns since when the number was in doubt that has turned out
    /// to be right.
    pub(crate) fn hear(
        &mut self,
        before: Option<WireTime>,
        now: WireTime,
        may_be_of_join: bool,
    ) -> Option<WireTime> {
        let since = |moment: WireTime| now.micros() - moment.micros();
        let settled = self
            .in_doubt_since
            .filter(|doubt| !may_be_of_join || since(*doubt) > JOIN_MICROS);
        if settled.is_some() {
            self.in_doubt_since = None;
        }
        let was_silent = before.is_some_and(|before| since(before) >= SILENCE_MICROS);
        if was_silent && may_be_of_join && self.in_doubt_since.is_none() {
            self.in_doubt_since = Some(now);
        }
        settled
    }

    /// A list has told who is there.
    pub(crate) fn tell(&mut self) {
        self.in_doubt_since = None;
    }

    pub(crate) fn is_known(self) -> bool {
        self.in_doubt_since.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> WireTime {
        WireTime::from_millis(second * 1000)
    }

    #[test]
    fn after_a_silence_the_number_is_in_doubt_until_something_tells() {
        let mut headcount = Headcount::default();
        assert_eq!(headcount.hear(None, at(0), true), None);
        assert_eq!(headcount.hear(Some(at(0)), at(5), true), None);
        assert!(headcount.is_known(), "no silence");

        assert_eq!(headcount.hear(Some(at(5)), at(100), true), None);
        assert!(!headcount.is_known());
        assert_eq!(headcount.hear(Some(at(100)), at(101), true), None);
        headcount.tell();
        assert!(headcount.is_known(), "a join");

        assert_eq!(headcount.hear(Some(at(101)), at(200), true), None);
        let somebody_leaves = headcount.hear(Some(at(200)), at(201), false);
        assert_eq!(
            (somebody_leaves, headcount.is_known()),
            (Some(at(200)), true)
        );

        assert_eq!(headcount.hear(Some(at(201)), at(300), true), None);
        let no_list = headcount.hear(Some(at(300)), at(361), true);
        assert_eq!((no_list, headcount.is_known()), (Some(at(300)), false));
        assert_eq!(headcount.hear(Some(at(361)), at(500), false), Some(at(361)));
        assert!(headcount.is_known());
    }
}

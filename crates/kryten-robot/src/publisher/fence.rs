//! When an event names the last sequence of the channel that we know, so that the server compares it. Pure.
//!
//! A fence stands alone: it is sent when all before it is stored, and nothing follows until it is stored itself. Who
//! had to wait, or slept, puts one up before anything else: another robot may have taken over. While event upon event
//! is stored none is needed but one now and then, by which a writer that knows of no lease is noticed.

use std::time::Duration;

use tokio::time::Instant;

/// For how long after the last stored event was sent the next one needs no fence; nobody takes over so soon. An
/// acknowledgement may be read late, by a process that slept, so its own time says nothing.
const TRUST: Duration = Duration::from_secs(1);
/// How often there is one in a flood. Each makes nats-server load its newest block and keep it in memory for ten
/// seconds, and while it grows there everything that goes through the server can stand still for a moment.
const AGAIN: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(super) struct Fence {
    rule: Rule,
    /// One is sent and not stored.
    is_up: bool,
    /// When the last stored one was sent, and the last stored event.
    sent: Option<(Instant, Instant)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The server cannot compare.
    Never,
    NowAndThen,
    /// Each event waits for the one before anyway.
    Each,
}

impl Fence {
    /// For a server of this version; `alone` where each event waits for the one before.
    pub(super) fn new(version: &str, alone: bool) -> Self {
        Self {
            rule: match can_compare_a_wildcard(version) {
                false => Rule::Never,
                true if alone => Rule::Each,
                true => Rule::NowAndThen,
            },
            is_up: false,
            sent: None,
        }
    }

    /// Whether the next event of the channel has to be one.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        match (self.rule, self.sent) {
            (Rule::Never, _) => false,
            (Rule::Each, _) | (Rule::NowAndThen, None) => true,
            (Rule::NowAndThen, Some((fence, event))) => {
                now.saturating_duration_since(event) >= TRUST
                    || now.saturating_duration_since(fence) >= AGAIN
            }
        }
    }

    /// Whether nothing may follow yet.
    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    pub(super) fn put_up(&mut self) {
        self.is_up = true;
    }

    /// The oldest event in flight, or report of a gap, is stored.
    pub(super) fn note_stored(&mut self, sent: Instant) {
        let is_fence = std::mem::take(&mut self.is_up);
        let fence = if is_fence {
            Some(sent)
        } else {
            self.sent.map(|(fence, _)| fence)
        };
        self.sent = fence.map(|fence| (fence, sent));
    }
}

/// Whether the server takes `Nats-Expected-Last-Subject-Sequence-Subject`: since 2.12.
fn can_compare_a_wildcard(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (major, minor) >= (2, 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_fence_events_follow_each_other_until_one_is_late() {
        let start = Instant::now();
        let mut fence = Fence::new("2.15.0", false);
        assert!(fence.is_due(start));
        // A report of a gap, which is none of the channel's events.
        fence.note_stored(start);
        assert!(fence.is_due(start));
        fence.put_up();
        assert!(fence.is_up());
        fence.note_stored(start);
        assert!(!fence.is_up());
        assert!(!fence.is_due(start) && fence.is_due(start + TRUST));
        fence.note_stored(start + TRUST / 2);
        assert!(!fence.is_due(start + TRUST) && fence.is_due(start + TRUST * 3 / 2));
    }

    #[test]
    fn a_flood_has_a_fence_now_and_then() {
        let start = Instant::now();
        let mut fence = Fence::new("2.15.0", false);
        fence.put_up();
        let mut now = start;
        fence.note_stored(now);
        while now + TRUST / 2 < start + AGAIN {
            now += TRUST / 2;
            assert!(!fence.is_due(now));
            fence.note_stored(now);
        }
        assert!(fence.is_due(start + AGAIN));
        fence.put_up();
        fence.note_stored(start + AGAIN);
        assert!(!fence.is_due(start + AGAIN));
    }

    #[test]
    fn events_that_go_one_by_one_are_all_fences_and_an_old_server_has_none() {
        let start = Instant::now();
        let mut fence = Fence::new("2.15.0", true);
        fence.put_up();
        fence.note_stored(start);
        assert!(fence.is_due(start));
        assert!(!Fence::new("2.11.4", true).is_due(start));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(can_compare_a_wildcard("2.15.1") && can_compare_a_wildcard("2.12.0-RC.1"));
        assert!(can_compare_a_wildcard("10.0.0"));
        assert!(
            !can_compare_a_wildcard("2.9.10")
                && !can_compare_a_wildcard("2.11.4")
                && !can_compare_a_wildcard("")
        );
    }
}

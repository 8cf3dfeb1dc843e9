//! When an event names the last sequence of the channel that we know, so that the server compares it. Pure.
//!
//! A fence stands alone: it is sent when all before it is stored, and nothing follows until it is stored itself. For a
//! short while after that, events follow each other without waiting, so that a flood costs few round trips and another
//! writer is still noticed soon.

use std::time::Duration;

use tokio::time::Instant;

/// For how long nobody else is expected to write after a fence was stored.
pub(super) const TRUST: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Fence {
    /// How often one is due; `None` where the server cannot compare.
    every: Option<Duration>,
    /// One is sent and not stored.
    is_up: bool,
    stored_at: Option<Instant>,
}

impl Fence {
    /// For a server of this version; `alone` where each event waits for the one before anyway.
    pub(super) fn new(version: &str, alone: bool) -> Self {
        let every = match alone {
            true => Duration::ZERO,
            false => TRUST,
        };
        Self {
            every: can_compare_a_wildcard(version).then_some(every),
            is_up: false,
            stored_at: None,
        }
    }

    /// Whether the next event of the channel has to be one.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.every.is_some_and(|every| {
            self.stored_at
                .is_none_or(|then| now.saturating_duration_since(then) >= every)
        })
    }

    /// Whether nothing may follow yet.
    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    pub(super) fn put_up(&mut self) {
        self.is_up = true;
    }

    /// The oldest event in flight is stored.
    pub(super) fn note_stored(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_up) {
            self.stored_at = Some(now);
        }
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
    fn after_a_fence_events_follow_each_other_for_a_while() {
        let start = Instant::now();
        let mut fence = Fence::new("2.15.0", false);
        assert!(fence.is_due(start));
        fence.put_up();
        assert!(fence.is_up());
        fence.note_stored(start);
        assert!(!fence.is_up() && !fence.is_due(start));
        // What is stored meanwhile makes it no longer.
        fence.note_stored(start + TRUST / 2);
        assert!(!fence.is_due(start + TRUST * 9 / 10));
        assert!(fence.is_due(start + TRUST));
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

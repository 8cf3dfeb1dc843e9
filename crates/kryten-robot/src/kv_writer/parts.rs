//! Which parts of a list are stored, and when those that no manifest names any more may go. Pure.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use kryten_protocol::state::list::{Layout, Part};

/// The stored parts of one list that this writer knows of, each with the moment from which it may go, if the manifest
/// does not name it. Moments are durations since any fixed start.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    stored: HashMap<String, Option<Duration>>,
}

impl Parts {
    /// The parts of a list that are not stored yet.
    pub(crate) fn missing<'a>(&self, layout: &'a Layout) -> Vec<&'a Part> {
        let is_missing = |part: &&Part| !self.stored.contains_key(&part.name);
        layout.parts.iter().filter(is_missing).collect()
    }

    /// A part is stored, whether a manifest names it yet or not.
    pub(crate) fn note_stored(&mut self, name: &str) {
        self.stored.insert(name.to_owned(), None);
    }

    /// A part is not there any more, or is not what was stored.
    pub(crate) fn note_gone(&mut self, name: &str) {
        self.stored.remove(name);
    }

    /// A manifest is stored that names exactly the parts of this layout: others may go from `from` on, or
    /// earlier if that was said before, and those that are named again stay.
    pub(crate) fn note_manifest(&mut self, layout: &Layout, from: Duration) {
        let named: HashSet<&str> = layout.parts.iter().map(|part| part.name.as_str()).collect();
        for (name, due) in &mut self.stored {
            match named.contains(name.as_str()) {
                true => *due = None,
                false => *due = due.or(Some(from)),
            }
        }
    }

    /// Some of the parts whose time has come, at most so many.
    pub(crate) fn due(&self, now: Duration, most: usize) -> Vec<String> {
        let is_due = |due: &Option<Duration>| due.is_some_and(|due| due <= now);
        let due = self.stored.iter().filter(|(_, due)| is_due(due));
        due.map(|(name, _)| name.clone()).take(most).collect()
    }

    /// Parts could not be removed: none may go before `until`.
    pub(crate) fn postpone(&mut self, until: Duration) {
        for due in self.stored.values_mut().flatten() {
            *due = (*due).max(until);
        }
    }

    /// When the next part may go.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.stored.values().flatten().min().copied()
    }

    /// The bucket is gone, and all parts with it.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kryten_protocol::state::list::{Limits, split};

    fn layout(entries: std::ops::Range<u32>) -> Layout {
        let entries: Vec<String> = entries.map(|n| format!("{n}{}", "0".repeat(300))).collect();
        split(&format!("[{}]", entries.join(",")), "1", Limits::default()).unwrap()
    }

    #[test]
    fn only_new_parts_are_missing() {
        let mut parts = Parts::default();
        let first = layout(10..500);
        assert_eq!(parts.missing(&first).len(), first.parts.len());
        for part in &first.parts {
            parts.note_stored(&part.name);
        }
        assert!(parts.missing(&first).is_empty());
        assert!(parts.missing(&layout(10..501)).len() <= 2);
    }

    #[test]
    fn a_part_goes_a_while_after_the_last_manifest_that_named_it() {
        let mut parts = Parts::default();
        let (first, second) = (layout(10..500), layout(1000..1400));
        for part in first.parts.iter().chain(&second.parts) {
            parts.note_stored(&part.name);
        }
        parts.note_manifest(&first, Duration::from_secs(60));
        parts.note_manifest(&second, Duration::from_secs(90));
        let due = |parts: &Parts, seconds| parts.due(Duration::from_secs(seconds), usize::MAX);
        assert!(due(&parts, 60).is_empty(), "the second was named again");
        assert_eq!(parts.next_due(), Some(Duration::from_secs(90)));
        assert_eq!(parts.due(Duration::from_secs(90), 1).len(), 1);
        parts.postpone(Duration::from_secs(150));
        assert!(
            due(&parts, 149).is_empty(),
            "a failed removal waits as long"
        );
        let gone = due(&parts, 150);
        assert_eq!(gone.len(), first.parts.len());
        gone.iter().for_each(|name| parts.note_gone(name));
        assert_eq!(parts.missing(&first).len(), first.parts.len());
        assert!(parts.missing(&second).is_empty());
        assert_eq!(parts.next_due(), None);
    }

    #[test]
    fn what_is_named_again_stays() {
        let mut parts = Parts::default();
        let (first, second) = (layout(10..500), layout(1000..1400));
        for part in first.parts.iter().chain(&second.parts) {
            parts.note_stored(&part.name);
        }
        parts.note_manifest(&first, Duration::from_secs(60));
        parts.note_manifest(&second, Duration::from_secs(90));
        parts.note_manifest(&first, Duration::from_secs(149));
        assert!(
            parts
                .due(Duration::from_secs(91), 9)
                .iter()
                .all(|name| { second.parts.iter().any(|part| part.name == *name) })
        );
        assert_eq!(parts.next_due(), Some(Duration::from_secs(149)));
    }
}

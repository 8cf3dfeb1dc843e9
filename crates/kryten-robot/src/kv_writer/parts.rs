//! Which parts of a list are stored, and when those that no manifest names any more may go. Pure.

use std::collections::HashSet;
use std::time::Duration;

use kryten_protocol::state::list::{Layout, Part};

/// For how long a part stays after the last manifest that names it: readers that have read this one still find it.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// The stored parts of one list that this writer knows of. Moments are durations since any fixed start.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    stored: HashSet<String>,
    condemned: Vec<Condemned>,
}

#[derive(Debug, PartialEq, Eq)]
struct Condemned {
    name: String,
    due: Duration,
}

impl Parts {
    /// The parts of a list that are not stored yet.
    pub(crate) fn missing<'a>(&self, layout: &'a Layout) -> Vec<&'a Part> {
        let is_missing = |part: &&Part| !self.stored.contains(&part.name);
        layout.parts.iter().filter(is_missing).collect()
    }

    /// A part is stored, whether a manifest names it yet or not.
    pub(crate) fn note_stored(&mut self, name: &str) {
        self.stored.insert(name.to_owned());
    }

    /// A part was found missing or changed.
    pub(crate) fn note_gone(&mut self, name: &str) {
        self.stored.remove(name);
    }

    /// A manifest is stored that names exactly the parts of this layout: others are condemned, and those that are
    /// named again are pardoned.
    pub(crate) fn note_manifest(&mut self, layout: &Layout, now: Duration) {
        let named: HashSet<&str> = layout.parts.iter().map(|part| part.name.as_str()).collect();
        self.condemned
            .retain(|one| !named.contains(one.name.as_str()));
        for name in &self.stored {
            let is_condemned = self.condemned.iter().any(|one| one.name == *name);
            if !named.contains(name.as_str()) && !is_condemned {
                self.condemned.push(Condemned {
                    name: name.clone(),
                    due: now + GRACE,
                });
            }
        }
    }

    /// The parts whose time has come; they count as gone.
    pub(crate) fn take_due(&mut self, now: Duration) -> Vec<String> {
        let due = |one: &Condemned| one.due <= now;
        let names: Vec<String> = self
            .condemned
            .iter()
            .filter(|one| due(one))
            .map(|one| one.name.clone())
            .collect();
        self.condemned.retain(|one| !due(one));
        for name in &names {
            self.stored.remove(name);
        }
        names
    }

    /// When the next part may go.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.condemned.iter().map(|one| one.due).min()
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
        parts.note_manifest(&first, Duration::ZERO);
        parts.note_manifest(&second, Duration::from_secs(30));
        assert!(
            parts.take_due(Duration::from_secs(60)).is_empty(),
            "the second was pardoned"
        );
        assert_eq!(parts.next_due(), Some(Duration::from_secs(90)));
        assert_eq!(
            parts.take_due(Duration::from_secs(90)).len(),
            first.parts.len()
        );
        assert_eq!(
            parts.missing(&first).len(),
            first.parts.len(),
            "they are gone"
        );
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
        parts.note_manifest(&first, Duration::ZERO);
        parts.note_manifest(&second, Duration::from_secs(30));
        parts.note_manifest(&first, Duration::from_secs(89));
        assert!(parts.take_due(Duration::from_secs(91)).is_empty());
    }
}

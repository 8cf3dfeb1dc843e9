//! When a changed value is written: a quiet key at once, a busy one at most once per window, always the newest. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::channel::StateKey;

/// The shortest time between two writes of one key.
pub const WINDOW: Duration = Duration::from_millis(50);
/// By how much a value of this many bytes makes the window longer: a list of 1 MB is written three times a second.
const BYTES_PER_MILLISECOND: u64 = 4096;

/// Which keys wait for a write. Moments are durations since any fixed start.
#[derive(Debug, Default)]
pub struct Snapshots {
    keys: BTreeMap<StateKey, Key>,
}

#[derive(Debug, Default)]
struct Key {
    dirty: bool,
    in_flight: bool,
    not_before: Duration,
}

impl Snapshots {
    /// The value has changed.
    pub fn mark(&mut self, key: StateKey) {
        self.keys.entry(key).or_default().dirty = true;
    }

    /// The keys to take a snapshot of now; they count as being written.
    pub fn take_due(&mut self, now: Duration) -> Vec<StateKey> {
        let is_due = |key: &Key| key.dirty && !key.in_flight && key.not_before <= now;
        let due: Vec<StateKey> = self
            .keys
            .iter()
            .filter(|(_, key)| is_due(key))
            .map(|(name, _)| *name)
            .collect();
        for name in &due {
            if let Some(key) = self.keys.get_mut(name) {
                key.dirty = false;
                key.in_flight = true;
            }
        }
        due
    }

    /// Sets the time before which the key is not written again.
    pub fn taken(&mut self, key: StateKey, now: Duration, bytes: usize) {
        let longer = Duration::from_millis(bytes as u64 / BYTES_PER_MILLISECOND);
        self.keys.entry(key).or_default().not_before = now + WINDOW + longer;
    }

    /// The value has been written.
    pub fn written(&mut self, key: StateKey) {
        self.keys.entry(key).or_default().in_flight = false;
    }

    /// When the next key becomes due, if any waits for nothing but time.
    pub fn next_due(&self) -> Option<Duration> {
        self.keys
            .values()
            .filter(|key| key.dirty && !key.in_flight)
            .map(|key| key.not_before)
            .min()
    }

    /// Whether all changes are written.
    pub fn is_idle(&self) -> bool {
        self.keys.values().all(|key| !key.dirty && !key.in_flight)
    }

    /// All waiting keys become due at once: we are about to stop.
    pub fn hurry(&mut self) {
        for key in self.keys.values_mut() {
            key.not_before = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_key_is_written_at_once_and_a_busy_one_once_per_window() {
        let at = Duration::from_millis;
        let mut snapshots = Snapshots::default();
        let mut writes = 0;
        for moment in 0..1000 {
            snapshots.mark(StateKey::Items);
            for key in snapshots.take_due(at(moment)) {
                writes += 1;
                snapshots.taken(key, at(moment), 600_000);
                snapshots.written(key);
            }
            assert!(moment > 0 || writes == 1, "the first change goes at once");
        }
        assert!((5..=7).contains(&writes), "{writes}");
        snapshots.hurry();
        assert_eq!(
            snapshots.take_due(at(1000)),
            [StateKey::Items],
            "and the last change is not forgotten"
        );
    }

    #[test]
    fn a_key_is_not_written_twice_at_the_same_time() {
        let mut snapshots = Snapshots::default();
        snapshots.mark(StateKey::Users);
        assert_eq!(snapshots.take_due(Duration::ZERO), [StateKey::Users]);
        snapshots.mark(StateKey::Users);
        assert!(snapshots.take_due(Duration::from_secs(9)).is_empty());
        assert_eq!(snapshots.next_due(), None);
        snapshots.written(StateKey::Users);
        assert!(!snapshots.is_idle());
        assert_eq!(
            snapshots.take_due(Duration::from_secs(9)),
            [StateKey::Users]
        );
    }
}

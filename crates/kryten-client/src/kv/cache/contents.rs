//! What a cache holds: pure, fed with revisions.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::changes::CacheChange;
use crate::kv::key;
use crate::kv::read::{Entry, Operation};
use crate::kv::ttl::{self, TTL};

/// What one held entry costs beside its name, key and value.
const OVERHEAD: usize = 200;

#[derive(Debug)]
pub(super) struct Contents {
    max_bytes: usize,
    /// How long every value of the bucket lives.
    life: Option<Duration>,
    /// By the name under which it is stored, as the bucket itself looks a key up.
    entries: BTreeMap<String, Arc<Entry>>,
    bytes: usize,
    revision: u64,
    is_overfull: bool,
    /// The names told in the present round; what is not among them at its end is gone.
    round: Option<HashSet<String>>,
}

impl Contents {
    pub(super) fn new(max_bytes: usize, life: Option<Duration>) -> Self {
        Self {
            max_bytes,
            life,
            entries: BTreeMap::new(),
            bytes: 0,
            revision: 0,
            is_overfull: false,
            round: None,
        }
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn is_overfull(&self) -> bool {
        self.is_overfull
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The value of a key, looked up in the same order as the bucket does.
    pub(super) fn get(&self, subject_prefix: &str, key: &str, now: i128) -> Option<Arc<Entry>> {
        let name = key::encode(subject_prefix, key).ok()?;
        let found = self.entries.get(&name).or_else(|| {
            let literal = key::literal(subject_prefix, key, &name)?;
            self.entries.get(literal)
        })?;
        self.is_alive(found, now).then(|| Arc::clone(found))
    }

    /// All that is there.
    pub(super) fn snapshot(&self, now: i128) -> BTreeMap<String, Arc<Entry>> {
        let mut all: BTreeMap<String, Arc<Entry>> = BTreeMap::new();
        for (name, entry) in self.alive(now) {
            let is_ours = || key::encode("", &entry.key).as_deref() == Ok(name.as_str());
            // Where both forms of a key are there, ours is the one that is read.
            if !all.contains_key(&entry.key) || is_ours() {
                all.insert(entry.key.clone(), Arc::clone(entry));
            }
        }
        all
    }

    pub(super) fn len(&self, now: i128) -> usize {
        self.alive(now).count()
    }

    /// Begins to be told everything anew, of a bucket whose values live so long.
    pub(super) fn begin_round(&mut self, life: Option<Duration>) {
        self.life = life;
        self.round = Some(HashSet::new());
        self.is_overfull = false;
    }

    /// Everything was told: what was not among it is gone.
    pub(super) fn end_round(&mut self) -> Vec<CacheChange> {
        let Some(told) = self.round.take() else {
            return Vec::new();
        };
        let gone: Vec<String> = self
            .entries
            .keys()
            .filter(|name| !told.contains(*name))
            .cloned()
            .collect();
        gone.iter().filter_map(|name| self.lose(name)).collect()
    }

    /// The bucket is gone, and all that was in it.
    pub(super) fn lose_all(&mut self) -> Vec<CacheChange> {
        self.revision = 0;
        let names: Vec<String> = self.entries.keys().cloned().collect();
        names.iter().filter_map(|name| self.lose(name)).collect()
    }

    /// Takes a revision; tells what it changed.
    pub(super) fn take(&mut self, name: String, entry: Entry) -> Option<CacheChange> {
        self.revision = entry.revision;
        if let Some(round) = &mut self.round {
            round.insert(name.clone());
        }
        let old = self.remove(&name);
        if entry.operation != Operation::Put {
            old?;
            return Some(CacheChange::Removed(Arc::new(entry)));
        }
        let entry = Arc::new(entry);
        let size = size(&name, &entry);
        if self.bytes + size > self.max_bytes {
            self.is_overfull = true;
            return Some(CacheChange::Put(entry));
        }
        self.bytes += size;
        let is_known = old.is_some_and(|old| {
            (old.revision, old.created_nanos) == (entry.revision, entry.created_nanos)
        });
        self.entries.insert(name, Arc::clone(&entry));
        (!is_known).then_some(CacheChange::Put(entry))
    }

    fn alive(&self, now: i128) -> impl Iterator<Item = (&String, &Arc<Entry>)> {
        self.entries
            .iter()
            .filter(move |(_, entry)| self.is_alive(entry, now))
    }

    /// Not every bucket marks what expired, so the life of a value is counted here too.
    fn is_alive(&self, entry: &Entry, now: i128) -> bool {
        let own = entry.headers.get_last(TTL);
        let life = match own.and_then(|header| ttl::read(header.as_str())) {
            Some(own) => own,
            None => self.life,
        };
        life.is_none_or(|life| {
            let nanos = i128::try_from(life.as_nanos()).unwrap_or(i128::MAX);
            now < entry.created_nanos.saturating_add(nanos)
        })
    }

    fn lose(&mut self, name: &str) -> Option<CacheChange> {
        self.remove(name)
            .map(|entry| CacheChange::Lost(entry.key.clone()))
    }

    fn remove(&mut self, name: &str) -> Option<Arc<Entry>> {
        let old = self.entries.remove(name)?;
        self.bytes = self.bytes.saturating_sub(size(name, &old));
        Some(old)
    }
}

fn size(name: &str, entry: &Entry) -> usize {
    OVERHEAD + name.len() + entry.key.len() + entry.value.len()
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;

    use super::*;

    fn entry(key: &str, revision: u64, value: &str) -> Entry {
        Entry {
            key: key.to_owned(),
            value: value.to_owned().into(),
            revision,
            created_nanos: i128::from(revision) * 1_000_000_000,
            operation: Operation::Put,
            headers: HeaderMap::new(),
        }
    }

    fn put(contents: &mut Contents, key: &str, revision: u64, value: &str) -> Option<CacheChange> {
        contents.take(key.to_owned(), entry(key, revision, value))
    }

    #[test]
    fn a_value_over_the_bound_is_not_held_and_one_that_is_held_is_true() {
        let mut contents = Contents::new(2 * (OVERHEAD + 3), None);
        put(&mut contents, "a", 1, "x");
        put(&mut contents, "b", 2, "x");
        assert!(!contents.is_overfull());
        put(&mut contents, "a", 3, "too much");
        assert!(contents.is_overfull());
        assert_eq!(contents.get("", "a", 0), None);
        assert_eq!(contents.get("", "b", 0).unwrap().value, "x");
        assert_eq!(contents.bytes(), OVERHEAD + 3);
    }

    #[test]
    fn what_a_new_round_does_not_tell_is_lost_and_what_it_tells_again_is_no_change() {
        let mut contents = Contents::new(usize::MAX, None);
        put(&mut contents, "a", 1, "x");
        put(&mut contents, "b", 2, "x");
        contents.begin_round(None);
        assert!(put(&mut contents, "b", 2, "x").is_none());
        let gone = contents.end_round();
        assert!(matches!(gone.as_slice(), [CacheChange::Lost(key)] if key == "a"));
        assert_eq!(contents.len(0), 1);
    }

    #[test]
    fn the_life_of_a_value_is_its_own_or_that_of_the_bucket() {
        const SECOND: i128 = 1_000_000_000;
        let mut contents = Contents::new(usize::MAX, Some(Duration::from_secs(10)));
        put(&mut contents, "a", 1, "x");
        let mut own = entry("b", 1, "x");
        own.headers.insert(TTL, "2s");
        contents.take("b".into(), own);
        let mut endless = entry("c", 1, "x");
        endless.headers.insert(TTL, "never");
        contents.take("c".into(), endless);
        for (second, left) in [(2, 3), (3, 2), (10, 2), (11, 1)] {
            assert_eq!(contents.len(second * SECOND), left, "after {second} s");
        }
    }
}

//! Writes a list in the layout of small parts: the new parts, then the manifest; parts that nobody needs go later.

use std::time::Duration;

use kryten_client::kv::KvError;
use kryten_protocol::state::StateMark;
use kryten_protocol::state::list::{self, Layout, Limits};
use tracing::{debug, error, warn};

use super::parts::Parts;
use super::{FIRST_WAIT, KvWriter, LONGEST_WAIT, Place};
use crate::channel::StateKey;
use crate::outbox::Snapshot;
use crate::status::add;

/// What NATS puts around a value: subject, reply subject, headers.
const ROOM_FOR_HEADERS: usize = 8 << 10;
/// How many parts are removed before what waits to be written has its turn.
const AT_ONCE: usize = 32;

impl KvWriter {
    /// Writes a list in parts, until it is written or can never be.
    pub(super) async fn write_list(&mut self, snapshot: &Snapshot, mark: StateMark) {
        let key = snapshot.key;
        let Some(layout) = self.lay_out(snapshot) else {
            return;
        };
        loop {
            self.store_parts(key, &layout).await;
            let losses = self.losses;
            let place = Place::manifest(key);
            self.write_value(&place, layout.manifest.clone().into(), "", mark)
                .await;
            if self.stood_down {
                return;
            }
            if self.losses == losses {
                break;
            }
            // The bucket went between the parts and the manifest.
        }
        let from = self.started.elapsed() + self.grace;
        self.parts
            .entry(key)
            .or_default()
            .note_manifest(&layout, from);
        self.look_for_old_terms(key).await;
    }

    pub(super) fn lay_out(&mut self, snapshot: &Snapshot) -> Option<Layout> {
        let key = snapshot.key;
        let largest = self
            .client
            .nats()
            .max_payload()
            .saturating_sub(ROOM_FOR_HEADERS);
        let limits = Limits::for_values_up_to(largest);
        let list = String::from_utf8_lossy(&snapshot.value);
        match list::split(&list, &self.epoch.to_string(), limits) {
            Ok(layout) => {
                if layout.omitted > 0 && self.omitting.insert(key) {
                    error!(
                        channel = self.id.channel,
                        key = key.key(),
                        entries = layout.omitted,
                        "entries too large for a KV value are left out of the list's parts"
                    );
                }
                Some(layout)
            }
            Err(error) => {
                error!(channel = self.id.channel, key = key.key(), %error, "a list cannot be laid out in parts");
                None
            }
        }
    }

    async fn store_parts(&mut self, key: StateKey, layout: &Layout) {
        let mut wait = FIRST_WAIT;
        loop {
            let missing: Vec<(String, String, String)> = self
                .parts
                .entry(key)
                .or_default()
                .missing(layout)
                .into_iter()
                .map(|part| {
                    let stored_as = list::part_key(key.key(), &part.name);
                    (part.name.clone(), stored_as, part.json.clone())
                })
                .collect();
            if missing.is_empty() {
                return;
            }
            let bucket = match self.bucket(key.bucket()).await {
                Ok(bucket) => bucket,
                Err(error) => {
                    self.note_error(&Place::manifest(key), &error);
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    continue;
                }
            };
            let puts = missing
                .iter()
                .map(|(_, stored_as, json)| (stored_as.clone(), json.clone()));
            let results = bucket.put_many(puts).await;
            let mut trouble = None;
            for ((name, _, json), result) in missing.iter().zip(results) {
                match result {
                    Ok(_) => {
                        self.parts.entry(key).or_default().note_stored(name);
                        add(&self.status.kv_writes, 1);
                        add(&self.status.kv_bytes, json.len() as u64);
                    }
                    Err(error) => trouble = Some(error),
                }
            }
            let Some(error) = trouble else { return };
            self.note_error(&Place::manifest(key), &error);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Parts of terms before ours are condemned as well, once for each list.
    async fn look_for_old_terms(&mut self, key: StateKey) {
        if self.looked_for_old_terms.contains(&key) {
            return;
        }
        let Ok(bucket) = self.bucket(key.bucket()).await else {
            return;
        };
        let prefix = list::parts_prefix(key.key(), None);
        let stored = match bucket.keys_with_prefix(&prefix).await {
            Ok(stored) => stored,
            Err(error) => {
                debug!(%error, "parts of earlier terms cannot be listed now");
                return;
            }
        };
        self.looked_for_old_terms.insert(key);
        let term = |stored: &String| -> Option<u64> {
            let name = stored.strip_prefix(&prefix)?;
            name.split('.').next()?.parse().ok()
        };
        let mut terms: Vec<u64> = stored.iter().filter_map(term).collect();
        terms.sort_unstable();
        terms.dedup();
        let due = self.started.elapsed() + self.grace;
        for term in terms.into_iter().filter(|term| *term < self.epoch) {
            self.old_terms.push((due, key, term));
        }
    }

    /// When the next part or term may go.
    pub(super) fn next_removal(&self) -> Option<Duration> {
        let parts = self.parts.values().filter_map(Parts::next_due);
        let terms = self.old_terms.iter().map(|(due, _, _)| *due);
        parts.chain(terms).min()
    }

    /// Takes some of the parts out of the buckets that nobody needs any more; the rest is due at once, after what waits
    /// to be written.
    pub(super) async fn remove_due(&mut self) {
        if self.stood_down {
            self.parts.clear();
            self.old_terms.clear();
            return;
        }
        let now = self.started.elapsed();
        let removed = match self.remove_parts(now).await {
            Ok(()) => self.remove_terms(now).await,
            failed => failed,
        };
        let Err(error) = removed else { return };
        warn!(channel = self.id.channel, %error, "parts that nobody needs stay in KV; trying again later");
        let until = now + self.grace;
        self.parts
            .values_mut()
            .for_each(|parts| parts.postpone(until));
        for (due, _, _) in &mut self.old_terms {
            *due = (*due).max(until);
        }
    }

    async fn remove_parts(&mut self, now: Duration) -> Result<(), KvError> {
        let keys: Vec<StateKey> = self.parts.keys().copied().collect();
        for key in keys {
            let due = self.parts.entry(key).or_default().due(now, AT_ONCE);
            for name in due {
                let bucket = self.bucket(key.bucket()).await?;
                unless_gone(bucket.erase(&list::part_key(key.key(), &name)).await)?;
                self.parts.entry(key).or_default().note_gone(&name);
            }
        }
        Ok(())
    }

    async fn remove_terms(&mut self, now: Duration) -> Result<(), KvError> {
        while let Some(at) = self.old_terms.iter().position(|(due, _, _)| *due <= now) {
            let (_, key, term) = self.old_terms[at];
            let prefix = list::parts_prefix(key.key(), Some(&term.to_string()));
            let bucket = self.bucket(key.bucket()).await?;
            unless_gone(bucket.erase_below(prefix.trim_end_matches('.')).await)?;
            self.old_terms.swap_remove(at);
        }
        Ok(())
    }
}

/// A bucket that is gone has no parts.
fn unless_gone(removed: Result<u64, KvError>) -> Result<(), KvError> {
    match removed {
        Ok(_) | Err(KvError::BucketMissing { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

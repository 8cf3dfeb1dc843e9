//! Compares KV with what was written last, and puts anew what is missing or not ours; also all of a deleted bucket.

use bytes::Bytes;
use kryten_client::kv::{KvError, Operation};
use kryten_protocol::state::list::{Layout, part_key};
use kryten_protocol::state::{StateBucket, StateMark};
use tracing::warn;

use super::{Conflict, KvWriter, Place, mark_of};
use crate::channel::StateKey;
use crate::outbox::Snapshot;
use crate::status::add;

/// What a comparison of KV found; everything named has been put anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KvFindings {
    /// How many values were looked at.
    pub(crate) checked: usize,
    /// Keys that were not there.
    pub(crate) missing: Vec<String>,
    /// Keys with another value than ours.
    pub(crate) different: Vec<String>,
    /// Why not all could be looked at.
    pub(crate) trouble: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Same,
    Missing,
    Different,
}

impl KvFindings {
    /// How many keys were put anew.
    pub(crate) fn mended(&self) -> usize {
        self.missing.len() + self.different.len()
    }

    /// Says whether it is as it should be.
    fn note(&mut self, key: String, found: &Found) -> bool {
        self.checked += 1;
        match found {
            Found::Same => return true,
            Found::Missing => self.missing.push(key),
            Found::Different => self.different.push(key),
        }
        false
    }
}

impl KvWriter {
    pub(super) async fn verify(&mut self) -> KvFindings {
        let mut findings = KvFindings::default();
        for key in StateKey::ALL {
            let Some((snapshot, mark)) = self.last.get(&key).cloned() else {
                continue;
            };
            let verified = self.verify_key(&snapshot, mark, &mut findings).await;
            if self.stood_down {
                findings.trouble = Some("another robot writes the channel's state".to_owned());
                break;
            }
            if let Err(error) = verified {
                findings.trouble = Some(error.to_string());
                break;
            }
        }
        add(&self.status.kv_drift, findings.mended() as u64);
        self.put_lost().await;
        findings
    }

    /// Puts the other keys of buckets anew that were found gone while one key was written.
    pub(super) async fn put_lost(&mut self) {
        while let Some(bucket) = self.lost.pop() {
            for key in StateKey::ALL {
                let is_there = self.revisions.contains_key(&Place::value(key));
                if key.bucket() != bucket || is_there {
                    continue;
                }
                if let Some((snapshot, mark)) = self.last.get(&key).cloned() {
                    add(&self.status.kv_drift, 1);
                    self.write(&snapshot, mark).await;
                }
            }
        }
    }

    async fn verify_key(
        &mut self,
        snapshot: &Snapshot,
        mark: StateMark,
        findings: &mut KvFindings,
    ) -> Result<(), KvError> {
        let key = snapshot.key;
        if key.is_list()
            && let Some(layout) = self.lay_out(snapshot)
        {
            let place = Place::manifest(key);
            let manifest = Bytes::from(layout.manifest.clone());
            let found = self.compare(&place, &manifest, mark).await?;
            let mut is_whole = findings.note(place.key, &found);
            is_whole &= self.verify_parts(key, &layout, findings).await?;
            if !is_whole && !self.stood_down {
                self.write_list(snapshot, mark).await;
            }
        }
        let place = Place::value(key);
        let value = match self.too_large.contains(&place) {
            true => Bytes::from_static(key.empty_value().as_bytes()),
            false => snapshot.value.clone(),
        };
        let found = self.compare(&place, &value, mark).await?;
        if !findings.note(place.key.clone(), &found) && !self.stood_down {
            self.write_value(&place, value, key.empty_value(), mark)
                .await;
        }
        Ok(())
    }

    async fn compare(
        &mut self,
        place: &Place,
        value: &Bytes,
        mark: StateMark,
    ) -> Result<Found, KvError> {
        let bucket = self.bucket(place.bucket).await?;
        let entry = match bucket.entry(&place.key).await {
            Ok(entry) => entry,
            Err(KvError::BucketMissing { .. }) => {
                self.note_lost(place.bucket);
                return Ok(Found::Missing);
            }
            Err(error) => return Err(error),
        };
        let value_of = entry
            .as_ref()
            .filter(|entry| entry.operation == Operation::Put);
        let is_ours = value_of.is_some_and(|entry| {
            entry.value == *value
                && mark_of(&bucket, entry).is_some_and(|mark| mark.epoch == self.epoch)
        });
        if let (true, Some(entry)) = (is_ours, &entry) {
            self.revisions.insert(place.clone(), entry.revision);
            return Ok(Found::Same);
        }
        let found = match value_of {
            Some(_) => Found::Different,
            None => Found::Missing,
        };
        match self.judge(&bucket, entry.as_ref(), mark) {
            Conflict::StandDown => self.stand_down(),
            Conflict::Overwrite(revision) => {
                self.revisions.insert(place.clone(), revision);
            }
            Conflict::AlreadyWritten => {
                let revision = entry.map_or(0, |entry| entry.revision);
                self.revisions.insert(place.clone(), revision);
            }
        }
        Ok(found)
    }

    /// Whether all parts of a list are there as they were written.
    async fn verify_parts(
        &mut self,
        key: StateKey,
        layout: &Layout,
        findings: &mut KvFindings,
    ) -> Result<bool, KvError> {
        let mut is_whole = true;
        let keys = layout
            .parts
            .iter()
            .map(|part| part_key(key.key(), &part.name));
        let keys: Vec<String> = keys.collect();
        if keys.is_empty() {
            return Ok(true);
        }
        let bucket = self.bucket(key.bucket()).await?;
        let stored = match bucket.get_many(&keys).await {
            Ok(stored) => stored,
            Err(KvError::BucketMissing { .. }) => {
                self.note_lost(key.bucket());
                Default::default()
            }
            Err(error) => return Err(error),
        };
        for (part, stored_as) in layout.parts.iter().zip(keys) {
            let found = match stored.get(&stored_as) {
                Some(value) if *value == part.json => Found::Same,
                Some(_) => Found::Different,
                None => Found::Missing,
            };
            if !findings.note(stored_as, &found) {
                is_whole = false;
                self.parts.entry(key).or_default().note_gone(&part.name);
            }
        }
        Ok(is_whole)
    }

    fn note_lost(&mut self, bucket: StateBucket) {
        let name = bucket.name(&self.id.channel);
        warn!(
            channel = self.id.channel,
            bucket = name,
            "the bucket was deleted; creating it again"
        );
        self.forget(bucket);
    }
}

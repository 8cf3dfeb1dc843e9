//! The playlist and what plays: `playlist`, `queue`, `delete`, `moveVideo`, `setTemp`, `setCurrent`, `changeMedia`.
//!
//! Items are kept as the JSON that CyTube sent, so that numbers and unknown fields come through unchanged and a list of
//! thousands is written by joining texts. uid 0 is a real item.

use std::collections::{HashMap, HashSet};

use kryten_protocol::cytube::{media_of_item, whole_number};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::drift::{Drift, DriftKind};
use super::{Changes, StateKey};

#[derive(Debug, Default, Clone)]
pub(super) struct Playlist {
    items: Vec<Item>,
    current: Option<Map<String, Value>>,
    /// The uid that the last `setCurrent` named; `changeMedia` itself has none.
    current_uid: Option<i64>,
    complete: bool,
}

#[derive(Debug, Clone)]
struct Item {
    uid: Option<i64>,
    json: Box<RawValue>,
}

impl Playlist {
    pub(super) fn begin_session(&mut self) {
        self.complete = false;
        self.current_uid = None;
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn has(&self, uid: i64) -> bool {
        self.position(uid).is_some()
    }

    pub(super) fn current(&self) -> Option<&Map<String, Value>> {
        self.current.as_ref()
    }

    pub(super) fn items_to_json(&self) -> String {
        let length: usize = self
            .items
            .iter()
            .map(|item| item.json.get().len() + 1)
            .sum();
        let mut json = String::with_capacity(length + 2);
        json.push('[');
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(item.json.get());
        }
        json.push(']');
        json
    }

    pub(super) fn current_to_json(&self) -> String {
        serde_json::to_string(&self.current).expect("JSON values can be written as JSON")
    }

    pub(super) fn apply(&mut self, event: &str, payload: &RawValue) -> Changes {
        let payload = payload.get();
        match event {
            "playlist" => self.replace(payload),
            "queue" => self.queue(payload),
            "delete" => self.delete(payload),
            "moveVideo" => self.relocate(payload),
            "setTemp" => self.set_temp(payload),
            "setCurrent" => self.set_current(payload),
            _ => self.change_media(payload),
        }
    }

    fn position(&self, uid: i64) -> Option<usize> {
        self.items.iter().position(|item| item.uid == Some(uid))
    }

    fn replace(&mut self, payload: &str) -> Changes {
        let Ok(list) = serde_json::from_str::<Vec<Box<RawValue>>>(payload) else {
            return Changes::none();
        };
        let items: Vec<Item> = list.into_iter().map(Item::new).collect();
        let before = std::mem::replace(&mut self.items, items);
        let drift = if self.complete {
            self.drift_from(&before)
        } else {
            None
        };
        self.complete = true;
        let mut changes = Changes::of([StateKey::Items]).with_drift(drift);
        changes.dirty.extend(self.stop_when_empty());
        changes
    }

    /// A clear sends an empty list, a shuffle the same media under new uids; neither has events of its own.
    fn drift_from(&self, before: &[Item]) -> Option<Drift> {
        let uids = |items: &[Item]| {
            let uids = items.iter().filter_map(|item| item.uid);
            uids.collect::<Vec<i64>>()
        };
        let (now, then) = (uids(&self.items), uids(before));
        if now.is_empty() {
            return None;
        }
        let (in_now, in_then): (HashSet<i64>, HashSet<i64>) = (
            now.iter().copied().collect(),
            then.iter().copied().collect(),
        );
        let missing = in_now.difference(&in_then).count();
        let extra = in_then.difference(&in_now).count();
        if missing == now.len() {
            let (missing, extra) = self.media_not_in_both(before);
            return Drift::when(DriftKind::Playlist, missing, extra, 0);
        }
        let moved = if missing + extra == 0 {
            now.iter().zip(&then).filter(|(a, b)| a != b).count()
        } else {
            0
        };
        let old: HashMap<i64, &Item> = before
            .iter()
            .filter_map(|item| Some((item.uid?, item)))
            .collect();
        let is_other = |item: &&Item| {
            let old = item.uid.and_then(|uid| old.get(&uid));
            old.is_some_and(|old| !item.says_the_same(old))
        };
        let other = self.items.iter().filter(is_other).count();
        Drift::when(DriftKind::Playlist, missing, extra, moved + other)
    }

    /// What this list would mend; `None` where it says what we have.
    pub(super) fn drift_to(&self, payload: &str) -> Option<Drift> {
        let list = serde_json::from_str::<Vec<Box<RawValue>>>(payload).ok()?;
        let there = Self {
            items: list.into_iter().map(Item::new).collect(),
            ..Self::default()
        };
        if there.items.is_empty() {
            return Drift::when(DriftKind::Playlist, 0, self.items.len(), 0);
        }
        there.drift_from(&self.items)
    }

    /// How many media are here and were not before, and the reverse.
    fn media_not_in_both(&self, before: &[Item]) -> (usize, usize) {
        let mut counts: HashMap<String, i64> = HashMap::new();
        for item in &self.items {
            *counts.entry(item.media_id()).or_default() += 1;
        }
        for item in before {
            *counts.entry(item.media_id()).or_default() -= 1;
        }
        let sum = |sign: i64| {
            counts
                .values()
                .map(|count| (count * sign).max(0) as usize)
                .sum()
        };
        (sum(1), sum(-1))
    }

    fn queue(&mut self, payload: &str) -> Changes {
        #[derive(Deserialize)]
        struct Queue {
            item: Box<RawValue>,
            #[serde(default)]
            after: Value,
        }
        let Ok(queue) = serde_json::from_str::<Queue>(payload) else {
            return Changes::none();
        };
        if !queue.item.get().starts_with('{') {
            return Changes::none();
        }
        let item = Item::new(queue.item);
        if let Some(at) = item.uid.and_then(|uid| self.position(uid)) {
            self.items.remove(at);
        }
        self.insert_after(&queue.after, item);
        Changes::of([StateKey::Items])
    }

    fn insert_after(&mut self, after: &Value, item: Item) {
        let at = match after {
            Value::String(word) if word == "prepend" => 0,
            other => match whole_number(other).and_then(|uid| self.position(uid)) {
                Some(at) => at + 1,
                None => self.items.len(),
            },
        };
        self.items.insert(at, item);
    }

    fn delete(&mut self, payload: &str) -> Changes {
        let Some(at) = field_number(payload, "uid").and_then(|uid| self.position(uid)) else {
            return Changes::none();
        };
        self.items.remove(at);
        let mut changes = Changes::of([StateKey::Items]);
        changes.dirty.extend(self.stop_when_empty());
        changes
    }

    fn relocate(&mut self, payload: &str) -> Changes {
        let Some(at) = field_number(payload, "from").and_then(|uid| self.position(uid)) else {
            return Changes::none();
        };
        let after = serde_json::from_str::<Value>(payload)
            .map(|moved| moved["after"].clone())
            .unwrap_or_default();
        let item = self.items.remove(at);
        self.insert_after(&after, item);
        Changes::of([StateKey::Items])
    }

    fn set_temp(&mut self, payload: &str) -> Changes {
        let Some(at) = field_number(payload, "uid").and_then(|uid| self.position(uid)) else {
            return Changes::none();
        };
        let Some(temp) = field(payload, "temp").filter(Value::is_boolean) else {
            return Changes::none();
        };
        Changes::when(self.items[at].set("temp", temp), [StateKey::Items])
    }

    /// Remembers the uid for the `changeMedia` that follows. Where none follows because the same medium goes on under a
    /// new uid, the current one takes it.
    fn set_current(&mut self, payload: &str) -> Changes {
        let Some(uid) = serde_json::from_str::<Value>(payload)
            .ok()
            .as_ref()
            .and_then(whole_number)
        else {
            return Changes::none();
        };
        self.current_uid = Some(uid);
        let Some(at) = self.position(uid) else {
            return Changes::none();
        };
        let item = self.items[at].parse();
        let Some(current) = &mut self.current else {
            return Changes::none();
        };
        let media = media_of_item(&item);
        let is_same = ["id", "type"]
            .iter()
            .all(|field| current.get(*field) == media.get(*field));
        if !is_same || current.get("uid").and_then(whole_number) == Some(uid) {
            return Changes::none();
        }
        current.insert("uid".to_owned(), Value::from(uid));
        Changes::of([StateKey::Current])
    }

    fn change_media(&mut self, payload: &str) -> Changes {
        let Ok(mut media) = serde_json::from_str::<Map<String, Value>>(payload) else {
            return Changes::none();
        };
        if !media.contains_key("uid")
            && let Some(uid) = self.uid_of(&media)
        {
            media.insert("uid".to_owned(), Value::from(uid));
        }
        self.current = Some(media);
        Changes::of([StateKey::Current])
    }

    fn uid_of(&self, media: &Map<String, Value>) -> Option<i64> {
        let is_that = |item: &Item| {
            let item = item.parse();
            let other = media_of_item(&item);
            ["id", "type"]
                .iter()
                .all(|field| media.get(*field) == other.get(*field))
        };
        match self.current_uid.and_then(|uid| self.position(uid)) {
            Some(at) if is_that(&self.items[at]) => self.items[at].uid,
            _ => self
                .items
                .iter()
                .find(|item| is_that(item))
                .and_then(|item| item.uid)
                .or(self.current_uid),
        }
    }

    /// CyTube sends nothing that says "nothing plays": it follows from the empty list.
    fn stop_when_empty(&mut self) -> Option<StateKey> {
        if !self.items.is_empty() || self.current.is_none() {
            return None;
        }
        self.current = None;
        self.current_uid = None;
        Some(StateKey::Current)
    }
}

impl Item {
    fn new(json: Box<RawValue>) -> Self {
        let uid = field_number(json.get(), "uid");
        Self { uid, json }
    }

    fn parse(&self) -> Value {
        serde_json::from_str(self.json.get()).unwrap_or_default()
    }

    /// Whether it is the same medium, and to stay as long. CyTube renews addresses and the like without a word.
    fn says_the_same(&self, other: &Self) -> bool {
        if self.json.get() == other.json.get() {
            return true;
        }
        let is_temp = |item: &Self| item.parse().get("temp").and_then(Value::as_bool);
        self.media_id() == other.media_id() && is_temp(self) == is_temp(other)
    }

    fn media_id(&self) -> String {
        let item = self.parse();
        let media = media_of_item(&item);
        format!("{}:{}", media["type"], media["id"])
    }

    /// Sets a field; whether that changed anything.
    fn set(&mut self, field: &str, value: Value) -> bool {
        let Value::Object(mut object) = self.parse() else {
            return false;
        };
        if object.get(field) == Some(&value) {
            return false;
        }
        object.insert(field.to_owned(), value);
        let json = Value::Object(object).to_string();
        self.json = RawValue::from_string(json).expect("a written JSON value is valid JSON");
        true
    }
}

fn field(json: &str, name: &str) -> Option<Value> {
    let object = serde_json::from_str::<HashMap<&str, &RawValue>>(json).ok()?;
    serde_json::from_str(object.get(name)?.get()).ok()
}

fn field_number(json: &str, name: &str) -> Option<i64> {
    field(json, name).as_ref().and_then(whole_number)
}

//! Emotes: `emoteList`, `updateEmote`, `renameEmote`, `removeEmote`.

use serde_json::{Map, Value};

use super::drift::{Drift, DriftKind};
use super::look::{Touched, by_name};

#[derive(Debug, Default, Clone)]
pub(super) struct Emotes {
    list: Vec<Value>,
    pub(super) touched: Touched,
}

impl Emotes {
    pub(super) fn begin_session(&mut self) {
        self.touched.end();
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(&self.list).expect("JSON values can be written as JSON")
    }

    /// Whether anything changed. A full list in the middle of a session is an import, so it is no drift.
    pub(super) fn apply(&mut self, event: &str, payload: Value) -> bool {
        // They change so rarely that a look is not used in which one did.
        self.touched.end();
        match (event, payload) {
            ("emoteList", Value::Array(list)) => self.replace(list),
            ("updateEmote", Value::Object(emote)) => self.update(emote),
            ("renameEmote", Value::Object(emote)) => self.rename(emote),
            ("removeEmote", Value::Object(emote)) => {
                self.remove(emote.get("name").and_then(Value::as_str))
            }
            ("removeEmote", Value::String(name)) => self.remove(Some(&name)),
            _ => false,
        }
    }

    /// What a look shows; `None` when it cannot be told. CyTube tells nobody when the order is changed.
    pub(super) fn compare(&self, list: &[Value]) -> Option<Option<Drift>> {
        self.touched.names()?;
        let name = |(_, emote): &(usize, &Value)| emote_name(emote).map(str::to_owned);
        let mut theirs = by_name(list.iter().enumerate(), name);
        let (mut extra, mut changed) = (0, 0);
        for (at, emote) in self.list.iter().enumerate() {
            match emote_name(emote).and_then(|name| theirs.remove(name)) {
                None => extra += 1,
                Some((other_at, other)) => changed += usize::from((at, emote) != (other_at, other)),
            }
        }
        Some(Drift::when(DriftKind::Emotes, theirs.len(), extra, changed))
    }

    /// Takes over what a look shows; whether anything changed.
    pub(super) fn mend(&mut self, list: Vec<Value>) -> bool {
        self.replace(list)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.list
            .iter()
            .position(|emote| emote_name(emote) == Some(name))
    }

    fn replace(&mut self, list: Vec<Value>) -> bool {
        let changed = self.list != list;
        self.list = list;
        changed
    }

    fn update(&mut self, emote: Map<String, Value>) -> bool {
        let Some(name) = emote.get("name").and_then(Value::as_str) else {
            return false;
        };
        match self.position(name) {
            Some(at) => {
                let before = self.list[at].clone();
                merge(&mut self.list[at], emote);
                self.list[at] != before
            }
            None => {
                self.list.push(Value::Object(emote));
                true
            }
        }
    }

    fn rename(&mut self, mut emote: Map<String, Value>) -> bool {
        let old = emote.remove("old");
        let Some(name) = emote.get("name").and_then(Value::as_str).map(str::to_owned) else {
            return false;
        };
        let Some(at) = old
            .as_ref()
            .and_then(Value::as_str)
            .and_then(|old| self.position(old))
        else {
            return self.update(emote);
        };
        merge(&mut self.list[at], emote);
        // CyTube lets a rename replace another emote of the new name.
        let mut index = 0;
        self.list.retain(|other| {
            index += 1;
            index - 1 == at || emote_name(other) != Some(name.as_str())
        });
        true
    }

    fn remove(&mut self, name: Option<&str>) -> bool {
        let before = self.list.len();
        self.list.retain(|emote| emote_name(emote) != name);
        name.is_some() && self.list.len() != before
    }
}

fn emote_name(emote: &Value) -> Option<&str> {
    emote.get("name").and_then(Value::as_str)
}

fn merge(emote: &mut Value, fields: Map<String, Value>) {
    match emote {
        Value::Object(old) => old.extend(fields),
        other => *other = Value::Object(fields),
    }
}

//! Users in the channel: `userlist`, `addUser`, `userLeave`, `setUserRank`, `setUserMeta`, `setUserProfile`, `setAFK`.
//!
//! Names are compared without regard to case, as CyTube does; the spelling is the one with which a user came.

use kryten_protocol::cytube::fold_name;
use serde_json::{Map, Value};

use super::drift::{Drift, DriftKind};
use super::look::{Touched, by_name};

#[derive(Debug, Default, Clone)]
pub(super) struct Users {
    /// In order of first appearance.
    entries: Vec<Entry>,
    own_name: Option<String>,
    own_rank: Option<f64>,
    /// A full list has come in this session, so that a later one can be compared.
    complete: bool,
    pub(super) touched: Touched,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    folded: String,
    user: Map<String, Value>,
}

impl Entry {
    /// Rank, AFK and profile are told to everybody; the rest of `meta` depends on who asks.
    fn differs_from(&self, user: &Map<String, Value>) -> bool {
        facts(&self.user) != facts(user) || self.user.get("profile") != user.get("profile")
    }

    fn with_facts_of(&self, user: &Map<String, Value>) -> Self {
        let mut entry = self.clone();
        for field in ["rank", "profile"] {
            if let Some(value) = user.get(field) {
                entry.user.insert(field.to_owned(), value.clone());
            }
        }
        if let Some(afk) = user.get("meta").and_then(|meta| meta.get("afk")) {
            entry.set_meta("afk", afk.clone());
        }
        entry
    }

    fn set_meta(&mut self, field: &str, value: Value) {
        let empty = || Value::Object(Map::new());
        let meta = self.user.entry("meta").or_insert_with(empty);
        if !meta.is_object() {
            *meta = empty();
        }
        meta[field] = value;
    }
}

impl Users {
    pub(super) fn begin_session(&mut self) {
        self.complete = false;
        self.touched.end();
        self.own_name = None;
        self.own_rank = None;
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn own_rank(&self) -> Option<f64> {
        self.own_rank
    }

    pub(super) fn own_name(&self) -> Option<&str> {
        self.own_name.as_deref()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Map<String, Value>> {
        let at = self.position(&fold_name(name))?;
        Some(&self.entries[at].user)
    }

    pub(super) fn to_json(&self) -> String {
        let users: Vec<&Map<String, Value>> =
            self.entries.iter().map(|entry| &entry.user).collect();
        serde_json::to_string(&users).expect("JSON values can be written as JSON")
    }

    /// Whether anything changed, and what a full list mended.
    pub(super) fn apply(&mut self, event: &str, payload: Value) -> (bool, Option<Drift>) {
        if let Some(folded) = payload.as_object().and_then(folded_name) {
            self.touched.note(&folded);
        }
        let changed = match (event, payload) {
            ("userlist", Value::Array(users)) => return self.replace(users),
            ("rank", Value::Number(rank)) => self.set_own_rank(rank.as_f64()),
            ("login", Value::Object(login)) => self.log_in(&login),
            ("addUser", Value::Object(user)) => self.add(user),
            ("userLeave", Value::Object(user)) => self.remove(&user),
            ("setUserRank", Value::Object(change)) => self.set_field(&change, "rank"),
            ("setUserMeta", Value::Object(change)) => self.set_field(&change, "meta"),
            ("setUserProfile", Value::Object(change)) => self.set_field(&change, "profile"),
            ("setAFK", Value::Object(change)) => self.set_afk(&change),
            _ => false,
        };
        (changed, None)
    }

    fn position(&self, folded: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.folded == folded)
    }

    fn replace(&mut self, users: Vec<Value>) -> (bool, Option<Drift>) {
        let before = std::mem::take(&mut self.entries);
        for user in users {
            if let Value::Object(user) = user {
                self.add(user);
            }
        }
        let drift = if self.complete {
            self.drift_from(&before)
        } else {
            None
        };
        self.complete = true;
        self.touched.end();
        self.correct_own_rank();
        (self.entries != before, drift)
    }

    /// A list for moderators has more in `meta`, so only who is there, their rank and AFK are compared; and not our
    /// own rank, which a list may have too low.
    fn drift_from(&self, before: &[Entry]) -> Option<Drift> {
        let own = self.own_name.as_deref().map(fold_name);
        let find = |entries: &[Entry], folded: &str| {
            entries.iter().position(|entry| entry.folded == folded)
        };
        let mut missing = 0;
        let mut changed = 0;
        for entry in &self.entries {
            match find(before, &entry.folded) {
                None => missing += 1,
                Some(_) if own.as_deref() == Some(entry.folded.as_str()) => {}
                Some(at) => changed += usize::from(facts(&entry.user) != facts(&before[at].user)),
            }
        }
        let extra = before
            .iter()
            .filter(|entry| find(&self.entries, &entry.folded).is_none())
            .count();
        Drift::when(DriftKind::Users, missing, extra, changed)
    }

    /// The entries as a look has them, and what differs; `None` when it cannot be told. Of users who are in both only
    /// what everybody is told is compared and taken over.
    pub(super) fn compare(&self, list: &[Value]) -> Option<(Vec<Entry>, Option<Drift>)> {
        let touched = self.touched.names()?;
        let own = self.own_name.as_deref().map(fold_name);
        let is_free = |folded: &str| !touched.contains(folded) && own.as_deref() != Some(folded);
        let users = list.iter().filter_map(Value::as_object);
        let mut theirs = by_name(users.clone(), |user| folded_name(user));
        let (mut entries, mut extra, mut changed) = (Vec::new(), 0, 0);
        for entry in &self.entries {
            match theirs.remove(&entry.folded) {
                None if is_free(&entry.folded) => extra += 1,
                Some(user) if is_free(&entry.folded) && entry.differs_from(user) => {
                    changed += 1;
                    entries.push(entry.with_facts_of(user));
                }
                _ => entries.push(entry.clone()),
            }
        }
        let before = entries.len();
        for user in users {
            if let Some(folded) = folded_name(user)
                && theirs.remove(&folded).is_some()
                && is_free(&folded)
            {
                let user = user.clone();
                entries.push(Entry { folded, user });
            }
        }
        let missing = entries.len() - before;
        Some((
            entries,
            Drift::when(DriftKind::Users, missing, extra, changed),
        ))
    }

    /// Takes over what a look shows; whether anything changed.
    pub(super) fn mend(&mut self, list: &[Value]) -> bool {
        match self.compare(list) {
            Some((entries, Some(_))) => {
                self.entries = entries;
                true
            }
            _ => false,
        }
    }

    fn add(&mut self, user: Map<String, Value>) -> bool {
        let Some(folded) = folded_name(&user) else {
            return false;
        };
        match self.position(&folded) {
            Some(at) if self.entries[at].user == user => return false,
            Some(at) => self.entries[at].user = user,
            None => self.entries.push(Entry { folded, user }),
        }
        true
    }

    fn remove(&mut self, user: &Map<String, Value>) -> bool {
        let Some(at) = folded_name(user).and_then(|folded| self.position(&folded)) else {
            return false;
        };
        self.entries.remove(at);
        true
    }

    /// Merges one field into a present user; ranks of absent users are announced too and make no entry.
    fn set_field(&mut self, change: &Map<String, Value>, field: &str) -> bool {
        let Some(at) = folded_name(change).and_then(|folded| self.position(&folded)) else {
            return false;
        };
        let Some(value) = change.get(field) else {
            return false;
        };
        let user = &mut self.entries[at].user;
        let changed = user.get(field) != Some(value);
        user.insert(field.to_owned(), value.clone());
        changed
    }

    fn set_afk(&mut self, change: &Map<String, Value>) -> bool {
        let Some(at) = folded_name(change).and_then(|folded| self.position(&folded)) else {
            return false;
        };
        let Some(afk @ Value::Bool(_)) = change.get("afk") else {
            return false;
        };
        let entry = &mut self.entries[at];
        let before = entry.user.get("meta").and_then(|meta| meta.get("afk"));
        let changed = before != Some(afk);
        entry.set_meta("afk", afk.clone());
        changed
    }

    fn log_in(&mut self, login: &Map<String, Value>) -> bool {
        if login.get("success") == Some(&Value::Bool(true)) {
            self.own_name = login.get("name").and_then(Value::as_str).map(str::to_owned);
        }
        self.correct_own_rank()
    }

    fn set_own_rank(&mut self, rank: Option<f64>) -> bool {
        self.own_rank = rank;
        self.correct_own_rank()
    }

    /// The `rank` event knows our channel rank before the lists do.
    fn correct_own_rank(&mut self) -> bool {
        let (Some(name), Some(rank)) = (&self.own_name, self.own_rank) else {
            return false;
        };
        let Some(at) = self.position(&fold_name(name)) else {
            return false;
        };
        let user = &mut self.entries[at].user;
        if user.get("rank").and_then(Value::as_f64) == Some(rank) {
            return false;
        }
        user.insert("rank".to_owned(), number(rank));
        true
    }
}

fn number(rank: f64) -> Value {
    if rank.fract() == 0.0 && rank.abs() < 1e9 {
        Value::from(rank as i64)
    } else {
        Value::from(rank)
    }
}

fn folded_name(user: &Map<String, Value>) -> Option<String> {
    let name = user.get("name")?.as_str()?;
    (!name.is_empty()).then(|| fold_name(name))
}

fn facts(user: &Map<String, Value>) -> (Option<f64>, bool) {
    let afk = user
        .get("meta")
        .and_then(|meta| meta.get("afk"))
        .and_then(Value::as_bool)
        .unwrap_or(false);
    (user.get("rank").and_then(Value::as_f64), afk)
}

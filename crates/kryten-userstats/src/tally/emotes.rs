//! Emotes: the channel's set, and `#name` in a line.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::chars::{is_space, is_word, next_run};

/// A channel's emotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmoteSet {
    names: BTreeSet<String>,
    lower: HashSet<String>,
    /// Those of the names that are listed without `#`.
    bare: BTreeSet<String>,
}

impl EmoteSet {
    /// From names as CyTube has them; leading `#` are not part of a name.
    pub fn new(names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut set = Self::default();
        for name in names {
            set.insert(name.as_ref());
        }
        set
    }

    /// Reads an emote list: an array of objects with `name` or of texts, or an object whose keys are the names.
    /// `None` when something is there but nothing of it is usable.
    pub fn read(list: &Value) -> Option<Self> {
        let set = match list {
            Value::Array(items) => Self::new(items.iter().filter_map(emote_name)),
            Value::Object(fields) => Self::new(fields.keys()),
            _ => return None,
        };
        let nothing_sent = list.as_array().is_some_and(Vec::is_empty);
        (!set.is_empty() || nothing_sent).then_some(set)
    }

    /// Adds an emote.
    pub fn insert(&mut self, name: &str) {
        let listed = name;
        let name = name.trim_start_matches('#');
        if !name.is_empty() {
            if listed == name {
                self.bare.insert(name.to_owned());
            }
            self.lower.insert(name.to_lowercase());
            self.names.insert(name.to_owned());
        }
    }

    /// Removes an emote; whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let name = name.trim_start_matches('#');
        self.bare.remove(name);
        let removed = self.names.remove(name);
        if removed {
            // Another emote may differ in case only.
            let lower = name.to_lowercase();
            if !self.names.iter().any(|other| other.to_lowercase() == lower) {
                self.lower.remove(&lower);
            }
        }
        removed
    }

    /// The names without leading `#`, sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The names as listed, with one `#` where they have it.
    pub fn listed(&self) -> impl Iterator<Item = String> {
        self.names
            .iter()
            .map(|name| match self.bare.contains(name) {
                true => name.clone(),
                false => format!("#{name}"),
            })
    }

    /// How many emotes there are, without regard to case.
    pub fn len(&self) -> usize {
        self.lower.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lower.is_empty()
    }

    /// How many names are in only one of the two sets.
    pub fn difference(&self, other: &Self) -> usize {
        self.names.symmetric_difference(&other.names).count()
    }
}

/// The name of an entry of an emote list.
pub(crate) fn emote_name(entry: &Value) -> Option<&str> {
    entry
        .as_str()
        .or_else(|| entry.get("name").and_then(Value::as_str))
}

/// The emotes that a line uses, in lower case, one for each use.
pub fn emote_uses(text: &str, emotes: &EmoteSet) -> Vec<String> {
    let mut found = Vec::new();
    if emotes.is_empty() {
        return found;
    }
    let mut from = 0;
    while let Some(hash) = text.get(from..).and_then(|rest| rest.find('#')) {
        let after = from + hash + 1;
        from = after;
        if let Some((start, end)) = next_run(text, after)
            && start == after
        {
            from = end;
            let name = text[start..end].to_lowercase();
            if emotes.lower.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// As [`emote_uses`], with names that have `-` and `.` in them if `marked`, and, if `bare`, also words without a `#`
/// that are listed so.
pub fn emote_uses_by(text: &str, emotes: &EmoteSet, marked: bool, bare: bool) -> Vec<String> {
    let mut found = match marked {
        true => marked_uses(text, emotes),
        false => emote_uses(text, emotes),
    };
    if bare {
        let words = text.split(is_space).filter(|word| !word.starts_with('#'));
        let lower: HashSet<String> = emotes.bare.iter().map(|name| name.to_lowercase()).collect();
        found.extend(
            words
                .map(str::to_lowercase)
                .filter(|word| lower.contains(word)),
        );
    }
    found
}

/// After each `#` the longest emote, which ends where a run of name characters or such a run with marks in it ends.
fn marked_uses(text: &str, emotes: &EmoteSet) -> Vec<String> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(hash) = text.get(from..).and_then(|rest| rest.find('#')) {
        let start = from + hash + 1;
        from = start;
        let rest = &text[start..];
        let end = rest.find(|c| !is_word(c) && !is_mark(c));
        let mut name = &rest[..end.unwrap_or(rest.len())];
        while !name.is_empty() {
            let lower = name.to_lowercase();
            if emotes.lower.contains(&lower) {
                found.push(lower);
                from = start + name.len();
                break;
            }
            // A mark at the end may be the sentence's.
            name = match name.strip_suffix(is_mark) {
                Some(shorter) => shorter,
                None => name.rfind(is_mark).map_or("", |mark| &name[..mark]),
            };
        }
    }
    found
}

fn is_mark(c: char) -> bool {
    c == '-' || c == '.'
}

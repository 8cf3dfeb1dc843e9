//! Full lists that another connection was told, held against what events have told.
//!
//! CyTube tells users and emotes in full on a join only, so a second connection looks on for a moment. The two
//! connections are told things at different times: names of which an event told since the look began are left alone.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::drift::Drift;

/// What a second connection was told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    /// As in `userlist`, in the form for those who are no moderators.
    pub users: Vec<Value>,
    /// As in `emoteList`; `None` where it did not come.
    pub emotes: Option<Vec<Value>>,
}

/// What a look showed of one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is as we have it.
    Same,
    /// It differs.
    Differs(Drift),
    /// It was told anew meanwhile, or not at all.
    Unsure,
}

impl Seen {
    /// What differs.
    pub fn drift(self) -> Option<Drift> {
        match self {
            Self::Differs(drift) => Some(drift),
            Self::Same | Self::Unsure => None,
        }
    }
}

impl From<Option<Drift>> for Seen {
    fn from(drift: Option<Drift>) -> Self {
        drift.map_or(Self::Same, Self::Differs)
    }
}

/// What events told of since a look began.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched {
    /// `None` while nobody looks, and after a full list.
    names: Option<BTreeSet<String>>,
}

impl Touched {
    pub(super) fn begin(&mut self) {
        self.names = Some(BTreeSet::new());
    }

    /// A full list came, so an older look says nothing.
    pub(super) fn end(&mut self) {
        self.names = None;
    }

    pub(super) fn note(&mut self, name: &str) {
        if let Some(names) = &mut self.names {
            names.insert(name.to_owned());
        }
    }

    /// `None` when no look can be used.
    pub(super) fn names(&self) -> Option<&BTreeSet<String>> {
        self.names.as_ref()
    }
}

/// A list by name.
pub(super) fn by_name<T>(
    list: impl IntoIterator<Item = T>,
    name: impl Fn(&T) -> Option<String>,
) -> HashMap<String, T> {
    let named = list.into_iter();
    named
        .filter_map(|entry| Some((name(&entry)?, entry)))
        .collect()
}

//! Who a name in a line means.

use std::collections::HashMap;

use super::real_names::is_user_name;

/// The names in `users`, found without regard to ASCII case.
#[derive(Debug, Clone, Default)]
pub struct KnownNames(HashMap<String, String>);

impl KnownNames {
    /// Adds a name. Of several spellings the smallest in byte order is the one that is found.
    pub fn insert(&mut self, name: &str) {
        let spelling = self
            .0
            .entry(name.to_ascii_lowercase())
            .or_insert_with(|| name.to_owned());
        if name < spelling.as_str() {
            name.clone_into(spelling);
        }
    }

    /// The stored spelling of a name.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Takes a name away, in any case.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(&name.to_ascii_lowercase());
    }

    /// All names, each in one spelling.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// How many names there are, without regard to case.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Other names of users, by which kudos reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aliases(HashMap<String, String>);

impl Aliases {
    /// From (owner, alias) rows, the oldest first: where an alias has several owners, the oldest row holds.
    pub fn new(rows: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut aliases = HashMap::new();
        for (owner, alias) in rows {
            aliases.entry(alias).or_insert(owner);
        }
        Self(aliases)
    }

    /// The owner of an alias, or the name itself. An alias wins over a user of that name.
    pub fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        if self.0.is_empty() {
            return name;
        }
        self.0
            .get(&name.to_lowercase())
            .map_or(name, String::as_str)
    }
}

/// As [`receiver`], but a user of that name comes before the owner of an alias.
pub fn real_receiver<'a>(
    name: &str,
    sender: &str,
    aliases: &Aliases,
    known: &'a KnownNames,
) -> Option<&'a str> {
    let user = known.find(name).filter(|_| is_user_name(name));
    let found = user.or_else(|| known.find(aliases.resolve(name)))?;
    let own = [name, found]
        .iter()
        .any(|name| name.to_lowercase() == sender.to_lowercase());
    (!own).then_some(found)
}

/// Who gets kudos that `sender` gives to `name`: its owner if it is an alias, in the stored spelling; nobody for
/// oneself and for those never seen.
pub fn receiver<'a>(
    name: &str,
    sender: &str,
    aliases: &Aliases,
    known: &'a KnownNames,
) -> Option<&'a str> {
    let name = aliases.resolve(name);
    if name.to_lowercase() == sender.to_lowercase() {
        return None;
    }
    known.find(name)
}

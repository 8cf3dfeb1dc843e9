//! Users: `userlist`, `addUser`, `userLeave`, `setUserRank`, `setUserMeta`, `setAFK`.

use serde_json::Value;

use super::text;

/// The name of a CyTube user, compared without regard to case, as CyTube does.
#[derive(Debug, Clone)]
pub struct UserName(String);

impl UserName {
    /// Wraps a name as CyTube spelt it.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as spelt.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for UserName {
    fn eq(&self, other: &Self) -> bool {
        fold_name(&self.0) == fold_name(&other.0)
    }
}

impl Eq for UserName {}

/// A user's name in the form in which CyTube compares names: lower case.
pub fn fold_name(name: &str) -> String {
    name.to_lowercase()
}

/// A user in the channel, as far as Kryten reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The name as CyTube spells it.
    pub name: String,
    /// The rank; fractional for a leader (1.5).
    pub rank: f64,
    /// Away from the keyboard.
    pub afk: bool,
}

impl User {
    /// Reads a user object; `None` without a name.
    pub fn read(object: &Value) -> Option<Self> {
        let name = text(object, "name")
            .or_else(|| text(object, "username"))
            .filter(|name| !name.is_empty())?;
        Some(Self {
            name: name.to_owned(),
            rank: object.get("rank").and_then(Value::as_f64).unwrap_or(0.0),
            afk: object
                .get("meta")
                .and_then(|meta| meta.get("afk"))
                .and_then(Value::as_bool)
                .unwrap_or(false),
        })
    }
}

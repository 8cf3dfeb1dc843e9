//! Who is in the channel.

use serde_json::{Map, Value};

use super::fields::{Fields, Payload};
use crate::cytube::is_truthy;

/// A user in the channel, as in `userlist` and `addUser`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct User {
    /// The name as CyTube spells it.
    pub name: String,
    /// The rank: -1 anonymous, 0 guest, 1 registered, 1.5 leader, 2 moderator, 3 admin, 4 owner, 5 founder, 255 site
    /// admin. With `addUser` it is the rank on the site; `setUserRank` follows with the channel's.
    pub rank: f64,
    /// Picture and text that the user shows.
    pub profile: Profile,
    /// AFK, muted and, for moderators, more; as CyTube sent it.
    pub meta: Map<String, Value>,
}

impl User {
    /// Away from the keyboard.
    pub fn is_afk(&self) -> bool {
        self.meta.get("afk").is_some_and(is_truthy)
    }

    /// Muted; where the robot is no moderator, a shadow mute does not show.
    pub fn is_muted(&self) -> bool {
        self.meta.get("muted").is_some_and(is_truthy)
    }

    /// Shadow-muted, which only moderators are told.
    pub fn is_shadow_muted(&self) -> bool {
        self.meta.get("smuted").is_some_and(is_truthy)
    }
}

impl Payload for User {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            name: fields.read("name")?,
            rank: fields.read("rank")?,
            profile: fields.read("profile")?,
            meta: fields.object("meta"),
        })
    }
}

/// What a user shows of himself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The address of a picture; empty for none.
    pub image: String,
    /// A text; empty for none.
    pub text: String,
}

impl Payload for Profile {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            image: fields.read("image")?,
            text: fields.read("text")?,
        })
    }
}

/// A user left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserLeave {
    /// The name.
    pub name: String,
}

impl Payload for UserLeave {
    fn read(payload: &Value) -> Option<Self> {
        Some(Self {
            name: Fields::of(payload)?.read("name")?,
        })
    }
}

/// A user's rank in the channel changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SetUserRank {
    /// The name as whoever changed it typed it: compare without regard to case.
    pub name: String,
    /// The new rank.
    pub rank: f64,
}

impl Payload for SetUserRank {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            name: fields.read("name")?,
            rank: fields.read("rank")?,
        })
    }
}

/// A user's meta changed; the new one replaces the old one as a whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SetUserMeta {
    /// The name; empty for a viewer without one.
    pub name: String,
    /// As CyTube sent it.
    pub meta: Map<String, Value>,
}

impl Payload for SetUserMeta {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            name: fields.read("name")?,
            meta: fields.object("meta"),
        })
    }
}

/// A user's profile changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetUserProfile {
    /// The name.
    pub name: String,
    /// The new profile.
    pub profile: Profile,
}

impl Payload for SetUserProfile {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            name: fields.read("name")?,
            profile: fields.read("profile")?,
        })
    }
}

/// A user went away from the keyboard or came back; comes with and after `setUserMeta`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetAfk {
    /// The name; empty for a viewer without one.
    pub name: String,
    /// Whether the user is away.
    pub afk: bool,
}

impl Payload for SetAfk {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            name: fields.read("name")?,
            afk: fields.read("afk")?,
        })
    }
}

//! The channel's state as a fold of CyTube's frames. Pure: frames in, names of what changed out.
//!
//! Each list has a file of its own: `users`, `emotes`, `playlist` (with what plays), `room`. Full frames
//! replace a list, all others modify it. Payloads that make no sense change nothing.

mod drift;
mod emotes;
mod facts;
mod look;
mod playlist;
mod room;
mod users;

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

pub use drift::{Drift, DriftKind};
use emotes::Emotes;
pub use facts::{StateCounting, StateCounts};
use kryten_protocol::state::{self, StateBucket};
pub use look::{Look, Seen};
use playlist::Playlist;
use room::Room;
use users::Users;

/// One value of the state that is stored under a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateKey {
    /// `userlist` / `users`.
    Users,
    /// `emotes` / `list`.
    Emotes,
    /// `playlist` / `items`.
    Items,
    /// `playlist` / `current`.
    Current,
    /// `state` / `motd`.
    Motd,
    /// `state` / `css`.
    Css,
    /// `state` / `js`.
    Js,
    /// `state` / `options`.
    Options,
    /// `state` / `permissions`.
    Permissions,
    /// `state` / `room`.
    Room,
}

impl StateKey {
    /// All keys.
    pub const ALL: [Self; 10] = [
        Self::Users,
        Self::Emotes,
        Self::Items,
        Self::Current,
        Self::Motd,
        Self::Css,
        Self::Js,
        Self::Options,
        Self::Permissions,
        Self::Room,
    ];

    /// Whether it is a list, which may be larger than one value.
    pub fn is_list(self) -> bool {
        matches!(self, Self::Users | Self::Emotes | Self::Items)
    }

    /// The bucket that holds it.
    pub fn bucket(self) -> StateBucket {
        match self {
            Self::Users => StateBucket::Userlist,
            Self::Emotes => StateBucket::Emotes,
            Self::Items | Self::Current => StateBucket::Playlist,
            Self::Motd | Self::Css | Self::Js | Self::Options | Self::Permissions | Self::Room => {
                StateBucket::State
            }
        }
    }

    /// The key inside the bucket.
    pub fn key(self) -> &'static str {
        match self {
            Self::Users => state::USERS,
            Self::Emotes => state::EMOTES,
            Self::Items => state::ITEMS,
            Self::Current => state::CURRENT,
            Self::Motd => state::MOTD,
            Self::Css => state::CSS,
            Self::Js => state::JS,
            Self::Options => state::OPTIONS,
            Self::Permissions => state::PERMISSIONS,
            Self::Room => state::ROOM,
        }
    }

    /// What the key holds when a value is too large to be stored: nothing, in the value's own form.
    pub fn empty_value(self) -> &'static str {
        match self {
            Self::Users | Self::Emotes | Self::Items => "[]",
            Self::Current => "null",
            Self::Options | Self::Permissions | Self::Room => "{}",
            Self::Motd | Self::Css | Self::Js => "",
        }
    }
}

/// What a frame did to the state.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The values that may have changed.
    pub dirty: BTreeSet<StateKey>,
    /// What a full frame mended that no event had announced.
    pub drift: Vec<Drift>,
}

impl Changes {
    fn none() -> Self {
        Self::default()
    }

    fn of(keys: impl IntoIterator<Item = StateKey>) -> Self {
        Self {
            dirty: keys.into_iter().collect(),
            drift: Vec::new(),
        }
    }

    fn when(changed: bool, keys: impl IntoIterator<Item = StateKey>) -> Self {
        if changed {
            Self::of(keys)
        } else {
            Self::none()
        }
    }

    fn with_drift(mut self, drift: Option<Drift>) -> Self {
        self.drift.extend(drift);
        self
    }
}

/// Everything that CyTube tells of a channel.
#[derive(Debug, Default, Clone)]
pub struct ChannelState {
    users: Users,
    emotes: Emotes,
    playlist: Playlist,
    room: Room,
    motd: String,
    css: String,
    js: String,
    options: Option<Box<RawValue>>,
    permissions: Option<Box<RawValue>>,
}

impl ChannelState {
    /// A new login begins: what the first full frames change is no drift, since nobody told us while we were away.
    pub fn begin_session(&mut self) {
        self.users.begin_session();
        self.emotes.begin_session();
        self.playlist.begin_session();
        self.room.begin_session();
    }

    /// Applies one event, in CyTube's order.
    pub fn apply(&mut self, event: &str, payload: &RawValue) -> Changes {
        match event {
            "userlist" | "addUser" | "userLeave" | "setUserRank" | "setUserMeta"
            | "setUserProfile" | "setAFK" | "rank" | "login" => self.apply_to_users(event, payload),
            "emoteList" | "updateEmote" | "renameEmote" | "removeEmote" => {
                self.apply_to_emotes(event, payload)
            }
            "playlist" | "queue" | "delete" | "moveVideo" | "setTemp" | "setCurrent"
            | "changeMedia" => self.playlist.apply(event, payload),
            "setMotd" | "channelCSSJS" | "channelOpts" | "setPermissions" => {
                self.apply_to_settings(event, payload)
            }
            _ => Changes::when(self.room.apply(event, payload), [StateKey::Room]),
        }
    }

    /// What a full playlist from CyTube would mend; `None` where it says what the state has.
    pub fn playlist_drift(&self, playlist: &RawValue) -> Option<Drift> {
        self.playlist.drift_to(playlist.get())
    }

    /// A second connection is about to look; what events tell from now on is newer than what it sees.
    pub fn begin_look(&mut self) {
        self.users.touched.begin();
        self.emotes.touched.begin();
    }

    /// What a look shows of users and emotes.
    pub fn compare(&self, look: &Look) -> [Seen; 2] {
        let users = self.users.compare(&look.users);
        let emotes = look.emotes.as_deref();
        let emotes = emotes.and_then(|emotes| self.emotes.compare(emotes));
        [
            users.map_or(Seen::Unsure, |(_, drift)| drift.into()),
            emotes.map_or(Seen::Unsure, Seen::from),
        ]
    }

    /// Takes over what a look shows; the look has ended then.
    pub fn mend(&mut self, look: Look) -> ([Seen; 2], Changes) {
        let seen = self.compare(&look);
        let mut changes = Changes::none();
        changes
            .drift
            .extend(seen.into_iter().filter_map(Seen::drift));
        if seen[0].drift().is_some() && self.users.mend(&look.users) {
            changes.dirty.insert(StateKey::Users);
        }
        if seen[1].drift().is_some() && self.emotes.mend(look.emotes.unwrap_or_default()) {
            changes.dirty.insert(StateKey::Emotes);
        }
        self.users.touched.end();
        self.emotes.touched.end();
        (seen, changes)
    }

    /// The value of a key as it is stored: JSON, or the plain text of motd, css and js.
    pub fn value(&self, key: StateKey) -> String {
        match key {
            StateKey::Users => self.users.to_json(),
            StateKey::Emotes => self.emotes.to_json(),
            StateKey::Items => self.playlist.items_to_json(),
            StateKey::Current => self.playlist.current_to_json(),
            StateKey::Motd => self.motd.clone(),
            StateKey::Css => self.css.clone(),
            StateKey::Js => self.js.clone(),
            StateKey::Options => object_or_empty(self.options.as_deref()),
            StateKey::Permissions => object_or_empty(self.permissions.as_deref()),
            StateKey::Room => self.room.to_json(),
        }
    }

    /// The bot's own rank in the channel, as the last `rank` event said.
    pub fn own_rank(&self) -> Option<f64> {
        self.users.own_rank()
    }

    /// How many users, playlist items and emotes there are.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.users.len(), self.playlist.len(), self.emotes.len())
    }

    fn apply_to_users(&mut self, event: &str, payload: &RawValue) -> Changes {
        let Ok(payload) = serde_json::from_str::<Value>(payload.get()) else {
            return Changes::none();
        };
        let is_list = event == "userlist" && payload.is_array();
        let (changed, drift) = self.users.apply(event, payload);
        let mut changes = Changes::when(changed, [StateKey::Users]).with_drift(drift);
        if is_list && self.room.end_join() {
            changes.dirty.insert(StateKey::Room);
        }
        changes
    }

    fn apply_to_emotes(&mut self, event: &str, payload: &RawValue) -> Changes {
        let Ok(payload) = serde_json::from_str::<Value>(payload.get()) else {
            return Changes::none();
        };
        Changes::when(self.emotes.apply(event, payload), [StateKey::Emotes])
    }

    fn apply_to_settings(&mut self, event: &str, payload: &RawValue) -> Changes {
        match event {
            "channelOpts" => set_object(&mut self.options, payload, StateKey::Options),
            "setPermissions" => set_object(&mut self.permissions, payload, StateKey::Permissions),
            "setMotd" => match serde_json::from_str::<Value>(payload.get()) {
                Ok(Value::String(text)) => set_text(&mut self.motd, text, StateKey::Motd),
                // Older servers sent an object.
                Ok(Value::Object(mut object)) => match object.remove("motd") {
                    Some(Value::String(text)) => set_text(&mut self.motd, text, StateKey::Motd),
                    _ => Changes::none(),
                },
                _ => Changes::none(),
            },
            _ => {
                let Ok(Value::Object(mut object)) = serde_json::from_str(payload.get()) else {
                    return Changes::none();
                };
                let mut take = |field: &str| match object.remove(field) {
                    Some(Value::String(text)) => text,
                    _ => String::new(),
                };
                let (css, js) = (take("css"), take("js"));
                let mut changes = set_text(&mut self.css, css, StateKey::Css);
                changes
                    .dirty
                    .extend(set_text(&mut self.js, js, StateKey::Js).dirty);
                changes
            }
        }
    }
}

fn set_text(slot: &mut String, text: String, key: StateKey) -> Changes {
    let changed = *slot != text;
    *slot = text;
    Changes::when(changed, [key])
}

fn set_object(slot: &mut Option<Box<RawValue>>, payload: &RawValue, key: StateKey) -> Changes {
    if !payload.get().trim_start().starts_with('{') {
        return Changes::none();
    }
    let changed = slot.as_ref().is_none_or(|old| old.get() != payload.get());
    *slot = Some(payload.to_owned());
    Changes::when(changed, [key])
}

fn object_or_empty(object: Option<&RawValue>) -> String {
    object.map_or_else(|| "{}".to_owned(), |object| object.get().to_owned())
}

#[cfg(test)]
mod tests;

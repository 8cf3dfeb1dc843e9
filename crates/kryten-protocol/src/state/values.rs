//! The values in a channel's buckets, typed. `None` where a value is of another shape.

use serde_json::Value;

use crate::event::emotes::Emote;
use crate::event::fields::Payload;
use crate::event::media::ChangeMedia;
use crate::event::playlist::Item;
use crate::event::users::User;

/// The users, under [`USERS`](super::USERS).
pub fn users(value: &Value) -> Option<Vec<User>> {
    Vec::read(value)
}

/// The emotes, under [`EMOTES`](super::EMOTES).
pub fn emotes(value: &Value) -> Option<Vec<Emote>> {
    Vec::read(value)
}

/// The playlist, under [`ITEMS`](super::ITEMS).
pub fn items(value: &Value) -> Option<Vec<Item>> {
    Vec::read(value)
}

/// What plays, under [`CURRENT`](super::CURRENT); `Some(None)` when nothing does.
pub fn current(value: &Value) -> Option<Option<ChangeMedia>> {
    match value {
        Value::Null => Some(None),
        playing => ChangeMedia::read(playing).map(Some),
    }
}

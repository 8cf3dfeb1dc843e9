//! The playlist.

use serde_json::Value;

use super::fields::{Fields, Payload};
use super::media::Media;

/// An item of the playlist.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// The film.
    pub media: Media,
    /// The number by which commands name it; 0 is a real one.
    pub uid: i64,
    /// Whether it goes when it has been shown.
    pub temp: bool,
    /// Who put it there.
    pub queueby: String,
}

impl Payload for Item {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            media: fields.read("media")?,
            uid: fields.read("uid")?,
            temp: fields.read("temp")?,
            queueby: fields.read("queueby")?,
        })
    }
}

/// Where in the playlist an item goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Behind the item with this uid.
    Uid(i64),
    /// To the front.
    Prepend,
    /// To the end.
    Append,
}

impl Payload for After {
    fn read(payload: &Value) -> Option<Self> {
        match payload.as_str() {
            Some("prepend") => Some(Self::Prepend),
            Some("append") => Some(Self::Append),
            _ => i64::read(payload).map(Self::Uid),
        }
    }
}

/// An item was added.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// The item.
    pub item: Item,
    /// Where it went.
    pub after: After,
}

impl Payload for Queue {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            item: Item::read(fields.get("item")?)?,
            after: After::read(fields.get("after")?)?,
        })
    }
}

/// An item was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete {
    /// The item.
    pub uid: i64,
}

impl Payload for Delete {
    fn read(payload: &Value) -> Option<Self> {
        Some(Self {
            uid: i64::read(Fields::of(payload)?.get("uid")?)?,
        })
    }
}

/// An item was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveVideo {
    /// The item.
    pub from: i64,
    /// Where it went.
    pub after: After,
}

impl Payload for MoveVideo {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            from: i64::read(fields.get("from")?)?,
            after: After::read(fields.get("after")?)?,
        })
    }
}

/// An item was made temporary, or no longer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetTemp {
    /// The item.
    pub uid: i64,
    /// Whether it goes when it has been shown.
    pub temp: bool,
}

impl Payload for SetTemp {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            uid: i64::read(fields.get("uid")?)?,
            temp: fields.read("temp")?,
        })
    }
}

/// How long the playlist is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SetPlaylistMeta {
    /// Items; CyTube's own count may be one too high after a failed move.
    pub count: i64,
    /// Length of all together in seconds, CyTube's `rawTime`.
    pub seconds: f64,
    /// The length as CyTube shows it.
    pub time: String,
}

impl Payload for SetPlaylistMeta {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            count: fields.read("count")?,
            seconds: fields.read("rawTime")?,
            time: fields.read("time")?,
        })
    }
}

/// What the robot wanted to add was refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueFail {
    /// Why; HTML-escaped.
    pub msg: String,
    /// The link that was refused.
    pub link: String,
    /// Its id.
    pub id: String,
}

impl Payload for QueueFail {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            msg: fields.read("msg")?,
            link: fields.read("link")?,
            id: fields.read("id")?,
        })
    }
}

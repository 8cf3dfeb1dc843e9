//! What plays.

use serde_json::{Map, Value};

use super::fields::{Fields, Payload};

/// A film, as it stands in the playlist.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Media {
    /// The kind of source, CyTube's `type`, such as `yt` or `cm`.
    pub kind: String,
    /// The id at that source.
    pub id: String,
    /// The title.
    pub title: String,
    /// Length in seconds; 0 for a live stream.
    pub seconds: f64,
    /// The length as CyTube shows it, such as `01:35`.
    pub duration: String,
    /// What the player needs besides; as CyTube sent it.
    pub meta: Map<String, Value>,
}

impl Payload for Media {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            kind: fields.read("type")?,
            id: fields.read("id")?,
            title: fields.read("title")?,
            seconds: fields.read("seconds")?,
            duration: fields.read("duration")?,
            meta: fields.object("meta"),
        })
    }
}

/// Another film starts, or the robot has just joined and this one plays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChangeMedia {
    /// The film.
    pub media: Media,
    /// The position in seconds; negative during the lead-in.
    pub current_time: f64,
    /// Whether it stands still.
    pub paused: bool,
    /// The playlist uid, which CyTube does not send: `setCurrent` just before has it.
    pub uid: Option<i64>,
}

impl Payload for ChangeMedia {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            media: Media::read(payload)?,
            current_time: fields.read("currentTime")?,
            paused: fields.read("paused")?,
            uid: fields.read_if_any("uid")?,
        })
    }
}

/// Where the film is now; every five seconds, but never for a live stream.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MediaUpdate {
    /// The position in seconds; negative during the lead-in.
    pub current_time: f64,
    /// Whether it stands still.
    pub paused: bool,
}

impl Payload for MediaUpdate {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            current_time: fields.read("currentTime")?,
            paused: fields.read("paused")?,
        })
    }
}

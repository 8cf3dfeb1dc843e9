//! The channel's emotes.

use serde_json::Value;

use super::fields::{Fields, Payload};

/// An emote; with `updateEmote` it is new or replaces the one of that name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Emote {
    /// What one writes to have it shown.
    pub name: String,
    /// The address of the picture, HTML-escaped.
    pub image: String,
    /// The regular expression by which CyTube finds it in a line.
    pub source: String,
}

impl Payload for Emote {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            name: fields.read("name")?,
            image: fields.read("image")?,
            source: fields.read("source")?,
        })
    }
}

/// An emote has another name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RenameEmote {
    /// The name that it had.
    pub old: String,
    /// The emote as it is now.
    pub emote: Emote,
}

impl Payload for RenameEmote {
    fn read(payload: &Value) -> Option<Self> {
        Some(Self {
            old: Fields::of(payload)?.read("old")?,
            emote: Emote::read(payload)?,
        })
    }
}

/// An emote was removed; also sent where there was none of that name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoveEmote {
    /// The name.
    pub name: String,
}

impl Payload for RemoveEmote {
    fn read(payload: &Value) -> Option<Self> {
        Some(Self {
            name: Fields::of(payload)?.read("name")?,
        })
    }
}

//! The channel itself: its look, its bans, and what CyTube says to the robot.

use serde_json::{Map, Value};

use super::fields::{Fields, Payload};

/// The channel's style sheet and script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelCssJs {
    /// The style sheet.
    pub css: String,
    /// Its MD5 sum in Base64.
    pub css_hash: String,
    /// The script.
    pub js: String,
    /// Its MD5 sum in Base64.
    pub js_hash: String,
}

impl Payload for ChannelCssJs {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            css: fields.read("css")?,
            css_hash: fields.read("cssHash")?,
            js: fields.read("js")?,
            js_hash: fields.read("jsHash")?,
        })
    }
}

/// The channel's options, all of them; `password` is masked by our robot.
#[derive(Clone, PartialEq, Default)]
pub struct ChannelOpts {
    /// As CyTube sent them.
    pub options: Map<String, Value>,
}

impl std::fmt::Debug for ChannelOpts {
    /// Without the values: another robot publishes the channel's password in clear.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.options.keys()).finish()
    }
}

impl Payload for ChannelOpts {
    fn read(payload: &Value) -> Option<Self> {
        Map::read(payload).map(|options| Self { options })
    }
}

/// The robot was thrown out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kick {
    /// Why; empty where CyTube does not say.
    pub reason: String,
}

impl Payload for Kick {
    fn read(payload: &Value) -> Option<Self> {
        Some(Self {
            reason: Fields::of(payload)?.read("reason")?,
        })
    }
}

/// A ban, as in `banlist`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ban {
    /// The number by which a ban is lifted.
    pub id: i64,
    /// The address, cloaked; `*` for a ban of the name alone.
    pub ip: String,
    /// The name.
    pub name: String,
    /// Why.
    pub reason: String,
    /// By whom, CyTube's `bannedby`.
    pub banned_by: String,
}

impl Payload for Ban {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            id: fields.read("id")?,
            ip: fields.read("ip")?,
            name: fields.read("name")?,
            reason: fields.read("reason")?,
            banned_by: fields.read("bannedby")?,
        })
    }
}

/// A ban was lifted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BanlistRemove {
    /// The ban's number.
    pub id: i64,
    /// The name that was banned.
    pub name: String,
}

impl Payload for BanlistRemove {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            id: fields.read("id")?,
            name: fields.read("name")?,
        })
    }
}

/// The channel rank of a user, as in `channelRanks`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChannelRank {
    /// The name.
    pub name: String,
    /// The rank.
    pub rank: f64,
}

impl Payload for ChannelRank {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            name: fields.read("name")?,
            rank: fields.read("rank")?,
        })
    }
}

/// A notice of the site's administrators to every channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Announcement {
    /// The headline.
    pub title: String,
    /// The text, HTML.
    pub text: String,
    /// By whom.
    pub from: String,
}

impl Payload for Announcement {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            title: fields.read("title")?,
            text: fields.read("text")?,
            from: fields.read("from")?,
        })
    }
}

/// CyTube did not do what the robot asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorMsg {
    /// CyTube's words.
    pub msg: String,
    /// CyTube's code, where it has one.
    pub code: Option<String>,
}

impl Payload for ErrorMsg {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            msg: fields.read("msg")?,
            code: fields.read_if_any("code")?,
        })
    }
}

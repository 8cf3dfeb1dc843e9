//! What the robot's replies hold, each read from a reply's `data`. `None` where it is of another shape.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::event::channel::{Ban, ChannelRank};
use crate::event::emotes::Emote;
use crate::event::fields::{Fields, Payload};
use crate::event::media::Media;
use crate::event::playlist::Item;
use crate::event::users::{Profile, User};

/// The robot's words for why an action was not done. The Python robot says so inside of a success.
pub fn failure(data: &Value) -> Option<String> {
    let fields = Fields::of(data)?;
    if fields.get("success")? != &Value::Bool(false) {
        return None;
    }
    let errors = fields.get("errors").and_then(Value::as_array);
    let first = errors.and_then(|errors| errors.first());
    let words = fields.get("error").or(first).or(fields.get("message"));
    let words = words
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty());
    Some(words.unwrap_or("refused without a reason").to_owned())
}

/// The uid of the video that `addvideo` added; `Some(None)` where CyTube did not confirm it in time.
pub fn queued(data: &Value) -> Option<Option<i64>> {
    Fields::of(data)?.read_if_any("uid")
}

/// `state.userlist`.
pub fn userlist(data: &Value) -> Option<Vec<User>> {
    Fields::of(data)?.read("userlist")
}

/// `state.emotes`.
pub fn emotes(data: &Value) -> Option<Vec<Emote>> {
    Fields::of(data)?.read("emotes")
}

/// `state.playlist`.
pub fn playlist(data: &Value) -> Option<Vec<Item>> {
    Fields::of(data)?.read("playlist")
}

/// `state.user`: the user, where one of that name is in the channel, with the profile.
pub fn user(data: &Value) -> Option<Option<User>> {
    let fields = Fields::of(data)?;
    let Some(mut user) = fields.read_if_any::<User>("user")? else {
        return Some(None);
    };
    if let Some(profile) = fields.read_if_any::<Profile>("profile")? {
        user.profile = profile;
    }
    Some(Some(user))
}

/// A text, such as the `motd` of `state.motd` or the `version` of `system.version`.
pub fn text(data: &Value, name: &str) -> Option<String> {
    String::read(Fields::of(data)?.get(name)?)
}

/// An object, such as the `options` of `state.options`.
pub fn object(data: &Value, name: &str) -> Option<Map<String, Value>> {
    Fields::of(data)?.get(name)?.as_object().cloned()
}

/// `requestBanlist`.
pub fn banlist(data: &Value) -> Option<Vec<Ban>> {
    Vec::read(answer(data, "banlist")?)
}

/// `requestChannelRanks`.
pub fn channel_ranks(data: &Value) -> Option<Vec<ChannelRank>> {
    Vec::read(answer(data, "ranks")?)
}

/// `readChanLog`: the end of the log; an error text where CyTube refused.
pub fn chan_log(data: &Value) -> Option<String> {
    text(answer(data, "log")?, "data")
}

/// `searchLibrary`.
pub fn search_results(data: &Value) -> Option<Vec<Media>> {
    Vec::read(Fields::of(answer(data, "results")?)?.get("results")?)
}

/// CyTube's answer, which the robot hands on in the envelope of an event.
fn answer<'a>(data: &'a Value, name: &str) -> Option<&'a Value> {
    Fields::of(data)?.get(name)?.get("payload")
}

/// `state.profiles`, by name.
pub fn profiles(data: &Value) -> Option<BTreeMap<String, Profile>> {
    Fields::of(data)?.read("profiles")
}

/// A robot that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Ping {
    /// Its version.
    pub version: String,
    /// Seconds since it started; the Python robot counts at times since it connected to NATS.
    pub uptime_seconds: f64,
    /// Whether it is in its channels; `None` where it does not say.
    pub cytube_connected: Option<bool>,
}

/// `system.ping`.
pub fn ping(data: &Value) -> Option<Ping> {
    let fields = Fields::of(data)?;
    fields.get("pong")?;
    Some(Ping {
        version: fields.read("version")?,
        uptime_seconds: fields.read("uptime_seconds")?,
        cytube_connected: fields.read_if_any("cytube_connected")?,
    })
}

/// A channel that a robot is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedChannel {
    /// The CyTube host.
    pub domain: String,
    /// The channel.
    pub channel: String,
    /// Whether the robot is in it now; the Python robot says instead whether it is connected to NATS.
    pub connected: bool,
}

impl Payload for JoinedChannel {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            domain: fields.read("domain")?,
            channel: fields.read("channel")?,
            connected: fields.read_if_any("connected")?.unwrap_or_default(),
        })
    }
}

/// `system.channels`.
pub fn channels(data: &Value) -> Option<Vec<JoinedChannel>> {
    Vec::read(Fields::of(data)?.get("channels")?)
}

/// A service that a robot has heard of.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRecord {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The host it runs on.
    pub hostname: String,
    /// Seconds since its last heartbeat.
    pub seconds_since_heartbeat: f64,
    /// Whether it has not been heard of for too long.
    pub is_stale: bool,
    /// All that the robot says of it.
    pub fields: Map<String, Value>,
}

impl Payload for ServiceRecord {
    fn read(payload: &Value) -> Option<Self> {
        let fields = Fields::of(payload)?;
        Some(Self {
            name: fields.read("name")?,
            version: fields.read("version")?,
            hostname: fields.read("hostname")?,
            seconds_since_heartbeat: fields.read("seconds_since_heartbeat")?,
            is_stale: fields.read_if_any("is_stale")?.unwrap_or_default(),
            fields: payload.as_object().cloned().unwrap_or_default(),
        })
    }
}

/// `system.services`.
pub fn services(data: &Value) -> Option<Vec<ServiceRecord>> {
    Vec::read(Fields::of(data)?.get("services")?)
}

/// The robot's own rank in a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct UserLevel {
    /// The rank; the Python robot knows only the one of its login, 1 for any registered name.
    pub rank: f64,
    /// The robot's name.
    pub username: String,
}

/// The whole reply on [`crate::subject::user_level`], which has no `data`.
pub fn user_level(reply: &Value) -> Option<UserLevel> {
    let fields = Fields::of(reply)?;
    Some(UserLevel {
        rank: f64::read(fields.get("rank")?)?,
        username: fields.read("username")?,
    })
}

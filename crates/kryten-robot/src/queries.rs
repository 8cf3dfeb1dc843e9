//! Requests on `kryten.robot.command` that read: the channel's state, and how the robot is.
//!
//! Commands that act on CyTube come with the complete robot; until then they are refused by name.

use std::sync::{Arc, Mutex, PoisonError};

use kryten_client::Client;
use kryten_client::respond::{Refusal, RespondError, Responder};
use kryten_cytube::CytubeHandle;
use kryten_protocol::command::Request;
use serde_json::{Value, json};

use crate::channel::{ChannelState, StateKey};
use crate::channel_name::ChannelId;
use crate::channels::Channels;
use crate::lifecycle::Lifecycle;
use crate::status::{ChannelReport, ChannelStatus};

/// What queries may see of a channel.
#[derive(Debug, Clone)]
pub(crate) struct ChannelView {
    pub(crate) id: Arc<ChannelId>,
    pub(crate) state: Arc<Mutex<ChannelState>>,
    pub(crate) status: Arc<ChannelStatus>,
    /// `None` while the channel is not served here.
    cytube: Arc<Mutex<Option<CytubeHandle>>>,
}

impl ChannelView {
    pub(crate) fn new(id: Arc<ChannelId>) -> Self {
        Self {
            id,
            state: Arc::default(),
            status: Arc::default(),
            cytube: Arc::default(),
        }
    }

    pub(crate) fn set_cytube(&self, handle: Option<CytubeHandle>) {
        *self.cytube.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    pub(crate) fn report(&self) -> ChannelReport {
        self.status.report(&self.id.domain, &self.id.channel)
    }

    fn value(&self, key: StateKey) -> Value {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = state.value(key);
        match key {
            StateKey::Motd | StateKey::Css | StateKey::Js => Value::from(text),
            _ => serde_json::from_str(&text).unwrap_or_default(),
        }
    }

    fn counts(&self) -> (usize, usize, usize) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counts()
    }
}

pub(crate) async fn start(
    client: &Client,
    channels: Channels,
    lifecycle: Lifecycle,
) -> Result<Responder, RespondError> {
    Responder::start(client, "robot", move |request: Request| {
        let views = channels.views();
        let lifecycle = lifecycle.clone();
        async move { answer(&views, &lifecycle, &request) }
    })
    .await
}

fn answer(
    views: &[ChannelView],
    lifecycle: &Lifecycle,
    request: &Request,
) -> Result<Value, Refusal> {
    match request.command.as_str() {
        "system.ping" => Ok(json!({
            "pong": true, "service": "robot", "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": lifecycle.uptime().as_secs_f64(), "timestamp": crate::now(),
            "cytube_connected": views.iter().all(is_in),
        })),
        "system.version" => Ok(json!({"version": env!("CARGO_PKG_VERSION")})),
        "system.channels" => {
            let channel = |view: &ChannelView| json!({"domain": view.id.domain, "channel": view.id.channel, "connected": is_in(view)});
            Ok(json!({"channels": views.iter().map(channel).collect::<Vec<Value>>()}))
        }
        command => {
            let Some(what) = command.strip_prefix("state.") else {
                return Err(Refusal(format!("Unknown command: {command}")));
            };
            state(chosen(views, request)?, what, request)
        }
    }
}

fn is_in(view: &ChannelView) -> bool {
    view.status
        .in_channel
        .load(std::sync::atomic::Ordering::Relaxed)
}

/// The channel that `meta` or the request names, or the only one.
fn chosen<'a>(views: &'a [ChannelView], request: &Request) -> Result<&'a ChannelView, Refusal> {
    let meta = request.parameters.get("meta");
    let named = meta
        .and_then(|meta| meta.get("channel"))
        .or_else(|| request.parameters.get("channel"));
    match named.and_then(Value::as_str) {
        Some(name) => views
            .iter()
            .find(|view| view.id.channel.eq_ignore_ascii_case(name))
            .ok_or_else(|| Refusal(format!("channel {name} is not served by this robot"))),
        None => match views {
            [only] => Ok(only),
            _ => Err(Refusal(
                "channel required: this robot serves more than one".to_owned(),
            )),
        },
    }
}

fn state(view: &ChannelView, what: &str, request: &Request) -> Result<Value, Refusal> {
    Ok(match what {
        "emotes" => json!({"emotes": view.value(StateKey::Emotes)}),
        "playlist" => json!({"playlist": view.value(StateKey::Items)}),
        "userlist" => json!({"userlist": view.value(StateKey::Users)}),
        "motd" => json!({"motd": view.value(StateKey::Motd)}),
        "css" => json!({"css": view.value(StateKey::Css)}),
        "js" => json!({"js": view.value(StateKey::Js)}),
        "options" => json!({"options": view.value(StateKey::Options)}),
        "permissions" => json!({"permissions": view.value(StateKey::Permissions)}),
        "current" => json!({"current": view.value(StateKey::Current)}),
        "all" => {
            let (users, items, emotes) = view.counts();
            json!({
                "emotes": view.value(StateKey::Emotes), "playlist": view.value(StateKey::Items),
                "userlist": view.value(StateKey::Users),
                "stats": {"emote_count": emotes, "playlist_count": items, "user_count": users},
            })
        }
        "profiles" => json!({"profiles": profiles(&view.value(StateKey::Users))}),
        "user" => {
            let name = request
                .parameters
                .get("username")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if name.is_empty() {
                return Err(Refusal("username required".to_owned()));
            }
            user(&view.value(StateKey::Users), name)
        }
        _ => return Err(Refusal(format!("Unknown command: state.{what}"))),
    })
}

fn profiles(users: &Value) -> Value {
    let named = users.as_array().into_iter().flatten().filter_map(|user| {
        let profile = user
            .get("profile")
            .filter(|profile| profile.as_object().is_some_and(|fields| !fields.is_empty()));
        Some((user.get("name")?.as_str()?.to_owned(), profile?.clone()))
    });
    Value::Object(named.collect())
}

fn user(users: &Value, name: &str) -> Value {
    let is_that = |user: &&Value| {
        user["name"]
            .as_str()
            .is_some_and(|other| other.eq_ignore_ascii_case(name))
    };
    match users.as_array().into_iter().flatten().find(is_that) {
        Some(user) => {
            json!({"user": user, "profile": user.get("profile").cloned().unwrap_or_else(|| json!({}))})
        }
        None => json!({"user": null, "profile": null}),
    }
}

//! `state.*`: the channel's state, from memory.

use serde_json::{Map, Value, json};

use crate::channel::StateKey;
use crate::channel_view::ChannelView;
use crate::office::Office;

pub(super) fn answer(
    view: &ChannelView,
    what: &str,
    fields: &Map<String, Value>,
    office: &Office,
) -> Result<Value, String> {
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
            let counts = view.lock().count(&office.live().counting);
            json!({
                "emotes": view.value(StateKey::Emotes), "playlist": view.value(StateKey::Items),
                "userlist": view.value(StateKey::Users),
                "stats": {
                    "emote_count": counts.emotes, "playlist_count": counts.items,
                    "user_count": counts.users,
                },
            })
        }
        "profiles" => json!({"profiles": profiles(&view.value(StateKey::Users))}),
        "user" => {
            let name = fields
                .get("username")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if name.is_empty() {
                return Err("username required".to_owned());
            }
            user(&view.value(StateKey::Users), name)
        }
        _ => return Err(format!("Unknown command: state.{what}")),
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

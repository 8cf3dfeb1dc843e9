//! The older subject `kryten.commands.cytube.{channel}.>`: `{"action": …, "data": {…}}`. The original never answers
//! there; whoever asks with a reply subject gets an answer here.

use std::sync::Arc;

use async_nats::Message;
use serde_json::{Map, Value};
use tokio_util::task::TaskTracker;

use super::{acting, as_reply, reply, to_bytes};
use crate::channel_view::ChannelView;
use crate::commands::parse::Dialect;
use crate::office::Office;

/// An action and its data.
type Action = (String, Map<String, Value>);

/// Reads a message; `None` if it names no action.
fn read(body: &[u8]) -> Result<Option<Action>, String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("Invalid JSON: {error}"))?;
    let Value::Object(mut fields) = value else {
        return Err("a command must be a JSON object".to_owned());
    };
    let action = match fields.shift_remove("action") {
        Some(Value::String(action)) if !action.is_empty() => action,
        _ => return Ok(None),
    };
    match fields.shift_remove("data") {
        None | Some(Value::Null) => Ok(Some((action, Map::new()))),
        Some(Value::Object(data)) => Ok(Some((action, data))),
        Some(_) => Err("data must be a JSON object".to_owned()),
    }
}

pub(super) fn take(
    office: &Arc<Office>,
    served: &ChannelView,
    message: Message,
    tasks: &TaskTracker,
) {
    if served.is_anothers() || !office.live().commands_enabled {
        return;
    }
    let (action, begun) = match read(&message.payload) {
        Ok(None) => return,
        Ok(Some((action, data))) => {
            let begun = acting::start(office, served, &action, &data, Dialect::Legacy);
            (action, begun)
        }
        Err(error) => ("unknown".to_owned(), Err(error)),
    };
    let (office, status) = (Arc::clone(office), Arc::clone(&served.status));
    tasks.spawn(async move {
        let answer = match begun {
            Ok(begun) => Ok(begun.finish(&office).await),
            Err(refusal) => Err(refusal),
        };
        let failure = match &answer {
            Ok(data) if data["success"] == true => None,
            Ok(data) => Some(data["error"].as_str().unwrap_or_default()),
            Err(refusal) => Some(refusal.as_str()),
        };
        office
            .legacy
            .note(&action, office.second(), failure.is_none());
        status.note_command(failure.is_none());
        if let Some(failure) = failure {
            tracing::warn!(
                action,
                failure,
                "a command on the older subject was not done"
            );
        }
        let body = to_bytes(&as_reply(&action, answer));
        reply(office, message.reply, body).await;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_read_with_its_data() {
        let (action, data) = read(br#"{"action":"chat","data":{"message":"hi"}}"#)
            .unwrap()
            .unwrap();
        assert_eq!(
            (action.as_str(), data["message"].as_str()),
            ("chat", Some("hi"))
        );
        assert_eq!(read(br#"{"data":{}}"#), Ok(None));
        assert!(read(b"{").is_err() && read(b"[]").is_err());
        assert!(read(br#"{"action":"x","data":3}"#).is_err());
    }
}

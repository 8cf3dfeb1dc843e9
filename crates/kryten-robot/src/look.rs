//! Looks into a channel through a second connection, without a name, and leaves at once.

use std::time::Duration;

use kryten_cytube::{CytubeClient, CytubeConfig, CytubeItem};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::channel::Look;

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What CyTube tells whoever joins.
pub(crate) async fn take(config: CytubeConfig) -> Result<Look, String> {
    let (handle, items) = CytubeClient::spawn(config);
    let looked = tokio::time::timeout(PATIENCE, listen(items)).await;
    handle.close().await;
    looked.unwrap_or_else(|_| Err("CyTube did not show its lists in time".to_owned()))
}

async fn listen(mut items: mpsc::Receiver<CytubeItem>) -> Result<Look, String> {
    let mut look = Look::default();
    while let Some(item) = items.recv().await {
        match item {
            CytubeItem::Event { name, payload, .. } => match name.as_str() {
                "emoteList" => look.emotes = Some(list(&name, &payload)?),
                "userlist" => {
                    look.users = list(&name, &payload)?;
                    return Ok(look);
                }
                _ => {}
            },
            CytubeItem::Disconnected { reason, .. } | CytubeItem::Stopped { reason } => {
                return Err(format!("CyTube lets nobody look on: {reason}"));
            }
            _ => {}
        }
    }
    Err("CyTube lets nobody look on".to_owned())
}

/// A list that cannot be read is none: taken for an empty one, it would empty ours.
fn list(name: &str, payload: &RawValue) -> Result<Vec<Value>, String> {
    serde_json::from_str(payload.get())
        .map_err(|error| format!("CyTube's {name} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(events: &[(&str, &str)]) -> Result<Look, String> {
        let (items, items_rx) = mpsc::channel(events.len());
        for (name, payload) in events {
            let item = CytubeItem::Event {
                name: (*name).to_owned(),
                payload: RawValue::from_string((*payload).to_owned()).unwrap(),
                ack: None,
                received: crate::now(),
            };
            items.send(item).await.unwrap();
        }
        drop(items);
        listen(items_rx).await
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_read_is_an_error_and_not_an_empty_list() {
        let (emotes, users) = (("emoteList", "[1]"), ("userlist", r#"[{"name":"bob"}]"#));
        let look = told(&[emotes, users]).await.unwrap();
        assert_eq!(look.users.len(), 1);
        assert_eq!(look.emotes.map(|emotes| emotes.len()), Some(1));
        assert_eq!(told(&[users]).await.unwrap().emotes, None);
        for unreadable in [r#"["\ud83d"]"#, r#"{"name":"bob"}"#, "null"] {
            let error = told(&[emotes, ("userlist", unreadable)]).await.unwrap_err();
            assert!(error.contains("userlist cannot be read"), "{error}");
            let error = told(&[("emoteList", unreadable), users]).await.unwrap_err();
            assert!(error.contains("emoteList cannot be read"), "{error}");
        }
    }
}

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
                "emoteList" => look.emotes = list(&payload),
                "userlist" => {
                    look.users = list(&payload).unwrap_or_default();
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

fn list(payload: &RawValue) -> Option<Vec<Value>> {
    serde_json::from_str(payload.get()).ok()
}

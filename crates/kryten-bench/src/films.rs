//! Playlists of any length, and whether KV has them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kryten_client::{KvBucket, state};
use kryten_protocol::state::{ITEMS, StateBucket};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::theatre::{PATIENCE, Theatre, Who};

/// A playlist with these uids, in this order. None should be 0: a move of it was not stored by the original.
pub(crate) fn playlist(uids: &[u64]) -> Value {
    let item = |uid: &u64| {
        json!({
            "uid": uid, "temp": false, "queueby": "alice",
            "media": {"id": format!("video-{uid:07}"), "title": format!("Film {uid} {}", "x".repeat(50)),
                      "seconds": 60, "duration": "01:00", "type": "yt", "meta": {}},
        })
    };
    uids.iter().map(item).collect()
}

/// Moves an item as CyTube tells it, and in our own list.
pub(crate) fn move_one(uids: &mut Vec<u64>, from: usize, to: usize) -> Value {
    let uid = uids.remove(from % uids.len());
    let place = to % uids.len();
    let after = uids[place];
    uids.insert(place + 1, uid);
    json!({"from": uid, "after": after})
}

/// Waits until KV has the list in this order.
pub(crate) async fn wait_for(theatre: &Theatre, who: Who, uids: &[u64]) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if is_stored(theatre, who, uids).await? {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("{who:?} has another list in KV than CyTube")
}

/// Whether KV has the list in this order.
pub(crate) async fn is_stored(theatre: &Theatre, who: Who, uids: &[u64]) -> anyhow::Result<bool> {
    let name = StateBucket::Playlist.name(&theatre.channels[0]);
    // The robot makes it when it has joined.
    let Ok(bucket) = KvBucket::open(&theatre.nats, &name).await else {
        return Ok(false);
    };
    Ok(stored(&bucket, who)
        .await?
        .is_some_and(|stored| stored == uids))
}

async fn stored(bucket: &KvBucket, who: Who) -> anyhow::Result<Option<Vec<u64>>> {
    let list: Option<Value> = match who {
        Who::Ours => match state::list(bucket, ITEMS).await? {
            Some(list) => Some(serde_json::from_slice(&list.json)?),
            None => None,
        },
        Who::Original => bucket.get_json(ITEMS).await?,
    };
    let Some(Value::Array(list)) = list else {
        return Ok(None);
    };
    let uids = list.iter().map(|item| item["uid"].as_u64());
    let uids: Option<Vec<u64>> = uids.collect();
    let uids = uids.context("an item has no uid")?;
    ensure!(uids.len() == list.len(), "an item has no uid");
    Ok(Some(uids))
}

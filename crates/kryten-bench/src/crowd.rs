//! Userlists of any length, and whether KV has them.

use std::time::{Duration, Instant};

use kryten_client::{KvBucket, state};
use kryten_protocol::state::{StateBucket, USERS};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::theatre::{PATIENCE, Theatre, Who};

/// The name of a user, by number.
pub(crate) fn name(number: usize) -> String {
    format!("viewer{number}")
}

/// A userlist of so many.
pub(crate) fn userlist(count: usize) -> Value {
    let user = |number| {
        json!({
            "name": name(number), "rank": 1, "meta": {"afk": false, "muted": false},
            "profile": {"image": format!("https://example.org/{number}.png"), "text": "hello"},
        })
    };
    (0..count).map(user).collect()
}

/// Waits until KV has so many users, and as many of them away.
pub(crate) async fn wait_for(
    theatre: &Theatre,
    who: Who,
    count: usize,
    away: usize,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if stored(theatre, who).await? == Some((count, away)) {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("{who:?} has other users in KV than CyTube")
}

/// How many users KV has, and how many of them are away.
async fn stored(theatre: &Theatre, who: Who) -> anyhow::Result<Option<(usize, usize)>> {
    let name = StateBucket::Userlist.name(&theatre.channels[0]);
    // The robot makes it when it has joined.
    let Ok(bucket) = KvBucket::open(&theatre.nats, &name).await else {
        return Ok(None);
    };
    let users: Option<Value> = match who {
        Who::Ours => match state::list(&bucket, USERS).await? {
            Some(list) => Some(serde_json::from_slice(&list.json)?),
            None => None,
        },
        Who::Original => bucket.get_json(USERS).await?,
    };
    let Some(Value::Array(users)) = users else {
        return Ok(None);
    };
    // Our own robot is in the channel too, and not in this list.
    let viewers = users.iter().filter(|user| {
        user["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("viewer"))
    });
    let is_away = |user: &&Value| user["meta"]["afk"] == true;
    Ok(Some((
        viewers.clone().count(),
        viewers.filter(is_away).count(),
    )))
}

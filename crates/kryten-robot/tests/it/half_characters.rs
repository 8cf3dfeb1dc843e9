//! Texts that CyTube has cut in the middle of an emoji: JavaScript writes the half of it, and nobody else reads it.

use std::time::Duration;

use kryten_client::state;
use kryten_protocol::state::{StateBucket, USERS};
use kryten_sim::{Operation, SimConfig};
use serde_json::{Value, json};

use crate::commands::fixture::Stage;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn who_has_half_an_emoji_in_the_profile_is_known_and_so_are_the_others() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.verify.every = None;
        config.verify.playlist_pause = Duration::from_secs(3600);
    })
    .await;
    stage.join("alice").await;
    let raw = async |text: &str| {
        let text = text.to_owned();
        stage.sim.run(Operation::Raw { text }).await.unwrap();
    };
    let text = |users: &[Value], name: &str| {
        let user = users.iter().find(|user| user["name"] == name);
        user.map(|user| user["profile"]["text"].clone())
    };
    raw(r#"42["addUser",{"name":"zoe","rank":1,"meta":{"afk":false},"profile":{"image":"","text":"hi \ud83d"}}]"#).await;
    stage
        .knows("who joined with half an emoji", |users| {
            text(users, "zoe") == Some(json!("hi \u{fffd}"))
        })
        .await;
    raw(r#"42["userlist",[{"name":"KrytenBot","rank":3,"meta":{},"profile":{"image":"","text":"\ud83d\ude00"}},{"name":"zoe","rank":1,"meta":{"afk":false},"profile":{"image":"","text":"now \uDE00"}}]]"#).await;
    stage
        .knows("all of a list with half an emoji", |users| {
            text(users, "zoe") == Some(json!("now \u{fffd}"))
                && text(users, "KrytenBot") == Some(json!("\u{1f600}"))
        })
        .await;
    raw(r#"42["chatMsg",{"username":"zoe","msg":"\\ud83d \ud83d","meta":{},"time":7}]"#).await;
    let name = StateBucket::Userlist.name(CHANNEL);
    let bucket = kryten_client::kv::KvBucket::open(&stage.client, &name);
    let bucket = bucket.await.unwrap();
    until("readers of KV can read it", || async {
        let list = state::list(&bucket, USERS).await.unwrap().unwrap();
        let users: Vec<Value> = serde_json::from_slice(&list.json).unwrap();
        text(&users, "zoe") == Some(json!("now \u{fffd}"))
    })
    .await;
    until("and so can readers of the stream", || async {
        let events = events(&stream_contents(&stage.client).await);
        let line = events
            .iter()
            .find(|event| event.0 == "chatMsg" && event.1["time"] == 7);
        line.is_some_and(|line| line.1["msg"] == "\\ud83d \u{fffd}")
    })
    .await;
    stage.end().await;
}

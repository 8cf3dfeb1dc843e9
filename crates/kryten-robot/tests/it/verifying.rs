//! Comparing CyTube, memory and KV, and mending what differs.

use std::time::Duration;

use kryten_client::kv::KvBucket;
use kryten_protocol::state::StateBucket;
use kryten_sim::SimConfig;
use serde_json::{Value, json};

use crate::commands::fixture::Stage;
use crate::support::*;

impl Stage {
    async fn verify(&self) -> Value {
        let reply = self.ask(json!({"command": "state.verify"})).await;
        assert_eq!(reply["success"], true, "{reply}");
        reply["data"].clone()
    }

    async fn bucket(&self, bucket: StateBucket) -> KvBucket {
        let name = bucket.name(CHANNEL);
        until("the bucket is there", || async {
            KvBucket::open(&self.client, &name).await.is_ok()
        })
        .await;
        KvBucket::open(&self.client, &name).await.unwrap()
    }

    /// Waits until all changes are in KV.
    async fn settled(&self) {
        until("KV has what memory has", || async {
            let data = self.verify().await;
            data["kv"]["missing"] == json!([]) && data["kv"]["different"] == json!([])
        })
        .await;
    }
}

async fn quiet() -> Stage {
    Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.verify.every = None;
        config.verify.look_every = None;
        config.verify.playlist_pause = Duration::from_secs(3600);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_did_to_kv_is_told_and_put_anew() {
    let stage = quiet().await;
    stage.join("alice").await;
    stage.emit("setMotd", json!("welcome")).await;
    stage.settled().await;
    let state = stage.bucket(StateBucket::State).await;
    until("the text is stored", || async {
        state.get_text("motd").await.unwrap().as_deref() == Some("welcome")
    })
    .await;
    let before = stage.robot.report()[0].kv_drift;
    let users = stage.bucket(StateBucket::Userlist).await;
    state.put("motd", "vandal").await.unwrap();
    state.delete("options").await.unwrap();
    users.purge("users.manifest").await.unwrap();

    let kv = &stage.verify().await["kv"];
    assert_eq!(kv["compared"], true);
    assert_eq!(kv["checked"], 13, "ten values and three manifests");
    assert_eq!(kv["different"], json!(["motd"]));
    assert_eq!(kv["missing"], json!(["users.manifest", "options"]));
    assert_eq!(
        state.get_text("motd").await.unwrap().as_deref(),
        Some("welcome")
    );
    assert!(state.get_text("options").await.unwrap().is_some());
    let list = kryten_client::state::list(&users, "users")
        .await
        .unwrap()
        .unwrap();
    assert!(String::from_utf8_lossy(&list.json).contains("\"alice\""));
    assert_eq!(stage.robot.report()[0].kv_drift - before, 3);

    let kv = &stage.verify().await["kv"];
    assert_eq!((&kv["missing"], &kv["different"]), (&json!([]), &json!([])));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_long_list_that_are_gone_are_put_anew() {
    let stage = quiet().await;
    let emotes: Value = (0..400)
        .map(|at| json!({"name": format!("#e{at}"), "image": "i".repeat(200), "source": "s"}))
        .collect();
    stage.emit("emoteList", emotes.clone()).await;
    let bucket = stage.bucket(StateBucket::Emotes).await;
    until("the list is stored", || async {
        let list = kryten_client::state::list(&bucket, "list").await.unwrap();
        list.is_some_and(|list| serde_json::from_slice::<Value>(&list.json).unwrap() == emotes)
    })
    .await;
    stage.settled().await;
    let parts = bucket.keys_with_prefix("list.part.").await.unwrap();
    assert!(parts.len() > 1, "{parts:?}");
    bucket.purge(&parts[0]).await.unwrap();
    bucket.put(&parts[1], "[]").await.unwrap();
    let kv = &stage.verify().await["kv"];
    assert_eq!(kv["missing"], json!([parts[0]]));
    assert_eq!(kv["different"], json!([parts[1]]));
    let list = kryten_client::state::list(&bucket, "list")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&list.json).unwrap(), emotes);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_keys_of_a_deleted_bucket_are_back_as_soon_as_one_of_them_changes_or_when_kv_is_compared()
 {
    let stage = quiet().await;
    stage
        .emit("channelCSSJS", json!({"css": "a{}", "js": "1"}))
        .await;
    let name = StateBucket::State.name(CHANNEL);
    let state = stage.bucket(StateBucket::State).await;
    until("the style is stored", || async {
        state.get_text("css").await.unwrap().as_deref() == Some("a{}")
    })
    .await;
    stage.settled().await;
    stage
        .client
        .jetstream()
        .delete_key_value(&name)
        .await
        .unwrap();
    stage.emit("setMotd", json!("welcome")).await;
    let state = stage.bucket(StateBucket::State).await;
    for (key, value) in [
        ("motd", Some("welcome")),
        ("css", Some("a{}")),
        ("js", Some("1")),
        ("options", None),
        ("room", None),
    ] {
        until("each key is back", || async {
            let stored = state.get_text(key).await.unwrap();
            stored.is_some() && (value.is_none() || stored.as_deref() == value)
        })
        .await;
    }
    stage.settled().await;

    stage
        .client
        .jetstream()
        .delete_key_value(&name)
        .await
        .unwrap();
    let kv = &stage.verify().await["kv"];
    let missing = kv["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 6, "{kv}");
    let state = stage.bucket(StateBucket::State).await;
    assert_eq!(state.get_text("css").await.unwrap().as_deref(), Some("a{}"));
    assert!(stage.robot.report()[0].kv_drift >= 6 + 5);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_was_lost_is_found_by_asking_cytube_and_a_second_question_waits() {
    let stage = quiet().await;
    let (one, two) = (
        stage.film("aaaaaaaaaaa").await,
        stage.film("bbbbbbbbbbb").await,
    );
    // Nothing happens in the channel: only the robot hears these.
    stage.emit("delete", json!({"uid": one})).await;
    stage
        .emit("setTemp", json!({"uid": two, "temp": true}))
        .await;
    until("the state is wrong", || async {
        let reply = stage.ask(json!({"command": "state.playlist"})).await;
        let items = reply["data"]["playlist"].as_array().unwrap();
        items.len() == 1 && items[0]["temp"] == true
    })
    .await;
    let data = stage.verify().await;
    assert_eq!(
        data["cytube"],
        json!({"compared": true, "missing": 1, "extra": 0, "changed": 1})
    );
    let reply = stage.ask(json!({"command": "state.playlist"})).await;
    let items = reply["data"]["playlist"].as_array().unwrap();
    assert_eq!(
        (items[0]["uid"].as_i64(), items[1]["uid"].as_i64()),
        (Some(one), Some(two))
    );
    assert_eq!(items[1]["temp"], false);
    assert_eq!(stage.robot.report()[0].drift_entries, 2);
    let data = stage.verify().await;
    assert_eq!(data["cytube"]["compared"], false);
    assert_eq!(
        data["cytube"]["reason"],
        "CyTube tells its playlist once in 3600 s"
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_that_we_asked_for_is_published_only_if_it_says_something_new() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.verify.every = None;
        config.verify.playlist_pause = Duration::ZERO;
    })
    .await;
    stage.film("aaaaaaaaaaa").await;
    let playlists = || async {
        let events = events(&stream_contents(&stage.client).await);
        events
            .into_iter()
            .filter(|(name, _)| name == "playlist")
            .count()
    };
    let before = playlists().await;
    assert_eq!(stage.verify().await["cytube"]["compared"], true);
    // CyTube's own limit of one in a minute for a connection.
    let refused = stage.verify().await;
    let reason = refused["cytube"]["reason"].as_str().unwrap();
    assert!(reason.contains("every 60 seconds"), "{refused}");
    stage.emit("numbered", json!(1)).await;
    until("what follows is stored", || async {
        let events = events(&stream_contents(&stage.client).await);
        events.iter().any(|(name, _)| name == "numbered")
    })
    .await;
    assert_eq!(playlists().await, before);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_compared_again_and_again_by_itself() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.verify.every = Some(Duration::from_millis(50));
    })
    .await;
    let state = stage.bucket(StateBucket::State).await;
    until("the state is stored", || async {
        state.get_text("motd").await.unwrap().is_some()
    })
    .await;
    state.put("motd", "vandal").await.unwrap();
    until("it is mended", || async {
        state.get_text("motd").await.unwrap().as_deref() != Some("vandal")
    })
    .await;
    until("and counted", || async {
        stage.robot.report()[0].kv_drift >= 1
    })
    .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_emotes_that_were_lost_are_seen_by_a_second_connection_and_told_to_all() {
    let stage = Stage::with(SimConfig::quiet(CHANNEL), |config| {
        config.verify.every = None;
        config.verify.playlist_pause = Duration::from_secs(3600);
        config.verify.look_settle = Duration::from_millis(50);
    })
    .await;
    stage.join("alice").await;
    stage.join("bob").await;
    for name in ["one", "two"] {
        let image = format!("https://example.com/{name}.png");
        stage
            .done("updateEmote", json!({"name": name, "image": image}))
            .await;
    }
    // Nothing happens in the channel: only the robot hears these.
    stage.emit("userLeave", json!({"name": "alice"})).await;
    stage
        .emit("setUserRank", json!({"name": "bob", "rank": 4}))
        .await;
    let ghost = json!({"name": "ghost", "rank": 1, "profile": {}, "meta": {"afk": false}});
    stage.emit("addUser", ghost).await;
    stage.emit("removeEmote", json!({"name": "one"})).await;
    stage
        .knows("what is wrong", |users| {
            users.iter().any(|user| user["name"] == "ghost")
        })
        .await;
    let has_one = |emotes: &Value| {
        let emotes = emotes.as_array().unwrap();
        emotes.iter().any(|emote| emote["name"] == "one")
    };
    until("the emote is gone", || async {
        let reply = stage.ask(json!({"command": "state.emotes"})).await;
        !has_one(&reply["data"]["emotes"])
    })
    .await;

    let data = stage.verify().await;
    assert_eq!(
        data["users"],
        json!({"compared": true, "missing": 1, "extra": 1, "changed": 1})
    );
    assert_eq!(data["emotes"]["missing"], 1, "{data}");
    let names = |users: &[Value]| -> Vec<String> {
        let names = users.iter().map(|user| user["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    stage
        .knows("what is right", |users| {
            let bob = users.iter().find(|user| user["name"] == "bob").unwrap();
            names(users) == ["KrytenBot", "bob", "alice"] && bob["rank"] != 4
        })
        .await;
    let report = stage.robot.report().remove(0);
    assert_eq!(report.users_drift, 3);
    assert!(report.emotes_drift >= 1);
    until("who follows the events is told", || async {
        let events = events(&stream_contents(&stage.client).await);
        let last = |name: &str| {
            events
                .iter()
                .rev()
                .find(|event| event.0 == name)
                .unwrap()
                .1
                .clone()
        };
        names(last("userlist").as_array().unwrap()) == ["KrytenBot", "bob", "alice"]
            && has_one(&last("emoteList"))
    })
    .await;
    let data = stage.verify().await;
    assert_eq!(
        data["users"]["reason"],
        "a second connection looks once in 60 s"
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_shows_itself_to_nobody_is_not_looked_into() {
    let sim = SimConfig {
        channel_password: Some("swordfish".to_owned()),
        ..SimConfig::quiet(CHANNEL)
    };
    // A moderator gets in without the password, others do not.
    let stage = Stage::with(sim, |config| config.verify.every = None).await;
    let data = stage.verify().await;
    let reason = data["users"]["reason"].as_str().unwrap();
    assert!(reason.contains("needs a password"), "{data}");
    assert_eq!(stage.robot.report()[0].connects, 1, "the robot has stayed");
    stage.end().await;
}

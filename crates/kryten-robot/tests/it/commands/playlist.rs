//! The playlist and what plays.

use kryten_protocol::event::playlist::After;
use kryten_protocol::robot::{Position, Video};
use serde_json::{Value, json};

use super::fixture::Stage;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn videos_are_added_moved_played_and_removed() {
    let stage = Stage::new().await;
    let (a, b) = (stage.film("d60_a").await, stage.film("d60_b").await);
    assert_eq!(a, 0, "the first item of a channel has the uid 0");
    let data = stage
        .done(
            "addvideo",
            json!({"url": "https://youtu.be/d60_c", "pos": "next"}),
        )
        .await;
    let c = data["uid"].as_i64().unwrap();
    assert_eq!(stage.uids().await, [a, c, b]);
    assert_eq!(
        stage.state().await["items"][1]["temp"],
        true,
        "as the original's default"
    );

    stage
        .done("mvvideo", json!({"from": b, "after": "prepend"}))
        .await;
    assert_eq!(stage.uids().await, [b, a, c]);
    let moved = json!({"command": "playlist.move", "payload": {"from_uid": 0, "after_uid": c}});
    let reply = stage.ask(moved).await;
    assert_eq!(
        (reply["success"].as_bool(), reply["data"]["status"].as_str()),
        (Some(true), Some("sent"))
    );
    assert_eq!(reply["data"]["after_uid"], c);
    assert_eq!(stage.uids().await, [b, c, a]);

    stage
        .done("settemp", json!({"uid": c, "temp": false}))
        .await;
    assert_eq!(stage.state().await["items"][1]["temp"], false);
    stage.done("jump", json!({"uid": b})).await;
    assert_eq!(stage.state().await["current"]["uid"], b);
    stage.done("jump", json!({"uid": c.to_string()})).await;
    assert_eq!(stage.state().await["current"]["uid"], c);
    stage.done("playNext", json!({})).await;
    assert_eq!(stage.state().await["current"]["uid"], a);
    stage.done("rmvideo", json!({"uid": a.to_string()})).await;
    assert_eq!(stage.uids().await, [b, c]);
    let reply = stage
        .ask(json!({"command": "playlist.delete", "payload": {"uid": c}}))
        .await;
    assert_eq!(reply["data"]["uid"], c);
    let item = json!({"media": {"type": "yt", "id": "d60_d"}, "temp": false});
    let reply = stage
        .ask(json!({"command": "playlist.queue", "payload": {"item": item}}))
        .await;
    assert_eq!(
        (
            reply["data"]["success"].as_bool(),
            reply["data"]["title"].as_str()
        ),
        (Some(true), Some("unknown"))
    );
    stage.done("shuffle", json!({})).await;
    stage.done("clear", json!({})).await;
    assert!(stage.uids().await.is_empty());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_cytube_refuses_is_answered_in_its_own_words() {
    let stage = Stage::new().await;
    stage.film("d60_a").await;
    let data = stage
        .run("addvideo", json!({"type": "yt", "id": "err_x"}))
        .await;
    assert_eq!(data["error"], "Video not found");
    assert_eq!(data["queue_fail"]["id"], "err_x");
    assert_eq!(
        stage
            .refused("addvideo", json!({"type": "yt", "id": "d60_a"}))
            .await,
        "This item is already on the playlist"
    );
    assert_eq!(
        stage
            .refused("addvideo", json!({"type": "xx", "id": "a"}))
            .await,
        "Unknown media type 'xx'"
    );
    // Two at once: each gets what is his.
    let (good, bad) = tokio::join!(
        stage.run("addvideo", json!({"type": "yt", "id": "d60_b"})),
        stage.run("addvideo", json!({"type": "yt", "id": "err_y"})),
    );
    assert_eq!(
        (good["success"].as_bool(), bad["success"].as_bool()),
        (Some(true), Some(false)),
        "{good} {bad}"
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_video_is_not_taken_for_ours() {
    let stage = Stage::new().await;
    stage.join("alice").await;
    let theirs = async {
        for number in 0..20 {
            let media =
                json!({"id": format!("d60_{number}"), "type": "yt", "pos": "end", "temp": false});
            stage.sim.act("alice", "queue", media).await.unwrap();
        }
    };
    let (data, ()) = tokio::join!(
        stage.run("addvideo", json!({"type": "yt", "id": "d60_ours"})),
        theirs
    );
    let state = stage.state().await;
    let items = state["items"].as_array().unwrap();
    let ours = items
        .iter()
        .find(|item| item["media"]["id"] == "d60_ours")
        .unwrap();
    assert_eq!(data["uid"], ours["uid"]);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_play_and_seek_lead_for_a_moment_and_give_the_lead_back() {
    let stage = Stage::new().await;
    stage.join("alice").await;
    stage.film("d600_a").await;
    // That it is in the list is told before that it plays.
    until("it plays", || async {
        let current = stage.ask(json!({"command": "state.current"})).await;
        current["data"].to_string().contains("d600_a")
    })
    .await;
    let client = &stage.client;
    let mut events = client
        .subscribe("kryten.events.cytube.grindhouse420.*")
        .await
        .unwrap();
    stage.done("seek", json!({"time": 300})).await;
    stage.done("pause", json!({})).await;
    stage.done("assignLeader", json!({"name": "ALICE"})).await;
    assert_eq!(stage.state().await["leader"], "alice");
    stage.done("play", json!({})).await;
    assert_eq!(
        stage.state().await["leader"],
        "alice",
        "who led leads again"
    );
    stage.done("assignLeader", json!({"name": ""})).await;
    assert_eq!(stage.state().await["leader"], Value::Null);

    let mut seen = Vec::new();
    until("all that the channel was told is published", || {
        use futures_util::FutureExt;
        use futures_util::StreamExt;
        while let Some(Some(message)) = events.next().now_or_never() {
            let event: Value = serde_json::from_slice(&message.payload).unwrap();
            let name = event["event_name"].as_str().unwrap_or_default().to_owned();
            if name == "setLeader" || name == "mediaUpdate" {
                seen.push((name, event["payload"].clone()));
            }
        }
        let leaders = seen.iter().filter(|(name, _)| name == "setLeader").count();
        async move { leaders == 8 }
    })
    .await;
    let update = |paused: bool, at: Option<f64>| {
        seen.iter().any(|(name, payload)| {
            name == "mediaUpdate"
                && payload["paused"] == paused
                && at.is_none_or(|at| payload["currentTime"].as_f64() == Some(at))
        })
    };
    assert!(update(false, Some(300.0)) && update(true, None), "{seen:?}");
    let leaders: Vec<_> = seen
        .iter()
        .filter(|(name, _)| name == "setLeader")
        .map(|(_, who)| who.as_str().unwrap())
        .collect();
    assert_eq!(
        leaders,
        [
            "KrytenBot",
            "",
            "KrytenBot",
            "",
            "alice",
            "KrytenBot",
            "alice",
            ""
        ]
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_typed_client_works_the_playlist() {
    let stage = Stage::new().await;
    let commander = stage.commander();
    let media = |id: &str| Video::Media {
        kind: "yt".to_owned(),
        id: id.to_owned(),
    };
    let a = commander
        .queue(media("d60_a"), Position::End, false)
        .await
        .unwrap()
        .unwrap();
    let b = commander
        .queue(media("d60_b"), Position::End, false)
        .await
        .unwrap()
        .unwrap();
    commander.move_item(b, After::Prepend).await.unwrap();
    assert_eq!(stage.uids().await, [b, a]);
    commander.jump(b).await.unwrap();
    commander.delete(a).await.unwrap();
    assert_eq!(stage.uids().await, [b]);
    let error = commander
        .queue(media("err_x"), Position::Next, true)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "Video not found");
    let level = commander.user_level().await.unwrap();
    assert_eq!((level.rank, level.username.as_str()), (3.0, "KrytenBot"));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_to_skip_counts() {
    let stage = Stage::new().await;
    stage.film("d600_a").await;
    stage.film("d600_b").await;
    stage.done("voteskip", json!({})).await;
    stage.end().await;
}

use kryten_client::KvError;
use kryten_client::state::StateError;
use kryten_protocol::state::StateBucket;
use serde_json::json;

use crate::fixture::{bucket, server_and_client};

#[tokio::test]
async fn what_the_robot_keeps_of_a_channel_is_read_typed() {
    let (_server, client) = server_and_client().await;
    let state = client.channel_state("cytu.be", "420Grindhouse");
    let missing = state.users().await;
    assert!(
        matches!(&missing, Err(StateError::Kv(KvError::BucketMissing { bucket })) if bucket == "kryten_420Grindhouse_userlist"),
        "{missing:?}"
    );
    for which in StateBucket::ALL {
        bucket(&client, &which.name("420Grindhouse")).await;
    }
    assert_eq!(state.users().await.unwrap(), []);
    assert_eq!(state.current_media().await.unwrap(), None);
    assert_eq!(state.motd().await.unwrap(), "");

    let users = bucket(&client, "kryten_420Grindhouse_userlist").await;
    let leader = json!([{"name": "bob", "rank": 1.5, "profile": {}, "meta": {"afk": true}}]);
    users.put_json("users", &leader).await.unwrap();
    let emotes = bucket(&client, "kryten_420Grindhouse_emotes").await;
    let list = json!([{"name": "#kappa", "image": "https://example.com/k.png"}]);
    emotes.put_json("list", &list).await.unwrap();
    let playlist = bucket(&client, "kryten_420Grindhouse_playlist").await;
    let film = json!({"type": "yt", "id": "x", "title": "A film", "seconds": 60.5});
    let items = json!([{"media": film, "uid": 0, "temp": true, "queueby": "bob"}]);
    playlist.put_json("items", &items).await.unwrap();
    let mut playing = film.clone();
    playing["uid"] = json!(0);
    playlist.put_json("current", &playing).await.unwrap();
    let room = bucket(&client, "kryten_420Grindhouse_state").await;
    room.put_text("motd", "<b>h\u{e9}llo</b>").await.unwrap();
    room.put_json("permissions", &json!({"chat": 0}))
        .await
        .unwrap();

    let bob = &state.users().await.unwrap()[0];
    assert_eq!((bob.rank, bob.is_afk()), (1.5, true));
    assert_eq!(state.emotes().await.unwrap()[0].name, "#kappa");
    assert_eq!(state.playlist().await.unwrap()[0].media.seconds, 60.5);
    let now = state.current_media().await.unwrap().unwrap();
    assert_eq!((now.media.title.as_str(), now.uid), ("A film", Some(0)));
    assert_eq!(state.motd().await.unwrap(), "<b>h\u{e9}llo</b>");
    assert_eq!(
        (state.css().await.unwrap(), state.js().await.unwrap()),
        Default::default()
    );
    assert_eq!(state.permissions().await.unwrap()["chat"], 0);
    assert!(state.options().await.unwrap().is_empty());

    // Our robot says null when nothing plays; anything else is an error, not an empty channel.
    playlist.put_text("current", "null").await.unwrap();
    assert_eq!(state.current_media().await.unwrap(), None);
    users.put_text("users", "7").await.unwrap();
    let odd = state.users().await;
    assert!(
        matches!(odd, Err(StateError::Kv(KvError::WrongKind { .. }))),
        "{odd:?}"
    );
}

#[tokio::test]
async fn a_channel_in_lower_case_finds_the_bucket_that_is_there() {
    let (_server, client) = server_and_client().await;
    bucket(&client, "cytube_cytu_be_lounge_userlist").await;
    let state = client.channel_state("cytu.be", "Lounge");
    assert_eq!(state.users().await.unwrap(), []);
}

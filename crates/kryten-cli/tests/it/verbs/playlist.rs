//! `kryten playlist` and `kryten list`.

use kryten_testkit::TestChannel;
use serde_json::{Value, json};

use super::{json as printed_json, printed, refused, run, start, state};

async fn items(channel: &TestChannel) -> Vec<Value> {
    state(channel).await["items"].as_array().unwrap().clone()
}

async fn uids(channel: &TestChannel) -> Vec<i64> {
    let items = items(channel).await;
    items
        .iter()
        .map(|item| item["uid"].as_i64().unwrap())
        .collect()
}

async fn ids(channel: &TestChannel) -> Vec<String> {
    let id = |item: &Value| item["media"]["id"].as_str().unwrap().to_owned();
    items(channel).await.iter().map(id).collect()
}

#[tokio::test]
async fn videos_are_added_one_by_one_and_from_a_file() {
    let channel = start().await;
    let added = printed(
        &channel,
        &["playlist", "add", "https://youtu.be/d60_theone"],
    )
    .await;
    assert_eq!(
        added,
        format!(
            "✓ Added yt:d60_theone to end of playlist in {}\n",
            channel.name()
        )
    );
    let last = items(&channel).await.pop().unwrap();
    assert_eq!(
        (&last["media"]["id"], &last["temp"]),
        (&json!("d60_theone"), &json!(true))
    );
    let added = printed_json(
        &channel,
        &["playlist", "add", "yt:d61_theone", "--keep", "--json"],
    )
    .await;
    let last = items(&channel).await.pop().unwrap();
    assert_eq!(last["temp"], false);
    assert_eq!(
        added,
        json!([{"type": "yt", "id": "d61_theone", "uid": last["uid"]}])
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("films.txt");
    std::fs::write(
        &file,
        "\u{feff}# films\nd62_theone1\n\nerr_theone2\nd63_theone3\n",
    )
    .unwrap();
    let ran = run(&channel, &["playlist", "addnext", file.to_str().unwrap()]).await;
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.out,
        format!(
            "✓ Adding 3 video(s) from file to play next in {}\n  ✓ Added yt:d63_theone3\n  ✓ Added yt:d62_theone1\n",
            channel.name()
        )
    );
    assert!(ran.err.starts_with("error: err_theone2: "), "{}", ran.err);
    assert!(
        ran.err
            .ends_with("error: 2 of 3 were added; mend the others and add them again\n"),
        "{}",
        ran.err
    );
    let ids = ids(&channel).await;
    let at = |id: &str| ids.iter().position(|other| other == id).unwrap();
    assert_eq!(
        at("d62_theone1") + 1,
        at("d63_theone3"),
        "they play in the file's order"
    );
    channel.shutdown().await;
}

#[tokio::test]
async fn items_are_named_by_position_or_uid() {
    let channel = start().await;
    let before = uids(&channel).await;
    let moved = printed(&channel, &["playlist", "move", "1", "3"]).await;
    assert!(
        moved.starts_with(&format!("✓ Moved media 1 after 3 in {}: ", channel.name())),
        "{moved}"
    );
    let after = uids(&channel).await;
    assert_eq!((after[0], after[2]), (before[1], before[0]));
    printed(&channel, &["playlist", "move", "3", "prepend"]).await;
    assert_eq!(uids(&channel).await, before);
    let uid = before[4].to_string();
    printed(&channel, &["playlist", "settemp", &uid, "true"]).await;
    assert_eq!(items(&channel).await[4]["temp"], true);
    let jumped = printed(&channel, &["playlist", "jump", &uid]).await;
    assert_eq!(
        jumped,
        format!("✓ Jumped to media {uid} in {}\n", channel.name())
    );
    let queue = printed(&channel, &["list", "queue"]).await;
    assert!(
        queue.starts_with(&format!("{} Playlist (5 items):\n", channel.name())),
        "{queue}"
    );
    let title = items(&channel).await[1]["media"]["title"]
        .as_str()
        .unwrap()
        .to_owned();
    let deleted = printed(&channel, &["playlist", "del", "2"]).await;
    assert_eq!(
        deleted,
        format!("✓ Deleted position 2 (UID {}): {title}\n", before[1])
    );
    let last = before[3].to_string();
    printed(&channel, &["playlist", "del", &last, "--uid"]).await;
    assert_eq!(uids(&channel).await, [before[0], before[2], before[4]]);
    let outside = refused(&channel, &["playlist", "del", "9"]).await;
    assert!(
        outside.contains("Position 9 out of range (playlist has 3 items)"),
        "{outside}"
    );
    printed(&channel, &["playlist", "next"]).await;
    printed(&channel, &["playlist", "shuffle"]).await;
    printed(&channel, &["playlist", "clear"]).await;
    assert_eq!(uids(&channel).await, Vec::<i64>::new());
    assert_eq!(
        printed(&channel, &["list", "queue"]).await,
        "Playlist is empty.\n"
    );
    channel.shutdown().await;
}

#[tokio::test]
async fn lists_are_tables_and_json() {
    let channel = start().await;
    let users = printed(&channel, &["list", "users"]).await;
    assert!(
        users.starts_with(&format!("{} Users (4 online):\n", channel.name())),
        "{users}"
    );
    for name in ["alice", "bob", "carol", "KrytenBot"] {
        assert!(users.contains(name), "{users}");
    }
    let users = printed_json(&channel, &["list", "users", "--json"]).await;
    assert_eq!(users.as_array().unwrap().len(), 4);
    let queue = printed_json(&channel, &["list", "--json", "queue"]).await;
    assert_eq!(queue.as_array().unwrap().len(), 5);
    let emotes = printed_json(&channel, &["list", "emotes", "--json"]).await;
    assert!(emotes.is_array(), "{emotes}");
    assert!(!printed(&channel, &["list", "emotes"]).await.is_empty());
    channel.shutdown().await;
}

//! Looking around in buckets: trees, changes, watches; and that looking changes nothing.

use std::process::Stdio;

use kryten_client::Client;
use kryten_client::kv::{BucketConfig, KvBucket};
use kryten_protocol::state::list;
use kryten_servers::NatsServer;
use serde_json::{Value, json};

use crate::program::{kryten, printed, run};
use crate::rig::nats_config;

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn a_tree_shows_keys_by_prefix_with_counts_and_sizes() {
    let server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "notes"]);
    assert_eq!(
        printed(&server, &["kv", "tree", "notes"]),
        "notes  0 keys, 0 B\n"
    );
    for (key, value) in [
        ("user:bob", "12345"),
        ("user:ann", "1"),
        ("a.b.c", ""),
        ("plain", "x"),
    ] {
        printed(&server, &["kv", "put", "notes", key, value]);
    }
    insta::assert_snapshot!(printed(&server, &["kv", "tree", "notes"]), @r"
    notes  4 keys, 7 B
    ├─ a.b.c  0 B
    ├─ plain  1 B
    └─ user:  2 keys, 6 B
       ├─ ann  1 B
       └─ bob  5 B
    ");
    insta::assert_snapshot!(printed(&server, &["kv", "tree", "notes", "user:", "--separators", ""]), @r"
    notes  2 keys, 6 B
    ├─ user:ann  1 B
    └─ user:bob  5 B
    ");
    assert_eq!(
        json_of(&printed(
            &server,
            &["kv", "tree", "notes", "--json", "--depth", "1"]
        )),
        json!({
            "bucket": "notes", "keys": 4, "bytes": 7, "children": {
                "a.": {"keys": 1, "bytes": 0},
                "plain": {"keys": 1, "bytes": 1, "value": {"bytes": 1}},
                "user:": {"keys": 2, "bytes": 6},
            }
        })
    );
    let long = printed(&server, &["kv", "ls", "--long"]);
    assert_eq!(long.lines().count(), 2);
    assert!(long.contains("notes"), "{long}");
}

#[tokio::test]
async fn a_list_in_parts_is_shown_as_a_list_and_read_whole() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let bucket = KvBucket::open_or_create(&client, BucketConfig::new("films"))
        .await
        .unwrap();
    let films: Vec<Value> = (0..3000)
        .map(|uid| json!({"uid": uid, "title": "a long title of a film"}))
        .collect();
    let whole = serde_json::to_string(&films).unwrap();
    let layout = list::split(&whole, "7", list::Limits::default()).unwrap();
    assert!(layout.parts.len() > 1);
    for part in &layout.parts {
        bucket
            .put_text(&list::part_key("items", &part.name), &part.json)
            .await
            .unwrap();
    }
    bucket
        .put_text(&list::manifest_key("items"), &layout.manifest)
        .await
        .unwrap();
    bucket.put_text("items", "").await.unwrap();

    let tree = printed(&server, &["kv", "tree", "films"]);
    let told = format!(
        "└─ items  {} kB, a list of 3000 in {} parts",
        (whole.len() + 500) / 1000,
        layout.parts.len()
    );
    assert!(tree.contains(&told), "{tree} {told}");
    assert_eq!(tree.lines().count(), 2);
    let parts = printed(&server, &["kv", "tree", "films", "--parts"]);
    assert!(parts.lines().count() > 2);

    assert_eq!(
        printed(&server, &["kv", "get", "films", "items", "--list"]),
        format!("{whole}\n")
    );
    let bare = run(&server, &["kv", "get", "films", "items"]);
    assert_eq!((bare.code, bare.out.as_str()), (0, "\n"));
    assert!(bare.err.contains("--list"), "{bare:?}");
    assert_eq!(
        run(&server, &["kv", "get", "films", "none", "--list"]).code,
        1
    );
}

#[tokio::test]
async fn history_shows_what_changed_from_revision_to_revision() {
    let server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "notes", "--history", "5"]);
    for value in [r#"{"rank":1,"name":"bob"}"#, r#"{"name":"bob","rank":2}"#] {
        printed(&server, &["kv", "put", "notes", "bob", value]);
    }
    printed(&server, &["kv", "del", "notes", "bob"]);
    let shown = printed(&server, &["kv", "history", "notes", "bob", "--diff"]);
    let without_times: Vec<&str> = shown
        .lines()
        .map(|line| line.split_once("  2").map_or(line, |(before, _)| before))
        .collect();
    insta::assert_snapshot!(without_times.join("\n"), @r#"
    revision 1  put
    + {
    +   "name": "bob",
    +   "rank": 1
    + }
    revision 2  put
      {
        "name": "bob",
    -   "rank": 1
    +   "rank": 2
      }
    revision 3  delete
    "#);
    let json = json_of(&printed(
        &server,
        &["kv", "history", "notes", "bob", "--json"],
    ));
    assert_eq!(json[1]["value"]["rank"], 2);
    assert_eq!(json[2]["operation"], "delete");
    let none = run(&server, &["kv", "history", "notes", "nobody"]);
    assert_eq!(none.code, 1);
    assert!(
        none.err.contains("knows nothing of a key \"nobody\""),
        "{none:?}"
    );
}

#[tokio::test]
async fn a_watch_of_a_prefix_ends_after_so_many_changes() {
    let server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "notes"]);
    printed(&server, &["kv", "put", "notes", "user:old", "1"]);
    printed(&server, &["kv", "put", "notes", "else", "1"]);
    assert_eq!(
        printed(&server, &["kv", "watch", "notes", "user:", "--count", "1"]),
        "put\tuser:old\t1\n"
    );
    let mut watch = kryten(&server)
        .args([
            "kv",
            "watch",
            "notes",
            "user:",
            "--changes",
            "--count",
            "2",
            "--json",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    use std::io::{BufRead, BufReader};
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), r#"{"ready":true}"#);
    printed(&server, &["kv", "put", "notes", "else", "2"]);
    printed(&server, &["kv", "put", "notes", "user:new", "2"]);
    printed(&server, &["kv", "del", "notes", "user:old"]);
    let rest: Vec<Value> = lines.map(|line| json_of(&line.unwrap())).collect();
    let keys: Vec<_> = rest.iter().map(|line| &line["key"]).collect();
    assert_eq!(keys, ["user:new", "user:old"]);
    assert!(watch.wait().unwrap().success());
}

#[tokio::test]
async fn looking_around_writes_nothing_and_purging_everything_asks() {
    let server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "notes", "--json"]);
    printed(&server, &["kv", "put", "notes", "a", "1"]);
    printed(&server, &["kv", "put", "notes", "b", "2"]);
    let revision =
        || json_of(&printed(&server, &["kv", "info", "notes", "--json"]))["last_revision"].clone();
    let before = revision();
    for look in [
        &["kv", "ls"][..],
        &["kv", "ls", "-l", "--json"],
        &["kv", "get", "notes", "a"],
        &["kv", "keys", "notes"],
        &["kv", "tree", "notes"],
        &["kv", "dump", "notes", "a"],
        &["kv", "history", "notes", "a"],
        &["kv", "watch", "notes", "--count", "2"],
        &["kv", "export", "notes"],
        &["kv", "import", "notes", "--dry-run"],
    ] {
        printed(&server, look);
    }
    assert_eq!(revision(), before);

    let refused = run(&server, &["kv", "purge", "notes", "--all"]);
    assert_eq!(refused.code, 1);
    assert_eq!(
        refused.err,
        "error: this removes all 2 keys of the bucket notes and their history for good; give --yes to do it\n"
    );
    assert_eq!(printed(&server, &["kv", "keys", "notes"]), "a\nb\n");
    assert_eq!(run(&server, &["kv", "purge", "notes"]).code, 2);
    assert_eq!(
        run(&server, &["kv", "purge", "notes", "a", "--all", "--yes"]).code,
        2
    );
    let purged = json_of(&printed(
        &server,
        &["kv", "purge", "notes", "--all", "--yes", "--json"],
    ));
    assert_eq!(purged, json!({"bucket": "notes", "removed_values": 2}));
    assert_eq!(printed(&server, &["kv", "keys", "notes"]), "");
}

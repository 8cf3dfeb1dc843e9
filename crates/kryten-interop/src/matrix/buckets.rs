//! What writing to a bucket sends, and what reading a channel's state gives.

use anyhow::Context;
use kryten_client::KvBucket;
use kryten_client::kv::BucketConfig;
use kryten_protocol::state::StateBucket;
use serde_json::{Value, json};

use super::{CHANNEL, DOMAIN, Matrix, Otherwise, SAME};
use crate::checks::same;

/// Two settings differ; the others are defaults that only one of the libraries says.
const CREATED: Otherwise = Otherwise::in_members(
    &[
        "/allow_direct",
        "/allow_msg_ttl",
        "/consumer_limits",
        "/deny_purge",
        "/discard_new_per_subject",
        "/max_bytes",
        "/no_ack",
        "/retention",
        "/sealed",
        "/storage",
    ],
    "values are read without a detour, and keys have a life of their own only where asked for",
);

pub(super) async fn run(matrix: &mut Matrix<'_>) {
    if let Err(error) = written(matrix).await {
        matrix
            .report
            .add("buckets are there for the matrix", Err(error));
    }
    let name = "KrytenClient.get_state_… read what our reader reads";
    let read = state(matrix).await;
    for method in [
        "playlist_items",
        "current_media",
        "current_uid",
        "motd",
        "channel_css",
        "channel_js",
    ] {
        matrix
            .compared
            .insert(format!("KrytenClient.get_state_{method}"));
    }
    matrix.report.add(name, read);
}

async fn written(matrix: &mut Matrix<'_>) -> anyhow::Result<()> {
    let client = matrix.sides.rust.clone();
    let name = "interop_wire";
    let bucket = KvBucket::open_or_create(&client, BucketConfig::new(name)).await?;
    let value = json!({"name": "B\u{f6}b \u{2603}", "points": 7});
    let as_json = json!({"args": [name, "users.bob", value], "as_json": true});
    matrix
        .client(
            "kv_put",
            as_json,
            SAME,
            bucket.put_json("users.bob", &value),
        )
        .await;
    let text = "h\u{e9}llo";
    let as_text = json!([name, "users.bob", text]);
    matrix
        .client("kv_put", as_text, SAME, bucket.put_text("users.bob", text))
        .await;
    matrix
        .client(
            "kv_delete",
            json!([name, "users.bob"]),
            SAME,
            bucket.delete("users.bob"),
        )
        .await;

    for (method, call) in [
        (
            "KrytenClient.get_or_create_kv_store",
            json!({"do": "call", "on": "client", "method": "get_or_create_kv_store"}),
        ),
        (
            "KrytenClient.get_or_create_kv_bucket",
            json!({"do": "call", "on": "client", "method": "get_or_create_kv_bucket"}),
        ),
        ("get_or_create_kv_store", json!({"do": "create"})),
    ] {
        let made = BucketConfig {
            description: "made".to_owned(),
            ..BucketConfig::new("interop_made")
        };
        let call = match call["do"].as_str() {
            Some("create") => super::with(
                call,
                json!({"bucket": "interop_made", "description": "made"}),
            ),
            _ => super::with(call, json!(["interop_made", "made"])),
        };
        let ours = async {
            client.jetstream().delete_key_value("interop_made").await?;
            KvBucket::open_or_create(&client, made).await?;
            client.jetstream().delete_key_value("interop_made").await?;
            anyhow::Ok(())
        };
        matrix.row(method, call, CREATED, ours).await;
    }
    let open = json!({"do": "open", "bucket": name});
    matrix.sides.python.ask(open).await?;
    let put =
        json!({"do": "put", "bucket": name, "key": "k", "value": {"json": value}, "as_json": true});
    matrix
        .row("kv_put", put, SAME, bucket.put_json("k", &value))
        .await;
    let delete = json!({"do": "delete", "bucket": name, "key": "k"});
    matrix
        .row("kv_delete", delete, SAME, bucket.delete("k"))
        .await;
    Ok(())
}

/// The channel's buckets with values as the robot writes them, read by both.
async fn state(matrix: &mut Matrix<'_>) -> anyhow::Result<()> {
    let client = matrix.sides.rust.clone();
    let bucket = async |which: StateBucket| {
        KvBucket::open_or_create(&client, BucketConfig::new(which.name(CHANNEL))).await
    };
    let film = json!({"type": "yt", "id": "x", "title": "T\u{ef}tle", "seconds": 60, "uid": 0});
    let playlist = bucket(StateBucket::Playlist).await?;
    let items = json!([{"media": film, "uid": 0, "temp": true, "queueby": "bob"}]);
    playlist.put_json("items", &items).await?;
    playlist.put_json("current", &film).await?;
    let room = bucket(StateBucket::State).await?;
    for key in ["motd", "css", "js"] {
        room.put_text(key, &format!("{key} \u{2603}")).await?;
    }
    let python = async |matrix: &mut Matrix<'_>, what: &str| {
        let ask = json!({"do": "state", "what": what, "channel": CHANNEL, "domain": DOMAIN});
        matrix.sides.python.ask(ask).await
    };
    let ours = client.channel_state(DOMAIN, CHANNEL);
    let theirs: Value = python(matrix, "playlist_items").await?;
    let read = ours.playlist().await?;
    same(
        theirs[0]["media"]["title"].as_str(),
        Some(read[0].media.title.as_str()),
    )?;
    let theirs = python(matrix, "current_media").await?;
    let now = ours.current_media().await?.context("something plays")?;
    same(theirs["id"].as_str(), Some(now.media.id.as_str()))?;
    let theirs = python(matrix, "current_uid").await?;
    same(
        theirs.as_str().map(str::to_owned),
        now.uid.map(|uid| uid.to_string()),
    )?;
    same(python(matrix, "motd").await?, json!(ours.motd().await?))?;
    same(
        python(matrix, "channel_css").await?,
        json!(ours.css().await?),
    )?;
    same(python(matrix, "channel_js").await?, json!(ours.js().await?))
}

//! `kryten stats` and `kryten userstats all`, against what was counted.

use serde_json::json;

use super::{json as printed_json, printed, refused, start};

#[tokio::test]
async fn what_is_counted_is_told_in_every_form() {
    let channel = start().await;
    assert_eq!(
        printed(&channel, &["stats", "leaderboard", "kudos"]).await,
        "Nobody has given kudos in any channel yet.\n"
    );
    for text in ["one", "two", "++bob"] {
        channel.say("alice", text).await;
    }
    channel.counted().await;

    let alice = printed_json(
        &channel,
        &[
            "stats",
            "user",
            "alice",
            "--channel",
            channel.name(),
            "--json",
        ],
    )
    .await;
    assert_eq!(
        (&alice["username"], &alice["messages"]),
        (&json!("alice"), &json!(3))
    );
    let alice = printed(
        &channel,
        &["--channel", channel.name(), "stats", "user", "ALICE"],
    )
    .await;
    assert!(
        alice.contains(&format!("lines in {}", channel.name())),
        "{alice}"
    );
    let part = printed(&channel, &["stats", "user", "bob", "kudos"]).await;
    assert_eq!(part, "bob has 1 kudos by ++.\n");
    for part in ["messages", "activity", "profile"] {
        assert!(
            !printed(&channel, &["stats", "user", "alice", part])
                .await
                .is_empty()
        );
    }
    for arguments in [
        &["stats", "user", "nobody"][..],
        &["stats", "user", "nobody", "kudos", "--json"],
    ] {
        let unknown = refused(&channel, arguments).await;
        assert!(
            unknown.starts_with("error: no user nobody was ever seen"),
            "{unknown}"
        );
    }

    let top = printed_json(
        &channel,
        &["stats", "channel", "top", "--json", "--limit", "1"],
    )
    .await;
    assert_eq!(top["top_users"], json!([{"username": "alice", "count": 3}]));
    let top = printed(&channel, &["stats", "channel", "top"]).await;
    assert!(
        top.contains("alice") && !top.contains('█'),
        "a pipe gets no bars: {top}"
    );
    for board in ["messages", "kudos", "emotes"] {
        let data = printed_json(&channel, &["stats", "leaderboard", board, "--json"]).await;
        assert!(data["leaderboard"].is_array(), "{data}");
    }
    let kudos = printed(
        &channel,
        &["stats", "leaderboard", "kudos", "--channel", channel.name()],
    )
    .await;
    assert!(kudos.contains("bob"), "{kudos}");
    for (what, field) in [
        ("population", "history"),
        ("media", "history"),
        ("watermarks", "high"),
        ("hours", "data"),
        ("summary", "population"),
        ("all", "leaderboards"),
    ] {
        let data = printed_json(
            &channel,
            &["stats", "channel", what, channel.name(), "--json"],
        )
        .await;
        assert!(data.get(field).is_some(), "{what}: {data}");
        assert!(
            !printed(&channel, &["stats", "channel", what])
                .await
                .is_empty()
        );
    }
    let votes = printed_json(&channel, &["stats", "channel", "votes", "--json"]).await;
    assert_eq!(votes, json!([]));
    let hours = printed_json(&channel, &["stats", "channel", "hours", "--json"]).await;
    let messages = hours["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hour| hour["messages"].as_i64().unwrap());
    assert_eq!(messages.sum::<i64>(), 3);
    let week = printed(&channel, &["stats", "channel", "hours", "--last", "168"]).await;
    assert!(week.contains(" Mon "), "{week}");
    for (ask, field) in [
        ("ping", "pong"),
        ("health", "status"),
        ("stats", "total_messages"),
    ] {
        let data = printed_json(&channel, &["stats", "system", ask, "--json"]).await;
        assert!(data.get(field).is_some(), "{data}");
        assert!(
            !printed(&channel, &["stats", "system", ask])
                .await
                .is_empty()
        );
    }

    let report = printed_json(&channel, &["userstats", "all", "--format", "json"]).await;
    assert_eq!(
        report["channel"]["top_users"][0],
        json!({"username": "alice", "count": 3})
    );
    let unlimited = printed_json(
        &channel,
        &[
            "userstats",
            "all",
            "--json",
            "--top-users",
            "-1",
            "--media-history=-1",
            "--leaderboards",
            "-1",
        ],
    )
    .await;
    assert_eq!(
        unlimited["channel"]["top_users"],
        report["channel"]["top_users"]
    );
    let report = printed(&channel, &["userstats", "all", "--top-users", "1"]).await;
    assert!(report.starts_with("Userstats Channel Report"), "{report}");
    channel.shutdown().await;
}

#[tokio::test]
async fn aliases_and_phrases_are_changed_and_count_at_once() {
    let channel = start().await;
    let added = printed(&channel, &["stats", "alias", "add", "alice", "Ally"]).await;
    assert_eq!(added, "✓ Added alias 'Ally' for user 'alice'\n");
    let taken = refused(&channel, &["stats", "alias", "add", "bob", "ally"]).await;
    assert!(
        taken.contains("already assigned to user 'alice'"),
        "{taken}"
    );
    assert_eq!(
        printed(&channel, &["stats", "alias", "find", "ALLY"]).await,
        "alice\n"
    );
    printed(&channel, &["stats", "alias", "update", "ally", "lia"]).await;
    assert_eq!(
        printed(&channel, &["stats", "alias", "get", "alice"]).await,
        "lia\n"
    );
    let list = printed_json(&channel, &["stats", "alias", "list", "--json"]).await;
    assert_eq!(list["aliases"], json!({"alice": ["lia"]}));
    printed(&channel, &["stats", "alias", "delete", "alice", "lia"]).await;
    assert!(
        printed(&channel, &["stats", "alias", "list"])
            .await
            .starts_with("Nobody has an alias")
    );

    let added = printed(&channel, &["stats", "phrase", "add", "Bravo"]).await;
    assert_eq!(added, "✓ Added phrase 'bravo'\n");
    let phrases = printed(&channel, &["stats", "phrase", "list"]).await;
    assert!(phrases.lines().any(|phrase| phrase == "bravo"), "{phrases}");
    // The service takes it when it has looked, before the next line or one after it.
    channel
        .until("bravo thanks bob", async || {
            channel.say("alice", "bravo bob").await;
            channel.counted().await;
            channel.stats("bob").await["kudos_phrases"][0]["phrase"] == "bravo"
        })
        .await;
    printed(&channel, &["stats", "phrase", "delete", "bravo"]).await;
    let gone = refused(&channel, &["stats", "phrase", "delete", "bravo"]).await;
    assert!(gone.contains("Phrase 'bravo' not found"), "{gone}");
    channel.shutdown().await;
}

#[tokio::test]
async fn drift_levels_of_the_log_and_the_past_have_verbs() {
    let channel = start().await;
    channel.say("alice", "one").await;
    channel.counted().await;
    let drift = printed(&channel, &["stats", "system", "drift", "--check"]).await;
    assert!(
        drift.contains("agree") && drift.contains("emotes"),
        "{drift}"
    );
    let drift = printed_json(&channel, &["stats", "system", "drift", "--json"]).await;
    assert_eq!(drift["total"], 0);

    let before = printed_json(&channel, &["loglevel", "userstats", "--json"]).await;
    let module = [
        "loglevel",
        "userstats",
        "debug",
        "--module",
        "kryten_userstats::counting",
    ];
    let told = printed(&channel, &module).await;
    assert!(
        told.ends_with("\n  kryten_userstats::counting from debug on\n"),
        "{told}"
    );
    printed(
        &channel,
        &["loglevel", "userstats", "--reset", "--module", module[4]],
    )
    .await;
    assert_eq!(
        printed_json(&channel, &["loglevel", "userstats", "--json"]).await,
        before
    );
    let told = printed(&channel, &["loglevel", "robot", "warn"]).await;
    assert_eq!(told, "robot logs from warn on\n");
    let sentence = refused(
        &channel,
        &["loglevel", "robot", "info", "--module", "hyper"],
    )
    .await;
    assert!(sentence.contains("one of Kryten's"), "{sentence}");

    // All of it was counted as it came.
    let told = printed(&channel, &["stats", "backfill", "stream"]).await;
    assert!(
        told.contains("0 of them chat lines") || told.starts_with("Nothing was added"),
        "{told}"
    );
    let alice = printed_json(&channel, &["stats", "user", "alice", "--json"]).await;
    assert_eq!(alice["all_messages"][0]["count"], 1);
    let sentence = refused(&channel, &["stats", "backfill", "evening.jsonl"]).await;
    assert!(sentence.contains("backfill.folder"), "{sentence}");
}

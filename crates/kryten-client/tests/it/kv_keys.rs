use std::collections::BTreeMap;

use kryten_client::KvError;

use crate::fixture::{bucket, in_time, server_and_client};

/// Text of every kind that a key may be, the same in each run.
fn odd_keys(count: usize) -> Vec<String> {
    let pieces = [
        "user:bob",
        "a..b",
        ".",
        "..",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\0",
        "\u{7f}",
        "*",
        ">",
        "a.*.b",
        "=20",
        "=3D",
        "=",
        "ünï",
        "東京",
        "😀",
        "\u{a0}",
        "\u{2003}",
        "a b",
        "%20",
        "\\",
        "\"",
        "'",
        "{}",
        "$KV",
        "a@b",
        "a.",
        ".a",
        "x>y",
        "#",
        "&",
        "|",
        "~",
        "^",
        "`",
        "\u{1}",
        "\u{1f}",
        "A-Z_0-9/=.",
    ];
    let mut keys: Vec<String> = pieces.iter().map(ToString::to_string).collect();
    let mut random = 12_345_u64;
    while keys.len() < count {
        let mut key = String::new();
        for _ in 0..=(random >> 60) % 4 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            key.push_str(pieces[usize::try_from(random >> 33).unwrap() % pieces.len()]);
        }
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

#[tokio::test]
async fn a_thousand_odd_keys_round_trip_and_are_listed() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "odd").await;
    let keys = odd_keys(1000);
    let mut expected = BTreeMap::new();
    in_time(async {
        for (number, key) in keys.iter().enumerate() {
            kv.put_text(key, &number.to_string()).await.unwrap();
            expected.insert(key.clone(), number.to_string().into());
        }
        for (key, value) in &expected {
            assert_eq!(kv.get(key).await.unwrap().as_ref(), Some(value), "{key:?}");
        }
    })
    .await;
    assert_eq!(expected.len(), 1000);
    assert!(kv.keys().await.unwrap().iter().eq(expected.keys()));
    assert_eq!(kv.get_all().await.unwrap(), expected);
    for key in keys.iter().step_by(3) {
        kv.delete(key).await.unwrap();
        expected.remove(key);
    }
    assert_eq!(kv.get_all().await.unwrap(), expected);
}

#[tokio::test]
async fn a_key_that_another_program_stored_as_it_is_is_found() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "odd").await;
    // These we would write as a=3D20b and x=3D2Ey, and the second we would not read as an escape.
    for name in ["a=20b", "x=2Ey"] {
        let subject = format!("$KV.odd.{name}");
        client
            .jetstream()
            .publish(subject, "41".into())
            .await
            .unwrap()
            .await
            .unwrap();
    }
    assert_eq!(kv.get("a=20b").await.unwrap().unwrap(), "41");
    assert_eq!(kv.get("a b").await.unwrap().unwrap(), "41");
    assert_eq!(kv.keys().await.unwrap(), ["a b", "x=2Ey"]);
    assert_eq!(kv.incr("x=2Ey", 1).await.unwrap(), 42);
    assert_eq!(kv.keys().await.unwrap(), ["a b", "x=2Ey"]);
    kv.delete("x=2Ey").await.unwrap();
    assert_eq!(kv.get("x=2Ey").await.unwrap(), None);
    assert_eq!(kv.keys().await.unwrap(), ["a b"]);
}

#[tokio::test]
async fn no_key_and_a_key_too_long_are_refused_and_the_longest_is_stored() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "odd").await;
    assert!(matches!(
        kv.put_text("", "x").await,
        Err(KvError::BadKey { .. })
    ));
    assert!(matches!(kv.get("").await, Err(KvError::BadKey { .. })));
    let longest = "k".repeat(4000 - "$KV.odd.".len());
    assert_eq!(kv.incr(&longest, 1).await.unwrap(), 1);
    assert_eq!(kv.incr(&longest, 1).await.unwrap(), 2);
    assert_eq!(
        kv.keys().await.unwrap().as_slice(),
        std::slice::from_ref(&longest)
    );
    assert_eq!(kv.history(&longest).await.unwrap().len(), 1);
    kv.purge(&longest).await.unwrap();
    let error = kv.put_text(&format!("{longest}k"), "x").await.unwrap_err();
    assert!(matches!(error, KvError::BadKey { .. }));
    assert!(
        error.to_string().contains("too long") && error.to_string().len() < 200,
        "{error}"
    );
    let spaces = " ".repeat(1500);
    assert!(matches!(
        kv.put_text(&spaces, "x").await,
        Err(KvError::BadKey { .. })
    ));
}

#[tokio::test]
async fn keys_are_found_by_any_prefix() {
    let (_server, client) = server_and_client().await;
    let kv = bucket(&client, "odd").await;
    for key in [
        "user.bob",
        "user.bob.rank",
        "user.",
        "users",
        "user..x",
        "user b.c",
        "other",
        "user.ann b",
    ] {
        kv.put_text(key, "x").await.unwrap();
    }
    for (prefix, expected) in [
        (
            "user.",
            &[
                "user.",
                "user..x",
                "user.ann b",
                "user.bob",
                "user.bob.rank",
            ][..],
        ),
        ("user.bob.", &["user.bob.rank"]),
        ("user.b", &["user.bob", "user.bob.rank"]),
        ("user b.", &["user b.c"]),
        ("user..", &["user..x"]),
        ("o", &["other"]),
        ("none.", &[]),
    ] {
        assert_eq!(
            kv.keys_with_prefix(prefix).await.unwrap(),
            expected,
            "{prefix:?}"
        );
    }
}

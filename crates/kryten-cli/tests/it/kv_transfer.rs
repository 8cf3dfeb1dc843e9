//! `kryten kv export` and `import`: nothing is lost on the way, and nothing is overwritten unasked.

use std::io::Write;
use std::process::Stdio;

use kryten_client::Client;
use kryten_client::kv::{BucketConfig, KvBucket, PutOptions};
use kryten_servers::NatsServer;
use serde_json::{Value, json};

use crate::program::{Ran, kryten, printed, run};
use crate::rig::nats_config;

fn import(server: &NatsServer, arguments: &[&str], text: &[u8]) -> Ran {
    let mut child = kryten(server)
        .args(["kv", "import"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap().into()
}

#[tokio::test]
async fn any_bytes_and_any_keys_go_round_with_headers_and_lives() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let config = BucketConfig {
        description: "of the test".to_owned(),
        history: 3,
        max_value_size: Some(5000),
        marker_ttl: Some(std::time::Duration::from_secs(60)),
        ..BucketConfig::new("from")
    };
    let from = KvBucket::open_or_create(&client, config).await.unwrap();
    let all_bytes: Vec<u8> = (0..=255).collect();
    let keys = [
        "plain",
        "user:bob",
        "two words\n\t",
        "*",
        ">",
        "a..b",
        ".",
        "=20",
        "a=20b",
        "東京",
        "\u{2003}",
        "\u{1b}[31m",
    ];
    for (at, key) in keys.iter().enumerate() {
        from.put(key, format!("value {at}\r\n")).await.unwrap();
    }
    from.put("bytes", all_bytes).await.unwrap();
    from.put("empty", "").await.unwrap();
    from.put("gone", "x").await.unwrap();
    from.delete("gone").await.unwrap();
    from.incr("count", 7).await.unwrap();
    let mut options = PutOptions::default();
    options.headers.append("Who", "ann");
    options.headers.append("Who", "bob");
    from.put_at("headers", "h", options).await.unwrap();
    from.put_with_ttl("mortal", "m", std::time::Duration::from_secs(3600))
        .await
        .unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("from.jsonl");
    let file = file.to_str().unwrap();
    let exported = run(&server, &["kv", "export", "from", "-o", file]);
    assert_eq!(
        (exported.code, exported.out.as_str()),
        (0, ""),
        "{exported:?}"
    );
    assert!(exported.err.starts_with("17 keys in "), "{exported:?}");
    let again = run(&server, &["kv", "export", "from", "-o", file]);
    assert!(
        again.code == 1 && again.err.contains("is there already"),
        "{again:?}"
    );
    assert_eq!(
        printed(
            &server,
            &["kv", "import", "to", file, "--create", "--dry-run"]
        ),
        "17 would be new\n"
    );
    assert_eq!(run(&server, &["kv", "info", "to"]).code, 1);
    assert_eq!(
        printed(&server, &["kv", "import", "to", file, "--create"]),
        "17 new\n"
    );

    let to = KvBucket::open(&client, "to").await.unwrap();
    assert_eq!(to.get_all().await.unwrap(), from.get_all().await.unwrap());
    let info = to.info().await.unwrap();
    assert_eq!(
        (info.description.as_str(), info.history, info.max_value_size),
        ("of the test", 3, Some(5000))
    );
    let headers = to.entry("headers").await.unwrap().unwrap().headers;
    let who: Vec<_> = headers
        .get_all("Who")
        .map(|value| value.as_str().to_owned())
        .collect();
    assert_eq!(who, ["ann", "bob"]);
    let life = to.entry("mortal").await.unwrap().unwrap().life().unwrap();
    assert!((3000..=3600).contains(&life.as_secs()), "{life:?}");
    assert_eq!(to.entry("plain").await.unwrap().unwrap().life(), None);
    assert_eq!(
        printed(&server, &["kv", "import", "to", file]),
        "0 new, 17 equal already\n"
    );

    let part = printed(&server, &["kv", "export", "from", "user:"]);
    assert_eq!(part.lines().count(), 2);
}

#[tokio::test]
async fn keys_that_are_there_are_overwritten_only_when_asked_to() {
    let server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "notes"]);
    printed(&server, &["kv", "put", "notes", "a", "mine"]);
    let lines = b"{\"key\":\"a\",\"value\":\"theirs\"}\n\n{\"key\":\"b\",\"value\":\"new\"}\n";
    let refused = import(&server, &["notes"], lines);
    assert_eq!(refused.code, 1);
    assert_eq!(
        refused.err,
        "error: the import overwrites 1 of the keys that are there (a); give --force, or --keep to leave them as they \
         are to do it\n"
    );
    assert_eq!(printed(&server, &["kv", "dump", "notes"]), "a\tmine\n");
    let kept = import(&server, &["notes", "-", "--keep", "--json"], lines);
    let told: Value = serde_json::from_str(&kept.out).unwrap();
    assert_eq!(
        told,
        json!({"new": 1, "overwritten": 0, "unchanged": 0, "kept": 1, "dry_run": false})
    );
    assert_eq!(
        printed(&server, &["kv", "dump", "notes"]),
        "a\tmine\nb\tnew\n"
    );
    let forced = import(&server, &["notes", "--force"], lines);
    assert_eq!(forced.out, "0 new, 1 overwritten, 1 equal already\n");
    assert_eq!(printed(&server, &["kv", "get", "notes", "a"]), "theirs\n");
}

#[tokio::test]
async fn what_cannot_be_imported_is_told_with_its_line_and_nothing_is_written() {
    let server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "notes", "--max-value-size", "8"]);
    for (text, told) in [
        (
            "{\"key\":\"a\",\"value\":\"1\"}\nnonsense\n{\"key\":7}\n",
            "line 2: it is no JSON",
        ),
        (
            "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"123456789\"}\n",
            "takes at most 8",
        ),
        (
            "{\"key\":\"a\",\"value\":\"1\",\"ttl_seconds\":5}\n",
            "create one with --marker-ttl",
        ),
    ] {
        let ran = import(&server, &["notes"], text.as_bytes());
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(
            ran.err.contains("nothing was imported") && ran.err.contains(told),
            "{ran:?}"
        );
        assert_eq!(ran.err.lines().count(), 1);
    }
    assert_eq!(printed(&server, &["kv", "keys", "notes"]), "");
    let nowhere = import(&server, &["nowhere"], b"");
    assert!(
        nowhere.code == 1 && nowhere.err.contains("give --create"),
        "{nowhere:?}"
    );
    assert_eq!(
        run(&server, &["kv", "import", "notes", "/no/such/file"]).code,
        1
    );
    assert_eq!(import(&server, &["notes"], b"").out, "0 new\n");
}

//! Buckets and keys: what one side puts, the other reads, whoever created the bucket.

use kryten_client::KvBucket;
use kryten_client::kv::forgiving::{kv_get, kv_get_json};
use kryten_client::kv::{BucketConfig, Operation, PutOptions, WatchItem};
use serde_json::{Value, json};

use super::{Report, Sides, same};
use crate::agent::{bytes, plain};

/// A value that goes both ways, and its name.
struct Sample {
    name: &'static str,
    bytes: &'static [u8],
}

const SAMPLES: [Sample; 5] = [
    Sample {
        name: "text",
        bytes: b"2025-01-01T12:00:00Z",
    },
    Sample {
        name: "text beyond ASCII",
        bytes: "h\u{e9}llo \u{2603} \u{1f600}".as_bytes(),
    },
    Sample {
        name: "bytes that are no text",
        bytes: b"\xff\x00\x01raw\r\n",
    },
    Sample {
        name: "an empty value",
        bytes: b"",
    },
    Sample {
        name: "the text null",
        bytes: b"null",
    },
];

fn structured() -> Value {
    json!({
        "z": 1, "a": [true, null, 1.5, 1e16, -7], "name": "B\u{f6}b \u{2603} \u{1f600}", "": {"nested": []},
        "big": 9_007_199_254_740_993_i64, "\u{7f}": "\t\n\"\\/",
    })
}

pub(crate) async fn run(sides: &mut Sides, report: &mut Report) {
    for maker in ["python", "rust"] {
        let name = format!("kryten_interop_{maker}");
        let made = make(sides, maker, &name).await;
        let kv = match made {
            Ok(kv) => {
                report.add(
                    &format!("{maker} creates a bucket, the other binds"),
                    Ok(()),
                );
                kv
            }
            Err(error) => {
                report.add(
                    &format!("{maker} creates a bucket, the other binds"),
                    Err(error),
                );
                continue;
            }
        };
        let mut check =
            |what: &str, result| report.add(&format!("bucket by {maker}: {what}"), result);
        for sample in &SAMPLES {
            check(
                &format!("python puts {}, rust reads", sample.name),
                python_puts(sides, &kv, sample).await,
            );
            check(
                &format!("rust puts {}, python reads", sample.name),
                rust_puts(sides, &kv, sample).await,
            );
        }
        check(
            "python puts JSON, rust reads",
            python_puts_json(sides, &kv).await,
        );
        check(
            "rust puts JSON, python reads",
            rust_puts_json(sides, &kv).await,
        );
        check(
            "what is missing is missing to both",
            missing(sides, &kv).await,
        );
        check(
            "python deletes, rust sees it",
            python_deletes(sides, &kv).await,
        );
        check(
            "rust deletes and purges, python sees it",
            rust_deletes(sides, &kv).await,
        );
        check(
            "both list the same keys and values",
            listing(sides, &kv).await,
        );
        check(
            "rust counts on what python wrote",
            counting(sides, &kv).await,
        );
        check(
            "a put by python is a conflict to rust",
            conflict(sides, &kv).await,
        );
        check("rust watches what python does", watching(sides, &kv).await);
        check(
            "a key with a colon by rust is listed by python",
            colon(sides, &kv).await,
        );
    }
    report.add(
        "neither binds to a bucket that is not there",
        not_there(sides).await,
    );
    report.add(
        "either leaves the other's configuration alone",
        configuration(sides).await,
    );
}

async fn make(sides: &mut Sides, maker: &str, name: &str) -> anyhow::Result<KvBucket> {
    if maker == "python" {
        sides
            .python
            .ask(json!({"do": "create", "bucket": name, "description": "from Python"}))
            .await?;
        return Ok(KvBucket::open(&sides.rust, name).await?);
    }
    let kv = KvBucket::open_or_create(&sides.rust, BucketConfig::new(name)).await?;
    sides
        .python
        .ask(json!({"do": "open", "bucket": name}))
        .await?;
    Ok(kv)
}

async fn python_puts(sides: &mut Sides, kv: &KvBucket, sample: &Sample) -> anyhow::Result<()> {
    let value = match std::str::from_utf8(sample.bytes) {
        Ok(text) => plain(text),
        Err(_) => bytes(sample.bytes),
    };
    sides
        .python
        .put(kv.name(), "from.python", value, false)
        .await?;
    same(kv.get("from.python").await?.as_deref(), Some(sample.bytes))?;
    // The forgiving form takes an empty value as none, as the original does.
    let forgiving = kv_get(kv, "from.python").await;
    same(
        forgiving.as_deref(),
        Some(sample.bytes).filter(|bytes| !bytes.is_empty()),
    )
}

async fn rust_puts(sides: &mut Sides, kv: &KvBucket, sample: &Sample) -> anyhow::Result<()> {
    kv.put("from/rust", sample.bytes).await?;
    let found = sides
        .python
        .get(kv.name(), "from/rust", json!("default"), false)
        .await?;
    let expected = match sample.bytes {
        b"" => plain("default"),
        value => bytes(value),
    };
    same(found, expected)
}

async fn python_puts_json(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    sides
        .python
        .put(kv.name(), "json", plain(structured()), true)
        .await?;
    same(kv.get_json::<Value>("json").await?, Some(structured()))?;
    sides
        .python
        .put(kv.name(), "json", plain(Value::Null), true)
        .await?;
    same(kv.get_json::<Value>("json").await?, Some(Value::Null))?;
    sides
        .python
        .put(kv.name(), "json", plain("{'rank': 2}"), false)
        .await?;
    anyhow::ensure!(
        kv.get_json::<Value>("json").await.is_err(),
        "what is no JSON was read"
    );
    same(kv_get_json(kv, "json", json!(7)).await, json!(7))
}

async fn rust_puts_json(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    kv.put_json("json", &structured()).await?;
    let found = sides
        .python
        .get(kv.name(), "json", Value::Null, true)
        .await?;
    same(found, plain(structured()))?;
    kv.put_json("json", &41.5).await?;
    let found = sides
        .python
        .get(kv.name(), "json", Value::Null, true)
        .await?;
    same(found, plain(41.5))
}

async fn missing(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    same(kv.get("never").await?, None)?;
    let default = json!({"rank": 0});
    let found = sides
        .python
        .get(kv.name(), "never", default.clone(), true)
        .await?;
    same(found, plain(default.clone()))?;
    same(kv_get_json(kv, "never", default.clone()).await, default)
}

async fn python_deletes(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    kv.put_text("gone", "x").await?;
    let deleted = sides
        .python
        .ask(json!({"do": "delete", "bucket": kv.name(), "key": "gone"}))
        .await?;
    same(deleted, json!(true))?;
    same(kv.get("gone").await?, None)?;
    let entry = kv.entry("gone").await?;
    same(entry.map(|entry| entry.operation), Some(Operation::Delete))?;
    same(kv.incr("gone", 1).await?, 1)
}

async fn rust_deletes(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    for is_purge in [false, true] {
        sides
            .python
            .put(kv.name(), "gone", plain("x"), false)
            .await?;
        match is_purge {
            true => kv.purge("gone").await?,
            false => kv.delete("gone").await?,
        }
        let found = sides
            .python
            .get(kv.name(), "gone", json!("default"), false)
            .await?;
        same(found, plain("default"))?;
    }
    Ok(())
}

async fn listing(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    let mut theirs: Vec<String> = serde_json::from_value(
        sides
            .python
            .ask(json!({"do": "keys", "bucket": kv.name()}))
            .await?,
    )?;
    theirs.sort();
    same(kv.keys().await?, theirs)?;
    let theirs = sides
        .python
        .ask(json!({"do": "get_all", "bucket": kv.name()}))
        .await?;
    let ours: serde_json::Map<String, Value> = kv
        .get_all()
        .await?
        .into_iter()
        // The original leaves empty values out.
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key, bytes(&value)))
        .collect();
    same(Value::Object(ours), theirs)
}

async fn counting(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    sides
        .python
        .put(kv.name(), "count", plain(41), true)
        .await?;
    same(kv.incr("count", 1).await?, 42)?;
    same(
        sides.python.get(kv.name(), "count", json!(0), true).await?,
        plain(42),
    )?;
    sides
        .python
        .put(kv.name(), "count", plain(43.0), true)
        .await?;
    same(kv.incr("count", 1).await?, 44)
}

async fn conflict(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    let revision = kv.put_text("owned", "ours").await?;
    sides
        .python
        .put(kv.name(), "owned", plain("theirs"), false)
        .await?;
    let options = PutOptions {
        expected_revision: Some(revision),
        ..PutOptions::default()
    };
    let put = kv.put_at("owned", "ours again", options).await;
    anyhow::ensure!(
        matches!(put, Err(kryten_client::KvError::WrongRevision { .. })),
        "{put:?}"
    );
    same(kv.get_text("owned").await?, Some("theirs".to_owned()))
}

async fn watching(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    let mut watch = kv.watch().await?;
    while watch.next().await? != WatchItem::Ready {}
    sides
        .python
        .put(kv.name(), "watched", plain("\u{2603}"), false)
        .await?;
    let told = watch.next().await?;
    watch.close().await;
    let WatchItem::Entry(entry) = told else {
        anyhow::bail!("{told:?}");
    };
    same(
        (entry.key.as_str(), entry.value.as_ref()),
        ("watched", "\u{2603}".as_bytes()),
    )
}

async fn colon(sides: &mut Sides, kv: &KvBucket) -> anyhow::Result<()> {
    kv.put_text("user:bob", "here").await?;
    let keys = sides
        .python
        .ask(json!({"do": "keys", "bucket": kv.name()}))
        .await?;
    let is_listed = keys
        .as_array()
        .is_some_and(|keys| keys.contains(&json!("user:bob")));
    kv.purge("user:bob").await?;
    anyhow::ensure!(is_listed, "{keys}");
    Ok(())
}

async fn not_there(sides: &mut Sides) -> anyhow::Result<()> {
    let opened = KvBucket::open(&sides.rust, "kryten_interop_none").await;
    anyhow::ensure!(matches!(
        opened,
        Err(kryten_client::KvError::BucketMissing { .. })
    ));
    let theirs = sides
        .python
        .ask(json!({"do": "open", "bucket": "kryten_interop_none"}))
        .await;
    anyhow::ensure!(theirs.is_err_and(|error| error.to_string().contains("BucketNotFoundError")));
    Ok(())
}

async fn configuration(sides: &mut Sides) -> anyhow::Result<()> {
    let config = BucketConfig {
        description: "ours".to_owned(),
        history: 4,
        ..BucketConfig::new("kryten_interop_owned")
    };
    let kv = KvBucket::open_or_create(&sides.rust, config).await?;
    let create =
        json!({"do": "create", "bucket": kv.name(), "description": "theirs", "max_value_size": 99});
    sides.python.ask(create).await?;
    same(
        (
            kv.info().await?.description.as_str(),
            kv.info().await?.history,
        ),
        ("ours", 4),
    )?;

    let create = json!({"do": "create", "bucket": "kryten_interop_theirs", "max_value_size": 99});
    sides.python.ask(create).await?;
    let config = BucketConfig::new("kryten_interop_theirs");
    let kv = KvBucket::open_or_create(&sides.rust, config).await?;
    same(kv.info().await?.max_value_size, Some(99))?;
    same(kv.differences().len(), 1)
}

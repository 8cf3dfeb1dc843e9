//! Recorded messages, by what they are.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

const NATS: &str = include_str!("../../../fixtures/recordings/robot_nats.jsonl");
const FRAMES: &str = include_str!("../../../fixtures/recordings/cytube_frames.jsonl");
const REQUESTS: &str = include_str!("../../../fixtures/recordings/robot_requests.jsonl");
const EVENTS: &str = include_str!("../../kryten-protocol/tests/fixtures/event_vectors.json");
const REPLIES: &str = include_str!("../../kryten-protocol/tests/fixtures/userstats_replies.json");
const SUBJECTS: &str = include_str!("../../kryten-protocol/tests/fixtures/subject_vectors.json");
const CONFIGS: [&str; 2] = [
    include_str!("../../../config/robot.json"),
    include_str!("../../../config/userstats.json"),
];
/// Larger messages would make every case slow and show nothing new.
const LARGEST: usize = 6_000;
/// So many of each kind are enough to mangle.
const OF_EACH: usize = 8;

/// Events of every name.
pub(crate) static ENVELOPES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let recorded = lines(NATS).filter(|line| subject(line).starts_with("kryten.events."));
    let recorded = recorded.map(|line| line["json"].clone());
    let vectors = cases(EVENTS, "cases").map(|case| case["raw"].clone());
    varied(recorded.chain(vectors), |event| {
        event["event_name"].to_string()
    })
});

/// Lifecycle messages and gaps.
pub(crate) static LIFECYCLE: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let recorded = lines(NATS).filter(|line| subject(line).starts_with("kryten.lifecycle."));
    let gap = serde_json::json!({
        "domain": "cytu.be", "channel": "Lounge", "reason": "absent", "from": "2026-11-22T16:20:34.019753+00:00",
        "to": "2026-11-22T16:21:34+00:00", "chat_complete": true, "lost": 7
    });
    recorded
        .map(|line| line["json"].clone())
        .chain([gap])
        .collect()
});

/// Requests, and replies of both services.
pub(crate) static COMMANDS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let body = |line: &Value| serde_json::from_str(line["body"].as_str()?).ok();
    let robot = lines(REQUESTS).flat_map(|line| [body(&line), Some(line["reply"].clone())]);
    let userstats = cases(REPLIES, "pairs")
        .flat_map(|pair| [Some(pair["request"].clone()), Some(pair["reply"].clone())]);
    varied(robot.chain(userstats).flatten(), |message| {
        format!("{}{}", message["command"], message.get("success").is_some())
    })
});

/// Texts of the socket.
pub(crate) static SOCKET: LazyLock<Vec<String>> = LazyLock::new(|| {
    let raw = lines(FRAMES).filter_map(|line| Some(line["raw"].as_str()?.to_owned()));
    let short = raw.filter(|text| text.len() <= LARGEST);
    varied(short, |text| text.chars().take(12).collect())
});

/// Configurations, with every key of every schema.
pub(crate) static CONFIGURATIONS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut all: Vec<Value> = CONFIGS
        .iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect();
    let keys: &[(&str, Value)] = &[
        (
            "servers",
            serde_json::json!([
                "nats://bob:S3CRET-MARKER@localhost:4222",
                "tls://S3CRET-MARKER@host"
            ]),
        ),
        ("password", "S3CRET-MARKER".into()),
        ("token", "S3CRET-MARKER".into()),
        ("nkey_seed", "S3CRET-MARKER".into()),
        ("connect_timeout", 2.5.into()),
        ("jetstream_domain", "hub".into()),
    ];
    let mut secret = all[0].clone();
    for (key, value) in keys {
        secret["nats"][*key] = value.clone();
    }
    secret["cytube"]["password"] = "S3CRET-MARKER".into();
    all.push(secret);
    all
});

/// Names that others found troublesome.
pub(crate) static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let inputs = cases(SUBJECTS, "normalize_token");
    let mut names: Vec<String> = inputs
        .filter_map(|case| Some(case["input"].as_str()?.to_owned()))
        .collect();
    names.extend(
        [
            "user:bob",
            "a..b",
            "*",
            ">",
            "=2E",
            "a=41",
            ".",
            "kryten.events.cytube.be.x",
        ]
        .map(str::to_owned),
    );
    names
});

fn lines(text: &'static str) -> impl Iterator<Item = Value> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
}

fn subject(line: &Value) -> &str {
    line["subject"].as_str().unwrap_or_default()
}

fn cases(text: &'static str, name: &'static str) -> impl Iterator<Item = Value> {
    let whole: Value = serde_json::from_str(text).unwrap_or_default();
    let cases = whole[name].as_array().cloned().unwrap_or_default();
    cases.into_iter()
}

/// A few of each kind, and none that is large.
fn varied<T: ToString>(all: impl Iterator<Item = T>, kind: impl Fn(&T) -> String) -> Vec<T> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    all.filter(|one| one.to_string().len() <= LARGEST)
        .filter(|one| {
            let count = seen.entry(kind(one)).or_default();
            *count += 1;
            *count <= OF_EACH
        })
        .collect()
}

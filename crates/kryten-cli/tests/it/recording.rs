//! `kryten record` and `kryten replay`: the bus into a file and back.

use std::path::Path;

use kryten_client::round_trip::round_trip;
use kryten_client::{Client, EventStream, StoredMessage};
use kryten_servers::NatsServer;
use kryten_testkit::TestChannel;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::process::{Process, kryten, until};
use crate::program::{Ran, run};
use crate::rig::nats_config;

async fn stored(client: &Client) -> Vec<StoredMessage> {
    let stream = EventStream::open(client).await.unwrap();
    stream.messages_from("kryten.events.>", 1).await.unwrap()
}

fn at(url: &str, arguments: &[&str]) -> Ran {
    kryten()
        .args(["--nats", url])
        .args(arguments)
        .output()
        .unwrap()
        .into()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_replayed_elsewhere_gives_the_same_stream() {
    let channel = TestChannel::builder()
        .with_userstats(false)
        .present(["bob"])
        .start()
        .await;
    for text in ["one", "☃ <b>two</b>", "three"] {
        channel.say("bob", text).await;
    }
    channel.published().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.jsonl");
    let file = file.to_str().unwrap();
    let recorded = at(
        &channel.nats_url(),
        &["record", file, "--from", "1", "--no-follow"],
    );
    assert_eq!(recorded.code, 0, "{recorded:?}");
    assert!(recorded.err.contains("from the stream"), "{recorded:?}");
    let again = at(&channel.nats_url(), &["record", file, "--no-follow"]);
    assert!(
        again.code == 1 && again.err.contains("--append"),
        "{again:?}"
    );

    // Where the robot is, nothing is replayed.
    let refused = at(&channel.nats_url(), &["replay", file, "--speed", "max"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .err
            .contains(&format!("a robot serves {}", channel.name())),
        "{refused:?}"
    );
    let before = stored(channel.nats()).await;
    let forced = at(
        &channel.nats_url(),
        &["replay", file, "--speed", "max", "--force", "--json"],
    );
    assert_eq!(forced.code, 0, "{forced:?}");
    let told: Value = serde_json::from_str(&forced.out).unwrap();
    assert!(told["already_stored"].as_u64().unwrap() >= 3, "{told}");

    let server = NatsServer::ephemeral().await;
    let elsewhere = Client::connect(&nats_config(&server)).await.unwrap();
    EventStream::open_or_create(&elsewhere).await.unwrap();
    let replayed = run(&server, &["replay", file, "--speed", "max"]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    let after = stored(&elsewhere).await;
    let comparable = |messages: &[StoredMessage]| -> Vec<_> {
        let messages = messages.iter();
        messages
            .map(|message| {
                (
                    message.subject.clone(),
                    message.message_id.clone(),
                    message.epoch,
                    message.body.clone(),
                )
            })
            .collect()
    };
    assert_eq!(comparable(&after), comparable(&before[..after.len()]));
    assert!(after.iter().any(|message| message.epoch.is_some()));
    assert!(after.iter().any(|message| message.message_id.is_some()));
    channel.shutdown().await;
}

#[tokio::test]
async fn a_live_recording_survives_a_moved_file_and_ends_cleanly() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, moved, log) = (
        folder.path().join("r.jsonl"),
        folder.path().join("r.1"),
        folder.path().join("log"),
    );
    std::fs::write(&file, "{\"torn").unwrap();
    let url = format!(
        "nats://{}:{}@127.0.0.1:{}",
        server.user(),
        server.password(),
        server.port()
    );
    let mut record = Process::start(
        &[
            "--nats",
            &url,
            "record",
            file.to_str().unwrap(),
            "--append",
            "--subject",
            "kryten.>",
        ],
        &log,
    );
    let logged = || std::fs::read_to_string(&log).unwrap();
    until("the recording has begun", || async {
        logged().contains("recording kryten.> from the bus")
    })
    .await;
    let mut headers = async_nats::HeaderMap::new();
    headers.append("Who", "ann");
    let nats = client.nats();
    nats.publish_with_headers("kryten.a", headers, "{\"n\": 1}".into())
        .await
        .unwrap();
    nats.publish_with_reply("kryten.b", "kryten.c", "no json".into())
        .await
        .unwrap();
    nats.publish("other.a", "unheard".into()).await.unwrap();
    nats.publish("kryten.c", vec![0xff, 0].into())
        .await
        .unwrap();
    let size = |path: &Path| {
        std::fs::read_to_string(path)
            .unwrap_or_default()
            .lines()
            .count()
    };
    until("three lines are written", || async { size(&file) == 4 }).await;
    std::fs::rename(&file, &moved).unwrap();
    until("the file is begun anew", || async { file.exists() }).await;
    nats.publish("kryten.d", "null".into()).await.unwrap();
    until("the new file has the line", || async { size(&file) == 1 }).await;
    nats.publish("kryten.e", "5".into()).await.unwrap();
    assert!(round_trip(&nats).await);
    kill(Pid::from_raw(record.pid().cast_signed()), Signal::SIGINT).unwrap();
    assert!(record.sigterm().success(), "{}", logged());

    let text = std::fs::read_to_string(&moved).unwrap();
    assert_eq!(text.lines().next(), Some("{\"torn"));
    std::fs::write(&moved, text.split_once('\n').unwrap().1).unwrap();
    let first = lines(&moved);
    assert_eq!(first[0]["json"], json!({"n": 1}));
    assert_eq!(first[0]["headers"], json!({"Who": "ann"}));
    assert_eq!(
        (&first[1]["raw"], &first[1]["reply"]),
        (&json!("no json"), &json!("kryten.c"))
    );
    assert_eq!(
        (&first[2]["base64"], &first[2]["size"]),
        (&json!("/wA="), &json!(2))
    );
    let second = lines(&file);
    assert_eq!(second[0]["subject"], "kryten.d");
    assert_eq!(second[0]["json"], Value::Null);
}

#[tokio::test]
async fn a_replay_keeps_the_times_names_bad_lines_and_leaves_commands_out() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let file = path.to_str().unwrap();
    let line = |t: f64, subject: &str| json!({"t": t, "subject": subject, "json": t}).to_string();
    let good = [
        line(5.0, "kryten.events.cytube.lounge.chatmsg"),
        line(6.0, "kryten.robot.command"),
        line(15.0, "kryten.events.cytube.lounge.pm"),
    ];
    std::fs::write(
        &path,
        format!(
            "{}\nnonsense\n{}\n{{\"subject\":\"a b\",\"json\":1}}\n{}",
            good[0], good[1], good[2]
        ),
    )
    .unwrap();
    let refused = run(&server, &["replay", file]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(
        refused.err.contains("line 2: it is no line of a recording"),
        "{refused:?}"
    );
    assert!(
        refused.err.contains("line 4: \"a b\" is no subject"),
        "{refused:?}"
    );
    assert!(refused.err.contains("--skip-bad"), "{refused:?}");

    let mut heard = client.subscribe("kryten.>").await.unwrap();
    let began = std::time::Instant::now();
    let replayed = run(&server, &["replay", file, "--skip-bad", "--speed", "20"]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert_eq!(
        replayed.out,
        "2 published; 1 lines that are no events were left out\n"
    );
    assert!(
        replayed.err.contains("no stream keeps the events"),
        "{replayed:?}"
    );
    assert!(
        began.elapsed().as_millis() >= 500,
        "ten seconds at twenty times the speed"
    );
    use futures_util::StreamExt;
    for subject in [
        "kryten.events.cytube.lounge.chatmsg",
        "kryten.events.cytube.lounge.pm",
    ] {
        loop {
            let message = heard.next().await.unwrap();
            // The question whether a robot is there.
            if message.subject.as_str() != "kryten.robot.command" {
                assert_eq!(message.subject.as_str(), subject);
                break;
            }
        }
    }
    std::fs::write(&path, good.join("\n")).unwrap();
    let all = run(
        &server,
        &[
            "replay",
            file,
            "--all",
            "--speed",
            "max",
            "--from-line",
            "2",
            "--json",
        ],
    );
    let told: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(
        told,
        json!({"published": 2, "already_stored": 0, "left_out": 0, "last_line": 3})
    );
    assert_eq!(run(&server, &["replay", file, "--speed", "0"]).code, 2);
    assert_eq!(run(&server, &["replay", "/no/such/file"]).code, 1);
    let no_stream = run(&server, &["record", "-", "--since", "1h"]);
    assert!(
        no_stream.code == 1 && no_stream.err.contains("KRYTEN_EVENTS does not exist"),
        "{no_stream:?}"
    );
}

//! The examples do what they say: each is started as a person starts it, on a channel of its own.

use std::time::Duration;

use futures_util::StreamExt;
use kryten_client::kv::{KvBucket, TypedBucket};
use kryten_client::round_trip::round_trip;
use kryten_testkit::{SeenCommand, TestChannel};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::example::{Example, run};

async fn channel() -> TestChannel {
    TestChannel::builder().with_userstats(false).start().await
}

/// What a bot wants to be done next.
async fn asked(channel: &TestChannel) -> SeenCommand {
    channel.command(|command| !command.is_question()).await
}

#[tokio::test]
async fn the_echo_bot_says_again_what_it_is_asked_to() {
    let channel = channel().await;
    let (_bot, first) = Example::start("echo_bot", &channel, &[]).await;
    assert_eq!(first, "echoing in test");
    channel.say("alice", "no echo").await;
    channel.say("alice", "!echo   ").await;
    channel.say("alice", "!echo 1 < 2 & so on").await;
    let said = asked(&channel).await;
    assert_eq!(said.name, "say");
    assert_eq!(said.argument("message"), "alice: 1 < 2 & so on");
}

#[tokio::test]
async fn the_moderation_bot_warns_then_kicks_then_mutes() {
    let channel = channel().await;
    let words = ["--word", "spam", "--act"];
    let (_bot, first) = Example::start("moderation_bot", &channel, &words).await;
    assert_eq!(first, "watching test");
    channel.join("alice").await;
    channel.robot_sees("alice").await;
    for (line, command, args) in [
        (
            "Buy Spam!",
            "say",
            json!({"message": "alice: the word \"spam\" is not wanted here. Please stop."}),
        ),
        (
            "more spam",
            "kick",
            json!({"name": "alice", "reason": "the word \"spam\" is not wanted here"}),
        ),
        ("spam!", "mute", json!({"username": "alice"})),
    ] {
        channel.say("alice", line).await;
        let asked = asked(&channel).await;
        assert_eq!(asked.name, command);
        for (name, value) in args.as_object().unwrap() {
            assert_eq!(asked.argument(name), value, "{asked:?}");
        }
        if command == "kick" {
            // She is thrown out, and comes back to say the next line.
            channel.robot_misses("alice").await;
        }
    }
}

#[tokio::test]
async fn the_moderation_bot_only_tells_what_it_would_do_and_leaves_moderators_alone() {
    let channel = channel().await;
    let rules = ["--word", "spam", "--lines", "3", "--seconds", "600"];
    let (mut bot, first) = Example::start("moderation_bot", &channel, &rules).await;
    assert_eq!(first, "watching test, without acting");
    let boss = kryten_sim::Operation::Join {
        user: "boss".to_owned(),
        rank: Some(4.0),
    };
    channel.sim().run(boss).await.unwrap();
    channel.join("bob").await;
    channel.robot_sees("boss").await;
    channel.robot_sees("bob").await;
    for (user, text) in [
        ("boss", "spam"),
        ("bob", "one"),
        ("bob", "two"),
        ("bob", "three"),
    ] {
        channel.say(user, text).await;
    }
    assert_eq!(
        bot.line().await,
        "would warn bob: 3 lines at once are too many"
    );
    // Nothing was asked for before this.
    let robot = channel.nats().robot(channel.domain(), channel.name());
    let _ = robot.say("the end").await;
    assert_eq!(asked(&channel).await.argument("message"), "the end");
}

#[tokio::test]
async fn watch_userlist_tells_who_comes_and_goes() {
    let channel = TestChannel::builder()
        .present(["bob"])
        .with_userstats(false);
    let channel = channel.start().await;
    let (mut watch, first) = Example::start("watch_userlist", &channel, &[]).await;
    assert_eq!(first, "KrytenBot is here");
    assert_eq!(watch.line().await, "bob is here");
    channel.join("alice").await;
    assert_eq!(watch.line().await, "alice came");
    channel.leave("bob").await;
    assert_eq!(watch.line().await, "bob went");
}

#[tokio::test]
async fn the_counter_misses_no_line_and_counts_none_twice() {
    let channel = channel().await;
    let (mut counter, first) = Example::start("counter", &channel, &[]).await;
    assert_eq!(first, "counting test");
    channel.say("alice", "one").await;
    assert_eq!(counter.line().await, "alice has said 1");
    channel.say("Alice", "two").await;
    assert_eq!(counter.line().await, "alice has said 2");
    // Killed, perhaps before it could say that it is done.
    drop(counter);
    channel.say("alice", "three").await;
    channel.say("bob", "one").await;
    channel.published().await;
    let (mut counter, _) = Example::start("counter", &channel, &[]).await;
    while counter.line().await != "bob has said 1" {}
    let bucket = KvBucket::open(channel.nats(), "example_lines")
        .await
        .unwrap();
    let counts = TypedBucket::<Value>::new(&bucket);
    assert_eq!(counts.get("user:alice").await.unwrap().unwrap()["lines"], 3);
}

#[tokio::test]
async fn the_service_answers_shows_itself_and_ends_in_order() {
    let channel = channel().await;
    let nats = channel.nats().nats();
    let mut lifecycle = nats
        .subscribe("kryten.lifecycle.example_lines.>")
        .await
        .unwrap();
    assert!(round_trip(&nats).await);
    let http = ["--http", "127.0.0.1:0"];
    let (service, first) = Example::start("service", &channel, &http).await;
    let address = first.strip_prefix("serving http://").unwrap();
    let address = address.strip_suffix("/health").unwrap().to_owned();
    let startup: Value = serde_json::from_slice(&lifecycle.next().await.unwrap().payload).unwrap();
    let port = startup["metadata"]["endpoints"]["health"]["port"].clone();
    assert!(address.ends_with(&format!(":{port}")), "{address} {port}");

    channel.say("alice", "one").await;
    channel.say("bob", "one").await;
    channel.say("bob", "two").await;
    let ask = async |request: Value| -> Value {
        let body = request.to_string().into();
        let answer = nats
            .request("kryten.example_lines.command", body)
            .await
            .unwrap();
        serde_json::from_slice(&answer.payload).unwrap()
    };
    channel
        .until("the service has counted all lines", || async {
            ask(json!({"command": "lines.of", "username": "Bob"})).await["data"]["lines"] == 2
        })
        .await;
    assert_eq!(
        ask(json!({"command": "lines.top", "limit": 1})).await["data"],
        json!([{"username": "bob", "lines": 2}])
    );
    assert_eq!(
        ask(json!({"command": "lines.top", "limit": "all"})).await["error"],
        "Bad parameter limit of lines.top: invalid type: string \"all\", expected usize"
    );
    let health = get(&address, "/health").await;
    assert!(health.starts_with("HTTP/1.1 200 OK"), "{health}");
    assert!(health.contains(r#""status":"healthy""#), "{health}");
    let metrics = get(&address, "/metrics").await;
    assert!(
        metrics.contains("\nexample_lines_chat_lines_total 3\n"),
        "{metrics}"
    );

    let (status, said) = service.terminate().await;
    assert!(status.success(), "{status}");
    assert_eq!(said, "ended by SIGTERM\n");
    let shutdown = loop {
        let message = lifecycle.next().await.unwrap();
        if message.subject.ends_with(".shutdown") {
            break message;
        }
    };
    let shutdown: Value = serde_json::from_slice(&shutdown.payload).unwrap();
    assert_eq!(shutdown["reason"], "Normal shutdown");
}

async fn get(address: &str, path: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = socket.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .unwrap()
        .unwrap();
    answer
}

#[tokio::test]
async fn replay_gives_what_was_from_a_place_or_a_time_on() {
    let channel = channel().await;
    for text in ["one", "two", "three"] {
        channel.say("alice", text).await;
    }
    channel.published().await;
    let events = channel.events();
    let two = events
        .iter()
        .find(|event| event.payload["msg"] == "two")
        .unwrap();
    let texts = |stdout: &str| -> Vec<String> {
        let line = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let text = |line: Value| line["event"]["payload"]["msg"].as_str().unwrap().to_owned();
        stdout.lines().map(|read| text(line(read))).collect()
    };
    let only = ["test", "--only", "chatMsg"];
    let sequence = two.sequence.to_string();
    let ended = run(
        "replay",
        &channel,
        &[&only[..], &["--from-sequence", &sequence]].concat(),
    )
    .await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let said = texts(&ended.stdout);
    assert_eq!(said[..2], ["two", "three"], "{said:?}");
    let ended = run(
        "replay",
        &channel,
        &[&only[..], &["--from-time", "2020-01-01T00:00:00Z"]].concat(),
    )
    .await;
    let said = texts(&ended.stdout);
    assert!(said.contains(&"one".to_owned()), "{said:?}");
    let ended = run(
        "replay",
        &channel,
        &[&only[..], &["--from-time", "2120-01-01T00:00:00Z"]].concat(),
    )
    .await;
    assert_eq!((ended.status.success(), ended.stdout.as_str()), (true, ""));

    let from = [
        "--only",
        "chatMsg",
        "--follow",
        "--from-sequence",
        &sequence,
    ];
    let (mut replay, first) = Example::start("replay", &channel, &from).await;
    assert_eq!(texts(&first), ["two"]);
    channel.say("alice", "four").await;
    while texts(&replay.line().await) != ["four"] {}
}

#[tokio::test]
async fn bad_input_is_told_in_words_that_help() {
    let channel = channel().await;
    let cases: [(&str, &[&str], &str); 8] = [
        ("echo_bot", &[], "<CHANNEL>"),
        ("echo_bot", &["!!!"], "cannot be part of a NATS subject"),
        (
            "moderation_bot",
            &["test", "--word", "two words"],
            "is not one word",
        ),
        ("moderation_bot", &["test", "--lines", "1"], "--lines"),
        ("watch_userlist", &["nowhere"], "kryten_nowhere_userlist"),
        (
            "counter",
            &["test", "--data-dir", "/nowhere"],
            "start `kryten up --data-dir /nowhere` first",
        ),
        (
            "service",
            &["test", "--nats", "nats://127.0.0.1:1"],
            "127.0.0.1:1",
        ),
        (
            "replay",
            &["test", "--from-time", "yesterday"],
            "--from-time",
        ),
    ];
    for (name, arguments, expected) in cases {
        let ended = run(name, &channel, arguments).await;
        assert!(!ended.status.success(), "{name} {arguments:?}");
        assert!(
            ended.stderr.contains(expected),
            "{name} {arguments:?}: {}",
            ended.stderr
        );
    }
}

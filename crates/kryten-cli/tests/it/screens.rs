//! What a person sees: the verbs on a terminal of 80 and of 120 columns, without colour, beside real servers.
//!
//! The pictures are in `snapshots`; `INSTA_UPDATE=always` writes them anew.

use std::process::Stdio;

use kryten_servers::NatsServer;
use kryten_testkit::TestChannel;
use regex::Regex;
use tokio::process::Command;

const WIDTHS: [usize; 2] = [80, 120];

/// What `kryten` shows on a terminal that is so wide.
async fn seen(nats: &str, width: usize, arguments: &[&str]) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let words: Vec<String> = [env!("CARGO_BIN_EXE_kryten"), "--nats", nats]
        .iter()
        .chain(arguments)
        .map(|word| quoted(word))
        .collect();
    // `script` gives the command a terminal.
    let command = format!("stty cols {width} rows 60 -onlcr; {}", words.join(" "));
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm-256color")
        .env("NO_COLOR", "1")
        .env_remove("KRYTEN_DATA_DIR")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap().replace('\r', "");
    for line in shown.lines() {
        assert!(!line.contains('\u{1b}'), "colour in {line:?}");
        assert!(
            line.chars().count() <= width || arguments.contains(&"history"),
            "{line:?} is wider than {width}"
        );
    }
    shown
}

/// Moments, ports, versions and what depends on them, as long as they were where a table stands on it.
fn timeless(shown: &str) -> String {
    let zeros = |text: &str, of: &str| {
        let found = Regex::new(of).unwrap();
        let zero = |all: &regex::Captures<'_>| {
            all[0]
                .chars()
                .map(|c| if c.is_ascii_digit() { '0' } else { c })
                .collect::<String>()
        };
        found.replace_all(text, zero).into_owned()
    };
    let shown = zeros(shown, r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+Z?|Z)?");
    let replaced =
        |text: &str, of: &str, by: &str| Regex::new(of).unwrap().replace_all(text, by).into_owned();
    let shown = replaced(
        &shown,
        r"nats-server [\d.]+ at 127\.0\.0\.1:\d+",
        "nats-server V at HOST",
    );
    let shown = replaced(&shown, r"has \d+ events", "has N events");
    replaced(&shown, r"on; [\d.]+ k?B are used", "on; N kB are used")
}

/// All of it for both widths, each command above what it shows.
async fn pictures(nats: &str, commands: &[&[&str]]) -> String {
    let mut all = String::new();
    for arguments in commands {
        for width in WIDTHS {
            let shown = timeless(&seen(nats, width, arguments).await);
            all += &format!(
                "$ kryten {}   # {width} columns\n{shown}\n",
                arguments.join(" ")
            );
        }
    }
    all
}

fn url(server: &NatsServer) -> String {
    let (user, password) = (server.user(), server.password());
    format!("nats://{user}:{password}@127.0.0.1:{}", server.port())
}

#[tokio::test]
async fn keys_values_and_their_past_fit_on_the_screen() {
    let server = NatsServer::ephemeral().await;
    let nats = url(&server);
    let long = format!(r#"{{"text":"{}"}}"#, "long ".repeat(40));
    for arguments in [
        &["kv", "create", "notes", "--history", "5"][..],
        &[
            "kv",
            "put",
            "notes",
            "user:bob",
            r#"{"points":3,"seen":"today"}"#,
        ],
        &[
            "kv",
            "put",
            "notes",
            "user:bob",
            r#"{"points":4,"seen":"today"}"#,
        ],
        &["kv", "put", "notes", "last winner", "alice"],
        &["kv", "put", "notes", "long", &long],
        &["kv", "put", "notes", "gone", "1"],
        &["kv", "del", "notes", "gone"],
    ] {
        assert_eq!(seen(&nats, 80, arguments).await, "", "{arguments:?}");
    }
    let commands: [&[&str]; 8] = [
        &["kv", "ls", "--long"],
        &["kv", "info", "notes"],
        &["kv", "tree", "notes"],
        &["kv", "history", "notes", "user:bob"],
        &["kv", "history", "notes", "gone"],
        &["kv", "watch", "notes", "--count", "3"],
        &["kv", "get", "notes", "nobody"],
        &["kv", "keys", "nowhere"],
    ];
    insta::assert_snapshot!("kv", pictures(&nats, &commands).await);
}

#[tokio::test]
async fn the_doctor_fits_on_the_screen_where_nothing_runs() {
    let server = NatsServer::ephemeral().await;
    let commands: [&[&str]; 1] = [&["--channel", "lounge", "doctor"]];
    insta::assert_snapshot!("doctor", pictures(&url(&server), &commands).await);
}

#[tokio::test]
async fn what_is_counted_and_who_is_here_fit_on_the_screen() {
    let channel = TestChannel::builder()
        .channel("lounge")
        .present(["alice", "bob", "carol"])
        .films(3)
        .rate(0.0)
        .start()
        .await;
    for (user, text) in [
        ("alice", "one"),
        ("alice", "two"),
        ("alice", "++bob"),
        ("bob", "lol alice"),
    ] {
        channel.say(user, text).await;
    }
    channel.counted().await;
    let commands: [&[&str]; 10] = [
        &["list", "users"],
        &["list", "queue"],
        &["stats", "channel", "top"],
        &["stats", "leaderboard", "kudos"],
        &["stats", "user", "alice"],
        &["stats", "user", "nobody"],
        &["stats", "channel", "top", "nowhere"],
        &["stats", "channel", "votes"],
        &["stats", "alias", "list"],
        &["privacy", "list"],
    ];
    insta::assert_snapshot!("counted", pictures(&channel.nats_url(), &commands).await);
    channel.shutdown().await;
}

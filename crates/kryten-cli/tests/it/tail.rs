//! `kryten tail`: live events, filtered, readable or as JSON lines.

use kryten_testkit::TestChannel;
use serde_json::Value;

use crate::process::{Process, kryten, until};
use crate::program::Ran;

fn tail(url: &str, before: &[&str], after: &[&str]) -> Ran {
    let ran = kryten()
        .args(["--nats", url])
        .args(before)
        .arg("tail")
        .args(after)
        .output();
    ran.unwrap().into()
}

/// Without the times at the beginning of lines.
fn without_times(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.split_once(' ').unwrap().1)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_told_readably_and_filtered() {
    let channel = TestChannel::builder()
        .with_userstats(false)
        .present(["bob"])
        .start()
        .await;
    channel.say("bob", "1 < 2 & good").await;
    channel.join("carol").await;
    channel.say("carol", "hello Bob").await;
    channel.leave("carol").await;
    channel.published().await;
    let url = channel.nats_url();
    let name = channel.name();
    let last = tail(
        &url,
        &["--channel", name],
        &[
            "--since",
            "1h",
            "--user",
            "CAROL",
            "--event",
            "userLeave",
            "--count",
            "1",
        ],
    );
    assert_eq!((last.code, last.err.as_str()), (0, ""), "{last:?}");
    assert_eq!(without_times(&last.out), ["carol left"]);
    let said = tail(
        &url,
        &[],
        &[
            "--since",
            "1h",
            "--event",
            "chatmsg",
            "--grep",
            "1 < 2|hello",
            "--count",
            "2",
        ],
    );
    assert_eq!(
        without_times(&said.out),
        [
            format!("[{name}] bob: 1 < 2 & good"),
            format!("[{name}] carol: hello Bob")
        ]
    );
    let json = tail(
        &url,
        &[],
        &[
            "--since", "1h", "--event", "addUser", "--user", "carol", "--json", "--count", "1",
        ],
    );
    let event: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (&event["event_name"], &event["payload"]["name"]),
        (&"addUser".into(), &"carol".into())
    );
    assert_eq!(tail(&url, &[], &["--grep", "("]).code, 2);
    assert_eq!(tail(&url, &[], &["--since", "yesterday"]).code, 2);
    channel.shutdown().await;
}

#[tokio::test]
async fn what_happens_now_is_told_at_once() {
    let channel = TestChannel::builder()
        .with_userstats(false)
        .present(["bob"])
        .start()
        .await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let url = channel.nats_url();
    let mut tail = Process::start(&["--nats", &url, "tail", "--event", "chatMsg"], &log);
    let printed = || std::fs::read_to_string(&log).unwrap_or_default();
    until("the tail listens", || async {
        channel.say("bob", "are you there").await;
        printed().contains("bob: are you there")
    })
    .await;
    channel.say("bob", "now").await;
    until("the line is told", || async {
        printed().contains("bob: now")
    })
    .await;
    assert!(tail.sigterm().success());
    channel.shutdown().await;
}

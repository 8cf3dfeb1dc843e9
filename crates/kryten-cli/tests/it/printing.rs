//! Whoever reads what is printed goes away, or there is no room for it.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use kryten_client::kv::BucketConfig;
use kryten_client::round_trip::round_trip;
use kryten_client::{Client, KvBucket};
use kryten_servers::NatsServer;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::process::{kryten, until};
use crate::program::{self, Ran};
use crate::rig::nats_config;

/// Takes nothing, as a disk without room.
const FULL: &str = "/dev/full";

fn on_a_full_disk(command: &mut Command) -> Ran {
    let full = File::options().write(true).open(FULL).unwrap();
    let child = command.stdout(full).stderr(Stdio::piped()).spawn();
    child.unwrap().wait_with_output().unwrap().into()
}

/// With one value.
async fn bucket(client: &Client) -> KvBucket {
    let config = BucketConfig::new("printed");
    let bucket = KvBucket::open_or_create(client, config).await.unwrap();
    bucket.put("a", "1").await.unwrap();
    bucket
}

/// A running `kryten`, killed on drop, and what it prints.
struct Printing {
    child: Child,
    lines: Option<BufReader<ChildStdout>>,
}

impl Printing {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = child.stdout.take().map(BufReader::new);
        Self { child, lines }
    }

    /// Reads one line and goes, as `head -1` does.
    fn one_line(&mut self) -> JoinHandle<String> {
        let mut lines = self.lines.take().unwrap();
        std::thread::spawn(move || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            line
        })
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Printing {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_printed_is_a_failure() {
    if !Path::new(FULL).exists() {
        return;
    }
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    bucket(&client).await;
    for arguments in [
        &["kv", "dump", "--json", "printed"][..],
        &["kv", "get", "printed", "a"],
        &["kv", "keys", "printed"],
        &["kv", "export", "printed"],
        &["doctor", "--json"],
        &["config", "schema", "robot"],
        &["completions", "bash"],
        &["about"],
        &["--help"],
    ] {
        let ran = on_a_full_disk(program::kryten(&server).args(arguments));
        assert_eq!(ran.code, 1, "{arguments:?}: {ran:?}");
        assert_eq!(
            ran.err,
            "error: cannot write to standard output: No space left on device (os error 28)\n",
            "{arguments:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_enough_ends_what_would_go_on_for_ever() {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    let bucket = bucket(&client).await;
    let mut watch = program::kryten(&server);
    watch.args(["kv", "watch", "printed"]);
    let mut tail = program::kryten(&server);
    tail.args(["tail", "--json"]);
    let event = json!({
        "event_name": "chatMsg", "payload": {"username": "bob", "msg": "hi", "meta": {}, "time": 1},
        "channel": "lounge", "domain": "cytu.be", "timestamp": "2026-11-30T00:00:00Z",
        "correlation_id": "6f3f9c30-9f0c-4a4e-8f39-0b8f6d1a2b3c",
    });
    for command in [watch, tail] {
        let mut printing = Printing::start(command);
        let something_happens = || async {
            bucket.put("a", "2").await.unwrap();
            let subject = "kryten.events.cytube.lounge.chatmsg";
            let nats = client.nats();
            let published = nats.publish(subject, event.to_string().into());
            published.await.unwrap();
            round_trip(&client.nats()).await;
        };
        let reading = printing.one_line();
        until("a line is read", || async {
            something_happens().await;
            reading.is_finished()
        })
        .await;
        assert!(!reading.join().unwrap().is_empty());
        let printing = RefCell::new(printing);
        until("it ends", || async {
            something_happens().await;
            printing.borrow_mut().has_ended()
        })
        .await;
        let mut printing = printing.into_inner();
        let status = printing.child.wait().unwrap();
        assert_eq!(status.code(), Some(0));
        let told = std::io::read_to_string(printing.child.stderr.take().unwrap()).unwrap();
        assert_eq!(told, "");
    }
}

#[tokio::test]
async fn an_up_whose_terminal_has_gone_stops_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = kryten();
    command
        .args(["up", "--demo", "--users", "6", "--log-level", "info"])
        .args(["--nats-port", "0", "--web-port", "0", "--data-dir"])
        .arg(folder.path());
    let mut up = Printing::start(command);
    drop((up.lines.take(), up.child.stderr.take()));
    let connection = folder.path().join("connection.json");
    until("up is ready", || async { connection.exists() }).await;
    let pid = Pid::from_raw(i32::try_from(up.child.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    let status = up.child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(!connection.exists());
    let log = std::fs::read_to_string(folder.path().join("kryten.log")).unwrap();
    assert!(log.contains("the robot has stopped"), "{log}");
}

//! `kryten up`: ready, used, stopped, killed, started again.

use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kryten_client::round_trip::round_trip;
use kryten_client::{Client, KvBucket, NatsConfig, command};
use kryten_protocol::command::Request;
use kryten_userstats::store::Store;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::process::{Process, kryten, until};

const ANY_PORTS: [&str; 4] = ["--nats-port", "0", "--web-port", "0"];

/// A running `kryten up --demo`.
struct Up {
    process: Process,
    folder: PathBuf,
    connection: Value,
}

impl Up {
    async fn start(folder: &Path) -> Self {
        let data_dir = folder.to_str().unwrap();
        let mut args = vec!["up", "--demo", "--seed", "3", "--users", "6"];
        args.extend(["--data-dir", data_dir]);
        args.extend(ANY_PORTS);
        let printed = folder.join("printed");
        // An earlier run on the same folder has printed its own block.
        let _ = std::fs::remove_file(&printed);
        let process = Process::start(&args, &printed);
        let mut up = Self {
            process,
            folder: folder.to_owned(),
            connection: Value::Null,
        };
        // The end of the block, since a part of it may be on its way.
        until("the ready block is printed", || async {
            up.printed().contains("Ctrl-C stops everything")
        })
        .await;
        let text = std::fs::read_to_string(up.connection_file()).unwrap();
        up.connection = serde_json::from_str(&text).unwrap();
        up
    }

    fn printed(&self) -> String {
        std::fs::read_to_string(self.folder.join("printed")).unwrap_or_default()
    }

    fn connection_file(&self) -> PathBuf {
        self.folder.join("connection.json")
    }

    fn text(&self, pointer: &str) -> &str {
        self.connection.pointer(pointer).unwrap().as_str().unwrap()
    }

    async fn client(&self) -> Client {
        let config = NatsConfig::for_url(self.text("/nats/url"))
            .with_user(self.text("/nats/user"), self.text("/nats/password"));
        Client::connect(&config).await.unwrap()
    }

    /// Status, head and body of a page.
    async fn get(&self, path: &str) -> (u16, String, String) {
        let url = self.text("/web/url");
        let host = url
            .strip_prefix("http://")
            .unwrap()
            .trim_end_matches('/')
            .to_owned();
        let mut socket = TcpStream::connect(&host).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    fn nats_server(&self) -> u32 {
        let children = children(self.process.pid());
        assert_eq!(children.len(), 1, "one nats-server: {children:?}");
        children[0]
    }

    async fn stop(mut self) {
        let stopped = self.process.sigterm();
        assert!(stopped.success(), "{stopped}: {}", self.printed());
    }
}

/// State and parent of a process, as the kernel tells them; `None` for one that is gone.
fn stat(pid: u32) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain anything, so the fields are counted from its closing parenthesis.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// A process that has ended may wait as a zombie for whoever adopted it.
fn runs(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != "Z")
}

fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| runs(*pid) && stat(*pid).is_some_and(|(_, ppid)| ppid == parent))
        .collect()
}

fn sigkill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// Runs a `kryten` that should refuse; its exit code and the one line that it prints on stderr.
fn refused(args: &[&str]) -> (i32, String) {
    let output = kryten().args(args).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    let [sentence] = lines[..] else {
        panic!("not one sentence: {told}");
    };
    assert!(output.stdout.is_empty());
    (output.status.code().unwrap(), sentence.to_owned())
}

fn refused_demo(folder: &Path, more: &[&str]) -> String {
    let mut args = vec!["up", "--demo", "--data-dir", folder.to_str().unwrap()];
    args.extend(more);
    let (code, sentence) = refused(&args);
    assert_eq!(code, 1, "{sentence}");
    assert!(sentence.starts_with("error: "), "{sentence}");
    sentence
}

#[tokio::test]
async fn up_tells_where_everything_is_and_stops_without_leaving_anything() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path()).await;
    let printed = up.printed();
    for part in [
        "kryten is up",
        up.text("/web/url"),
        up.text("/nats/url"),
        folder.path().to_str().unwrap(),
        "demo (simulated), joined",
        "Try next",
    ] {
        assert!(printed.contains(part), "{part:?} is not in {printed}");
    }
    let mode = std::fs::metadata(up.connection_file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let expected = json!({
        "nats": {
            "url": up.text("/nats/url"), "user": up.text("/nats/user"),
            "password": up.text("/nats/password"), "token": null,
        },
        "web": {"url": up.text("/web/url")},
        "channels": [{"domain": "demo.invalid", "channel": "demo"}],
        "pid": up.process.pid(),
    });
    assert_eq!(up.connection, expected);
    assert!(
        !printed.contains(up.text("/nats/password")),
        "a password is never printed"
    );
    let nats_server = up.nats_server();
    let (file, began) = (up.connection_file(), Instant::now());
    up.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert!(!file.exists());
    assert!(!runs(nats_server));
}

#[tokio::test]
async fn the_page_shows_who_is_there_and_loads_nothing_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path()).await;
    let users = KvBucket::open(&up.client().await, "kryten_demo_userlist")
        .await
        .unwrap();
    let users: Vec<Value> = users.get_json("users").await.unwrap().unwrap();
    let names: Vec<&str> = users
        .iter()
        .map(|user| user["name"].as_str().unwrap())
        .collect();
    let (status, head, body) = up.get("/").await;
    assert_eq!(status, 200);
    assert!(
        names.len() > 2 && names.iter().any(|name| body.contains(name)),
        "{names:?} in {body}"
    );
    assert!(
        head.contains("content-security-policy: default-src 'none';"),
        "{head}"
    );
    assert!(!head.contains("unsafe-"), "{head}");
    let (status, _, body) = up.get("/health").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(up.get("/nothing").await.0, 404);
    up.stop().await;
}

#[tokio::test]
async fn a_killed_up_takes_its_nats_server_along() {
    let folder = tempfile::tempdir().unwrap();
    let mut up = Up::start(folder.path()).await;
    let nats_server = up.nats_server();
    up.process.sigkill();
    until("nats-server is gone", || async { !runs(nats_server) }).await;
    // What the killed one left behind is no obstacle, and its count goes on.
    let again = Up::start(folder.path()).await;
    assert_eq!(again.connection["pid"], again.process.pid());
    again.stop().await;
}

#[tokio::test]
async fn a_second_up_on_the_same_folder_is_refused_and_one_on_another_is_not() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (up, beside) = tokio::join!(Up::start(folder.path()), Up::start(other.path()));
    let sentence = refused_demo(folder.path(), &ANY_PORTS);
    assert!(sentence.contains("--data-dir"), "{sentence}");
    assert!(
        up.connection_file().exists(),
        "the first one goes on undisturbed"
    );
    assert_eq!(up.get("/health").await.0, 200);
    assert_ne!(up.text("/nats/url"), beside.text("/nats/url"));
    assert_ne!(up.text("/nats/password"), beside.text("/nats/password"));
    tokio::join!(up.stop(), beside.stop());
}

#[tokio::test]
async fn on_another_address_the_page_wants_a_token_or_a_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = [
        "--nats-port",
        "0",
        "--web-port",
        "0",
        "--web-host",
        "0.0.0.0",
    ];
    let sentence = refused_demo(folder.path(), &elsewhere);
    for option in ["--web-token-file", "KRYTEN_WEB_TOKEN", "--web-proxy"] {
        assert!(sentence.contains(option), "{sentence}");
    }
    let token = folder.path().join("token");
    std::fs::write(&token, "short\n").unwrap();
    let token = token.to_str().unwrap();
    let short = [&elsewhere[..], &["--web-token-file", token]].concat();
    let sentence = refused_demo(folder.path(), &short);
    assert!(sentence.contains("5 characters"), "{sentence}");
}

#[tokio::test]
async fn a_taken_port_is_told_with_the_option_that_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sentence = refused_demo(folder.path(), &["--nats-port", "0", "--web-port", &port]);
    assert!(
        sentence.contains("--web-port") && sentence.contains(&port),
        "{sentence}"
    );
    let sentence = refused_demo(folder.path(), &["--web-port", "0", "--nats-port", &port]);
    assert!(
        sentence.contains("--nats-port") && sentence.contains(&port),
        "{sentence}"
    );
}

#[tokio::test]
async fn the_page_listens_where_the_file_says_unless_an_option_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let file = folder.path().join("up.toml");
    let text = format!(
        "[cytube]\ndomain = \"cytu.be\"\nchannel = \"c\"\n[nats]\nservers = [\"nats://localhost\"]\n[web]\nport = {port}\n"
    );
    std::fs::write(&file, text).unwrap();
    let (data_dir, file) = (folder.path().to_str().unwrap(), file.to_str().unwrap());
    let start = [
        "up",
        "--config",
        file,
        "--data-dir",
        data_dir,
        "--nats-port",
        "0",
    ];
    let (code, sentence) = refused(&start);
    assert_eq!(code, 1);
    assert!(
        sentence.contains(&format!("port {port} for the web page is taken")),
        "{sentence}"
    );
    let (_, sentence) =
        refused(&[&start[..], &["--web-host", "0.0.0.0", "--web-port", "0"]].concat());
    assert!(sentence.contains("on 0.0.0.0 everybody"), "{sentence}");
}

#[test]
fn wrong_usage_is_one_sentence_and_exit_code_2() {
    let (code, sentence) = refused(&["up"]);
    assert_eq!(code, 2);
    assert!(sentence.contains("which channel?"), "{sentence}");
    let (code, sentence) = refused(&["--config", "robot.json", "up", "--demo"]);
    assert_eq!(code, 2);
    assert!(sentence.contains("--config"), "{sentence}");
}

/// Writes nonsense over a table; what is read first of all stays whole.
async fn damage(database: &Path, table: &str) {
    let url = format!("sqlite://{}", database.display());
    let mut sqlite = SqliteConnection::connect(&url).await.unwrap();
    let page = sqlx::query_scalar("SELECT rootpage FROM sqlite_master WHERE name = $1");
    let page: i64 = page.bind(table).fetch_one(&mut sqlite).await.unwrap();
    let size = sqlx::query_scalar("PRAGMA page_size");
    let size: i64 = size.fetch_one(&mut sqlite).await.unwrap();
    sqlite.close().await.unwrap();
    let file = std::fs::File::options().write(true).open(database).unwrap();
    let nonsense = vec![0xff; usize::try_from(size).unwrap()];
    let at = u64::try_from((page - 1) * size).unwrap();
    file.write_all_at(&nonsense, at).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_up_whose_statistics_cannot_count_is_not_up() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("userstats.db");
    Store::open(&database).await.unwrap().close().await;
    damage(&database, "kryten_position").await;
    let mut args = vec!["up", "--demo", "--users", "6"];
    args.extend(["--data-dir", folder.path().to_str().unwrap()]);
    args.extend(ANY_PORTS);
    let up = kryten().args(args).output().unwrap();
    let told = String::from_utf8(up.stderr).unwrap();
    assert_eq!(up.status.code(), Some(1), "{told}");
    let last = told.lines().last().unwrap();
    assert!(
        last.starts_with("error: the statistics have ended"),
        "{told}"
    );
    assert!(last.contains("malformed"), "{told}");
    assert_eq!(up.stdout, b"", "it does not say that it is up");
    assert!(!folder.path().join("connection.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_restart_ends_up_as_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut up = Up::start(folder.path()).await;
    let call = json!({"initiator": "ops", "reason": "update", "delay_seconds": 0});
    let client = up.client().await;
    let nats = client.nats();
    nats.publish("kryten.lifecycle.group.restart", call.to_string().into())
        .await
        .unwrap();
    round_trip(&nats).await;
    assert_eq!(up.process.wait().code(), Some(1), "{}", up.printed());
    let why = "error: group restart by ops: update; this ends as a failure";
    assert!(up.printed().contains(why), "{}", up.printed());
    assert!(!up.connection_file().exists());
}

async fn messages(client: &Client) -> i64 {
    let request = Request::new("userstats", "system.stats");
    let reply = command::request(client, "userstats", request, Duration::from_secs(5)).await;
    reply.unwrap().data.unwrap()["total_messages"]
        .as_i64()
        .unwrap()
}

#[tokio::test]
async fn counts_go_on_after_a_restart_on_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path()).await;
    let client = up.client().await;
    let at_first = messages(&client).await;
    until("some lines are counted", || async {
        messages(&client).await >= at_first + 3
    })
    .await;
    let before = messages(&client).await;
    up.stop().await;
    let again = Up::start(folder.path()).await;
    let client = again.client().await;
    let after = messages(&client).await;
    assert!(after >= before, "{after} after, {before} before");
    until("counting goes on", || async {
        messages(&client).await > after
    })
    .await;
    again.stop().await;
}

#[tokio::test]
async fn a_nats_server_that_dies_is_started_again_and_counting_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path()).await;
    let client = up.client().await;
    for _ in 0..2 {
        let (dead, before) = (up.nats_server(), messages(&client).await);
        sigkill(dead);
        until("another nats-server runs", || async {
            matches!(children(up.process.pid())[..], [other] if other != dead)
        })
        .await;
        let ask = || {
            command::request(
                &client,
                "userstats",
                Request::new("userstats", "system.stats"),
                Duration::from_secs(1),
            )
        };
        until("more is counted than before", || async {
            ask()
                .await
                .is_ok_and(|reply| reply.data.unwrap()["total_messages"].as_i64() > Some(before))
        })
        .await;
        until("all is well again", || async {
            up.get("/health").await.0 == 200
        })
        .await;
    }
    assert!(
        up.printed().contains("nats-server has ended by itself"),
        "{}",
        up.printed()
    );
    let log = std::fs::read_to_string(folder.path().join("kryten.log")).unwrap();
    assert!(log.contains("nats-server runs again"), "{log}");
    up.stop().await;
}

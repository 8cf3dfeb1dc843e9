//! A nats-server with the file that `kryten config nats` writes: each service does its work, and nothing else.

mod trespasser;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use kryten_client::kv::BucketConfig;
use kryten_client::{Client, EventStream, KvBucket, NatsConfig, command};
use kryten_protocol::command::Request;
use kryten_servers::{FindOptions, find_nats_server};
use kryten_sim::{Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::process::{Process, kryten, until};
use crate::rig::{CHANNEL, DOMAIN, free_port, get};
use trespasser::{
    everybody_is_kept_from, the_server_is_no_accomplice_for_commands, trespasses,
    what_the_robot_did_not_say_does_not_count,
};

const PATIENCE: Duration = Duration::from_secs(5);
/// Robot, statistics, a bot that may send commands and one that may not, and who only reads.
const USERS: [&str; 5] = ["robot", "userstats", "counter", "silent", "reader"];

/// A nats-server with the generated file, and everything that uses it.
struct Guarded {
    folder: tempfile::TempDir,
    server: Child,
    port: u16,
    sim: SimHandle,
    robot: Option<Process>,
    userstats: Option<Process>,
    metrics_port: u16,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Guarded {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let written = generate(folder.path(), port);
        let binary = find_nats_server(&FindOptions::default()).await.unwrap();
        let server = Command::new(&binary.path)
            .arg("-c")
            .arg(&written[0])
            .arg("-l")
            .arg(folder.path().join("nats.log"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut sim = SimConfig::quiet(CHANNEL);
        sim.default_rank = 4.0;
        let sim = Sim::start(sim).await.unwrap();
        let mut guarded = Self {
            folder,
            server,
            port,
            sim,
            robot: None,
            userstats: None,
            metrics_port: free_port(),
        };
        until("the server listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
        guarded.start_services();
        guarded
    }

    fn start_services(&mut self) {
        let robot = json!({
            "cytube": {
                "url": self.sim.url(), "domain": DOMAIN, "channel": CHANNEL, "user": "KrytenBot", "password": "secret",
                "reconnect_base_delay": 0.02, "reconnect_max_delay": 0.2,
            },
            "nats": self.section("robot"), "health": {"enabled": false}, "commands": {"enabled": true},
            "logging": {"base_path": self.path("logs")},
        });
        let userstats = json!({
            "nats": self.section("userstats"), "channels": [{"domain": DOMAIN, "channel": CHANNEL}],
            "service": {"name": "userstats"}, "metrics": {"port": self.metrics_port},
            "database": {"path": self.path("userstats.db")},
        });
        for (name, config) in [("robot", robot), ("userstats", userstats)] {
            let path = self.path(&format!("{name}.config.json"));
            std::fs::write(&path, config.to_string()).unwrap();
        }
        // The statistics first: they have to make the stream.
        self.userstats = Some(self.start_service("userstats"));
        self.robot = Some(self.start_service("robot"));
    }

    fn start_service(&self, name: &str) -> Process {
        let path = self.path(&format!("{name}.config.json"));
        let log = self.path(&format!("{name}.log"));
        Process::start(&[name, "--config", path.to_str().unwrap()], &log)
    }

    fn restart_userstats(&mut self) {
        if let Some(mut running) = self.userstats.take() {
            assert!(running.sigterm().success());
        }
        self.userstats = Some(self.start_service("userstats"));
    }

    /// The statistics' own counters.
    async fn metrics(&self) -> String {
        get(&format!("127.0.0.1:{}", self.metrics_port), "/metrics").await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn section(&self, user: &str) -> Value {
        let text = std::fs::read_to_string(self.path(&format!("nats/{user}.json"))).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["nats"].take()
    }

    async fn client(&self, user: &str) -> Client {
        let config: NatsConfig = kryten_client::config::read(self.section(user)).unwrap();
        Client::connect(&config).await.unwrap()
    }

    /// `kryten` as the reader.
    fn read(&self, arguments: &[&str]) -> (bool, String) {
        let output = kryten()
            .arg("--config")
            .arg(self.path("nats/reader.json"))
            .args(["--channel", CHANNEL])
            .args(arguments)
            .output()
            .unwrap();
        let text =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.success(), text)
    }

    /// What the server refused so far.
    fn violations(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.path("nats.log")).unwrap();
        let refused = log.lines().filter(|line| line.contains("Violation"));
        refused.map(str::to_owned).collect()
    }
}

/// Runs `kryten config nats`; the files that it names.
fn generate(folder: &Path, port: u16) -> Vec<PathBuf> {
    let out = folder.join("nats");
    let listen = format!("127.0.0.1:{port}");
    let output = kryten()
        .args(["config", "nats", "--channel", CHANNEL, "--domain", DOMAIN])
        .args(["--listen", &listen])
        .args([
            "--bot",
            "counter=tallies",
            "--bot",
            "silent",
            "--commands-by",
            "counter",
        ])
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().map(PathBuf::from).collect()
}

async fn ask(client: &Client, service: &str, request: Request) -> Option<Value> {
    let reply = command::request(client, service, request, PATIENCE)
        .await
        .ok()?;
    reply.data
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_does_its_work_with_its_own_user_and_nothing_else() {
    let mut guarded = Guarded::start().await;
    everybody_works(&guarded).await;
    assert_eq!(guarded.violations(), [""; 0], "nobody was refused anything");
    for user in USERS {
        everybody_is_kept_from(&guarded, user).await;
    }
    for (user, subjects) in trespasses() {
        let mut trespasser = guarded.trespasser(user).await;
        for subject in subjects {
            trespasser.cannot_publish(subject).await;
        }
    }
    the_server_is_no_accomplice_for_commands(&guarded).await;
    // After all that everything is still there.
    let counter = guarded.client("counter").await;
    let robot = counter.robot(DOMAIN, CHANNEL);
    robot.say("still here").await.unwrap();
    guarded.sim.say("alice", "me too").await.unwrap();
    until("the line is counted", || async {
        lines_of_alice(&counter).await == 2
    })
    .await;
    what_the_robot_did_not_say_does_not_count(&mut guarded, &counter).await;
}

async fn everybody_works(guarded: &Guarded) {
    let (counter, robots) = (
        guarded.client("counter").await,
        guarded.client("robot").await,
    );
    // State, also in parts, read by a bot.
    guarded.sim.join("alice").await.unwrap();
    let userlist = format!("kryten_{CHANNEL}_userlist");
    until("alice is in the state", || async {
        let Ok(bucket) = KvBucket::open(&counter, &userlist).await else {
            return false;
        };
        let list = kryten_client::state::list(&bucket, "users").await.unwrap();
        list.is_some_and(|list| String::from_utf8_lossy(&list.json).contains("alice"))
    })
    .await;
    // Events, live and from the stream.
    let events = format!("kryten.events.cytube.{CHANNEL}.>");
    let mut live = counter.subscribe(&events).await.unwrap();
    guarded.sim.say("alice", "hello").await.unwrap();
    let heard = tokio::time::timeout(PATIENCE, live.next()).await;
    assert!(heard.is_ok(), "the bot hears events");
    let stream = EventStream::open_or_create(&counter).await.unwrap();
    assert!(!stream.tail(&events, 10).await.unwrap().is_empty());
    // Statistics are counted and answered.
    until("alice's line is counted", || async {
        lines_of_alice(&counter).await == 1
    })
    .await;
    // Commands, and the older subject for the rank.
    let robot = counter.robot(DOMAIN, CHANNEL);
    robot.say("from the bot").await.unwrap();
    assert_eq!(robot.user_level().await.unwrap().username, "KrytenBot");
    // A bucket of one's own.
    let tallies = KvBucket::open_or_create(&counter, BucketConfig::new("tallies"))
        .await
        .unwrap();
    assert_eq!(tallies.incr("user:alice", 1).await.unwrap(), 1);
    assert_eq!(tallies.incr("user:alice", 2).await.unwrap(), 3);
    assert_eq!(tallies.erase("user:alice").await.unwrap(), 1);
    // A service announces itself, and the robot lists it.
    let body = json!({"service": "counter", "version": "1", "hostname": "h"});
    let nats = counter.nats();
    nats.publish("kryten.lifecycle.counter.startup", body.to_string().into())
        .await
        .unwrap();
    until("the robot lists the bot and the statistics", || async {
        let services = ask(&counter, "robot", Request::new("robot", "system.services")).await;
        let text = services.unwrap_or_default().to_string();
        text.contains("counter") && text.contains("userstats")
    })
    .await;
    // What the robot does with parts a minute after they were replaced, and the lease that it holds.
    let lists = KvBucket::open(&robots, &format!("kryten_{CHANNEL}_playlist"))
        .await
        .unwrap();
    lists.erase_below("items.part.none").await.unwrap();
    let leases = KvBucket::open(&robots, "kryten_leases").await.unwrap();
    assert!(
        leases
            .entry(&format!("robot.{CHANNEL}"))
            .await
            .unwrap()
            .is_some()
    );
    // The command line as the reader.
    let (done, printed) = guarded.read(&["stats", "user", "alice", "--json"]);
    assert!(done && printed.contains("alice"), "{printed}");
    let (done, printed) = guarded.read(&["kv", "get", &userlist, "users"]);
    assert!(done && printed.contains("alice"), "{printed}");
}

async fn lines_of_alice(client: &Client) -> u64 {
    let request = Request::new("userstats", "user.stats")
        .with("username", "alice")
        .with("channel", CHANNEL)
        .with("domain", DOMAIN);
    let data = ask(client, "userstats", request).await.unwrap_or_default();
    data["messages"].as_u64().unwrap_or_default()
}

#[test]
fn passwords_stay_in_files_that_only_the_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let files = generate(folder.path(), 4222);
    assert_eq!(files.len(), 1 + USERS.len());
    let read = |file: &PathBuf| std::fs::read_to_string(file).unwrap();
    let server = read(&files[0]);
    for file in &files {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let before: Vec<String> = files.iter().map(read).collect();
    for text in &before[1..] {
        let section: Value = serde_json::from_str(text).unwrap();
        let password = section["nats"]["password"].as_str().unwrap();
        assert!(password.len() == 48 && server.contains(password));
        assert_eq!(
            before.iter().filter(|text| text.contains(password)).count(),
            2
        );
        let name = section["nats"]["user"].as_str().unwrap();
        let has_key = section["nats"]["seal_key"]
            .as_str()
            .is_some_and(|key| key.len() == 64);
        assert_eq!(has_key, ["robot", "userstats"].contains(&name), "{name}");
    }
    let key = |text: &str| serde_json::from_str::<Value>(text).unwrap()["nats"]["seal_key"].take();
    assert_eq!(key(&before[1]), key(&before[2]));
    // Passwords stay when it is written again, and nothing that is somebody else's is overwritten.
    let again: Vec<String> = generate(folder.path(), 4222).iter().map(read).collect();
    assert_eq!(again, before);
    std::fs::write(&files[1], "{}").unwrap();
    let output = kryten()
        .args(["config", "nats", "--channel", CHANNEL, "--out"])
        .arg(folder.path().join("nats"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("was not written by this command"), "{error}");
}

#[test]
fn what_is_printed_has_no_password_unless_it_is_asked_for() {
    let printed = |more: &[&str]| {
        let output = kryten()
            .args(["config", "nats", "--channel", "Lounge", "--out", "-"])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let text = printed(&[]);
    for name in ["ROBOT", "USERSTATS", "BOT", "READER"] {
        assert!(
            text.contains(&format!("password: $KRYTEN_NATS_{name}_PASSWORD\n")),
            "{text}"
        );
    }
    assert_eq!(printed(&[]), text);
    assert!(text.contains("jetstream { store_dir: \"/var/lib/nats\", sync_interval: always }"));
    assert_ne!(
        printed(&["--passwords", "random"]),
        printed(&["--passwords", "random"])
    );
    assert!(!printed(&["--shared-inboxes"]).contains("_INBOX_"));
}

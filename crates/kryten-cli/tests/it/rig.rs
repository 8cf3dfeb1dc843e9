//! The simulator and the servers in the test, robot and userstats as processes; and what both sides have counted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kryten_client::{Client, NatsConfig};
use kryten_protocol::command::Request;
use kryten_servers::NatsServer;
use kryten_sim::{Ledger, Operation, ScriptConfig, Sim, SimConfig, SimHandle, Speed};
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::{Process, until};
use crate::watcher::Watcher;

pub(crate) const DOMAIN: &str = "sim.invalid";
pub(crate) const CHANNEL: &str = "exact";
/// CyTube replays this many lines, so this many may be unseen when a robot dies.
pub(crate) const REPLAYED: u64 = 15;

/// The simulator and the servers in the test, robot and userstats as processes of their own.
pub(crate) struct Rig {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: NatsServer,
    pub(crate) sim: Arc<SimHandle>,
    pub(crate) watcher: Watcher,
    pub(crate) robot: Process,
    pub(crate) userstats: Process,
    markers: u64,
}

impl Rig {
    pub(crate) async fn start(
        lines: u64,
        users: usize,
        seed: u64,
        window: Option<u64>,
        speed: Speed,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = NatsServer::ephemeral().await;
        let script = ScriptConfig {
            users,
            seed,
            rate: 400.0,
            speed,
            lines: Some(lines),
            ..ScriptConfig::default()
        };
        let mut config = SimConfig::lively(CHANNEL, script);
        config.window = window;
        config.hold_others_while_bot_is_out = true;
        let sim = Arc::new(Sim::start(config).await.unwrap());
        let nats = nats_config(&server);
        let windowed = window.map(|_| Arc::clone(&sim));
        let watcher = Watcher::start(nats.clone(), windowed).await;
        write_configs(folder.path(), &server, &sim.url());
        let robot = start_robot(folder.path());
        let userstats = start_userstats(folder.path());
        Self {
            folder,
            server,
            sim,
            watcher,
            robot,
            userstats,
            markers: 0,
        }
    }

    pub(crate) fn kill_userstats(&mut self) {
        self.userstats.sigkill();
        self.userstats = start_userstats(self.folder.path());
    }

    /// CyTube replays chat and nothing else, so everything else is held until it is safe and the robot is back.
    pub(crate) async fn kill_robot(&mut self, pause: Duration) {
        self.sim.hold(true, false).await.unwrap();
        self.wait_until_the_rest_is_stored().await;
        self.robot.sigkill();
        tokio::time::sleep(pause).await;
        self.robot = start_robot(self.folder.path());
        self.sim.wait_until(|progress| progress.bots == 1).await;
        self.sim.hold(false, false).await.unwrap();
    }

    pub(crate) async fn kill_nats(&mut self, pause: Duration) {
        self.server.kill().await.unwrap();
        tokio::time::sleep(pause).await;
        self.server.restart().await.unwrap();
    }

    pub(crate) async fn wait_until_the_rest_is_stored(&mut self) {
        self.markers += 1;
        let marker = self.markers;
        let payload = Some(json!(marker));
        let emit = Operation::Emit {
            event: "marker".to_owned(),
            payload,
            times: None,
        };
        self.sim.run(emit).await.unwrap();
        until("the marker is in the stream", || async {
            self.watcher.look(|seen| seen.marker == marker)
        })
        .await;
    }

    /// Says markers until one is stored: a robot is in the channel and publishes.
    pub(crate) async fn wait_until_a_marker_is_stored(&mut self) {
        let first = self.markers + 1;
        loop {
            self.markers += 1;
            let emit = Operation::Emit {
                event: "marker".to_owned(),
                payload: Some(json!(self.markers)),
                times: None,
            };
            self.sim.run(emit).await.unwrap();
            let stored = async {
                while !self.watcher.look(|seen| seen.marker >= first) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            if tokio::time::timeout(Duration::from_millis(100), stored)
                .await
                .is_ok()
            {
                return;
            }
        }
    }

    /// Waits until all is said and stored, and a fresh userstats has counted it.
    pub(crate) async fn finish(&mut self) -> Ledger {
        let patience = Duration::from_secs(240);
        let done = self.sim.wait_until(|progress| progress.done);
        tokio::time::timeout(patience, done)
            .await
            .expect("the script comes to its end");
        self.wait_until_the_rest_is_stored().await;
        self.kill_userstats();
        let client = Client::connect(&nats_config(&self.server)).await.unwrap();
        until("userstats answers, so all is counted", || async {
            let ping = Request::new("userstats", "system.ping");
            kryten_client::command::request(&client, "userstats", ping, Duration::from_secs(1))
                .await
                .is_ok()
        })
        .await;
        self.sim.ledger().await.unwrap()
    }

    /// Everybody who was seen, as the database has it.
    pub(crate) async fn users(&self) -> Vec<String> {
        let address = format!("sqlite://{}", self.database().display());
        let mut sqlite = SqliteConnection::connect(&address).await.unwrap();
        let users = sqlx::query_scalar("SELECT username FROM users");
        users.fetch_all(&mut sqlite).await.unwrap()
    }

    /// How often the first robot has joined.
    pub(crate) fn joins(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("robot.log")).unwrap();
        log.matches("joined the channel").count()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("userstats.db")
    }
}

pub(crate) fn nats_config(server: &NatsServer) -> NatsConfig {
    NatsConfig::for_url(server.url()).with_user(server.user(), server.password())
}

fn nats_section(server: &NatsServer, url: &str) -> Value {
    json!({"servers": [url], "user": server.user(), "password": server.password()})
}

/// Writes the configuration of a robot that reaches the server by this address.
pub(crate) fn write_robot_config(file: &Path, server: &NatsServer, nats_url: &str, sim_url: &str) {
    let robot = json!({
        "cytube": {
            "url": sim_url, "domain": DOMAIN, "channel": CHANNEL, "user": "KrytenBot", "password": "secret",
            "aggressive_reconnect": true, "reconnect_base_delay": 0.02, "reconnect_max_delay": 0.2,
        },
        "nats": nats_section(server, nats_url), "health": {"enabled": false},
        "logging": {"base_path": file.with_extension("logs")},
    });
    std::fs::write(file, robot.to_string()).unwrap();
}

fn write_configs(folder: &Path, server: &NatsServer, sim_url: &str) {
    write_robot_config(&folder.join("robot.json"), server, server.url(), sim_url);
    let userstats = json!({
        "nats": nats_section(server, server.url()), "channels": [{"domain": DOMAIN, "channel": CHANNEL}],
        "service": {"name": "userstats"}, "metrics": {"port": free_port()},
        "database": {"path": folder.join("userstats.db")},
    });
    std::fs::write(folder.join("userstats.json"), userstats.to_string()).unwrap();
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The answer to a GET, headers and body; `base` is an address, with or without `http://`.
pub(crate) async fn get(base: &str, path: &str) -> String {
    let host = base.trim_start_matches("http://").trim_end_matches('/');
    let mut socket = TcpStream::connect(host).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

pub(crate) fn start_robot(folder: &Path) -> Process {
    start_robot_from(&folder.join("robot.json"))
}

/// What it logs goes to a file beside its configuration.
pub(crate) fn start_robot_from(config: &Path) -> Process {
    Process::start(
        &["robot", "--config", config.to_str().unwrap()],
        &config.with_extension("log"),
    )
}

fn start_userstats(folder: &Path) -> Process {
    let config = folder.join("userstats.json");
    Process::start(
        &["userstats", "--config", config.to_str().unwrap()],
        &folder.join("userstats.log"),
    )
}

/// The database's totals in the ledger's form.
pub(crate) async fn counted(database: &Path) -> Ledger {
    let mut sqlite = SqliteConnection::connect(&format!("sqlite://{}", database.display()))
        .await
        .unwrap();
    let mut rows = async |sql: &'static str| sqlx::query(sql).fetch_all(&mut sqlite).await.unwrap();
    let count =
        |row: &sqlx::sqlite::SqliteRow, at: usize| u64::try_from(row.get::<i64, _>(at)).unwrap();
    let mut totals = Ledger {
        done: true,
        ..Ledger::default()
    };
    for row in rows("SELECT username, message_count FROM message_counts").await {
        totals.messages.insert(row.get(0), count(&row, 1));
    }
    for row in rows("SELECT username, pm_count FROM pm_counts").await {
        totals.pms.insert(row.get(0), count(&row, 1));
    }
    for row in rows("SELECT username, kudos_count FROM kudos_plusplus").await {
        totals.kudos_plusplus.insert(row.get(0), count(&row, 1));
    }
    for row in rows("SELECT username, phrase, kudos_count FROM kudos_phrases").await {
        totals
            .kudos_phrases
            .entry(row.get(0))
            .or_default()
            .insert(row.get(1), count(&row, 2));
    }
    for row in rows("SELECT username, emote, usage_count FROM emote_usage").await {
        totals
            .emotes
            .entry(row.get(0))
            .or_default()
            .insert(row.get(1), count(&row, 2));
    }
    for row in rows("SELECT media_title, username, vote FROM movie_votes").await {
        let vote = i8::try_from(row.get::<i64, _>(2)).unwrap();
        totals
            .movie_votes
            .entry(row.get(0))
            .or_default()
            .insert(row.get(1), vote);
    }
    totals
}

/// What differs, line by line, so that a failure says what is wrong.
pub(crate) fn differences(ours: &Ledger, theirs: &Ledger) -> BTreeMap<String, (Value, Value)> {
    fn flatten(at: String, value: &Value, into: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(fields) => fields
                .iter()
                .for_each(|(key, value)| flatten(format!("{at}/{key}"), value, into)),
            other => drop(into.insert(at, other.clone())),
        }
    }
    let [mut ours_flat, mut theirs_flat] = [BTreeMap::new(), BTreeMap::new()];
    flatten(
        String::new(),
        &serde_json::to_value(ours).unwrap(),
        &mut ours_flat,
    );
    flatten(
        String::new(),
        &serde_json::to_value(theirs).unwrap(),
        &mut theirs_flat,
    );
    let keys: BTreeSet<String> = ours_flat
        .keys()
        .chain(theirs_flat.keys())
        .cloned()
        .collect();
    let pair = |key: &String| {
        let get = |flat: &BTreeMap<String, Value>| flat.get(key).cloned().unwrap_or_default();
        (key.clone(), (get(&ours_flat), get(&theirs_flat)))
    };
    keys.iter()
        .map(pair)
        .filter(|(_, (ours, theirs))| ours != theirs)
        .collect()
}

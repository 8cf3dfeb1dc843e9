//! Kill anything at any moment: the totals equal the simulator's ledger, not one more, not one less.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kryten_client::{Client, NatsConfig};
use kryten_cytube::{CytubeClient, CytubeConfig, CytubeItem};
use kryten_protocol::command::Request;
use kryten_servers::NatsServer;
use kryten_sim::{Ledger, Operation, ScriptConfig, Sim, SimConfig, SimHandle, Speed};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sqlx::{Connection, Row, SqliteConnection};

use crate::process::{Process, until};
use crate::watcher::Watcher;

const DOMAIN: &str = "sim.invalid";
const CHANNEL: &str = "exact";
/// CyTube replays this many lines, so this many may be unseen when a robot dies.
const REPLAYED: u64 = 15;

/// The simulator and the servers in the test, robot and userstats as processes of their own.
struct Rig {
    folder: tempfile::TempDir,
    server: NatsServer,
    sim: Arc<SimHandle>,
    watcher: Watcher,
    robot: Process,
    userstats: Process,
    markers: u64,
}

impl Rig {
    async fn start(lines: u64, users: usize, seed: u64, window: Option<u64>, speed: Speed) -> Self {
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

    fn kill_userstats(&mut self) {
        self.userstats.sigkill();
        self.userstats = start_userstats(self.folder.path());
    }

    /// CyTube replays chat and nothing else, so everything else is held until it is safe and the robot is back.
    async fn kill_robot(&mut self, pause: Duration) {
        self.sim.hold(true, false).await.unwrap();
        self.wait_until_the_rest_is_stored().await;
        self.robot.sigkill();
        tokio::time::sleep(pause).await;
        self.robot = start_robot(self.folder.path());
        self.sim.wait_until(|progress| progress.bots == 1).await;
        self.sim.hold(false, false).await.unwrap();
    }

    async fn kill_nats(&mut self, pause: Duration) {
        self.server.kill().await.unwrap();
        tokio::time::sleep(pause).await;
        self.server.restart().await.unwrap();
    }

    async fn wait_until_the_rest_is_stored(&mut self) {
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

    /// Waits until all is said and stored, and a fresh userstats has counted it.
    async fn finish(&mut self) -> Ledger {
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

    fn database(&self) -> PathBuf {
        self.folder.path().join("userstats.db")
    }
}

fn nats_config(server: &NatsServer) -> NatsConfig {
    NatsConfig::for_url(server.url()).with_user(server.user(), server.password())
}

fn write_configs(folder: &Path, server: &NatsServer, sim_url: &str) {
    let nats =
        json!({"servers": [server.url()], "user": server.user(), "password": server.password()});
    let robot = json!({
        "cytube": {
            "url": sim_url, "domain": DOMAIN, "channel": CHANNEL, "user": "KrytenBot", "password": "secret",
            "aggressive_reconnect": true, "reconnect_base_delay": 0.02, "reconnect_max_delay": 0.2,
        },
        "nats": nats, "health": {"enabled": false},
    });
    let userstats = json!({
        "nats": nats, "channels": [{"domain": DOMAIN, "channel": CHANNEL}],
        "service": {"name": "userstats"}, "metrics": {"port": free_port()},
        "database": {"path": folder.join("userstats.db")},
    });
    std::fs::write(folder.join("robot.json"), robot.to_string()).unwrap();
    std::fs::write(folder.join("userstats.json"), userstats.to_string()).unwrap();
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn start_robot(folder: &Path) -> Process {
    let config = folder.join("robot.json");
    Process::start(
        &["robot", "--config", config.to_str().unwrap()],
        &folder.join("robot.log"),
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
async fn counted(database: &Path) -> Ledger {
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
fn differences(ours: &Ledger, theirs: &Ledger) -> BTreeMap<String, (Value, Value)> {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Userstats,
    Robot,
    Nats,
}

/// At which chat line whom to kill, in order.
fn plan(random: &mut StdRng, lines: u64, kills: &[(Victim, usize)]) -> Vec<(u64, Victim)> {
    let mut plan = Vec::new();
    for (victim, times) in kills {
        plan.extend((0..*times).map(|_| (random.random_range(20..lines - 20), *victim)));
    }
    plan.sort();
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_equal_the_ledger_although_everything_is_killed_again_and_again() {
    const LINES: u64 = 20_000;
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut rig = Rig::start(LINES, 50, seed, Some(REPLAYED), Speed::Max).await;
    let kills = [
        (Victim::Userstats, 20),
        (Victim::Robot, 5),
        (Victim::Nats, 3),
    ];
    for (line, victim) in plan(&mut random, LINES, &kills) {
        let sim = Arc::clone(&rig.sim);
        let reached = sim.wait_until(|progress| progress.chat_lines >= line || progress.done);
        tokio::time::timeout(Duration::from_secs(120), reached)
            .await
            .expect("the channel goes on");
        let pause = Duration::from_millis(random.random_range(0..300));
        match victim {
            Victim::Userstats => rig.kill_userstats(),
            Victim::Robot => rig.kill_robot(pause).await,
            Victim::Nats => rig.kill_nats(pause).await,
        }
    }
    let ledger = rig.finish().await;
    let counted = counted(&rig.database()).await;
    assert!(
        ledger.messages.values().sum::<u64>() >= LINES,
        "the ledger is not empty"
    );
    assert!(
        !ledger.kudos_plusplus.is_empty()
            && !ledger.emotes.is_empty()
            && !ledger.movie_votes.is_empty()
    );
    assert_eq!(
        differences(&counted, &ledger),
        BTreeMap::new(),
        "ours, then the ledger's"
    );
    assert!(rig.robot.sigterm().success());
    assert!(rig.userstats.sigterm().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_replay_cannot_give_back_lies_in_a_reported_gap() {
    const LINES: u64 = 3_000;
    let mut rig = Rig::start(LINES, 30, 7, None, Speed::Times(1.0)).await;
    let said = observe(&rig.sim.url());
    for line in [600, 1_400, 2_200] {
        rig.sim
            .wait_until(|progress| progress.chat_lines >= line)
            .await;
        rig.robot.sigkill();
        rig.sim
            .wait_until(|progress| progress.chat_lines >= line + 100)
            .await;
        rig.robot = start_robot(rig.folder.path());
    }
    rig.finish().await;
    let seen = rig.watcher.seen();
    let stored: BTreeSet<_> = seen.lines.iter().cloned().collect();
    assert_eq!(stored.len(), seen.lines.len(), "no line twice");
    let said = said.lock().unwrap().clone();
    let lost: Vec<_> = said.iter().filter(|line| !stored.contains(*line)).collect();
    assert!(
        lost.len() > 100,
        "three times a hundred lines were said behind the robot's back: {}",
        lost.len()
    );
    for line in lost {
        let is_reported = seen.gaps.iter().any(|gap| {
            !gap.chat_complete && (gap.from.millis()..=gap.to.millis()).contains(&line.0)
        });
        assert!(is_reported, "{line:?} is in none of {:?}", seen.gaps);
    }
    let gaps = sqlx_count(
        &rig.database(),
        "SELECT COUNT(*) FROM kryten_gaps WHERE NOT chat_complete",
    )
    .await;
    assert_eq!(gaps, 3, "userstats has them too");
}

async fn sqlx_count(database: &Path, sql: &'static str) -> i64 {
    let mut sqlite = SqliteConnection::connect(&format!("sqlite://{}", database.display()))
        .await
        .unwrap();
    sqlx::query_scalar(sql)
        .fetch_one(&mut sqlite)
        .await
        .unwrap()
}

type Lines = Arc<std::sync::Mutex<Vec<(i64, String, String)>>>;

/// An anonymous viewer who stays all the time and notes each line.
fn observe(url: &str) -> Lines {
    let lines = Lines::default();
    let noted = Arc::clone(&lines);
    let mut config = CytubeConfig::new(DOMAIN, CHANNEL);
    config.url = Some(url.to_owned());
    let (handle, mut items) = CytubeClient::spawn(config);
    tokio::spawn(async move {
        let _stays_open = handle;
        while let Some(item) = items.recv().await {
            let CytubeItem::Event { name, payload, .. } = item else {
                continue;
            };
            if name != "chatMsg" {
                continue;
            }
            let line: Value = serde_json::from_str(payload.get()).unwrap();
            let text = |field: &str| line[field].as_str().unwrap().to_owned();
            noted.lock().unwrap().push((
                line["time"].as_i64().unwrap(),
                text("username"),
                text("msg"),
            ));
        }
    });
    lines
}

//! Two processes of the statistics on one database: killed, suspended and woken up, they take over from each other.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kryten_client::{Client, EventStream};
use kryten_protocol::command::Request;
use kryten_protocol::subject;
use kryten_protocol::time::WireTime;
use kryten_servers::{NatsServer, PostgresServer};
use kryten_userstats::store::Store;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use crate::process::{Process, until};
use crate::rig::{DOMAIN, free_port, nats_config};

const CHANNELS: [&str; 4] = ["red", "green", "blue", "white"];
const START: i64 = 1_795_364_000_000;
/// Within this time the other one counts.
const TAKEOVER: Duration = Duration::from_secs(10);

struct Scene {
    client: Client,
    store: Store,
    /// The database where it is a file.
    file: Option<PathBuf>,
    said: i64,
}

impl Scene {
    /// A line in each channel; waits until the stream has them.
    async fn say(&mut self) {
        for channel in CHANNELS {
            let time = START + self.said * 1000;
            let line = json!({"username": "bob", "msg": format!("line {}", self.said), "meta": {}, "time": time});
            let body = json!({
                "event_name": "chatMsg", "payload": line, "channel": channel, "domain": DOMAIN,
                "timestamp": WireTime::from_millis(time).to_string(), "correlation_id": "c",
            });
            let subject = subject::event(channel, "chatMsg").unwrap();
            let jetstream = self.client.jetstream();
            let publish = jetstream.publish(subject, body.to_string().into());
            publish.await.unwrap().await.unwrap();
        }
        self.said += 1;
    }

    async fn counted(&self) -> bool {
        let mut all = true;
        for channel in CHANNELS {
            let counted = self
                .store
                .messages_of("bob", channel, DOMAIN)
                .await
                .unwrap();
            assert!(
                counted <= self.said,
                "{channel}: {counted} of {}",
                self.said
            );
            all &= counted == self.said;
        }
        all
    }

    async fn all_are_counted(&self) {
        until("all lines are counted", || self.counted()).await;
    }

    /// How many channels the instance of this process holds.
    async fn share_of(&self, process: &Process) -> usize {
        let leases = self.store.leases().await.unwrap();
        let instances = self.store.instances().await.unwrap();
        let is_theirs = |instance: &str| {
            instances.iter().any(|row| {
                let told: serde_json::Value = serde_json::from_str(&row.process).unwrap();
                row.instance == instance && told["pid"] == process.pid()
            })
        };
        leases
            .iter()
            .filter(|(_, instance)| is_theirs(instance))
            .count()
    }

    /// Suspends it, but not in the middle of a transaction: a file of SQLite would stay locked until it goes on.
    async fn suspend(&self, process: &Process) {
        until("it is suspended between two transactions", async || {
            process.sigstop();
            let is_between = match &self.file {
                Some(file) => can_be_written(file).await,
                None => true,
            };
            if !is_between {
                process.sigcont();
            }
            is_between
        })
        .await;
    }

    async fn divided(&self, processes: [&Process; 2]) {
        until("each counts two channels", || async {
            self.share_of(processes[0]).await == 2 && self.share_of(processes[1]).await == 2
        })
        .await;
    }
}

/// Whether nobody holds the file's lock for long.
async fn can_be_written(file: &Path) -> bool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(Duration::from_secs(1));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection);
    let can = begun.await.is_ok();
    connection.close().await.unwrap();
    can
}

fn start(folder: &Path, name: &str, server: &NatsServer, database: &serde_json::Value) -> Process {
    let channels = CHANNELS.map(|channel| json!({"domain": DOMAIN, "channel": channel}));
    let config = json!({
        "nats": {"servers": [server.url()], "user": server.user(), "password": server.password()},
        "channels": channels, "metrics": {"port": free_port()}, "database": database,
    });
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, config.to_string()).unwrap();
    let args = ["userstats", "--config", file.to_str().unwrap()];
    Process::start(&args, &folder.join(format!("{name}.log")))
}

async fn take_over_from_each_other(
    database: serde_json::Value,
    file: Option<PathBuf>,
    folder: &Path,
    store: Store,
) {
    let server = NatsServer::ephemeral().await;
    let client = Client::connect(&nats_config(&server)).await.unwrap();
    EventStream::open_or_create(&client).await.unwrap();
    let mut scene = Scene {
        client,
        store,
        file,
        said: 0,
    };
    let mut one = start(folder, "one", &server, &database);
    let mut two = start(folder, "two", &server, &database);
    scene.say().await;
    scene.all_are_counted().await;
    for round in 0..2 {
        scene.divided([&one, &two]).await;
        scene.suspend(&one).await;
        let suspended = Instant::now();
        for _ in 0..20 {
            scene.say().await;
        }
        scene.all_are_counted().await;
        let took = suspended.elapsed();
        assert!(took < TAKEOVER, "round {round}: {took:?}");
        assert_eq!(scene.share_of(&two).await, 4);
        one.sigcont();
        scene.say().await;
        scene.divided([&one, &two]).await;
        scene.say().await;
        scene.all_are_counted().await;

        let killed = Instant::now();
        two.sigkill();
        for _ in 0..20 {
            scene.say().await;
        }
        scene.all_are_counted().await;
        let took = killed.elapsed();
        assert!(took < TAKEOVER, "round {round}: {took:?}");
        two = start(folder, "two", &server, &database);
    }
    scene.divided([&one, &two]).await;
    let request = Request::new("userstats", "system.stats");
    let patience = Duration::from_secs(10);
    let reply =
        kryten_client::command::request(&scene.client, "userstats", request, patience).await;
    let total = reply.unwrap().data.unwrap()["total_messages"].as_i64();
    assert_eq!(
        total,
        Some(scene.said * 4),
        "whoever answers tells of all channels"
    );
    assert!(
        one.sigterm().success(),
        "it has gone on after it was woken up"
    );
    assert!(two.sigterm().success());
    assert!(scene.counted().await);
    assert!(scene.store.leases().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_statistics_on_one_file_take_over_from_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("userstats.db");
    let store = Store::open(&file).await.unwrap();
    take_over_from_each_other(
        json!({"path": file}),
        Some(file.clone()),
        folder.path(),
        store,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_statistics_on_one_postgresql_take_over_from_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let url = PostgresServer::shared().await.database().await;
    let store = Store::connect(&url.parse().unwrap());
    store.prepare().await.unwrap();
    take_over_from_each_other(json!({"url": url}), None, folder.path(), store).await;
}

//! One of the two statistics services as a process of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use kryten_client::{Client, NatsConfig};
use kryten_servers::NatsServer;
use serde_json::{Map, Value, json};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::sides::Sync;
use crate::talk::{CHANNEL, DOMAIN, MARKER, person};
use crate::theatre::{PATIENCE, Programs, Who, memory, nats_config};

/// Pauses between two looks: the original's database is busy while it answers.
const LOOK: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(25)];

/// Where it counts.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// A file in the service's own folder.
    File,
    /// A file that is there.
    Of(PathBuf),
    /// PostgreSQL, which only ours knows.
    Postgres(String),
}

/// What a service is started with.
pub(crate) struct Job<'a> {
    pub(crate) who: Who,
    pub(crate) server: &'a NatsServer,
    /// The server's address, or that of something in between.
    pub(crate) url: String,
    pub(crate) channels: Vec<String>,
    pub(crate) database: Database,
}

impl<'a> Job<'a> {
    /// One channel, and a database of its own.
    pub(crate) fn new(who: Who, server: &'a NatsServer) -> Self {
        Self {
            who,
            server,
            url: server.url().to_owned(),
            channels: vec![CHANNEL.to_owned()],
            database: Database::File,
        }
    }
}

/// A running service; it ends when this is dropped.
pub(crate) struct Clerk {
    pub(crate) who: Who,
    pub(crate) started: Instant,
    process: Child,
    nats: Client,
    folder: tempfile::TempDir,
}

/// A server with an empty store.
pub(crate) async fn server(sync: Sync) -> NatsServer {
    NatsServer::ephemeral_with(|options| options.sync_interval = sync.interval().to_owned()).await
}

pub(crate) async fn connect(server: &NatsServer) -> anyhow::Result<Client> {
    Ok(Client::connect(&nats_config(server)).await?)
}

impl Clerk {
    pub(crate) async fn start(programs: &Programs, job: Job<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("config.json");
        std::fs::write(&file, configuration(&job, folder.path())?.to_string())?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let config = NatsConfig::for_url(job.server.url());
        let config = config.with_user(job.server.user(), job.server.password());
        let nats = Client::connect(&config).await?;
        let mut command = match job.who {
            Who::Ours => Command::new(&programs.kryten),
            Who::Original => Command::new(&programs.userstats),
        };
        match job.who {
            Who::Ours => command.args(["userstats", "--config"]),
            Who::Original => command.args(["-I", "-m", "userstats", "--config"]),
        };
        command
            .arg(&file)
            .env_remove("RUST_LOG")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        // What it logs of each event is not to be measured.
        command.args(["--log-level", "warn"]);
        let started = Instant::now();
        let process = command.spawn();
        let process = process.with_context(|| format!("cannot start {:?}", job.who))?;
        Ok(Self {
            who: job.who,
            started,
            process,
            nats,
            folder,
        })
    }

    /// Waits until it answers, which both do when the channels' state is loaded.
    pub(crate) async fn ready(&self) -> anyhow::Result<Duration> {
        while self.ask("system.ping", json!({})).await.is_err() {
            if self.started.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.folder.path().join("log"))?;
                let last = log.lines().last().unwrap_or_default();
                bail!("{:?} answers nothing: {last}", self.who);
            }
            sleep(Duration::from_micros(300)).await;
        }
        Ok(self.started.elapsed())
    }

    /// A reply's data.
    pub(crate) async fn ask(&self, command: &str, fields: Value) -> anyhow::Result<Value> {
        ask(&self.nats, command, fields).await
    }

    /// Waits until so many marks are counted, and so all that was published before them.
    pub(crate) async fn counted(&self, marks: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        let pause = match self.who {
            Who::Ours => LOOK[0],
            Who::Original => LOOK[1],
        };
        loop {
            // The original finds no one for a while.
            let stats = self.ask("user.stats", stats_of(MARKER)).await;
            let seen = stats
                .as_ref()
                .map_or(0, |stats| stats["pms"].as_u64().unwrap_or(0));
            if seen >= marks {
                return Ok(());
            }
            ensure!(
                begun.elapsed() < 2 * PATIENCE,
                "{:?} has not counted everything in {} s: {stats:?}",
                self.who,
                begun.elapsed().as_secs()
            );
            sleep(pause).await;
        }
    }

    /// What everybody has come to, and the votes, as its replies say.
    pub(crate) async fn totals(&self, people: u64) -> anyhow::Result<Value> {
        let mut all = Map::new();
        for number in 0..people {
            let name = person(number);
            let stats = self.ask("user.stats", stats_of(&name)).await?;
            let of = |key: &str| stats[key].clone();
            let totals = json!({
                "messages": of("messages"), "kudos_plusplus": of("kudos_plusplus"),
                "kudos_phrases": of("kudos_phrases"), "emotes": of("emotes"),
            });
            all.insert(name, totals);
        }
        let fields = json!({"channel": CHANNEL, "domain": DOMAIN});
        let films = self.ask("channel.movie_votes", fields).await?;
        let films = films.as_array().context("no list of votes")?.iter();
        let votes = films.map(|film| {
            json!({"media_title": film["media_title"], "upvotes": film["upvotes"], "downvotes": film["downvotes"]})
        });
        all.insert("votes".to_owned(), votes.collect());
        Ok(Value::Object(all))
    }

    /// Resident memory, in MB.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        memory(self.process.id().context("the service has ended")?)
    }

    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }
}

/// Asks whoever answers for the statistics.
pub(crate) async fn ask(nats: &Client, command: &str, fields: Value) -> anyhow::Result<Value> {
    let mut request = json!({"service": "userstats", "command": command});
    for (name, value) in fields.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    let nats = nats.nats();
    let subject = "kryten.userstats.command";
    let reply = nats.request(subject, request.to_string().into()).await?;
    let mut reply: Value = serde_json::from_slice(&reply.payload)?;
    ensure!(reply["success"] == true, "{command} was refused: {reply}");
    Ok(reply["data"].take())
}

/// What `user.stats` is asked with.
pub(crate) fn stats_of(name: &str) -> Value {
    json!({"username": name, "channel": CHANNEL, "domain": DOMAIN})
}

fn configuration(job: &Job<'_>, folder: &Path) -> anyhow::Result<Value> {
    let channels = job.channels.iter();
    let channels: Vec<Value> = channels
        .map(|channel| json!({"domain": DOMAIN, "channel": channel}))
        .collect();
    let database = match &job.database {
        Database::File => json!({"path": folder.join("userstats.db")}),
        Database::Of(file) => json!({"path": file}),
        Database::Postgres(url) => json!({"url": url}),
    };
    Ok(json!({
        "service": {"name": "userstats"},
        "nats": {
            "servers": [job.url], "user": job.server.user(), "password": job.server.password(),
            "reconnect_time_wait": 1,
        },
        "channels": channels,
        "database": database,
        // The original takes no port 0.
        "metrics": {"port": TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()},
        "kudos": {"default_phrases": ["lol"]},
        "log_level": "WARNING",
    }))
}

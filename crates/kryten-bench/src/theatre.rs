//! A simulated CyTube over https, a nats-server, and one of the two robots in between, as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use async_nats::Subscriber;
use futures_util::StreamExt;
use kryten_client::round_trip::round_trip;
use kryten_client::{Client, NatsConfig};
use kryten_servers::NatsServer;
use kryten_sim::{ChannelConfig, ChannelHandle, Operation, Sim, SimConfig, SimHandle, TlsConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::load::{emit, line, text_of};
use crate::sides::Sync;

/// How long anything may take before the run ends without a figure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);
const STEP: Duration = Duration::from_millis(2);
/// The event by which the end of what was sent is seen.
pub(crate) const MARK: &str = "chatMsg";

/// Whose program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Ours,
    /// kryten-robot 1.12.6 or kryten-userstats 0.7.1.
    Original,
}

impl Who {
    pub(crate) const BOTH: [Self; 2] = [Self::Ours, Self::Original];

    /// A B, then B A: what else the machine does falls on both.
    pub(crate) fn in_turn(round: usize) -> [Self; 2] {
        match round % 2 {
            0 => [Self::Ours, Self::Original],
            _ => [Self::Original, Self::Ours],
        }
    }
}

/// The programs.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) kryten: PathBuf,
    /// The interpreters of the originals' environments.
    robot: PathBuf,
    pub(crate) userstats: PathBuf,
}

impl Programs {
    /// Builds ours as this program was built, and finds or fetches the originals.
    pub(crate) async fn find() -> anyhow::Result<Self> {
        let here = std::env::current_exe()?;
        let folder = here.parent().context("this program is in no folder")?;
        if let Some(cargo) = std::env::var_os("CARGO") {
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "-p", "kryten-cli"]);
            if !cfg!(debug_assertions) {
                build.arg("--release");
            }
            ensure!(build.status().await?.success(), "kryten cannot be built");
        }
        Ok(Self {
            kryten: folder.join("kryten"),
            robot: kryten_python::ROBOT.python().await?,
            userstats: kryten_python::USERSTATS.python().await?,
        })
    }
}

/// Everything of one visit; all ends when it is dropped.
pub(crate) struct Theatre {
    pub(crate) sim: SimHandle,
    pub(crate) nats: Client,
    pub(crate) channels: Vec<String>,
    pub(crate) robot: Child,
    /// From the start of the robot's process to its first answer.
    pub(crate) first_answer: Duration,
    pub(crate) server: NatsServer,
    _folder: TempDir,
}

/// `bench`, `bench1`, `bench2` and so on.
pub(crate) fn names(count: usize) -> Vec<String> {
    let further = (1..count).map(|number| format!("bench{number}"));
    std::iter::once("bench".to_owned()).chain(further).collect()
}

/// A quiet simulator with these channels, and its certificate in the folder.
pub(crate) async fn quiet_sim(channels: &[String], folder: &Path) -> anyhow::Result<SimHandle> {
    let (first, further) = channels.split_first().context("no channel")?;
    let config = SimConfig {
        channels: further.iter().map(ChannelConfig::quiet).collect(),
        tls: Some(TlsConfig {
            ca_file: Some(folder.join("ca.pem")),
            ..TlsConfig::on_loopback()
        }),
        ..SimConfig::quiet(first.clone())
    };
    Ok(Sim::start(config).await?)
}

/// The configuration that both robots read.
pub(crate) fn configuration(
    sim: &SimHandle,
    channels: &[String],
    folder: &Path,
) -> anyhow::Result<Value> {
    let secure = sim.secure_url().context("the simulator has no TLS")?;
    let mut settings = json!({
        "cytube": {
            "domain": secure.trim_start_matches("https://"), "channel": channels[0],
            "user": "KrytenBot", "password": "secret", "aggressive_reconnect": true,
            "ca_file": folder.join("ca.pem"),
        },
        "commands": {"enabled": true},
        "health": {"enabled": false},
        "logging": {"base_path": folder.join("logs")},
        "log_level": "WARNING",
    });
    if channels.len() > 1 {
        let each = channels.iter().map(|name| json!({"channel": name}));
        settings["channels"] = each.collect();
    }
    Ok(settings)
}

impl Theatre {
    /// Starts a robot and waits until it is in all channels and answers.
    pub(crate) async fn open(
        programs: &Programs,
        who: Who,
        sync: Sync,
        channels: usize,
    ) -> anyhow::Result<Self> {
        let server = NatsServer::ephemeral_with(|options| {
            options.sync_interval = sync.interval().to_owned();
        });
        let server = server.await;
        let folder = tempfile::tempdir()?;
        let channels = names(channels);
        let sim = quiet_sim(&channels, folder.path()).await?;
        let nats = Client::connect(&nats_config(&server)).await?;
        let mut settings = configuration(&sim, &channels, folder.path())?;
        settings["nats"] = json!({
            "servers": [server.url()], "user": server.user(), "password": server.password(),
        });
        let file = folder.path().join("robot.json");
        std::fs::create_dir_all(folder.path().join("logs"))?;
        std::fs::write(&file, settings.to_string())?;
        let log_file = folder.path().join("robot.log");
        let log = std::fs::File::create(&log_file)?;
        let mut command = match who {
            Who::Ours => Command::new(&programs.kryten),
            Who::Original => Command::new(&programs.robot),
        };
        match who {
            Who::Ours => command.args(["robot", "--config"]),
            Who::Original => command.args(["-I", "-m", "kryten", "--config"]),
        };
        let started = Instant::now();
        let robot = command
            .arg(&file)
            .env("SSL_CERT_FILE", folder.path().join("ca.pem"))
            .env_remove("RUST_LOG")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {who:?}"))?;
        let mut theatre = Self {
            sim,
            nats,
            channels,
            robot,
            first_answer: Duration::ZERO,
            server,
            _folder: folder,
        };
        if timeout(PATIENCE, theatre.ready()).await.is_err() {
            let log = std::fs::read_to_string(&log_file)?;
            bail!(
                "{who:?} is not ready: {}",
                log.lines().last().unwrap_or_default()
            );
        }
        theatre.first_answer = started.elapsed();
        let warm = timeout(PATIENCE, theatre.warm_up()).await;
        warm.with_context(|| format!("{who:?} publishes nothing"))??;
        Ok(theatre)
    }

    /// The original answers before it hands on its first line.
    async fn warm_up(&self) -> anyhow::Result<()> {
        const QUIET: Duration = Duration::from_millis(300);
        let mut events = self.events().await?;
        ensure!(round_trip(&self.nats.nats()).await, "NATS does not answer");
        for name in &self.channels {
            let mut is_heard = false;
            while !is_heard {
                self.line(name, "warm".to_owned()).await?;
                while let Ok(Some(message)) = timeout(QUIET, events.next()).await {
                    is_heard |= text_of(&message).is_some();
                    if is_heard && self.channels.len() > 1 {
                        break;
                    }
                }
            }
        }
        while let Ok(Some(_)) = timeout(QUIET, events.next()).await {}
        Ok(())
    }

    async fn ready(&self) {
        for name in &self.channels {
            if let Some(channel) = self.sim.channel(name) {
                channel.wait_until(|progress| progress.bots == 1).await;
            }
        }
        let ping = json!({"service": "robot", "command": "system.ping"}).to_string();
        let nats = self.nats.nats();
        while nats
            .request("kryten.robot.command", ping.clone().into())
            .await
            .is_err()
        {
            sleep(STEP).await;
        }
    }

    /// Sends every client of a channel an event.
    pub(crate) async fn emit(
        &self,
        channel: &str,
        event: &str,
        payload: Value,
    ) -> anyhow::Result<()> {
        let channel = self.sim.channel(channel).context("no such channel")?;
        let emit = Operation::Emit {
            event: event.to_owned(),
            payload: Some(payload),
            times: None,
        };
        channel.run(emit).await?;
        Ok(())
    }

    /// Sends a chat line.
    pub(crate) async fn line(&self, channel: &str, text: String) -> anyhow::Result<()> {
        let channel = self.sim.channel(channel).context("no such channel")?;
        emit(&channel, line(text)).await
    }

    /// All channels, as the simulator has them.
    pub(crate) fn handles(&self) -> anyhow::Result<Vec<ChannelHandle>> {
        let handles = self.channels.iter().map(|name| self.sim.channel(name));
        let handles: Option<Vec<_>> = handles.collect();
        handles.context("a channel is not there")
    }

    /// A further connection, for who must not wait behind others.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(&nats_config(&self.server)).await?)
    }

    pub(crate) async fn events(&self) -> anyhow::Result<Subscriber> {
        Ok(self.nats.nats().subscribe("kryten.events.cytube.>").await?)
    }

    /// How many events the stream has stored.
    pub(crate) async fn stored(&self) -> anyhow::Result<u64> {
        let stream = self.nats.jetstream().get_stream("KRYTEN_EVENTS").await?;
        Ok(stream.get_info().await?.state.messages)
    }

    /// Resident memory of the robot's process, in MB.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        memory(self.robot.id().context("the robot has ended")?)
    }

    /// Seconds of a processor that the robot and the nats-server have used so far.
    pub(crate) fn processor(&self) -> anyhow::Result<[f64; 2]> {
        let robot = self.robot.id().context("the robot has ended")?;
        let server = self.server.pid().context("the nats-server has ended")?;
        Ok([processor(robot)?, processor(server)?])
    }

    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        self.robot.kill().await?;
        self.sim.shutdown().await;
        Ok(self.server.stop().await?)
    }
}

pub(crate) fn nats_config(server: &NatsServer) -> NatsConfig {
    NatsConfig::for_url(server.url()).with_user(server.user(), server.password())
}

/// Resident memory of a process, in MB.
pub(crate) fn memory(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = number.context("no VmRSS")?.parse()?;
    Ok(kib / 1024.0)
}

/// Seconds of a processor that a process has used so far.
fn processor(pid: u32) -> anyhow::Result<f64> {
    /// What Linux counts in.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name, in brackets, may have blanks.
    let (_, fields) = stat.rsplit_once(") ").context("no name in stat")?;
    let used = fields.split(' ').skip(11).take(2);
    let ticks = used.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS_A_SECOND)
}

/// What goes to the keys of buckets, seen by a subscriber.
#[derive(Debug, Default)]
pub(crate) struct KvTraffic {
    pub(crate) bytes: AtomicU64,
    pub(crate) puts: AtomicU64,
    /// Puts of the key that completes a list: ours has a manifest, the original the list itself.
    pub(crate) lists: AtomicU64,
}

impl KvTraffic {
    /// Watches all keys; lists are those of `key`, such as `playlist.items`.
    pub(crate) async fn watch(theatre: &Theatre, who: Who, key: &str) -> anyhow::Result<Arc<Self>> {
        let mut puts = theatre.nats.subscribe("$KV.>").await?;
        let traffic = Arc::new(Self::default());
        let ours = Arc::clone(&traffic);
        let end = match who {
            Who::Ours => format!("_{key}.manifest"),
            Who::Original => format!("_{key}"),
        };
        tokio::spawn(async move {
            while let Some(put) = puts.next().await {
                ours.bytes
                    .fetch_add(put.payload.len() as u64, Ordering::Relaxed);
                ours.puts.fetch_add(1, Ordering::Relaxed);
                let completes = put.subject.ends_with(&end);
                ours.lists
                    .fetch_add(u64::from(completes), Ordering::Relaxed);
            }
        });
        Ok(traffic)
    }

    pub(crate) fn lists(&self) -> u64 {
        self.lists.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn puts(&self) -> u64 {
        self.puts.load(Ordering::Relaxed)
    }
}

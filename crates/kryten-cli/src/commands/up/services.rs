//! Starting and stopping everything that `kryten up` runs.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kryten_client::NatsConfig;
use kryten_client::log_levels::LogLevels;
use kryten_robot::{ChannelConfig, ChannelReport, Robot, RobotConfig, StopAsked};
use kryten_sim::{ScriptConfig, Sim, SimConfig, SimHandle};
use kryten_userstats::{Config as UserstatsConfig, Userstats, UserstatsError};
use kryten_web::{Sources, Web, WebFile};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use super::nats::PrivateNats;
use super::{UpArgs, file};
use crate::cli::ClientArgs;
use crate::connection_file::{ChannelName, ConnectionFile, NatsAddress, WebAddress};
use crate::supervisor;

/// The domain of the demo; no such host can exist.
const DEMO_DOMAIN: &str = "demo.invalid";
/// The channel of the demo, unless --channel names another.
const DEMO_CHANNEL: &str = "demo";
/// Whoever tries it out does not wait five minutes for the first count of users.
const DEMO_SNAPSHOTS: Duration = Duration::from_secs(10);
/// How long `up` waits for a real CyTube before it says that it is ready without it.
const CYTUBE_PATIENCE: Duration = Duration::from_secs(10);

/// Everything that runs.
pub(super) struct Services {
    server: Option<PrivateNats>,
    sim: Option<SimHandle>,
    robot: Robot,
    userstats: Userstats,
    web: Web,
    nats: NatsConfig,
    channels: Vec<ChannelName>,
}

impl Services {
    pub(super) async fn start(
        client: &ClientArgs,
        args: &UpArgs,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        let (configured, page) = match &args.config {
            Some(path) => {
                let (robot, page) = file::load(path)?;
                (Some(robot), page)
            }
            None => (None, WebFile::default()),
        };
        // Taken before anything is started: a taken port is told at once.
        let page = args.web.bind(page).await?;
        let (server, nats) = match client.servers() {
            servers if servers.is_empty() => {
                let server = PrivateNats::start(args, data_dir).await?;
                let nats = server.config();
                (Some(server), nats)
            }
            servers => (
                None,
                NatsConfig {
                    servers,
                    ..NatsConfig::default()
                },
            ),
        };
        let (sim, robot_config) =
            robot_config(args, configured, nats.clone(), server.is_none()).await?;
        let nats = robot_config.nats.clone();
        let channels: Vec<ChannelName> = robot_config.channels.iter().map(channel_name).collect();
        let robot = Robot::bind(robot_config)
            .await
            .context("the robot cannot start")?;
        // Until CyTube answers, everything else is of use all the same.
        let joined = tokio::time::timeout(CYTUBE_PATIENCE, robot.ready()).await;
        if joined.is_err() {
            tracing::warn!("not in the channel yet; the robot goes on trying");
        }
        let userstats = Userstats::bind(userstats_config(&nats, &channels, data_dir, args.demo))
            .await
            .context("the statistics cannot start")?;
        userstats.ready().await;
        if userstats.has_ended() {
            let ended = userstats.join().await;
            robot.shutdown().await;
            return Err(statistics_ended(ended));
        }
        let web = page.serve(sources(&robot, &userstats, &nats));
        Ok(Self {
            server,
            sim,
            robot,
            userstats,
            web,
            nats,
            channels,
        })
    }

    pub(super) fn connection_file(&self) -> ConnectionFile {
        let show = |secret: &Option<SecretString>| {
            secret
                .as_ref()
                .map(|secret| secret.expose_secret().to_owned())
        };
        ConnectionFile {
            nats: NatsAddress {
                url: self.nats.servers.join(","),
                user: self.nats.user.clone(),
                password: show(&self.nats.password),
                token: show(&self.nats.token),
            },
            web: WebAddress {
                url: self.web_url(),
            },
            channels: self.channels.clone(),
            pid: std::process::id(),
        }
    }

    pub(super) fn web_url(&self) -> String {
        let mut address = self.web.address();
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}/")
    }

    pub(super) fn nats_url(&self) -> String {
        self.nats.servers.join(",")
    }

    pub(super) fn has_private_nats(&self) -> bool {
        self.server.is_some()
    }

    pub(super) fn is_demo(&self) -> bool {
        self.sim.is_some()
    }

    pub(super) fn reports(&self) -> Vec<ChannelReport> {
        self.robot.report()
    }

    /// The levels of the log that were asked for, of the robot and of the statistics.
    pub(super) fn log_levels(&self) -> [watch::Receiver<LogLevels>; 2] {
        [self.robot.log_levels(), self.userstats.log_levels()]
    }

    /// How long the most silent of the services' tasks has not come around.
    pub(super) fn silence(&self) -> impl Fn() -> Option<Duration> + Send + Sync + 'static {
        supervisor::longest(self.robot.silence(), self.userstats.silence())
    }

    /// A function that says in a line what the services do.
    pub(super) fn status_line(&self) -> impl Fn() -> String + Send + Sync + 'static {
        let reports = self.robot.reporter();
        let status = Arc::clone(self.userstats.status());
        let web = self.web_url();
        move || {
            let robot = supervisor::robot_line(&reports());
            let userstats = supervisor::userstats_line(&status.view());
            format!("robot: {robot}; statistics: {userstats}; page: {web}")
        }
    }

    /// Ends when somebody has asked the robot to stop; gives the reason.
    pub(super) fn stop_asked(&self) -> impl Future<Output = StopAsked> + use<> {
        self.robot.stop_asked()
    }

    /// Waits until the statistics end by themselves; gives why.
    pub(super) async fn statistics_ended(&self) -> anyhow::Error {
        statistics_ended(self.userstats.join().await)
    }

    /// Stops in the order in which nothing is lost: first who writes, then who reads, then what is between.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.robot.shutdown().await;
        let counted = self.userstats.shutdown().await;
        self.web.shutdown().await;
        if let Some(sim) = self.sim {
            sim.shutdown().await;
        }
        if let Some(server) = self.server {
            server.stop().await?;
        }
        counted.context(
            "the statistics could not be committed; they are counted again at the next start",
        )
    }
}

/// Without statistics there is no whole to go on with.
fn statistics_ended(ended: Result<(), UserstatsError>) -> anyhow::Error {
    let why = match ended {
        Err(error) => anyhow::Error::from(error),
        Ok(()) => anyhow::anyhow!("nobody has told them to"),
    };
    why.context("the statistics have ended, so nothing is counted")
}

/// What the page shows: statistics and state, the robot's reports, and its health and metrics under `/robot`.
fn sources(robot: &Robot, userstats: &Userstats, nats: &NatsConfig) -> Sources {
    let reporter = robot.reporter();
    Sources::of(userstats)
        .with_nats(nats.clone())
        .with_robot(move || serde_json::to_value(reporter()).unwrap_or_default())
        .with_routes("/robot", kryten_robot::health::router(robot.reporter()))
}

async fn robot_config(
    args: &UpArgs,
    configured: Option<RobotConfig>,
    nats: NatsConfig,
    has_foreign_nats: bool,
) -> anyhow::Result<(Option<SimHandle>, RobotConfig)> {
    if let Some(mut config) = configured {
        if !has_foreign_nats {
            config.nats = nats;
        }
        config.health = None;
        config.commands_enabled = true;
        return Ok((None, config));
    }
    let (sim, channel) = if args.demo {
        let (sim, channel) = demo(args).await?;
        (Some(sim), channel)
    } else {
        (None, real_channel(args))
    };
    let mut config = RobotConfig::new(nats, vec![channel]);
    config.commands_enabled = true;
    Ok((sim, config))
}

async fn demo(args: &UpArgs) -> anyhow::Result<(SimHandle, ChannelConfig)> {
    let name = args
        .channel
        .clone()
        .unwrap_or_else(|| DEMO_CHANNEL.to_owned());
    let script = ScriptConfig {
        users: usize::try_from(args.users).unwrap_or(usize::MAX),
        seed: args.seed,
        rate: args.rate,
        ..ScriptConfig::default()
    };
    let sim = Sim::start(SimConfig::lively(name.clone(), script))
        .await
        .context("the simulated CyTube cannot start")?;
    let mut channel = ChannelConfig::new(DEMO_DOMAIN, name);
    channel.url = Some(sim.url());
    channel.user = Some("KrytenBot".to_owned());
    channel.password = Some(SecretString::from("demo"));
    channel.aggressive_reconnect = true;
    channel.reconnect_base = Duration::from_millis(200);
    Ok((sim, channel))
}

fn real_channel(args: &UpArgs) -> ChannelConfig {
    let mut channel = ChannelConfig::new(
        args.domain.clone().unwrap_or_default(),
        args.channel.clone().unwrap_or_default(),
    );
    channel.user = args
        .user
        .clone()
        .or_else(|| std::env::var("KRYTEN_CYTUBE_USER").ok());
    channel.password = std::env::var("KRYTEN_CYTUBE_PASSWORD")
        .ok()
        .map(SecretString::from);
    channel
}

fn channel_name(channel: &ChannelConfig) -> ChannelName {
    ChannelName {
        domain: channel.domain.clone(),
        channel: channel.channel.clone(),
    }
}

fn userstats_config(
    nats: &NatsConfig,
    channels: &[ChannelName],
    data_dir: &Path,
    is_demo: bool,
) -> UserstatsConfig {
    let channels = channels
        .iter()
        .map(|known| kryten_userstats::ChannelConfig {
            domain: known.domain.clone(),
            channel: known.channel.clone(),
        })
        .collect();
    let mut config = UserstatsConfig::new(
        nats.clone().named("kryten-userstats"),
        channels,
        data_dir.join("userstats.db"),
    );
    config.backfill_folder = Some(data_dir.join("backfill"));
    if is_demo {
        config.snapshot_interval = DEMO_SNAPSHOTS;
    }
    config
}

//! Starting and stopping everything that `kryten up` runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kryten_client::NatsConfig;
use kryten_client::log_levels::LogLevels;
use kryten_robot::{ChannelConfig, ChannelReport, Robot, RobotConfig};
use kryten_sim::{ScriptConfig, Sim, SimConfig, SimHandle};
use kryten_userstats::{Config as UserstatsConfig, Userstats};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::UpArgs;
use super::nats::PrivateNats;
use crate::cli::ClientArgs;
use crate::connection_file::{ChannelName, ConnectionFile, NatsAddress, WebAddress};
use crate::supervisor;

/// The domain of the demo; no such host can exist.
const DEMO_DOMAIN: &str = "demo.invalid";
/// The channel of the demo, unless --channel names another.
const DEMO_CHANNEL: &str = "demo";
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

struct Web {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Services {
    pub(super) async fn start(
        client: &ClientArgs,
        args: &UpArgs,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        // Taken before anything is started: a taken port is told at once.
        let listener = listen(args.web_port).await?;
        let (server, nats) = match &client.nats {
            Some(url) => (None, NatsConfig::for_url(url.clone())),
            None => {
                let server = PrivateNats::start(args, data_dir).await?;
                let nats = server.config();
                (Some(server), nats)
            }
        };
        let (sim, robot_config) = robot_config(args, nats.clone(), client.nats.is_some()).await?;
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
        let userstats = Userstats::bind(userstats_config(&nats, &channels, data_dir))
            .await
            .context("the statistics cannot start")?;
        userstats.ready().await;
        let web = Web::serve(listener, pages(&robot, &userstats))?;
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
        format!("http://{}/", self.web.address)
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
    pub(super) fn stop_asked(&self) -> impl Future<Output = String> + use<> {
        self.robot.stop_asked()
    }

    /// Stops in the order in which nothing is lost: first who writes, then who reads, then what is between.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.robot.shutdown().await;
        let counted = self.userstats.shutdown().await;
        self.web.stop().await;
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

impl Web {
    fn serve(listener: TcpListener, router: axum::Router) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let serving =
                axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "the web page ended");
            }
        });
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    async fn stop(self) {
        const OPEN_PAGES: Duration = Duration::from_millis(500);
        self.stop.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(OPEN_PAGES, self.task).await.is_err() {
            abort.abort();
        }
    }
}

/// The page, health and metrics of the statistics, and those of the robot under `/robot`.
fn pages(robot: &Robot, userstats: &Userstats) -> axum::Router {
    userstats
        .router()
        .nest("/robot", kryten_robot::health::router(robot.reporter()))
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| {
            format!(
                "port {port} for the web page is taken; choose another with --web-port, 0 for any"
            )
        })
}

async fn robot_config(
    args: &UpArgs,
    nats: NatsConfig,
    has_foreign_nats: bool,
) -> anyhow::Result<(Option<SimHandle>, RobotConfig)> {
    if let Some(file) = &args.config {
        let mut config = kryten_robot::config::load(file)?;
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
) -> UserstatsConfig {
    let channels = channels
        .iter()
        .map(|known| kryten_userstats::ChannelConfig {
            domain: known.domain.clone(),
            channel: known.channel.clone(),
        })
        .collect();
    UserstatsConfig::new(
        nats.clone().named("kryten-userstats"),
        channels,
        data_dir.join("userstats.db"),
    )
}

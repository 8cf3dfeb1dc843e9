//! A simulated channel, a nats-server, robot, statistics and page, and a person who talks.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kryten_client::{Client, EventStream, NatsConfig, command};
use kryten_protocol::command::Request;
use kryten_robot::commands::allowed::AllowedCommands;
use kryten_robot::{ChannelConfig, Robot, RobotConfig};
use kryten_servers::NatsServer;
use kryten_sim::{Mode, ScriptConfig, Sim, SimConfig, SimHandle};
use kryten_userstats::{Config as UserstatsConfig, Userstats};
use kryten_web::{Bound, Sources, Web, WebConfig};

pub(super) const DOMAIN: &str = "hostile.invalid";
pub(super) const CHANNEL: &str = "Lounge";
/// Says the lines that must all be counted.
pub(super) const HONEST: &str = "honest_person";
/// What may end the robot's stay is refused here; the refusal is asked for like everything else.
const DENIED: [&str; 4] = ["halt", "restart", "reconnect", "system.reload"];

/// What opens the locked page.
pub(super) const TOKEN: &str = "a-token-that-nobody-is-told";

/// Where HTTP is spoken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) page: SocketAddr,
    /// The page for which visitors need [`TOKEN`].
    pub(super) locked: SocketAddr,
    pub(super) robot: SocketAddr,
    pub(super) userstats: SocketAddr,
}

/// Everything that runs.
pub(super) struct Stage {
    nats: Client,
    sim: SimHandle,
    server: NatsServer,
    robot: Robot,
    userstats: Userstats,
    pages: [Web; 2],
    ports: Ports,
    honest: AtomicU64,
    _folder: tempfile::TempDir,
}

impl Stage {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let mut sim_config = SimConfig::quiet(CHANNEL);
        sim_config.mode = Mode::Script(ScriptConfig {
            users: 0,
            rate: 0.0,
            history: 0,
            films: 20,
            ..ScriptConfig::default()
        });
        sim_config.default_rank = 4.0;
        sim_config.flood_limits = false;
        let sim = Sim::start(sim_config).await?;
        sim.join(HONEST).await?;
        sim.join("bob").await?;
        let server = NatsServer::ephemeral().await;
        let nats = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
        let mut channel = ChannelConfig::new(DOMAIN, CHANNEL);
        channel.url = Some(sim.url());
        channel.user = Some("KrytenBot".to_owned());
        channel.password = Some("secret".into());
        channel.aggressive_reconnect = true;
        channel.reconnect_base = Duration::from_millis(20);
        channel.reconnect_max = Duration::from_millis(200);
        let mut config = RobotConfig::new(nats.clone().named("kryten-robot"), vec![channel]);
        config.commands_enabled = true;
        config.remote_shutdown = false;
        config.allowed = AllowedCommands::read(None, &DENIED.map(str::to_owned))?;
        // What CyTube does not do at once, it does not do here.
        config.command_times.effect = Duration::from_millis(100);
        config.command_times.look_up = Duration::from_millis(100);
        config.command_times.chat_expiry = Duration::from_millis(50);
        config.command_times.expiry = Duration::from_millis(50);
        let robot = Robot::bind(config).await?;
        robot.ready().await;
        let health = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let robot_port = health.local_addr()?;
        let routes = kryten_robot::health::router(robot.reporter());
        tokio::spawn(axum::serve(health, routes).into_future());
        let folder = tempfile::tempdir()?;
        let watched = kryten_userstats::ChannelConfig {
            domain: DOMAIN.to_owned(),
            channel: CHANNEL.to_owned(),
        };
        let database = folder.path().join("userstats.db");
        let named = nats.clone().named("kryten-userstats");
        let mut config = UserstatsConfig::new(named, vec![watched], database);
        config.http = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let userstats = Userstats::bind(config).await?;
        userstats.ready().await;
        let page = page_of(&userstats, &nats, None).await?;
        let locked = page_of(&userstats, &nats, Some(TOKEN)).await?;
        let ports = Ports {
            page: page.address(),
            locked: locked.address(),
            robot: robot_port,
            userstats: userstats
                .http_address()
                .context("the statistics have no HTTP port")?,
        };
        Ok(Self {
            nats: Client::connect(&nats.named("kryten-fuzz")).await?,
            sim,
            server,
            robot,
            userstats,
            pages: [page, locked],
            ports,
            honest: AtomicU64::new(0),
            _folder: folder,
        })
    }

    pub(super) fn nats(&self) -> &Client {
        &self.nats
    }

    pub(super) fn ports(&self) -> &Ports {
        &self.ports
    }

    pub(super) fn honest_lines(&self) -> u64 {
        self.honest.load(Ordering::Relaxed)
    }

    pub(super) async fn say_an_honest_line(&self) -> anyhow::Result<()> {
        // While the robot is out of the channel CyTube keeps only fifteen lines for it.
        self.sim.wait_until(|progress| progress.bots > 0).await;
        let number = self.honest.fetch_add(1, Ordering::Relaxed);
        self.sim.say(HONEST, &format!("line {number}")).await?;
        Ok(())
    }

    /// What does not hold after everything: lines that are not counted, a service that no longer works.
    pub(super) async fn what_is_lost(&self) -> anyhow::Result<Vec<String>> {
        /// A backlog of everything that was sent may have to be counted first.
        const PATIENCE: Duration = Duration::from_secs(120);
        let expected = self.honest_lines();
        let began = Instant::now();
        let mut counted = self.counted().await?;
        while counted < expected && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
            counted = self.counted().await?;
        }
        let mut lost = Vec::new();
        if counted != expected {
            lost.push(format!("{counted} of {expected} honest lines are counted"));
        }
        if !self.robot.report().iter().all(|channel| channel.in_channel) {
            lost.push("the robot is no longer in its channel".to_owned());
        }
        let stream = EventStream::open_or_create(&self.nats).await?;
        if stream.info().await.is_err() {
            lost.push("the event stream cannot be read any more".to_owned());
        }
        Ok(lost)
    }

    async fn counted(&self) -> anyhow::Result<u64> {
        let request = Request::new("userstats", "user.messages")
            .with("username", HONEST)
            .with("channel", CHANNEL)
            .with("domain", DOMAIN);
        let asked = command::request(&self.nats, "userstats", request, Duration::from_secs(30));
        let data = asked
            .await
            .context("the statistics do not answer any more")?
            .data;
        Ok(data
            .and_then(|data| {
                data["total_messages"]
                    .as_u64()
                    .or_else(|| data["message_count"].as_u64())
            })
            .unwrap_or(0))
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        for page in self.pages {
            page.shutdown().await;
        }
        self.robot.shutdown().await;
        self.userstats.shutdown().await?;
        self.sim.shutdown().await;
        self.server.stop().await?;
        Ok(())
    }
}

async fn page_of(
    userstats: &Userstats,
    nats: &NatsConfig,
    token: Option<&str>,
) -> anyhow::Result<Web> {
    let mut config = WebConfig::on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    config.token = token.map(Into::into);
    // Who asks too often is told so; here everything else is looked at.
    config.requests_per_minute = NonZeroU32::MAX;
    config.kv = Some(true);
    let sources = Sources::of(userstats).with_nats(nats.clone().named("kryten-web"));
    Ok(Bound::bind(config).await?.serve(sources))
}

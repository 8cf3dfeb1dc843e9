//! What the channel is like before the test begins.

use std::time::Duration;

use kryten_client::{Client, NatsConfig};
use kryten_robot::{Robot, RobotConfig};
use kryten_servers::NatsServer;
use kryten_sim::{Mode, ScriptConfig, Sim, SimConfig, SimHandle};
use kryten_userstats::{Config as UserstatsConfig, Userstats};

use crate::channel::TestChannel;
use crate::commands::Commands;
use crate::events::Events;
use crate::until::OrEndTest;
use crate::watchdog::{LONGEST_TEST, Watchdog};

/// Settings of a [`TestChannel`]; by default a channel `test` on `test.invalid` in which nobody is but the robot, as
/// `KrytenBot` of rank 3, and the statistics are counted.
#[derive(Debug, Clone)]
pub struct TestChannelBuilder {
    channel: String,
    domain: String,
    bot: String,
    bot_rank: f64,
    present: Vec<String>,
    script: ScriptConfig,
    with_userstats: bool,
    time_limit: Duration,
}

impl Default for TestChannelBuilder {
    fn default() -> Self {
        Self {
            channel: "test".to_owned(),
            domain: "test.invalid".to_owned(),
            bot: "KrytenBot".to_owned(),
            bot_rank: 3.0,
            present: Vec::new(),
            script: ScriptConfig {
                users: 0,
                rate: 0.0,
                history: 0,
                films: 0,
                ..ScriptConfig::default()
            },
            with_userstats: true,
            time_limit: LONGEST_TEST,
        }
    }
}

impl TestChannelBuilder {
    /// The channel's name.
    #[must_use]
    pub fn channel(mut self, name: impl Into<String>) -> Self {
        self.channel = name.into();
        self
    }

    /// The CyTube host.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into();
        self
    }

    /// The robot's account, and its rank in the channel.
    #[must_use]
    pub fn bot(mut self, name: impl Into<String>, rank: f64) -> Self {
        (self.bot, self.bot_rank) = (name.into(), rank);
        self
    }

    /// Users who are in the channel before robot and statistics start.
    #[must_use]
    pub fn present<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.present.extend(names.into_iter().map(Into::into));
        self
    }

    /// How many users the script knows; about two thirds of them are in the channel before anything else starts. They
    /// do nothing unless [`Self::rate`] says so.
    #[must_use]
    pub fn users(mut self, count: usize) -> Self {
        self.script.users = count;
        self
    }

    /// What decides all chance.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.script.seed = seed;
        self
    }

    /// How many chat lines the script's users say in a second, as soon as the robot is there.
    #[must_use]
    pub fn rate(mut self, lines_per_second: f64) -> Self {
        self.script.rate = lines_per_second;
        self
    }

    /// How many films are on the playlist at the start; the first one plays.
    #[must_use]
    pub fn films(mut self, count: usize) -> Self {
        self.script.films = count;
        self
    }

    /// Whether userstats runs; without it [`TestChannel::stats`] and [`TestChannel::counted`] cannot be used.
    #[must_use]
    pub fn with_userstats(mut self, with_userstats: bool) -> Self {
        self.with_userstats = with_userstats;
        self
    }

    /// How long the test may take before the [`Watchdog`] ends it; 60 s without this.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Starts everything; when this returns, the robot is in the channel, the channel's state is in KV, and userstats
    /// has counted what there was.
    ///
    /// # Panics
    /// When something cannot be started; the text says what and why.
    pub async fn start(self) -> TestChannel {
        let watchdog = Watchdog::start(self.time_limit);
        let (sim, server) = tokio::join!(self.start_sim(), NatsServer::ephemeral());
        let nats_config =
            NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
        let nats = Client::connect(&nats_config.clone().named("kryten-testkit"))
            .await
            .or_end_test("connect to its nats-server");
        let events = Events::follow(&nats).await;
        let commands = Commands::follow(&nats).await;
        let robot = Robot::bind(self.robot_config(&nats_config, &sim))
            .await
            .or_end_test("start the robot");
        let ready = tokio::time::timeout(crate::until::PATIENCE, robot.ready());
        ready.await.or_end_test("bring the robot into the channel");
        let folder = tempfile::Builder::new().prefix("kryten-testkit-").tempdir();
        let folder = folder.or_end_test("make a folder for the database");
        let userstats = match self.with_userstats {
            true => {
                let database = folder.path().join("userstats.db");
                let userstats = Userstats::bind(self.userstats_config(&nats_config, database))
                    .await
                    .or_end_test("start the statistics");
                userstats.ready().await;
                Some(userstats)
            }
            false => None,
        };
        TestChannel {
            name: self.channel,
            domain: self.domain,
            nats,
            nats_config,
            events,
            commands,
            marks: 0.into(),
            robot,
            userstats,
            sim,
            server,
            _folder: folder,
            _watchdog: watchdog,
        }
    }

    async fn start_sim(&self) -> SimHandle {
        let mut config = SimConfig::quiet(self.channel.clone());
        config.mode = Mode::Script(self.script.clone());
        config.default_rank = self.bot_rank;
        let sim = Sim::start(config)
            .await
            .or_end_test("start the simulated CyTube");
        for name in &self.present {
            sim.join(name).await.or_end_test("let a user join");
        }
        sim
    }

    fn robot_config(&self, nats: &NatsConfig, sim: &SimHandle) -> RobotConfig {
        let mut channel = kryten_robot::ChannelConfig::new(&self.domain, &self.channel);
        channel.url = Some(sim.url());
        channel.user = Some(self.bot.clone());
        channel.password = Some("secret".into());
        channel.aggressive_reconnect = true;
        channel.reconnect_base = Duration::from_millis(20);
        channel.reconnect_max = Duration::from_millis(200);
        let mut config = RobotConfig::new(nats.clone().named("kryten-robot"), vec![channel]);
        config.commands_enabled = true;
        config
    }

    fn userstats_config(&self, nats: &NatsConfig, database: std::path::PathBuf) -> UserstatsConfig {
        let channel = kryten_userstats::ChannelConfig {
            domain: self.domain.clone(),
            channel: self.channel.clone(),
        };
        UserstatsConfig::new(
            nats.clone().named("kryten-userstats"),
            vec![channel],
            database,
        )
    }
}

//! What a test does with a channel.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kryten_client::{Client, EventStream, KvBucket, NatsConfig, command};
use kryten_protocol::command::Request;
use kryten_protocol::state::{StateBucket, USERS};
use kryten_robot::{ChannelReport, Robot};
use kryten_servers::NatsServer;
use kryten_sim::{Operation, SimHandle};
use kryten_userstats::Userstats;
use serde_json::{Value, json};

use crate::builder::TestChannelBuilder;
use crate::commands::{Commands, SeenCommand};
use crate::events::{Events, MARK, SeenEvent};
use crate::until::{OrEndTest, until};
use crate::watchdog::Watchdog;

/// A simulated channel with a robot in it, a nats-server and userstats; everything ends when it is dropped.
///
/// Every method that waits ends the test with a panic that says what did not happen.
#[derive(Debug)]
pub struct TestChannel {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) nats: Client,
    pub(crate) nats_config: NatsConfig,
    pub(crate) events: Events,
    pub(crate) commands: Commands,
    pub(crate) marks: AtomicU64,
    pub(crate) robot: Robot,
    pub(crate) userstats: Option<Userstats>,
    pub(crate) sim: SimHandle,
    pub(crate) server: NatsServer,
    pub(crate) _folder: tempfile::TempDir,
    pub(crate) _watchdog: Watchdog,
}

impl TestChannel {
    /// Starts a channel with everything as the builder's default has it.
    ///
    /// # Panics
    /// As [`TestChannelBuilder::start`].
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A channel with settings of one's own.
    pub fn builder() -> TestChannelBuilder {
        TestChannelBuilder::default()
    }

    /// The channel's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The CyTube host.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// A connection to the nats-server.
    pub fn nats(&self) -> &Client {
        &self.nats
    }

    /// How a bot under test connects by itself.
    pub fn nats_config(&self) -> NatsConfig {
        self.nats_config.clone()
    }

    /// As [`Self::nats_config`], in one address with user and password in it: for a bot that is a process of its own.
    pub fn nats_url(&self) -> String {
        let (user, password) = (self.server.user(), self.server.password());
        format!("nats://{user}:{password}@127.0.0.1:{}", self.server.port())
    }

    /// The simulated CyTube, for whatever has no method here.
    pub fn sim(&self) -> &SimHandle {
        &self.sim
    }

    /// A user says something; joins first if not in the channel.
    pub async fn say(&self, user: &str, text: &str) {
        let said = self.sim.say(user, text).await;
        said.or_end_test("let a user say something");
    }

    /// A user sends the robot a private message; joins first if not in the channel.
    pub async fn pm(&self, user: &str, text: &str) {
        let sent = self.sim.pm(user, text).await;
        sent.or_end_test("let a user send a private message");
    }

    /// A user joins, with rank 1.
    pub async fn join(&self, user: &str) {
        let joined = self.sim.join(user).await;
        joined.or_end_test("let a user join");
    }

    /// A user leaves.
    pub async fn leave(&self, user: &str) {
        let left = self.sim.leave(user).await;
        left.or_end_test("let a user leave");
    }

    /// A user puts a film at the end of the playlist, by media type and id, such as `yt` and `dQw4w9WgXcQ`.
    pub async fn queue(&self, user: &str, media_type: &str, id: &str) {
        let media = json!({"id": id, "type": media_type, "pos": "end", "temp": false});
        self.act(user, "queue", media).await;
    }

    /// A user sends any event of a CyTube client, such as `setAFK` or `vote`.
    pub async fn act(&self, user: &str, event: &str, payload: Value) {
        let acted = self.sim.act(user, event, payload).await;
        acted.or_end_test("let a user act");
    }

    /// Awaits a condition.
    pub async fn until<F, Fut>(&self, what: &str, condition: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        until(what, condition).await;
    }

    /// The next event in the stream that matches, after the one that this method returned last.
    pub async fn event(&self, matches: impl FnMut(&SeenEvent) -> bool) -> SeenEvent {
        self.events.next(matches).await
    }

    /// The next command to the robot that matches, after the one that this method returned last: what a bot asks for,
    /// whether or not the robot does it.
    pub async fn command(&self, matches: impl FnMut(&SeenCommand) -> bool) -> SeenCommand {
        self.commands.next(matches).await
    }

    /// All events that the stream holds so far.
    pub fn events(&self) -> Vec<SeenEvent> {
        self.events.all()
    }

    /// Waits until the robot has published everything that has happened in the channel so far.
    ///
    /// It does so by an event of its own, [`MARK`], which a bot that takes every event receives as well.
    pub async fn published(&self) {
        let number = self.marks.fetch_add(1, Ordering::Relaxed) + 1;
        let mark = Operation::Emit {
            event: MARK.to_owned(),
            payload: Some(number.into()),
            times: None,
        };
        // A mark that is sent while the robot is out of the channel is lost.
        const AGAIN_AFTER: Duration = Duration::from_millis(500);
        until(
            "the robot has published what happened in the channel",
            || async {
                self.sim.wait_until(|progress| progress.bots > 0).await;
                let sent = self.sim.run(mark.clone()).await;
                sent.or_end_test("send a mark");
                self.events.marked(number, AGAIN_AFTER).await
            },
        )
        .await;
    }

    /// Waits until userstats has counted and committed everything that has happened in the channel so far.
    ///
    /// # Panics
    /// Also when the channel was built without userstats.
    pub async fn counted(&self) {
        let status = self.userstats().status();
        self.published().await;
        let stream = EventStream::open_or_create(&self.nats).await;
        let info = stream.or_end_test("open the event stream").info().await;
        let last = info.or_end_test("look at the event stream").last_sequence;
        until("userstats has counted the whole stream", || async {
            status.view().sequence >= last
        })
        .await;
    }

    /// What userstats knows of a user: the data of its reply to `user.stats` in this channel.
    ///
    /// What happened a moment ago is in it after [`Self::counted`].
    ///
    /// # Panics
    /// Also when the channel was built without userstats.
    pub async fn stats(&self, user: &str) -> Value {
        /// Answers come within milliseconds, also on a busy machine.
        const PATIENCE: Duration = Duration::from_secs(10);
        self.userstats();
        let request = Request::new("userstats", "user.stats")
            .with("username", user)
            .with("channel", self.name.as_str())
            .with("domain", self.domain.as_str());
        let reply = command::request(&self.nats, "userstats", request, PATIENCE).await;
        let data = reply.or_end_test("ask userstats").data;
        data.unwrap_or_default()
    }

    /// Waits until the robot has a user in its user list in KV.
    pub async fn robot_sees(&self, user: &str) {
        let what = format!("{user} is in the robot's user list");
        until(&what, || async { self.is_in_userlist(user).await }).await;
    }

    /// Waits until the robot has no such user in its user list in KV.
    pub async fn robot_misses(&self, user: &str) {
        let what = format!("{user} is no longer in the robot's user list");
        until(&what, || async { !self.is_in_userlist(user).await }).await;
    }

    /// What the robot has done so far.
    pub fn robot_report(&self) -> ChannelReport {
        let mut reports = self.robot.report();
        reports.pop().expect("the robot serves one channel")
    }

    /// Cuts the connection between CyTube and the robot, and waits until the robot is back.
    pub async fn drop_connections(&self) {
        let before = self.robot_report().connects;
        let dropped = self.sim.drop_connections().await;
        dropped.or_end_test("drop the connections");
        until("the robot is back in the channel", || async {
            let report = self.robot_report();
            report.connects > before && report.in_channel
        })
        .await;
    }

    /// Stops the nats-server and starts it again on the same port and store, and waits until [`Self::nats`] is
    /// connected again. The robot keeps what it cannot publish meanwhile.
    pub async fn restart_nats(&mut self) {
        let before = self.nats.connections();
        let restarted = self.server.restart().await;
        restarted.or_end_test("restart its nats-server");
        until("the test is connected to NATS again", || async {
            self.nats.connections() > before && self.nats.is_connected()
        })
        .await;
    }

    /// Stops everything in order, and says so where something could not be stored.
    ///
    /// # Panics
    /// When userstats could not commit what it had counted, or the nats-server cannot be stopped.
    pub async fn shutdown(mut self) {
        self.robot.shutdown().await;
        if let Some(userstats) = self.userstats {
            let stopped = userstats.shutdown().await;
            stopped.or_end_test("commit what was counted");
        }
        self.sim.shutdown().await;
        let stopped = self.server.stop().await;
        stopped.or_end_test("stop its nats-server");
    }

    fn userstats(&self) -> &Userstats {
        match &self.userstats {
            Some(userstats) => userstats,
            None => panic!("this test channel was built with_userstats(false)"),
        }
    }

    async fn is_in_userlist(&self, user: &str) -> bool {
        let name = StateBucket::Userlist.name(&self.name);
        // Where NATS is away for a moment, the next look finds it.
        let Ok(bucket) = KvBucket::open(&self.nats, &name).await else {
            return false;
        };
        let users = bucket.get_json::<Vec<Value>>(USERS).await;
        let users = users.ok().flatten().unwrap_or_default();
        users.iter().any(|known| known["name"] == user)
    }
}

//! What a service hears: polls, robots that start, restarts that are asked for; and its heartbeat meanwhile.

use std::time::Duration;

use async_nats::SubscribeError;
use futures_util::StreamExt;
use kryten_protocol::lifecycle::RestartNotice;
use kryten_protocol::subject;
use serde_json::{Map, Value};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::lifecycle::Lifecycle;
use super::restart::RestartPolicy;
use crate::connection::Subscription;
use crate::round_trip::round_trip;

/// How often a heartbeat is sent, as the originals do; the robot's registry calls a service stale after 90 s without.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// What a service listens to, and how it answers.
#[derive(Debug, Clone)]
pub struct Listening {
    /// How often a heartbeat is sent; `None` for never.
    pub heartbeat: Option<Duration>,
    /// Whether a discovery poll is answered by a `startup`.
    pub answers_polls: bool,
    /// What that `startup` has beside the base fields.
    pub startup: Map<String, Value>,
    /// What the `startup` that answers a robot's has beside the base fields; `None` where robots are not heard.
    pub for_robots: Option<Map<String, Value>>,
    /// Whether a `startup` as for robots is sent after the connection was lost: a robot that started meanwhile was
    /// not heard, and knows nothing of this service.
    pub after_reconnect: bool,
    /// Whose restarts are obeyed.
    pub restarts: RestartPolicy,
}

impl Default for Listening {
    /// Everything that a service should do, and no restarts.
    fn default() -> Self {
        let again = Map::from_iter([("re_announcement".to_owned(), true.into())]);
        Self {
            heartbeat: Some(HEARTBEAT),
            answers_polls: true,
            startup: Map::new(),
            for_robots: Some(again),
            after_reconnect: true,
            restarts: RestartPolicy::Nobody,
        }
    }
}

/// What a service has heard.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LifecycleEvent {
    /// A robot has started: what it keeps in KV is new.
    RobotStarted,
    /// A restart was asked for by somebody who is obeyed. Nothing has been done yet.
    Restart(RestartNotice),
}

/// Subscriptions that are in force; see [`Lifecycle::listen`].
#[derive(Debug)]
pub struct Listener {
    lifecycle: Lifecycle,
    listening: Listening,
    robots: Subscription,
    polls: Subscription,
    restarts: Subscription,
}

impl Lifecycle {
    /// Subscribes; what is sent after this returns is heard by [`Listener::run`].
    ///
    /// # Errors
    /// When the connection was closed for good.
    pub async fn listen(&self, listening: Listening) -> Result<Listener, SubscribeError> {
        let robot = subject::lifecycle("robot", "startup").expect("\"robot\" is a usable token");
        let client = self.client();
        let (robots, polls, restarts) = tokio::try_join!(
            client.listen(robot, None),
            client.listen(subject::DISCOVERY_POLL, None),
            client.listen(subject::GROUP_RESTART, None),
        )?;
        // Where the server is away for a moment, it is told when it is back.
        round_trip(&client.nats()).await;
        Ok(Listener {
            lifecycle: self.clone(),
            listening,
            robots,
            polls,
            restarts,
        })
    }
}

impl Listener {
    /// Answers and sends heartbeats until `stop`, and gives what was heard to `hear`.
    pub async fn run(
        mut self,
        stop: CancellationToken,
        mut hear: impl FnMut(LifecycleEvent) + Send,
    ) {
        let lifecycle = self.lifecycle.clone();
        let client = lifecycle.client().clone();
        let listening = self.listening.clone();
        let period = listening
            .heartbeat
            .unwrap_or(HEARTBEAT)
            .max(Duration::from_millis(1));
        let mut heartbeat = interval_at(Instant::now() + period, period);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let Some(mut life) = stop.run_until_cancelled(client.life()).await else {
            return;
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                // Nothing is left in a buffer to be told when it is no longer true.
                _ = heartbeat.tick(), if listening.heartbeat.is_some() => {
                    if client.is_connected() {
                        lifecycle.heartbeat().await;
                    }
                }
                Some(_) = self.polls.next() => {
                    if listening.answers_polls {
                        lifecycle.startup(listening.startup.clone()).await;
                    }
                }
                Some(_) = self.robots.next() => {
                    if let Some(fields) = &listening.for_robots {
                        info!("a robot started; announcing this service again");
                        hear(LifecycleEvent::RobotStarted);
                        lifecycle.startup(fields.clone()).await;
                    }
                }
                Some(message) = self.restarts.next() => {
                    if let Some(notice) = obeyed(&listening.restarts, &message.payload) {
                        hear(LifecycleEvent::Restart(notice));
                    }
                }
                () = life.ended(), if listening.after_reconnect => {
                    let Some(again) = stop.run_until_cancelled(client.life()).await else {
                        return;
                    };
                    life = again;
                    let fields = listening.for_robots.clone().unwrap_or_default();
                    lifecycle.startup(fields).await;
                }
                else => return,
            }
        }
    }
}

fn obeyed(policy: &RestartPolicy, body: &[u8]) -> Option<RestartNotice> {
    let Some(notice) = RestartNotice::read(body) else {
        warn!(
            "somebody asks all services to restart by a message that cannot be read; this one goes on"
        );
        return None;
    };
    let (initiator, reason) = (notice.initiator.as_str(), notice.reason.as_str());
    if policy.obeys(&notice) {
        info!(initiator, reason, "this service was asked to restart");
        return Some(notice);
    }
    warn!(
        initiator,
        reason, "somebody asks all services to restart; this one goes on"
    );
    None
}

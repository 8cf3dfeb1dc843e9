//! The robot: binds to NATS, serves its channels, stops without losing what it has received.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use kryten_client::kv::KvError;
use kryten_client::log_levels::LogLevels;
use kryten_client::round_trip::round_trip;
use kryten_client::shared_lives::SharedLives;
use kryten_client::stream::{EventStream, StreamError};
use kryten_client::{Client, ConnectError};
use kryten_protocol::subject::SubjectError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::answering_pms;
use crate::audit::Audit;
use crate::channels::{Channels, Reloaded};
use crate::config::{ChannelConfig, RobotConfig};
use crate::hearing;
use crate::house_stream::HouseStream;
use crate::lease_bucket::Identity;
use crate::lifecycle::{self, Lifecycle};
use crate::office::Office;
use crate::patience::patiently;
use crate::requests::Requests;
use crate::seat::channel_id;
use crate::status::ChannelReport;
use crate::stop_asked::StopAsked;
use crate::term::House;

/// Connections over which channels publish, at most. A flood is felt in the channels that share its connection, so few
/// channels share none.
const CONNECTIONS: usize = 16;
/// `system:` messages that wait for their answer.
const SYSTEM_PMS: usize = 256;
/// How long a stop waits for the channels, each of which has less; one that is being taken up may not hear of it.
const LEAVE_LIMIT: Duration = Duration::from_millis(6500);
/// How long a stop waits for NATS, after the channels are left.
const FAREWELL_LIMIT: Duration = Duration::from_secs(3);
/// How long a stop waits for the disk.
const AUDIT_LIMIT: Duration = Duration::from_secs(2);

/// Why a robot cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RobotError {
    /// No connection to NATS.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No channel is configured.
    #[error("no channel is configured; name one in the section `cytube`")]
    NoChannel,
    /// A channel's name cannot be part of a subject.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// Two channels would share subjects and buckets.
    #[error(
        "two channels would share the subjects of {0:?}: subjects and buckets do not carry the domain; \
         give each its own NATS account or JetStream domain"
    )]
    SameName(String),
    /// Another robot serves a channel of the same name on another host.
    #[error(
        "another robot serves {channel:?} for {domain} on this NATS: subjects and buckets do not carry the domain; \
         give each robot its own NATS account or JetStream domain"
    )]
    ServedForAnotherHost {
        /// The channel.
        channel: String,
        /// The host that it is served for.
        domain: String,
    },
    /// The event stream cannot be used.
    #[error("the event stream cannot be used")]
    Stream(#[source] StreamError),
    /// The state's buckets cannot be used.
    #[error("the buckets of {channel} cannot be used")]
    Kv {
        /// The channel.
        channel: String,
        /// Why.
        #[source]
        source: KvError,
    },
    /// The robot's commands cannot be heard.
    #[error("commands cannot be heard")]
    Responder(#[source] kryten_client::respond::RespondError),
}

impl RobotError {
    /// Whether trying again later may help.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Stream(error) => error.is_transient(),
            Self::Kv { source, .. } => source.is_transient(),
            _ => false,
        }
    }
}

/// A running robot.
#[derive(Debug)]
pub struct Robot {
    client: Client,
    lifecycle: Lifecycle,
    channels: Channels,
    requests: Requests,
    office: Arc<Office>,
    stop: CancellationToken,
    lifecycle_task: JoinHandle<()>,
    announcing: JoinHandle<()>,
    answering: JoinHandle<()>,
    audit_task: Option<JoinHandle<()>>,
}

impl Robot {
    /// Connects to NATS, reads back what the stream and KV know of each channel, and starts to join them. A channel
    /// that another robot serves is not joined; this robot stands by for it.
    ///
    /// # Errors
    /// [`RobotError`] when NATS is away, a name is unusable, or the stream or the buckets cannot be used. Without
    /// JetStream the robot runs, publishes without keeping, and stores no state, until JetStream is there.
    pub async fn bind(config: RobotConfig) -> Result<Self, RobotError> {
        check_names(&config.channels)?;
        kryten_client::config::warn_of(&config.unknown_keys);
        let client = Client::connect(&config.nats).await?;
        let first = &config.channels[0];
        let health = config.health.is_some();
        let startup = lifecycle::startup_fields(
            &first.domain,
            &first.channel,
            config.commands_enabled,
            health,
        );
        let stop = CancellationToken::new();
        let services = Arc::default();
        hearing::follow_services(&client, Arc::clone(&services), stop.clone()).await;
        let lifecycle = Lifecycle::new(client.clone(), startup);
        lifecycle.startup().await;
        let opened = patiently(StreamError::is_transient, || {
            EventStream::open_or_create(&client)
        });
        let stream = match opened.await {
            Ok(stream) => Some(stream),
            Err(StreamError::JetStreamOff) => None,
            Err(error) => return Err(RobotError::Stream(error)),
        };
        let (audit, audit_task) = config.audit.clone().map(Audit::start).unzip();
        let (system_pms, system_pms_rx) = mpsc::channel(SYSTEM_PMS);
        let channels = Channels::new(House {
            connections: Arc::new(SharedLives::new(
                config.nats.clone().named("kryten-robot events"),
                CONNECTIONS,
            )),
            client: client.clone(),
            stream: HouseStream::new(stream),
            outbox_bytes: config.outbox_bytes,
            parts_grace: config.parts_grace,
            command_times: config.command_times,
            verify: config.verify,
            audit: audit.clone(),
            system_pms,
            lifecycle: lifecycle.clone(),
            identity: Identity::new(lifecycle.hostname().to_owned()),
            lease: config.lease,
        });
        for channel in config.channels.clone() {
            if let Err(error) = channels.add(channel).await {
                channels.leave_all().await;
                return Err(error);
            }
        }
        let office = Arc::new(Office::new(
            client.clone(),
            lifecycle.clone(),
            config,
            channels.clone(),
            services,
            audit,
        ));
        hearing::follow_group_restart(Arc::clone(&office), stop.clone()).await;
        let requests = Requests::start(Arc::clone(&office))
            .await
            .map_err(RobotError::Responder)?;
        let answering = tokio::spawn(answering_pms::run(Arc::clone(&office), system_pms_rx));
        let lifecycle_task = tokio::spawn(lifecycle.clone().run(stop.clone()));
        let (looking, stopped) = (channels.clone(), stop.clone());
        tokio::spawn(async move {
            let looking = looking.look_for_stream();
            stopped.run_until_cancelled(looking).await;
        });
        let (joined, startup) = (channels.clone(), lifecycle.clone());
        let announcing = tokio::spawn(async move {
            joined.ready().await;
            startup.startup().await;
        });
        Ok(Self {
            client,
            lifecycle,
            channels,
            requests,
            office,
            stop,
            lifecycle_task,
            announcing,
            answering,
            audit_task,
        })
    }

    /// Waits until each channel has been joined once and its state is in KV, or another robot serves it and this one
    /// stands by.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + use<> {
        let channels = self.channels.clone();
        async move { channels.ready().await }
    }

    /// A function that tells how long the most silent of the channels' tasks has not come around, for a watchdog. While
    /// it is below a minute all is well, whatever CyTube and NATS do; `None` while no channel is served here.
    pub fn silence(&self) -> impl Fn() -> Option<Duration> + Send + Sync + 'static {
        let channels = self.channels.clone();
        move || channels.silence()
    }

    /// What each channel has done so far.
    pub fn report(&self) -> Vec<ChannelReport> {
        self.channels.reports()
    }

    /// A function that gives [`Self::report`] to others, such as a health page.
    pub fn reporter(&self) -> impl Fn() -> Vec<ChannelReport> + Clone + Send + Sync + 'static {
        let channels = self.channels.clone();
        move || channels.reports()
    }

    /// Starts to serve one more channel.
    ///
    /// # Errors
    /// [`RobotError`] when the name is unusable or taken, or the channel's buckets cannot be used.
    pub async fn add_channel(&self, channel: ChannelConfig) -> Result<(), RobotError> {
        self.channels.add(channel).await
    }

    /// Leaves a channel, publishes and writes what is left of it; says whether it was served.
    pub async fn remove_channel(&self, domain: &str, channel: &str) -> bool {
        self.channels.remove(domain, channel).await
    }

    /// Serves exactly these channels from now on. A channel whose settings differ, or that was given up, is left and
    /// joined anew, all others notice nothing.
    pub async fn reload(&self, channels: Vec<ChannelConfig>) -> Reloaded {
        self.channels.reload(channels).await
    }

    /// Waits until all channels have been given up; that is never while one may still be joined again or is being taken
    /// up anew by a reload, nor while there is none at all.
    pub async fn join(&mut self) {
        self.channels.given_up().await;
    }

    /// Ends when somebody has asked the robot to stop, by `system.shutdown`, a group restart or a private message; gives
    /// the reason. Whoever runs the robot then shuts it down, and after a group restart starts it again.
    pub fn stop_asked(&self) -> impl Future<Output = StopAsked> + Send + use<> {
        let mut asked = self.office.stop.subscribe();
        async move {
            let stop = asked.wait_for(Option::is_some).await;
            match stop.ok().and_then(|stop| stop.clone()) {
                Some(stop) => stop,
                None => std::future::pending().await,
            }
        }
    }

    /// The levels of the log, which `system.reload` and `system.loglevel` may change.
    pub fn log_levels(&self) -> watch::Receiver<LogLevels> {
        self.office.log_levels.subscribe()
    }

    /// Leaves all channels, publishes and writes what is left, and says goodbye.
    pub async fn shutdown(self) {
        if tokio::time::timeout(LEAVE_LIMIT, self.channels.leave_all())
            .await
            .is_err()
        {
            warn!("stopping although not all channels could be left in time");
        }
        let farewell = async {
            self.requests.stop().await;
            self.announcing.abort();
            self.answering.abort();
            self.stop.cancel();
            let _ = self.lifecycle_task.await;
            self.lifecycle.shutdown("Normal shutdown").await;
            // The connection is about to close: nothing could be done if it did not come back.
            round_trip(&self.client.nats()).await;
        };
        // While NATS is away, a flush and a subscription wait for it for ever.
        if tokio::time::timeout(FAREWELL_LIMIT, farewell)
            .await
            .is_err()
        {
            warn!("stopping although answers and the announcement of it may not be sent");
            self.announcing.abort();
            self.answering.abort();
            self.stop.cancel();
        }
        // The logs' writer ends when nobody can write any more.
        let _ = self.answering.await;
        drop((self.office, self.channels));
        if let Some(task) = self.audit_task
            && tokio::time::timeout(AUDIT_LIMIT, task).await.is_err()
        {
            warn!("stopping although the audit logs are not all written");
        }
        info!("the robot has stopped");
    }
}

fn check_names(channels: &[ChannelConfig]) -> Result<(), RobotError> {
    if channels.is_empty() {
        return Err(RobotError::NoChannel);
    }
    let mut seen = HashSet::new();
    for channel in channels {
        if !seen.insert(channel_id(channel)?.filter) {
            return Err(RobotError::SameName(channel.channel.clone()));
        }
    }
    Ok(())
}

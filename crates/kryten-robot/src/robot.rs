//! The robot: binds to NATS, serves its channels, stops without losing what it has received.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kryten_client::kv::KvError;
use kryten_client::stream::{EventStream, StreamError};
use kryten_client::{Client, ConnectError};
use kryten_cytube::{CytubeClient, CytubeHandle};
use kryten_protocol::cytube::ChatMsg;
use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::subject::SubjectError;
use kryten_protocol::time::WireTime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::answering_pms::{self, SystemPm};
use crate::audit::Audit;
use crate::bridge::{Bridge, BridgeNews};
use crate::channel::ChannelState;
use crate::channel_name::ChannelId;
use crate::commands::desk::Desk;
use crate::config::{ChannelConfig, RobotConfig};
use crate::hearing;
use crate::history::History;
use crate::kv_writer::KvWriter;
use crate::lifecycle::{self, Lifecycle};
use crate::office::{Office, Served};
use crate::publisher::Publisher;
use crate::requests::Requests;
use crate::shared_outbox::SharedOutbox;
use crate::status::{ChannelReport, ChannelStatus};

/// How much of a channel's chat is read back at the start to recognise CyTube's replay.
const CHAT_TAIL: usize = 400;
/// How long a stop may take to publish and write what is left.
const FLUSH_LIMIT: Duration = Duration::from_secs(4);

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

/// A running robot.
#[derive(Debug)]
pub struct Robot {
    client: Client,
    lifecycle: Lifecycle,
    channels: Vec<Channel>,
    requests: Option<Requests>,
    office: Option<Arc<Office>>,
    audit_task: Option<JoinHandle<()>>,
    stop: CancellationToken,
    lifecycle_task: JoinHandle<()>,
    news_tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Channel {
    id: Arc<ChannelId>,
    status: Arc<ChannelStatus>,
    cytube: CytubeHandle,
    ready: watch::Receiver<bool>,
    /// Taken when it has ended: a task's end can be awaited once.
    bridge: Option<JoinHandle<()>>,
    publisher: JoinHandle<()>,
    writer: Option<JoinHandle<()>>,
    stop_bridge: CancellationToken,
    stop_publisher: CancellationToken,
}

impl Robot {
    /// Connects to NATS, reads back what the stream and KV know of each channel, and starts to join them.
    ///
    /// # Errors
    /// [`RobotError`] when NATS is away, a name is unusable, or the stream or the buckets cannot be used. Without
    /// JetStream the robot runs, publishes without keeping, and stores no state.
    pub async fn bind(config: RobotConfig) -> Result<Self, RobotError> {
        check_names(&config.channels)?;
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
        let stream = match EventStream::open_or_create(&client).await {
            Ok(stream) => Some(stream),
            Err(StreamError::JetStreamOff) => None,
            Err(error) => return Err(RobotError::Stream(error)),
        };
        let (audit, audit_task) = config.audit.clone().map(Audit::start).unzip();
        let mut channels = Vec::new();
        let mut views = Vec::new();
        let mut news_tasks = Vec::new();
        let mut messages = Vec::new();
        for channel in &config.channels {
            let start = Start {
                config: &config,
                client: &client,
                stream: stream.as_ref(),
                audit: audit.clone(),
                stop: &stop,
            };
            let (channel, served, news, system_pms) = start_channel(&start, channel).await?;
            messages.push((Arc::clone(&served), system_pms));
            news_tasks.push(tokio::spawn(tell(
                lifecycle.clone(),
                Arc::clone(&channel.id),
                news,
            )));
            channels.push(channel);
            views.push(served);
        }
        let office = Arc::new(Office::new(
            client.clone(),
            lifecycle.clone(),
            config,
            views,
            services,
            audit,
        ));
        for (served, system_pms) in messages {
            let office = Arc::clone(&office);
            news_tasks.push(tokio::spawn(answering_pms::run(office, served, system_pms)));
        }
        hearing::follow_group_restart(Arc::clone(&office), stop.clone()).await;
        let requests = Requests::start(Arc::clone(&office))
            .await
            .map_err(RobotError::Responder)?;
        let lifecycle_task = tokio::spawn(lifecycle.clone().run(stop.clone()));
        let readiness = channels
            .iter()
            .map(|channel: &Channel| channel.ready.clone())
            .collect();
        let announcing = lifecycle.clone();
        news_tasks.push(tokio::spawn(async move {
            all_ready(readiness).await;
            announcing.startup().await;
        }));
        Ok(Self {
            client,
            lifecycle,
            channels,
            requests: Some(requests),
            office: Some(office),
            audit_task,
            stop,
            lifecycle_task,
            news_tasks,
        })
    }

    /// Waits until each channel has been joined once and its state is in KV.
    pub async fn ready(&self) {
        all_ready(
            self.channels
                .iter()
                .map(|channel| channel.ready.clone())
                .collect(),
        )
        .await;
    }

    /// What each channel has done so far.
    pub fn report(&self) -> Vec<ChannelReport> {
        self.channels
            .iter()
            .map(|channel| {
                channel
                    .status
                    .report(&channel.id.domain, &channel.id.channel)
            })
            .collect()
    }

    /// A function that gives [`Self::report`] to others, such as a health page.
    pub fn reporter(&self) -> impl Fn() -> Vec<ChannelReport> + Clone + Send + Sync + 'static {
        let channels: Vec<_> = self
            .channels
            .iter()
            .map(|channel| (Arc::clone(&channel.id), Arc::clone(&channel.status)))
            .collect();
        move || {
            channels
                .iter()
                .map(|(id, status)| status.report(&id.domain, &id.channel))
                .collect()
        }
    }

    /// Waits until all channels have been given up; that is never while one may still be joined again.
    pub async fn join(&mut self) {
        for channel in &mut self.channels {
            channel.bridge_ended().await;
        }
    }

    /// Ends when somebody has asked the robot to stop, by `system.shutdown`, a group restart or a private message; gives
    /// the reason. Whoever runs the robot then shuts it down.
    pub fn stop_asked(&self) -> impl Future<Output = String> + Send + use<> {
        let asked = self.office.as_ref().map(|office| office.stop.subscribe());
        async move {
            let Some(mut asked) = asked else {
                return std::future::pending().await;
            };
            let reason = asked.wait_for(Option::is_some).await;
            let reason = reason.ok().and_then(|reason| reason.clone());
            match reason {
                Some(reason) => reason,
                None => std::future::pending().await,
            }
        }
    }

    /// The level of the log, which `system.reload` may change.
    pub fn log_level(&self) -> Option<watch::Receiver<String>> {
        self.office
            .as_ref()
            .map(|office| office.log_level.subscribe())
    }

    /// Leaves all channels, publishes and writes what is left, and says goodbye.
    pub async fn shutdown(mut self) {
        for channel in &self.channels {
            channel.cytube.close().await;
            channel.stop_bridge.cancel();
        }
        let flushed = tokio::time::timeout(FLUSH_LIMIT, async {
            for channel in &mut self.channels {
                channel.bridge_ended().await;
            }
        });
        if flushed.await.is_err() {
            warn!(
                "stopping although not all events could be stored; the next start finds what CyTube still offers"
            );
        }
        for channel in self.channels {
            if let Some(bridge) = channel.bridge {
                bridge.abort();
            }
            channel.stop_publisher.cancel();
            let _ = channel.publisher.await;
            if let Some(writer) = channel.writer {
                writer.abort();
            }
            self.lifecycle
                .disconnected(&channel.id.domain, &channel.id.channel, "Graceful shutdown")
                .await;
        }
        self.stop.cancel();
        if let Some(requests) = self.requests.take() {
            requests.stop().await;
        }
        self.news_tasks.iter().for_each(JoinHandle::abort);
        let _ = self.lifecycle_task.await;
        self.lifecycle.shutdown("Normal shutdown").await;
        // The connection is about to close: a failed flush changes nothing.
        let _ = self.client.nats().flush().await;
        // The logs' writer ends when nobody can write any more.
        for task in self.news_tasks.drain(..) {
            let _ = task.await;
        }
        drop(self.office.take());
        if let Some(task) = self.audit_task.take() {
            let _ = tokio::time::timeout(FLUSH_LIMIT, task).await;
        }
        info!("the robot has stopped");
    }
}

impl Channel {
    async fn bridge_ended(&mut self) {
        if let Some(bridge) = &mut self.bridge {
            // A task that panicked is a channel that has ended.
            let _ = bridge.await;
            self.bridge = None;
        }
    }
}

async fn all_ready(channels: Vec<watch::Receiver<bool>>) {
    for mut ready in channels {
        // A bridge that has ended is as ready as it will ever be.
        let _ = ready.wait_for(|ready| *ready).await;
    }
}

fn check_names(channels: &[ChannelConfig]) -> Result<(), RobotError> {
    if channels.is_empty() {
        return Err(RobotError::NoChannel);
    }
    let mut seen = HashSet::new();
    for channel in channels {
        let id = ChannelId::new(&channel.domain, &channel.channel)?;
        if !seen.insert(id.filter) {
            return Err(RobotError::SameName(channel.channel.clone()));
        }
    }
    Ok(())
}

/// What all channels have in common.
struct Start<'a> {
    config: &'a RobotConfig,
    client: &'a Client,
    stream: Option<&'a EventStream>,
    audit: Option<Audit>,
    stop: &'a CancellationToken,
}

type Started = (
    Channel,
    Arc<Served>,
    mpsc::UnboundedReceiver<BridgeNews>,
    mpsc::Receiver<SystemPm>,
);

/// `system:` messages that wait for their answer.
const SYSTEM_PMS: usize = 64;

async fn start_channel(start: &Start<'_>, channel: &ChannelConfig) -> Result<Started, RobotError> {
    let Start {
        config,
        client,
        stream,
        ..
    } = *start;
    let id = Arc::new(ChannelId::new(&channel.domain, &channel.channel)?);
    let status = Arc::new(ChannelStatus::default());
    let outbox = Arc::new(SharedOutbox::new(config.outbox_bytes));
    let (history, last_sign) = match stream {
        Some(stream) => read_back(stream, &id).await.map_err(RobotError::Stream)?,
        None => (History::default(), None),
    };
    let writer = match stream {
        Some(_) => {
            let opened = KvWriter::open(Arc::clone(&id), client.clone(), Arc::clone(&status)).await;
            Some(opened.map_err(|source| RobotError::Kv {
                channel: channel.channel.clone(),
                source,
            })?)
        }
        None => None,
    };
    let (snapshots, snapshots_rx) = mpsc::unbounded_channel();
    let (written_tx, written) = mpsc::unbounded_channel();
    let (news, bridge_news) = mpsc::unbounded_channel();
    let stop_publisher = CancellationToken::new();
    let stop_bridge = CancellationToken::new();
    let publisher = Publisher {
        id: Arc::clone(&id),
        nats: config
            .nats
            .clone()
            .named(format!("kryten-robot {}", channel.channel)),
        outbox: Arc::clone(&outbox),
        snapshots,
        status: Arc::clone(&status),
        epoch: writer.as_ref().map_or(0, KvWriter::epoch),
        stop: stop_publisher.clone(),
    };
    let (ready_tx, ready) = watch::channel(false);
    let state = Arc::new(Mutex::new(ChannelState::default()));
    let (cytube, items) = CytubeClient::spawn(channel.cytube());
    let desk = Arc::new(Desk::new(
        Arc::clone(&id),
        cytube.clone(),
        Arc::clone(&state),
        Arc::clone(&status),
        config.command_times,
    ));
    tokio::spawn(Arc::clone(&desk).run(start.stop.clone()));
    let (system_pms, system_pms_rx) = mpsc::channel(SYSTEM_PMS);
    let bridge = Bridge {
        id: Arc::clone(&id),
        desk: Arc::clone(&desk),
        system_pms,
        audit: start.audit.clone(),
        items,
        outbox,
        written,
        news,
        status: Arc::clone(&status),
        state,
        history,
        messages: History::default(),
        last_sign,
        absent_from: None,
        kv_enabled: writer.is_some(),
        stop: stop_bridge.clone(),
        ready: ready_tx,
    };
    let served = Arc::new(Served::new(desk, channel.user.clone()));
    let running = Channel {
        id,
        status,
        cytube,
        ready,
        bridge: Some(tokio::spawn(bridge.run())),
        publisher: tokio::spawn(publisher.run()),
        writer: writer.map(|writer| tokio::spawn(writer.run(snapshots_rx, written_tx))),
        stop_bridge,
        stop_publisher,
    };
    Ok((running, served, bridge_news, system_pms_rx))
}

/// The chat that the stream knows, so that CyTube's replay of it is recognised, and the channel's last sign of life.
async fn read_back(
    stream: &EventStream,
    id: &ChannelId,
) -> Result<(History, Option<WireTime>), StreamError> {
    let mut history = History::default();
    for message in stream.tail(&id.chat, CHAT_TAIL).await? {
        let Ok(envelope) = EnvelopeRef::parse(&message.body) else {
            continue;
        };
        if envelope.domain != id.domain {
            continue;
        }
        let payload = serde_json::from_str(envelope.payload.get()).ok();
        if let Some(line) = payload.as_ref().and_then(ChatMsg::read) {
            history.remember(&line);
        }
    }
    let last = stream.last_for(&id.filter).await?;
    let last_sign = last.and_then(|message| {
        let stored = i64::try_from(message.time_nanos / 1000)
            .ok()
            .map(WireTime::from_micros);
        EnvelopeRef::parse(&message.body)
            .ok()
            .and_then(|envelope| envelope.timestamp)
            .or(stored)
    });
    Ok((history, last_sign))
}

/// Announces what happens to a channel.
async fn tell(
    lifecycle: Lifecycle,
    id: Arc<ChannelId>,
    mut news: mpsc::UnboundedReceiver<BridgeNews>,
) {
    let mut reason = String::new();
    while let Some(piece) = news.recv().await {
        match piece {
            BridgeNews::Joined { again } => {
                let note = again.then(|| format!("Reconnected after: {reason}"));
                info!(
                    channel = id.channel,
                    domain = id.domain,
                    "joined the channel"
                );
                lifecycle.connected(&id.domain, &id.channel, note).await;
            }
            BridgeNews::Left { reason: why } => {
                lifecycle.disconnected(&id.domain, &id.channel, &why).await;
                reason = why;
            }
            BridgeNews::Stopped { reason: why } => {
                info!(
                    channel = id.channel,
                    reason = why,
                    "the channel is not served any more"
                );
            }
        }
    }
}

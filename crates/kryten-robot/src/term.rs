//! One term of a channel: the tasks between CyTube and NATS, from the join to the last event stored.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use kryten_client::Client;
use kryten_client::kv::KvError;
use kryten_client::shared_lives::SharedLives;
use kryten_client::stream::EventStream;
use kryten_cytube::{CytubeClient, CytubeHandle};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::answering_pms::SystemPm;
use crate::audit::Audit;
use crate::bridge::{Bridge, BridgeEnd, BridgeNews};
use crate::channel::ChannelState;
use crate::channel_name::ChannelId;
use crate::channel_view::ChannelView;
use crate::config::{ChannelConfig, CommandTimes, VerifyTimes};
use crate::history::History;
use crate::house_stream::HouseStream;
use crate::kv_writer::KvWriter;
use crate::lease::Times;
use crate::lease_bucket::Identity;
use crate::lifecycle::Lifecycle;
use crate::publisher::Publisher;
use crate::read_back::read_back;
use crate::robot::RobotError;
use crate::shared_outbox::SharedOutbox;
use crate::status::set;

/// How long a stop may take to publish and write what is left.
const FLUSH_LIMIT: Duration = Duration::from_secs(4);

/// What is the same for all channels of a robot.
#[derive(Debug)]
pub(crate) struct House {
    /// Over which channels publish.
    pub(crate) connections: Arc<SharedLives>,
    pub(crate) client: Client,
    pub(crate) stream: HouseStream,
    pub(crate) outbox_bytes: usize,
    pub(crate) parts_grace: Duration,
    pub(crate) command_times: CommandTimes,
    pub(crate) verify: VerifyTimes,
    pub(crate) audit: Option<Audit>,
    pub(crate) system_pms: mpsc::Sender<SystemPm>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) identity: Identity,
    /// `None` where robots need not agree who serves a channel.
    pub(crate) lease: Option<Times>,
}

/// What all terms of a channel share.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) house: Arc<House>,
    pub(crate) config: ChannelConfig,
    pub(crate) view: ChannelView,
    pub(crate) news: mpsc::UnboundedSender<BridgeNews>,
}

impl Ground {
    /// Opens the buckets of the channel's state, or makes them.
    pub(crate) async fn open_writer(&self, least_epoch: u64) -> Result<KvWriter, RobotError> {
        let id = &self.view.id;
        let opened = KvWriter::open(
            Arc::clone(id),
            self.house.client.clone(),
            Arc::clone(&self.view.status),
            least_epoch,
            self.house.parts_grace,
        );
        opened.await.map_err(|source| kv_error(id, source))
    }
}

/// A running term.
#[derive(Debug)]
pub(crate) struct Term {
    /// Higher than that of all terms before.
    pub(crate) epoch: u64,
    /// Without a stream no state is stored, and nobody knows of other robots.
    pub(crate) has_stream: bool,
    cytube: CytubeHandle,
    view: ChannelView,
    outbox: Arc<SharedOutbox>,
    /// Taken when it has ended: a task's end can be awaited once.
    bridge: Option<JoinHandle<BridgeEnd>>,
    publisher: JoinHandle<()>,
    writer: Option<JoinHandle<()>>,
    stop_bridge: CancellationToken,
    stop_publisher: CancellationToken,
}

impl Term {
    /// Reads back what the stream and KV know of the channel, and starts to join it.
    pub(crate) async fn start(
        ground: &Ground,
        stream: Option<&EventStream>,
        least_epoch: u64,
        ready: watch::Sender<bool>,
    ) -> Result<Self, RobotError> {
        let id = Arc::clone(&ground.view.id);
        let status = Arc::clone(&ground.view.status);
        status.take_up();
        let outbox = Arc::new(SharedOutbox::new(
            ground.house.outbox_bytes,
            Arc::clone(&status),
        ));
        let (history, last_sign) = match stream {
            Some(stream) => read_back(stream, &id).await.map_err(RobotError::Stream)?,
            None => (History::default(), None),
        };
        let last_sign = last_sign.max(status.attendance.until());
        let writer = match stream {
            Some(_) => Some(ground.open_writer(least_epoch).await?),
            None => None,
        };
        if writer.is_some() {
            set(&status.kv_up, true);
            set(&status.stood_down, false);
        }
        let epoch = writer.as_ref().map_or(0, KvWriter::epoch);
        let (snapshots, snapshots_rx) = mpsc::unbounded_channel();
        let (written_tx, written) = mpsc::unbounded_channel();
        let (verify_tx, verify) = mpsc::channel(1);
        let verify_tx = writer.is_some().then_some(verify_tx);
        ground.view.verifier.set_writer(verify_tx);
        let (looks_tx, looks) = mpsc::channel(1);
        ground.view.verifier.set_bridge(Some(looks_tx));
        let stop_publisher = CancellationToken::new();
        let stop_bridge = CancellationToken::new();
        let publisher = Publisher {
            id: Arc::clone(&id),
            connections: Arc::clone(&ground.house.connections),
            outbox: Arc::clone(&outbox),
            house_stream: ground.house.stream.watch(),
            snapshots,
            status: Arc::clone(&status),
            epoch,
            run: rand::random(),
            stop: stop_publisher.clone(),
            started: crate::now(),
            told: std::sync::Mutex::default(),
        };
        let state = Arc::clone(&ground.view.state);
        *state.lock().unwrap_or_else(PoisonError::into_inner) = ChannelState::default();
        let (cytube, items) = CytubeClient::spawn(ground.config.cytube());
        ground.view.set_cytube(Some(cytube.clone()));
        let bridge = Bridge {
            id,
            view: ground.view.clone(),
            system_pms: ground.house.system_pms.clone(),
            audit: ground.house.audit.clone(),
            items,
            outbox: Arc::clone(&outbox),
            written,
            looks,
            news: ground.news.clone(),
            status,
            state,
            history,
            messages: History::default(),
            last_sign,
            absent_from: None,
            kv_enabled: writer.is_some(),
            has_lease: ground.house.lease.is_some() && stream.is_some(),
            stop: stop_bridge.clone(),
            ready,
        };
        Ok(Self {
            epoch,
            has_stream: stream.is_some(),
            cytube,
            view: ground.view.clone(),
            outbox,
            bridge: Some(tokio::spawn(bridge.run())),
            publisher: tokio::spawn(publisher.run()),
            writer: writer.map(|writer| tokio::spawn(writer.run(snapshots_rx, written_tx, verify))),
            stop_bridge,
            stop_publisher,
        })
    }

    /// Waits until the CyTube client has given the channel up by itself.
    pub(crate) async fn ended(&mut self) -> BridgeEnd {
        match &mut self.bridge {
            Some(bridge) => {
                let end = bridge.await;
                self.bridge = None;
                // A task that panicked is a channel that has ended.
                end.unwrap_or(BridgeEnd::GivenUp)
            }
            None => BridgeEnd::Stopped,
        }
    }

    /// Waits until there is a stream that has all that happened up to now.
    pub(crate) fn kept(&self) -> impl Future<Output = ()> + use<> {
        let outbox = Arc::clone(&self.outbox);
        async move { outbox.wait_until_kept().await }
    }

    /// Leaves the channel, publishes and writes what is left.
    pub(crate) async fn stop(mut self) {
        self.cytube.close().await;
        self.stop_bridge.cancel();
        if tokio::time::timeout(FLUSH_LIMIT, self.ended())
            .await
            .is_err()
        {
            warn!(
                channel = self.view.id.channel,
                "stopping although not all events could be stored; the next start finds what CyTube still offers"
            );
        }
        self.end().await;
    }

    /// Leaves the channel to another robot: what only we have seen of the chat is still published, the rest is not.
    pub(crate) async fn abandon(mut self) {
        self.cytube.close().await;
        let dropped = self.outbox.lock().keep_only_lines();
        if dropped > 0 {
            warn!(
                channel = self.view.id.channel,
                dropped, "events that the other robot has seen as well are not published"
            );
        }
        self.stop_bridge.cancel();
        // The time of a flush that NATS does not take is over by then as well.
        let _ = tokio::time::timeout(FLUSH_LIMIT, self.ended()).await;
        self.end().await;
    }

    async fn end(self) {
        self.view.set_cytube(None);
        self.view.verifier.set_writer(None);
        self.view.verifier.set_bridge(None);
        self.view.status.set_in_channel(false);
        if let Some(bridge) = self.bridge {
            bridge.abort();
        }
        self.stop_publisher.cancel();
        let _ = self.publisher.await;
        if let Some(writer) = self.writer {
            writer.abort();
        }
    }
}

pub(crate) fn kv_error(id: &ChannelId, source: KvError) -> RobotError {
    RobotError::Kv {
        channel: id.channel.clone(),
        source,
    }
}

//! A configured channel for as long as the robot runs: waits until it is ours, serves it term after term.

use std::sync::Arc;
use std::time::Duration;

use kryten_client::kv::KvError;
use kryten_cytube::DisconnectReason;
use kryten_protocol::subject::SubjectError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::bridge::{BridgeEnd, BridgeNews};
use crate::channel_name::ChannelId;
use crate::channel_view::ChannelView;
use crate::config::ChannelConfig;
use crate::lease_bucket::{Denied, Held, Lease, Loss, Renewal};
use crate::lifecycle::Lifecycle;
use crate::patience::{PATIENCE, patiently};
use crate::robot::RobotError;
use crate::status::{ChannelReport, set};
use crate::term::{Ground, House, Term, kv_error};
use crate::verify;

/// How long a channel that could not be taken up is left alone.
const AGAIN: Duration = Duration::from_secs(2);

/// How long it may take to give a lease back. It runs out by itself as well.
const RELEASE_LIMIT: Duration = Duration::from_secs(1);

/// A channel's place in the robot.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) config: ChannelConfig,
    pub(crate) view: ChannelView,
    pub(crate) ready: watch::Receiver<bool>,
    ended: watch::Receiver<bool>,
    stop: CancellationToken,
    telling: JoinHandle<()>,
}

impl Seat {
    /// Starts to serve a channel; returns when it is being joined, or another robot serves it and this one waits.
    pub(crate) async fn take(
        house: &Arc<House>,
        config: ChannelConfig,
    ) -> Result<Self, RobotError> {
        let id = Arc::new(channel_id(&config)?);
        let times = house.command_times;
        let verify = house.verify;
        let view = ChannelView::new(Arc::clone(&id), &config, times, verify);
        let (news, telling) = mpsc::unbounded_channel();
        let (ready_tx, ready) = watch::channel(false);
        let (ended_tx, ended) = watch::channel(false);
        let stop = CancellationToken::new();
        let lease = match house.stream.get() {
            Some(_) => open_lease(house, &view).await?,
            None => None,
        };
        let ground = Ground {
            house: Arc::clone(house),
            config: config.clone(),
            view: view.clone(),
            news,
        };
        tokio::spawn(Arc::clone(&view.desk).run(stop.clone()));
        tokio::spawn(verify::run(view.clone(), stop.clone()));
        let (first_tx, first) = oneshot::channel();
        let service = Service {
            ground,
            lease,
            ready: ready_tx,
            first: Some(first_tx),
            patient_until: Instant::now() + PATIENCE,
            stop: stop.clone(),
        };
        tokio::spawn(async move {
            service.run().await;
            ended_tx.send_replace(true);
        });
        let telling = tokio::spawn(tell(house.lifecycle.clone(), id, telling));
        match first.await {
            Ok(Ok(())) | Err(_) => Ok(Self {
                config,
                view,
                ready,
                ended,
                stop,
                telling,
            }),
            Ok(Err(error)) => {
                stop.cancel();
                Err(error)
            }
        }
    }

    pub(crate) fn report(&self) -> ChannelReport {
        self.view.report()
    }

    /// Waits until the channel has been given up or left.
    pub(crate) async fn given_up(&self) {
        let mut ended = self.ended.clone();
        // The sender goes only when the task has ended.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Whether the channel has been given up or left.
    pub(crate) fn has_ended(&self) -> bool {
        let is_over = *self.ended.borrow() || self.ended.has_changed().is_err();
        is_over || self.report().stopped.is_some()
    }

    /// Leaves the channel, publishes and writes what is left, and lets other robots have it.
    pub(crate) async fn leave(&self) {
        self.stop.cancel();
        self.given_up().await;
        self.telling.abort();
    }
}

pub(crate) fn channel_id(config: &ChannelConfig) -> Result<ChannelId, SubjectError> {
    ChannelId::new(&config.domain, &config.channel)
}

/// By which robots agree who serves the channel; `None` where they need not.
async fn open_lease(house: &House, view: &ChannelView) -> Result<Option<Lease>, RobotError> {
    let Some(times) = house.lease else {
        return Ok(None);
    };
    let opened = patiently(KvError::is_transient, || {
        Lease::open(&house.client, view, house.identity.clone(), times)
    });
    let lease = opened.await.map_err(|source| kv_error(&view.id, source))?;
    Ok(Some(lease))
}

/// The task of a seat.
struct Service {
    ground: Ground,
    lease: Option<Lease>,
    ready: watch::Sender<bool>,
    /// Told once whether the channel could be taken up.
    first: Option<oneshot::Sender<Result<(), RobotError>>>,
    /// Until then what may soon go better is tried again before it is told.
    patient_until: Instant,
    stop: CancellationToken,
}

/// Why a term ended.
enum Ending {
    Stopped,
    Lost(Loss),
    GivenUp,
    /// There is a stream now, and all that a term with it needs; this one has none.
    StreamFound,
    /// Somebody has logged in with our account, and without a stream nobody knows whether that is another robot.
    Ousted,
}

impl Service {
    async fn run(mut self) {
        loop {
            let stream = self.ground.house.stream.get();
            if stream.is_some() && self.lease.is_none() && !self.meet_others().await {
                return;
            }
            let Some(mut held) = self.wait_for_lease().await else {
                return;
            };
            let least = held.as_ref().map_or(1, |held| held.term);
            let started = Term::start(&self.ground, stream.as_ref(), least, self.ready.clone());
            let mut term = match started.await {
                Ok(term) => term,
                Err(error) => {
                    self.release(held.as_ref()).await;
                    let may_go_better = error.is_transient() && Instant::now() < self.patient_until;
                    if self.first.is_some() && !may_go_better {
                        self.tell_first(Err(error));
                        return;
                    }
                    error!(channel = self.channel(), %error, "the channel cannot be taken up; trying again");
                    if !self.pause().await {
                        return;
                    }
                    continue;
                }
            };
            if let Some(held) = &mut held {
                held.term = held.term.max(term.epoch);
            }
            self.tell_first(Ok(()));
            match self.serve(&mut term, held.as_mut()).await {
                Ending::Stopped => {
                    term.stop().await;
                    self.release(held.as_ref()).await;
                    self.tell_left("Graceful shutdown").await;
                    return;
                }
                Ending::Lost(loss) => {
                    warn!(
                        channel = self.channel(),
                        reason = loss.as_str(),
                        "leaving the channel to another robot"
                    );
                    term.abandon().await;
                }
                Ending::GivenUp => {
                    term.stop().await;
                    self.release(held.as_ref()).await;
                    return;
                }
                Ending::StreamFound => {
                    info!(
                        channel = self.channel(),
                        "there is an event stream now; taking the channel up anew"
                    );
                    term.stop().await;
                    self.tell_left("Taken up anew: there is an event stream now")
                        .await;
                    if self.stop.is_cancelled() {
                        return;
                    }
                }
                Ending::Ousted => {
                    term.stop().await;
                    if !self.wait_for_stream().await {
                        return;
                    }
                }
            }
        }
    }

    /// Opens the lease that there could not be before there was a stream; `false` when the robot stops first.
    async fn meet_others(&mut self) -> bool {
        loop {
            let opened = tokio::select! {
                opened = open_lease(&self.ground.house, &self.ground.view) => opened,
                () = self.stop.cancelled() => return false,
            };
            match opened {
                Ok(lease) => {
                    self.lease = lease;
                    return true;
                }
                Err(error) => {
                    error!(channel = self.channel(), %error, "the channel cannot be taken up; trying again");
                    if !self.pause().await {
                        return false;
                    }
                }
            }
        }
    }

    /// Waits for what tells whether another robot serves the channel; `false` when the robot stops first.
    async fn wait_for_stream(&self) -> bool {
        info!(
            channel = self.channel(),
            "perhaps another robot serves the channel, which is known when there is an event stream; waiting for it"
        );
        // One who waits is as ready as it can be.
        self.ready.send_replace(true);
        tokio::select! {
            () = self.ground.house.stream.found() => {
                self.ground.view.status.take_up();
                true
            }
            () = self.stop.cancelled() => false,
        }
    }

    /// `None` when the robot stops first; `Some(None)` where there are no leases.
    async fn wait_for_lease(&mut self) -> Option<Option<Held>> {
        let Some(lease) = &self.lease else {
            return Some(None);
        };
        let status = Arc::clone(&self.ground.view.status);
        let (ready, first) = (&self.ready, &mut self.first);
        let acquiring = lease.acquire(|_| {
            set(&status.standing_by, true);
            // One who waits is as ready as it can be.
            ready.send_replace(true);
            if let Some(first) = first.take() {
                let _ = first.send(Ok(()));
            }
        });
        let acquired = tokio::select! {
            acquired = acquiring => acquired,
            () = self.stop.cancelled() => return None,
        };
        set(&self.ground.view.status.standing_by, false);
        match acquired {
            Ok(held) => Some(Some(held)),
            Err(Denied::Foreign { domain }) => {
                let error = RobotError::ServedForAnotherHost {
                    channel: self.channel().to_owned(),
                    domain,
                };
                error!(channel = self.channel(), "{error}");
                self.ground.view.status.give_up(error.to_string());
                self.tell_first(Err(error));
                None
            }
        }
    }

    async fn serve(&self, term: &mut Term, held: Option<&mut Held>) -> Ending {
        let (Some(lease), Some(held)) = (&self.lease, held) else {
            return self.serve_alone(term).await;
        };
        let end = tokio::select! {
            () = self.stop.cancelled() => return Ending::Stopped,
            loss = lease.hold(held) => return Ending::Lost(loss),
            end = term.ended() => end,
        };
        if end != BridgeEnd::DuplicateLogin {
            return Ending::GivenUp;
        }
        // Whoever took over has logged in with our account, which ends our session before we hear of it.
        match lease.renew(held).await {
            Renewal::Held => {
                let reason = DisconnectReason::DuplicateLogin;
                error!(channel = self.channel(), %reason, "gave the channel up");
                self.ground.view.status.give_up(reason.to_string());
                Ending::GivenUp
            }
            Renewal::Unconfirmed => Ending::Lost(Loss::Unreachable),
            Renewal::Lost(loss) => Ending::Lost(loss),
        }
    }

    /// Serves a channel without a lease: where robots need not agree, or as long as there is no stream.
    async fn serve_alone(&self, term: &mut Term) -> Ending {
        let kept = term.kept();
        let end = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ending::Stopped,
            end = term.ended() => end,
            () = self.stream_found(kept), if !term.has_stream => return Ending::StreamFound,
        };
        let has_others = self.ground.house.lease.is_some() && !term.has_stream;
        match end {
            BridgeEnd::DuplicateLogin if has_others => Ending::Ousted,
            _ => Ending::GivenUp,
        }
    }

    /// Waits until there is a stream, a term with it can be had, and everything is `kept` that the one without it has
    /// seen. Until then the channel is served as before.
    async fn stream_found(&self, kept: impl Future<Output = ()>) {
        self.ground.house.stream.found().await;
        while let Err(error) = self.try_buckets().await {
            error!(channel = self.channel(), %error, "there is an event stream now, but the channel cannot be taken up anew; trying again");
            tokio::time::sleep(AGAIN).await;
        }
        kept.await;
    }

    async fn try_buckets(&self) -> Result<(), RobotError> {
        open_lease(&self.ground.house, &self.ground.view).await?;
        self.ground.open_writer(1).await?;
        Ok(())
    }

    async fn release(&self, held: Option<&Held>) {
        if let (Some(lease), Some(held)) = (&self.lease, held) {
            let _ = tokio::time::timeout(RELEASE_LIMIT, lease.release(held)).await;
        }
    }

    async fn tell_left(&self, reason: &str) {
        let id = &self.ground.view.id;
        let lifecycle = &self.ground.house.lifecycle;
        lifecycle
            .disconnected(&id.domain, &id.channel, reason)
            .await;
    }

    async fn pause(&self) -> bool {
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => true,
            () = self.stop.cancelled() => false,
        }
    }

    fn tell_first(&mut self, result: Result<(), RobotError>) {
        if let Some(first) = self.first.take() {
            // Nobody listens any more when the robot's start was given up.
            let _ = first.send(result);
        }
    }

    fn channel(&self) -> &str {
        &self.ground.view.id.channel
    }
}

impl Loss {
    fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "it has taken over",
            Self::Unreachable => "NATS is out of reach, and another robot may have taken over",
        }
    }
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

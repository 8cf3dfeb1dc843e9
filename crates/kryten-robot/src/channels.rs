//! The channels that the robot serves; they come and go while it runs.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::channel_name::ChannelId;
use crate::channel_view::ChannelView;
use crate::config::ChannelConfig;
use crate::robot::RobotError;
use crate::seat::{Seat, channel_id};
use crate::status::ChannelReport;
use crate::term::House;

/// When a channel is tried again that a reload could not take up.
const AGAIN: Duration = Duration::from_secs(10);

/// All channels of a robot; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Channels {
    house: Arc<House>,
    seats: Arc<RwLock<Vec<Arc<Seat>>>>,
    /// Told whenever a channel comes or goes.
    changed: watch::Sender<()>,
    /// Held while channels come or go: two changes at the same time would take one channel up twice.
    changing: Arc<Mutex<()>>,
    /// Ends the attempts to take up what the last reload could not.
    later: watch::Sender<CancellationToken>,
    /// What these attempts are about.
    late: watch::Sender<Vec<ChannelConfig>>,
}

/// What a new list of channels has changed; a channel whose settings differ, or that was given up, is removed and
/// added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Channels that are served from now on.
    pub added: Vec<String>,
    /// Channels that were left.
    pub removed: Vec<String>,
    /// Channels that could not be taken up, and why.
    pub errors: Vec<String>,
}

impl Channels {
    pub(crate) fn new(house: House) -> Self {
        Self {
            house: Arc::new(house),
            seats: Arc::default(),
            changed: watch::Sender::new(()),
            changing: Arc::default(),
            later: watch::Sender::new(CancellationToken::new()),
            late: watch::Sender::default(),
        }
    }

    /// Looks for the event stream; returns when there is one.
    pub(crate) async fn look_for_stream(&self) {
        self.house.stream.look_for(&self.house.client).await;
    }

    /// Starts to serve one more channel.
    pub(crate) async fn add(&self, config: ChannelConfig) -> Result<(), RobotError> {
        let _changing = self.changing.lock().await;
        self.take_up(config).await
    }

    async fn take_up(&self, config: ChannelConfig) -> Result<(), RobotError> {
        let id = channel_id(&config)?;
        if self
            .seats()
            .iter()
            .any(|seat| seat.view.id.filter == id.filter)
        {
            return Err(RobotError::SameName(config.channel));
        }
        let seat = Seat::take(&self.house, config).await?;
        self.change(|seats| seats.push(Arc::new(seat)));
        Ok(())
    }

    /// Stops serving a channel; says whether it was served, or was to be.
    pub(crate) async fn remove(&self, domain: &str, channel: &str) -> bool {
        let _changing = self.changing.lock().await;
        let was_late = self.is_late_no_more(domain, channel);
        self.leave(domain, channel).await || was_late
    }

    /// Gives up the attempts to take a channel up; says whether there were any.
    fn is_late_no_more(&self, domain: &str, channel: &str) -> bool {
        let Ok(id) = ChannelId::new(domain, channel) else {
            return false;
        };
        let is_it = |config: &ChannelConfig| {
            channel_id(config)
                .is_ok_and(|late| late.filter == id.filter && late.domain == id.domain)
        };
        let was_late = self.late.borrow().iter().any(is_it);
        if was_late {
            self.late
                .send_modify(|late| late.retain(|config| !is_it(config)));
            self.changed.send_replace(());
        }
        was_late
    }

    async fn leave(&self, domain: &str, channel: &str) -> bool {
        let Ok(id) = ChannelId::new(domain, channel) else {
            return false;
        };
        let mut removed = None;
        self.change(|seats| {
            let at = seats
                .iter()
                .position(|seat| seat.view.id.filter == id.filter && seat.view.id.domain == domain);
            removed = at.map(|at| seats.remove(at));
        });
        match removed {
            Some(seat) => {
                seat.leave().await;
                info!(channel, domain, "the channel is not served any more");
                true
            }
            None => false,
        }
    }

    /// What queries and commands may see of each channel.
    pub(crate) fn views(&self) -> Vec<ChannelView> {
        self.seats().iter().map(|seat| seat.view.clone()).collect()
    }

    /// Serves exactly these channels from now on: adds, removes, and joins those anew whose settings differ or that
    /// were given up.
    pub(crate) async fn reload(&self, wanted: Vec<ChannelConfig>) -> Reloaded {
        let _changing = self.changing.lock().await;
        self.later.borrow().cancel();
        let mut reloaded = Reloaded::default();
        let mut late = Vec::new();
        for seat in self.seats() {
            let (domain, channel) = (&seat.config.domain, &seat.config.channel);
            let is_wanted = wanted.iter().any(|config| config.is_same(&seat.config));
            let stays = is_wanted && !seat.has_ended();
            if !stays && self.leave(domain, channel).await {
                reloaded.removed.push(seat.config.channel.clone());
            }
        }
        for config in wanted {
            let is_served = |seat: &Arc<Seat>| seat.config.is_same(&config);
            if self.seats().iter().any(is_served) {
                continue;
            }
            let channel = config.channel.clone();
            match self.take_up(config.clone()).await {
                Ok(()) => reloaded.added.push(channel),
                Err(error) => {
                    warn!(channel, %error, "a channel of the new configuration cannot be taken up; trying again");
                    reloaded.errors.push(format!("{channel}: {error}"));
                    late.push(config);
                }
            }
        }
        let is_any_late = !late.is_empty();
        self.late.send_replace(late);
        self.changed.send_replace(());
        if is_any_late {
            let stop = CancellationToken::new();
            self.later.send_replace(stop.clone());
            tokio::spawn(self.clone().take_up_later(stop));
        }
        reloaded
    }

    /// Tries again until all are taken up, the next reload decides, or the robot leaves.
    async fn take_up_later(self, stop: CancellationToken) {
        while !self.late.borrow().is_empty() {
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = stop.cancelled() => return,
            }
            let _changing = self.changing.lock().await;
            if stop.is_cancelled() {
                return;
            }
            let late = self.late.borrow().clone();
            let mut still = Vec::new();
            for config in late {
                match self.take_up(config.clone()).await {
                    // Nobody else leaves what comes after the others have been left.
                    Ok(()) if stop.is_cancelled() => {
                        self.leave(&config.domain, &config.channel).await;
                        return;
                    }
                    Ok(()) => info!(channel = config.channel, "the channel is taken up now"),
                    // Somebody has added it meanwhile.
                    Err(RobotError::SameName(_)) => {}
                    Err(_) => still.push(config),
                }
            }
            self.late.send_replace(still);
            self.changed.send_replace(());
        }
    }

    pub(crate) fn reports(&self) -> Vec<ChannelReport> {
        self.seats().iter().map(|seat| seat.report()).collect()
    }

    /// The longest silence of a channel that is served here.
    pub(crate) fn silence(&self) -> Option<Duration> {
        let seats = self.seats();
        let silences = seats
            .iter()
            .filter_map(|seat| seat.view.status.pulse.silence());
        silences.max()
    }

    /// Waits until all channels that are there now are joined or stood by for.
    pub(crate) async fn ready(&self) {
        for seat in self.seats() {
            let mut ready = seat.ready.clone();
            // A channel that has been given up is as ready as it will ever be.
            let _ = ready.wait_for(|ready| *ready).await;
        }
    }

    /// Waits until all channels have been given up: those that are there then, not those that a reload has replaced.
    /// Where there is none, one may still be added, and where one is still to be taken up, it may be joined.
    pub(crate) async fn given_up(&self) {
        let mut changes = self.changes();
        loop {
            changes.borrow_and_update();
            let seats = self.seats();
            let is_complete = !seats.is_empty() && self.late.borrow().is_empty();
            let all = join_all(seats.iter().map(|seat| seat.given_up()));
            tokio::select! {
                // The sender is ours.
                _ = changes.changed() => continue,
                _ = all, if is_complete => {}
            }
            // What is being changed now may take one of them up again.
            let _changing = self.changing.lock().await;
            if !changes.has_changed().unwrap_or_default() {
                return;
            }
        }
    }

    /// Leaves all channels at the same time.
    pub(crate) async fn leave_all(&self) {
        self.later.borrow().cancel();
        let mut all = Vec::new();
        self.change(|seats| all = std::mem::take(seats));
        join_all(all.iter().map(|seat| seat.leave())).await;
    }

    /// Changes whenever a channel comes or goes.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn seats(&self) -> Vec<Arc<Seat>> {
        self.seats
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Seat>>)) {
        change(&mut self.seats.write().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
    }
}

//! What all requests share: the channels, the settings that may change while the robot runs, and what is counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use kryten_client::Client;
use kryten_client::log_levels::LogLevels;
use kryten_protocol::time::WireTime;
use tokio::sync::watch;

use crate::audit::Audit;
use crate::channel::StateCounting;
use crate::channel_view::ChannelView;
use crate::channels::Channels;
use crate::commands::allowed::AllowedCommands;
use crate::config::RobotConfig;
use crate::lifecycle::Lifecycle;
use crate::rate::Rate;
use crate::services::Services;
use crate::stop_asked::StopAsked;
use crate::system_pm::PmRanks;

/// Settings that `system.reload` changes while the robot runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Live {
    pub(crate) commands_enabled: bool,
    pub(crate) allowed: AllowedCommands,
    pub(crate) remote_shutdown: bool,
    pub(crate) pm_ranks: PmRanks,
    pub(crate) counting: StateCounting,
    pub(crate) log_level: String,
}

impl Live {
    pub(crate) fn of(config: &RobotConfig) -> Self {
        Self {
            commands_enabled: config.commands_enabled,
            allowed: config.allowed.clone(),
            remote_shutdown: config.remote_shutdown,
            pm_ranks: config.pm_ranks,
            counting: config.counting.clone(),
            log_level: config.log_level.clone(),
        }
    }
}

/// A kind of request: how many, and how often.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: AtomicU64,
    pub(crate) failed: AtomicU64,
    rate: Mutex<Rate>,
    last: Mutex<Option<(WireTime, String)>>,
}

impl Tally {
    pub(crate) fn note(&self, what: &str, second: u64, done: bool) {
        let counter = if done { &self.done } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        lock(&self.rate).note(second);
        *lock(&self.last) = Some((crate::now(), what.to_owned()));
    }

    pub(crate) fn per_second(&self, window: usize, second: u64) -> f64 {
        lock(&self.rate).per_second(window, second)
    }

    pub(crate) fn last(&self) -> Option<(WireTime, String)> {
        lock(&self.last).clone()
    }

    /// Done and failed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.done.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
        )
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) client: Client,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) channels: Channels,
    pub(crate) config: RobotConfig,
    live: RwLock<Live>,
    pub(crate) services: Arc<Mutex<Services>>,
    pub(crate) commands: Tally,
    pub(crate) legacy: Tally,
    pub(crate) queries: Tally,
    pub(crate) audit: Option<Audit>,
    /// Why the robot is asked to stop, once it is.
    pub(crate) stop: watch::Sender<Option<StopAsked>>,
    pub(crate) log_levels: watch::Sender<LogLevels>,
    pub(crate) started: Instant,
    pub(crate) started_at: WireTime,
}

impl Office {
    pub(crate) fn new(
        client: Client,
        lifecycle: Lifecycle,
        config: RobotConfig,
        channels: Channels,
        services: Arc<Mutex<Services>>,
        audit: Option<Audit>,
    ) -> Self {
        Self {
            client,
            lifecycle,
            channels,
            live: RwLock::new(Live::of(&config)),
            log_levels: watch::Sender::new(LogLevels::new(&config.log_level)),
            config,
            services,
            commands: Tally::default(),
            legacy: Tally::default(),
            queries: Tally::default(),
            audit,
            stop: watch::Sender::new(None),
            started: Instant::now(),
            started_at: crate::now(),
        }
    }

    pub(crate) fn views(&self) -> Vec<ChannelView> {
        self.channels.views()
    }

    pub(crate) fn live(&self) -> Live {
        self.live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_live(&self, live: Live) {
        self.log_levels
            .send_if_modified(|levels| levels.set_level(&live.log_level));
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
    }

    pub(crate) fn services(&self) -> MutexGuard<'_, Services> {
        lock(&self.services)
    }

    /// Seconds since the start.
    pub(crate) fn second(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// The robot is to stop, after a while.
    pub(crate) fn stop_after(&self, delay: std::time::Duration, asked: StopAsked) {
        tracing::info!(
            delay_s = delay.as_secs(),
            reason = asked.reason,
            restart = asked.is_restart,
            "asked to stop"
        );
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            stop.send_replace(Some(asked));
        });
    }
}

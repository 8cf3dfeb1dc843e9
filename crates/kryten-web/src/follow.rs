//! What changes while somebody looks on: how fast people chat, what comes next, and the live view of each channel,
//! read once however many look.

mod coming;
mod pulse;

use std::sync::Mutex;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::sources::{App, now};
use crate::views::live::{self, Live};
pub(crate) use coming::{Coming, Shelf};
pub(crate) use pulse::{MINUTES, Pulse};

/// Often enough that a change is seen well within a second.
const STEP: Duration = Duration::from_millis(250);
/// Every so many steps the lines of the hour are looked at.
const STEPS_BETWEEN_PULSES: u32 = 4;
/// Every so many steps the view is read although nothing was counted: names of NATS and time change by themselves.
const STEPS_BETWEEN_READINGS: u32 = 20;

/// One value for each channel, in the order of the configuration.
pub(crate) struct Follow {
    channels: Vec<Followed>,
}

struct Followed {
    pulse: Mutex<Pulse>,
    shelf: tokio::sync::Mutex<Shelf>,
    live: watch::Sender<Option<Arc<Live>>>,
}

impl Follow {
    pub(crate) fn new(channels: usize) -> Self {
        let followed = || Followed {
            pulse: Mutex::default(),
            shelf: tokio::sync::Mutex::default(),
            live: watch::Sender::new(None),
        };
        Self {
            channels: std::iter::repeat_with(followed).take(channels).collect(),
        }
    }

    /// Chat lines of the last minutes.
    pub(crate) fn minutes(&self, at: usize) -> [u32; MINUTES] {
        let pulse = self.channels[at].pulse.lock();
        let pulse = pulse.unwrap_or_else(PoisonError::into_inner);
        pulse.minutes(now())
    }

    /// What comes next; where NATS is away, what was known last.
    pub(crate) async fn coming(&self, app: &App, at: usize) -> Coming {
        let mut shelf = self.channels[at].shelf.lock().await;
        shelf.look(app.nats(), &app.channels()[at]).await
    }

    /// The live view whenever it has changed. The first is the one of now or of a moment ago.
    pub(crate) fn live(&self, at: usize) -> watch::Receiver<Option<Arc<Live>>> {
        self.channels[at].live.subscribe()
    }
}

/// Follows one channel until the page stops.
pub(crate) async fn run(app: App, at: usize) {
    let mut ticks = tokio::time::interval(STEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut step, mut pulse_read_at, mut view_read_at) = (0_u32, None, None);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.stop.cancelled() => return,
        }
        step = step.wrapping_add(1);
        let status = app.reads.status.view();
        // The first look at once: what is said after it is known to be new.
        let is_due = pulse_read_at.is_none() || step.is_multiple_of(STEPS_BETWEEN_PULSES);
        if is_due && pulse_read_at != Some(status.commits) {
            // Also when it fails: the next look is a second away.
            pulse_read_at = Some(status.commits);
            read_pulse(&app, at, status.lag).await;
        }
        let followed = &app.follow.channels[at];
        if followed.live.receiver_count() == 0 {
            if view_read_at.take().is_some() {
                followed.live.send_replace(None);
            }
            continue;
        }
        let seen = (status.commits, status.problem());
        if view_read_at == Some(seen) && !step.is_multiple_of(STEPS_BETWEEN_READINGS) {
            continue;
        }
        match live::read(&app, at).await {
            Ok(live) => {
                view_read_at = Some(seen);
                followed.live.send_replace(Some(Arc::new(live)));
            }
            Err(error) => tracing::debug!(%error, "the live view could not be read"),
        }
    }
}

async fn read_pulse(app: &App, at: usize, lag: u64) {
    let channel = &app.channels()[at];
    let now = now();
    let hour = pulse::hour_of(now);
    let rows = app
        .reads
        .store
        .hours(&channel.channel, &channel.domain, hour - 1);
    let Ok(rows) = rows.await else {
        return;
    };
    let rows = rows.into_iter().map(|row| (row.hour, row.messages));
    let pulse = app.follow.channels[at].pulse.lock();
    let mut pulse = pulse.unwrap_or_else(PoisonError::into_inner);
    pulse.take(now, lag == 0, rows);
}

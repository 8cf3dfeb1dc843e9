//! One channel's desk: frames wait in the queue for their turn, then for their effect.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kryten_cytube::{CytubeHandle, EmitError};
use serde_json::value::RawValue;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::effect::{Awaiting, Outcome};
use super::pace::{Entry, Gate, Lane, Limit, Limits, Pace};
use super::plan::{Patience, Step};
use super::playback::Playback;
use crate::channel::ChannelState;
use crate::channel_name::ChannelId;
use crate::config::CommandTimes;
use crate::status::ChannelStatus;

/// What became of a frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// It was sent, and this is what CyTube said.
    Sent(Outcome),
    /// It waited for too long and was not sent.
    TooLate,
    /// It could not be sent.
    NotSent(EmitError),
}

/// The desk of one channel.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) id: Arc<ChannelId>,
    /// `None` while the channel is not served here.
    cytube: Mutex<Option<CytubeHandle>>,
    pub(crate) state: Arc<Mutex<ChannelState>>,
    pub(crate) status: Arc<ChannelStatus>,
    pub(crate) times: CommandTimes,
    /// Whoever leads holds this, so that two do not take the lead from each other.
    pub(crate) lead: tokio::sync::Mutex<()>,
    next_id: AtomicU64,
    started: Instant,
    wake: Notify,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    pace: Pace<Step>,
    awaiting: Awaiting,
    playback: Playback,
    waiting: HashMap<u64, Vec<oneshot::Sender<Answer>>>,
}

impl Inner {
    fn answer(&mut self, id: u64, answer: Answer) {
        for waiting in self.waiting.remove(&id).into_iter().flatten() {
            // Whoever asked may have gone.
            let _ = waiting.send(answer.clone());
        }
    }

    fn answer_all(&mut self, outcomes: Vec<(u64, Outcome)>) {
        for (id, outcome) in outcomes {
            self.answer(id, Answer::Sent(outcome));
        }
    }
}

impl Desk {
    pub(crate) fn new(id: Arc<ChannelId>, times: CommandTimes) -> Self {
        Self {
            id,
            cytube: Mutex::default(),
            state: Arc::default(),
            status: Arc::default(),
            times,
            lead: tokio::sync::Mutex::default(),
            next_id: AtomicU64::new(0),
            started: Instant::now(),
            wake: Notify::new(),
            inner: Mutex::default(),
        }
    }

    pub(crate) fn set_cytube(&self, handle: Option<CytubeHandle>) {
        let is_gone = handle.is_none();
        *self.cytube.lock().unwrap_or_else(PoisonError::into_inner) = handle;
        if is_gone {
            self.leave("the robot has left the channel");
        }
    }

    pub(crate) fn cytube(&self) -> Option<CytubeHandle> {
        self.cytube
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// One event of CyTube, after it was applied to the state.
    pub(crate) fn hear(&self, event: &str, payload: &RawValue) {
        let now = self.now();
        let mut inner = self.lock();
        inner.playback.feed(event, payload, now);
        if event == "cooldown" {
            let millis = serde_json::from_str::<f64>(payload.get()).unwrap_or(1000.0);
            let wait = Duration::from_millis(millis.clamp(100.0, 60_000.0) as u64);
            inner.pace.hold(Gate::Chat, now + wait);
        }
        let outcomes = inner.awaiting.feed(event, payload);
        inner.answer_all(outcomes);
    }

    /// We are out of the channel; nothing that waits can be done.
    pub(crate) fn leave(&self, reason: &str) {
        let mut inner = self.lock();
        let outcomes = inner.awaiting.end(reason);
        inner.answer_all(outcomes);
        for entry in inner.pace.drain() {
            inner.answer(entry.id, Answer::NotSent(EmitError::NotConnected));
        }
    }

    pub(crate) fn playback(&self) -> (Playback, Duration) {
        (self.lock().playback, self.now())
    }

    /// Queues a frame at once; `None` when too many wait. What becomes of it comes through the receiver.
    pub(crate) fn queue(&self, step: Step) -> Option<oneshot::Receiver<Answer>> {
        let answered = self.enter(step);
        self.wake.notify_one();
        answered
    }

    fn enter(&self, step: Step) -> Option<oneshot::Receiver<Answer>> {
        let (answer, answered) = oneshot::channel();
        let limits = self.limits();
        let mut inner = self.lock();
        inner.pace.set_limits(limits);
        let is_same = |entry: &&Entry<Step>| {
            entry.frame.event == step.event && entry.frame.payload == step.payload
        };
        // Whoever asks for the same moderation as somebody who waits shares his answer.
        let same = inner.pace.iter().find(is_same).map(|entry| entry.id);
        if step.lane == Lane::Moderation
            && let Some(same) = same
        {
            inner.waiting.entry(same).or_default().push(answer);
            return Some(answered);
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let entry = Entry {
            id,
            lane: step.lane,
            gate: step.gate,
            expires: self.now()
                + match step.lane {
                    Lane::Chat => self.times.chat_expiry,
                    Lane::Playlist | Lane::Moderation => self.times.expiry,
                },
            frame: step,
        };
        inner.pace.push(entry).ok()?;
        inner.waiting.insert(id, vec![answer]);
        Some(answered)
    }

    /// Sends what is due until the robot stops.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let (due, next) = self.turn();
            if let Some((id, step)) = due {
                let sent = match self.cytube() {
                    Some(cytube) => cytube.emit(step.event, &step.payload).await,
                    None => Err(EmitError::NotConnected),
                };
                if let Err(error) = sent {
                    let mut inner = self.lock();
                    inner.awaiting.forget(id);
                    inner.answer(id, Answer::NotSent(error));
                }
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wake.notified() => {}
                () = self.sleep_until(next) => {}
            }
        }
        self.leave("the robot is stopping");
    }

    /// Gives back what is too old, and takes what may go now.
    fn turn(&self) -> (Option<(u64, Step)>, Option<Duration>) {
        let now = self.now();
        let mut inner = self.lock();
        for entry in inner.pace.expire(now) {
            inner.answer(entry.id, Answer::TooLate);
        }
        let silent = inner.awaiting.expire(now);
        inner.answer_all(silent);
        if let Some(entry) = inner.pace.take(now) {
            let until = now + self.patience(entry.frame.patience);
            // Before it is sent, since the answer may be faster than our return.
            let expectation = entry.frame.expectation();
            inner.awaiting.expect(entry.id, expectation, until);
            return (Some((entry.id, entry.frame)), None);
        }
        let deadlines = [inner.pace.next_due(), inner.awaiting.next_deadline()];
        (None, deadlines.into_iter().flatten().min())
    }

    fn patience(&self, patience: Patience) -> Duration {
        match patience {
            Patience::Usual => self.times.effect,
            Patience::LookUp => self.times.look_up,
            Patience::Brief => self.times.effect / 4,
        }
    }

    /// CyTube's limits for our rank, with those of the channel.
    fn limits(&self) -> Limits {
        let state = self.lock_state();
        let rank = state.own_rank().unwrap_or(0.0);
        let antiflood = (rank < 2.0 && state.option("chat_antiflood") == Some(true.into()))
            .then(|| state.option("chat_antiflood_params"))
            .flatten()
            .map(|params| {
                let number = |name: &str, usual: f64| params[name].as_f64().unwrap_or(usual);
                let burst = number("burst", 4.0).clamp(1.0, 1000.0) as u32;
                Limit::with_cooldown(burst, number("sustained", 1.0), number("cooldown", 4.0))
            });
        Limits::for_rank(rank, antiflood)
    }

    pub(crate) fn lock_state(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep_until(&self, next: Option<Duration>) {
        match next {
            // A millisecond more: a timer that fires a moment too early would make the loop spin.
            Some(next) => {
                let wait = next.saturating_sub(self.now()) + Duration::from_millis(1);
                tokio::time::sleep(wait).await;
            }
            None => std::future::pending().await,
        }
    }
}

//! What the log says of the way into the stream: each thing once.

use std::sync::{MutexGuard, PoisonError};

use tracing::{info, warn};

use super::plain::Plain;
use super::{Life, Publisher};
use crate::status::{add, set};

/// What was logged, so that it is told once.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Why events wait.
    down: Option<String>,
    /// When the stream was created that was written to last.
    stream_created: Option<i128>,
    /// What was published without a stream, until the stream has been told.
    pub(super) plain: Option<Plain>,
}

impl Publisher {
    /// Tells once for each reason that events wait.
    pub(super) fn note_down(&self, reason: String) {
        let mut told = self.lock_told();
        if told.down.as_ref() == Some(&reason) {
            return;
        }
        let waiting = self.outbox.lock().len();
        warn!(
            channel = self.id.channel,
            reason, waiting, "events wait: the event stream does not take them; trying again"
        );
        told.down = Some(reason);
    }

    /// Tells that the stream that was written to has gone; its events are not in this one.
    pub(super) fn note_stream(&self, created: i128) {
        let before = self.lock_told().stream_created.replace(created);
        if before.is_some_and(|before| before != created) {
            add(&self.status.streams_replaced, 1);
            warn!(
                channel = self.id.channel,
                "the event stream was deleted; going on in a new one with what waits"
            );
        }
    }

    /// Whether there was a stream in this term.
    pub(super) fn had_a_stream(&self) -> bool {
        self.lock_told().stream_created.is_some()
    }

    pub(super) fn lock_told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream has taken something, or nothing waits for it.
    pub(super) fn note_up(&self) {
        if set(&self.status.stream_up, true) {
            return;
        }
        if self.lock_told().down.take().is_some() {
            info!(channel = self.id.channel, "events reach the stream again");
        }
    }

    /// Tells once that the server takes its time; it is waited for.
    pub(super) fn note_slow(&self, life: &mut Life) {
        life.is_slow = true;
        add(&self.status.stalls, 1);
        let waiting = self.outbox.lock().len();
        warn!(
            channel = self.id.channel,
            waiting,
            "the stream is slow: NATS or its disk needs more than a second for an event; waiting"
        );
    }

    /// Tells that nothing waits any more for a stream that was slow.
    pub(super) fn note_fast(&self, life: &mut Life) {
        if life.is_slow && self.outbox.lock().is_empty() {
            life.is_slow = false;
            info!(
                channel = self.id.channel,
                "the stream has taken all that waited"
            );
        }
    }
}

//! When the next line is due, and what holds it back.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::{ScriptConfig, Speed};

/// A client with more frames waiting than this is given time to read.
const MANY_QUEUED: usize = 5000;

/// Holds and speed of the script.
#[derive(Debug)]
pub(super) struct Pace {
    /// Between two lines; `None` when nothing is said.
    every: Option<Duration>,
    due: Instant,
    pub(super) window: Option<u64>,
    pub(super) seen: u64,
    pub(super) hold_chat: bool,
    pub(super) hold_others: bool,
    pub(super) hold_others_while_bot_is_out: bool,
}

impl Pace {
    pub(super) fn new(
        script: &ScriptConfig,
        window: Option<u64>,
        hold_others_while_bot_is_out: bool,
    ) -> Self {
        let every = match script.speed {
            _ if script.rate <= 0.0 => None,
            Speed::Max => Some(Duration::ZERO),
            Speed::Times(times) => Duration::try_from_secs_f64(1.0 / (script.rate * times)).ok(),
        };
        Self {
            every,
            due: Instant::now(),
            window,
            seen: 0,
            hold_chat: false,
            hold_others: false,
            hold_others_while_bot_is_out,
        }
    }

    /// When the next line may be said; `None` while something holds it.
    pub(super) fn next_line(&self, lines: u64, queued: usize) -> Option<Instant> {
        let ahead = self
            .window
            .is_some_and(|window| lines >= self.seen + window);
        if self.hold_chat || ahead {
            return None;
        }
        self.every?;
        if queued > MANY_QUEUED {
            return Some(Instant::now() + Duration::from_millis(5));
        }
        Some(self.due)
    }

    /// Whether a line is due and nothing holds it.
    pub(super) fn takes_line(&mut self, lines: u64) -> bool {
        let Some(every) = self.every else {
            return false;
        };
        let now = Instant::now();
        if self.next_line(lines, 0).is_none_or(|due| due > now) {
            return false;
        }
        // A line that was held is not made up for, one that is a little late is.
        let late = now.duration_since(self.due);
        self.due = if late > every.max(Duration::from_millis(100)) {
            now + every
        } else {
            self.due + every
        };
        true
    }

    pub(super) fn lets_others_through(&self, bot_is_in: bool) -> bool {
        !self.hold_others && (bot_is_in || !self.hold_others_while_bot_is_out)
    }
}

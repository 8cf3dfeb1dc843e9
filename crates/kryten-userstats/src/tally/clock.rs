//! Clocks that do not run backwards.

use kryten_protocol::time::WireTime;
use serde::{Deserialize, Serialize};

/// One of a channel's two clocks: CyTube's dates chat, the robot's dates everything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clock {
    last_micros: i64,
}

impl Clock {
    /// The time of an event by this clock: its own, or the latest so far if that is later. The second value says
    /// whether the clock had run backwards.
    pub(crate) fn advance(&mut self, time: WireTime) -> (WireTime, bool) {
        let backwards = time.micros() < self.last_micros;
        self.last_micros = self.last_micros.max(time.micros());
        (WireTime::from_micros(self.last_micros), backwards)
    }

    /// The latest time so far; `None` before the first event.
    pub(crate) fn latest(self) -> Option<WireTime> {
        (self.last_micros != 0).then_some(WireTime::from_micros(self.last_micros))
    }
}

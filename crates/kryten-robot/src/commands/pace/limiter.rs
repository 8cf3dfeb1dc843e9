//! CyTube's own way of limiting, from the other side: so many at once, then an even pace, all anew after a silence.

use std::time::Duration;

/// How much later than CyTube's own rule allows a frame goes, since the network presses frames together.
const MARGIN: f64 = 1.2;
/// And at least so much.
const LEAST_MARGIN: Duration = Duration::from_millis(30);

/// A burst and a pace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    burst: u32,
    interval: Duration,
    silence: Duration,
}

impl Limit {
    /// `burst` at once, then `per_second`; a burst is allowed again after `burst / per_second` seconds of silence.
    pub fn new(burst: u32, per_second: f64) -> Self {
        Self::with_cooldown(
            burst,
            per_second,
            f64::from(burst.max(1)) / pace(per_second),
        )
    }

    /// As [`Self::new`], with the silence in seconds as the channel has set it.
    pub fn with_cooldown(burst: u32, per_second: f64, cooldown: f64) -> Self {
        /// Longer waits come from settings that make no sense.
        const LONGEST: f64 = 600.0;
        let wait = |seconds: f64| {
            let seconds = if seconds.is_finite() {
                seconds.clamp(0.0, LONGEST)
            } else {
                LONGEST
            };
            let exact = Duration::from_secs_f64(seconds);
            exact.mul_f64(MARGIN).max(exact + LEAST_MARGIN)
        };
        Self {
            burst: burst.max(1),
            interval: wait(1.0 / pace(per_second)),
            silence: wait(cooldown),
        }
    }
}

/// A pace that is no positive number is taken for one in ten minutes.
fn pace(per_second: f64) -> f64 {
    match per_second.is_finite() && per_second > 0.0 {
        true => per_second,
        false => 1.0 / 600.0,
    }
}

/// What has gone through a gate.
#[derive(Debug, Clone, Default)]
pub struct Limiter {
    /// Of the present burst.
    count: u32,
    last: Option<Duration>,
    held_until: Duration,
}

impl Limiter {
    /// When the next one may go.
    pub fn ready_at(&self, limit: &Limit) -> Duration {
        let free = match self.last {
            Some(last) if self.count >= limit.burst => last + limit.interval.min(limit.silence),
            _ => Duration::ZERO,
        };
        free.max(self.held_until)
    }

    /// One goes now.
    pub fn pass(&mut self, limit: &Limit, now: Duration) {
        let is_new_burst = self.last.is_none_or(|last| last + limit.silence <= now);
        self.count = match is_new_burst {
            true => 1,
            false => self.count.saturating_add(1).min(limit.burst),
        };
        self.last = Some(now);
    }

    /// Nothing goes before this moment, and after it one at a time.
    pub fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
        self.count = u32::MAX;
    }
}

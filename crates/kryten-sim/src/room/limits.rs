//! Limits and secrets of the channel that a test changes while it runs.

use super::{ConnectionId, Room};

impl Room {
    /// The channel's password from now on.
    pub(crate) fn set_password(&mut self, password: Option<String>) {
        let option = password.clone().map_or(false.into(), Into::into);
        self.options.insert("password".to_owned(), option);
        self.password = password;
        self.tell_options();
    }

    pub(crate) fn set_limits(
        &mut self,
        flood: Option<bool>,
        guest_seconds: Option<f64>,
        frames_per_second: Option<f64>,
    ) {
        self.flood_limits = flood.unwrap_or(self.flood_limits);
        if let Some(seconds) = guest_seconds {
            self.guest_delay_ms = (seconds * 1000.0) as i64;
        }
        if let Some(frames) = frames_per_second {
            self.frames_per_second = (frames > 0.0).then_some(frames);
        }
    }

    /// Counts a frame of a client; whether it may go on.
    pub(super) fn may_send(&mut self, connection: ConnectionId, now: i64) -> bool {
        let Some(rate) = self.frames_per_second else {
            return true;
        };
        match self.viewers.get_mut(&connection) {
            Some(viewer) => viewer.frame_bucket.take(rate.max(1.0), rate, now),
            None => true,
        }
    }
}

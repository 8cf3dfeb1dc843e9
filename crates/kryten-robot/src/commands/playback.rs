//! Where the film is, between two words of CyTube. Pure.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

/// The last position that CyTube told, and when.
#[derive(Debug, Default, Clone, Copy)]
pub struct Playback {
    position: f64,
    paused: bool,
    told: Duration,
}

impl Playback {
    /// One frame of CyTube.
    pub fn feed(&mut self, event: &str, payload: &RawValue, now: Duration) {
        if !matches!(event, "changeMedia" | "mediaUpdate") {
            return;
        }
        let Ok(payload) = serde_json::from_str::<Value>(payload.get()) else {
            return;
        };
        if let Some(position) = payload["currentTime"].as_f64() {
            self.position = position;
            self.paused = payload["paused"].as_bool().unwrap_or(false);
            self.told = now;
        }
    }

    /// Where the film is now, in seconds.
    pub fn position(&self, now: Duration) -> f64 {
        let since = match self.paused {
            true => Duration::ZERO,
            false => now.saturating_sub(self.told),
        };
        (self.position + since.as_secs_f64()).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_film_goes_on_until_it_is_paused() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let at = Duration::from_secs;
        let mut playback = Playback::default();
        playback.feed(
            "changeMedia",
            &raw(r#"{"currentTime":-3,"paused":true}"#),
            at(0),
        );
        assert_eq!(playback.position(at(2)), 0.0);
        playback.feed(
            "mediaUpdate",
            &raw(r#"{"currentTime":0,"paused":false}"#),
            at(3),
        );
        assert_eq!(playback.position(at(10)), 7.0);
        playback.feed(
            "mediaUpdate",
            &raw(r#"{"currentTime":9.5,"paused":true}"#),
            at(12),
        );
        assert_eq!(playback.position(at(99)), 9.5);
        playback.feed("mediaUpdate", &raw("7"), at(100));
        assert_eq!(playback.position(at(101)), 9.5);
    }
}

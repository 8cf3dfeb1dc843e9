//! Long messages in parts, and not too many at once.
//!
//! CyTube cuts a line at 320 characters without a word, and drops lines that come too fast. [`split`] makes parts that
//! are short enough, [`lines`] makes such of which none is a command by chance, [`ChatPace`] says when the next may go.
//! [`Robot::say`](crate::commands::Robot::say) uses both of these.
//!
//! ```
//! use kryten_client::chat::split;
//!
//! assert_eq!(split("to be or not to be", 10), ["to be or", "not to be"]);
//! assert_eq!(split("  short  ", 320), ["short"]);
//! ```

mod pace;
mod split;

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::config::lenient;
pub use pace::{ChatPace, Slots};
pub use split::{CYTUBE_LIMIT, lines, split};

/// How often and how much at a time is said; in a configuration file beside `nats`.
///
/// ```
/// use kryten_client::chat::ChatLimits;
///
/// let limits: ChatLimits = serde_json::from_str(r#"{"chat_min_delay": 0.5, "chat_jitter": 0}"#)?;
/// assert_eq!(limits.min_delay.as_millis(), 500);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ChatLimits {
    /// The shortest time between two lines; seconds in the file.
    #[serde(rename = "chat_min_delay", deserialize_with = "seconds")]
    pub min_delay: Duration,
    /// Up to so much more, at random, so that several bots do not speak in step; seconds in the file.
    #[serde(rename = "chat_jitter", deserialize_with = "seconds")]
    pub jitter: Duration,
    /// So many lines may go at once after a pause; 1 for an even pace.
    #[serde(rename = "chat_burst", deserialize_with = "lenient::number")]
    pub burst: u32,
    /// The longest line, in characters.
    #[serde(rename = "chat_max_length", deserialize_with = "lenient::number")]
    pub max_length: usize,
}

impl Default for ChatLimits {
    /// The originals' pace: a second, and up to half a second more.
    fn default() -> Self {
        Self {
            min_delay: Duration::from_secs(1),
            jitter: Duration::from_millis(500),
            burst: 1,
            max_length: CYTUBE_LIMIT,
        }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds: f64 = lenient::number(deserializer)?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| de::Error::custom("expected a number of seconds, 0 or more"))
}

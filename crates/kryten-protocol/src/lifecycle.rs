//! What services tell of themselves on `kryten.lifecycle.{service}.…`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::WireTime;

/// The body of every lifecycle message; extra fields follow the base ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// The service's name, such as `robot`.
    pub service: String,
    /// Its version.
    pub version: String,
    /// The host it runs on.
    pub hostname: String,
    /// When this was sent.
    pub timestamp: WireTime,
    /// Seconds since the service started.
    pub uptime_seconds: f64,
    /// `metadata`, `reason`, `target` and whatever else belongs to the message.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

//! A bot's whole configuration file.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::lenient;
use super::nats::seconds;
use super::schema::{UnknownKey, schema, unknown_keys, warn_of};
use super::{ConfigError, NatsConfig, load, read};

/// The configuration of a bot or service: kryten-py's keys, unchanged.
///
/// ```no_run
/// use kryten_client::config::ClientConfig;
///
/// // A section of the bot's own is no unknown key.
/// let (config, whole) = ClientConfig::load("config.json".as_ref(), &["greeter"])?;
/// let greeting = whole["greeter"]["text"].as_str().unwrap_or("hello");
/// # Ok::<(), kryten_client::config::ConfigError>(())
/// ```
// Each field's text is also its description in the JSON Schema.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(
    title = "The configuration of a bot or service",
    description = "The keys of kryten-py."
)]
#[non_exhaustive]
pub struct ClientConfig {
    /// How to reach NATS.
    pub nats: NatsConfig,
    /// The channels that the bot is for.
    #[serde(default)]
    pub channels: Vec<ChannelConfig>,
    /// What the bot says of itself to others.
    #[serde(default)]
    pub service: Option<ServiceConfig>,
    /// Where health and metrics are served.
    #[serde(default)]
    pub metrics: Option<MetricsConfig>,
    /// How long a handler of an event may take, in seconds.
    #[serde(default = "half_a_minute", deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0), extend("default" = 30))]
    pub handler_timeout: Duration,
    /// The least wait between two chat lines, in seconds.
    #[serde(default = "one_second", deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0), extend("default" = 1))]
    pub chat_min_delay: Duration,
    /// The longest random wait that is added to `chat_min_delay`, in seconds.
    #[serde(default = "half_a_second", deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0), extend("default" = 0.5))]
    pub chat_jitter: Duration,
    /// The least level that is logged: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.
    #[serde(default = "info")]
    pub log_level: String,
    /// Of the original, which reads it and does not use it either.
    #[serde(default, rename = "retry_attempts")]
    #[schemars(with = "u64", extend("deprecated" = true))]
    _retry_attempts: Ignored,
    /// Of the original, which reads it and does not use it either.
    #[serde(default, rename = "retry_delay")]
    #[schemars(with = "f64", extend("deprecated" = true))]
    _retry_delay: Ignored,
    /// Of the original, which reads it and does not use it either.
    #[serde(default, rename = "max_concurrent_handlers")]
    #[schemars(with = "u64", extend("deprecated" = true))]
    _max_concurrent_handlers: Ignored,
}

/// A channel on a CyTube host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[schemars(rename = "channel")]
#[non_exhaustive]
pub struct ChannelConfig {
    /// The CyTube host, such as `cytu.be`.
    pub domain: String,
    /// The channel as its robot has it configured.
    pub channel: String,
}

/// What a service says of itself in lifecycle messages.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "service")]
#[non_exhaustive]
pub struct ServiceConfig {
    /// The name in lifecycle subjects, such as `greeter`.
    pub name: String,
    /// The version.
    #[serde(default = "first_version")]
    pub version: String,
    /// Of the original, which reads it and does not use it either.
    #[serde(default = "yes")]
    #[schemars(extend("deprecated" = true))]
    #[serde(deserialize_with = "lenient::flag")]
    pub enable_lifecycle: bool,
    /// Whether a heartbeat is sent.
    #[serde(default = "yes")]
    #[serde(deserialize_with = "lenient::flag")]
    pub enable_heartbeat: bool,
    /// How often it is sent, in seconds.
    #[serde(default = "half_a_minute", deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 5, max = 300), extend("default" = 30))]
    pub heartbeat_interval: Duration,
    /// Whether discovery polls are answered.
    #[serde(default = "yes")]
    #[serde(deserialize_with = "lenient::flag")]
    pub enable_discovery: bool,
    /// The port of `/health`, as lifecycle messages tell it.
    #[serde(default)]
    #[serde(deserialize_with = "lenient::number")]
    pub health_port: Option<u16>,
    /// The path of `/health`, as lifecycle messages tell it.
    #[serde(default)]
    pub health_path: Option<String>,
    /// The port of `/metrics`, as lifecycle messages tell it.
    #[serde(default)]
    #[serde(deserialize_with = "lenient::number")]
    pub metrics_port: Option<u16>,
    /// The path of `/metrics`, as lifecycle messages tell it.
    #[serde(default)]
    pub metrics_path: Option<String>,
}

/// Where health and metrics are served.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "metrics")]
#[non_exhaustive]
pub struct MetricsConfig {
    /// The port.
    #[schemars(range(min = 1))]
    #[serde(deserialize_with = "lenient::number")]
    pub port: u16,
    /// The path of `/health`, as lifecycle messages tell it.
    #[serde(default)]
    pub health_path: Option<String>,
    /// The path of `/metrics`, as lifecycle messages tell it.
    #[serde(default)]
    pub metrics_path: Option<String>,
}

/// A value that nobody looks at.
#[derive(Debug, Clone, Copy, Default)]
struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

fn half_a_second() -> Duration {
    Duration::from_millis(500)
}

fn info() -> String {
    "INFO".to_owned()
}

fn first_version() -> String {
    "1.0.0".to_owned()
}

fn yes() -> bool {
    true
}

impl ClientConfig {
    /// Loads a configuration file and logs its unknown keys; `own` names sections that only the bot knows. Gives the
    /// whole file too, for these.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key that is wrong.
    pub fn load(path: &Path, own: &[&str]) -> Result<(Self, Value), ConfigError> {
        let whole = load(path)?;
        warn_of(&Self::unknown_keys(&whole, own));
        Ok((Self::read(whole.clone())?, whole))
    }

    /// Reads a loaded configuration.
    ///
    /// # Errors
    /// As [`ClientConfig::load`].
    pub fn read(whole: Value) -> Result<Self, ConfigError> {
        let config: Self = read(whole)?;
        if config.nats.addresses().is_empty() {
            return Err(ConfigError::Invalid {
                key: "nats.servers".to_owned(),
                problem: "name at least one server, such as nats://localhost:4222".to_owned(),
            });
        }
        Ok(config)
    }

    /// The keys that nobody reads.
    pub fn unknown_keys(whole: &Value, own: &[&str]) -> Vec<UnknownKey> {
        let mut unknown = unknown_keys(whole, &Self::schema());
        unknown.retain(|key| !own.contains(&key.key.as_str()));
        unknown
    }

    /// The JSON Schema of the file.
    pub fn schema() -> Value {
        schema::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_originals_keys_are_read_and_none_is_unknown() {
        let whole = json!({
            "nats": {
                "servers": ["nats://localhost:4222"], "user": null, "password": null, "token": null, "tls_cert": null,
                "tls_key": null, "tls_ca": null, "connect_timeout": 10, "reconnect_time_wait": 2,
                "max_reconnect_attempts": -1, "ping_interval": 120
            },
            "channels": [{"domain": "cytu.be", "channel": "Lounge"}],
            "service": {
                "name": "greeter", "version": "2.0", "enable_lifecycle": true, "enable_heartbeat": true,
                "enable_discovery": false, "heartbeat_interval": 15, "health_port": null, "metrics_port": 1,
                "health_path": "/health", "metrics_path": "/metrics"
            },
            "metrics": {"port": 28282, "health_path": "/health", "metrics_path": "/metrics"},
            "retry_attempts": 3, "retry_delay": 1.0, "handler_timeout": 30.0, "max_concurrent_handlers": 1000,
            "log_level": "INFO", "chat_min_delay": 1.5, "chat_jitter": 0, "greeter": {"text": "hi"}
        });
        assert_eq!(ClientConfig::unknown_keys(&whole, &["greeter"]), []);
        assert_eq!(ClientConfig::unknown_keys(&whole, &[]).len(), 1);
        let config = ClientConfig::read(whole).unwrap();
        assert_eq!(config.channels[0].channel, "Lounge");
        assert_eq!(config.chat_min_delay.as_millis(), 1500);
        assert_eq!(config.nats.ping_interval.as_secs(), 120);
        let service = config.service.unwrap();
        assert_eq!(service.heartbeat_interval.as_secs(), 15);
        assert!(!service.enable_discovery);
    }

    #[test]
    fn what_is_missing_has_the_originals_value_and_servers_must_be_there() {
        let config = ClientConfig::read(json!({"nats": {"url": "nats://a"}})).unwrap();
        assert_eq!(config.handler_timeout.as_secs(), 30);
        assert_eq!(config.chat_jitter.as_millis(), 500);
        assert_eq!(config.log_level, "INFO");
        let error = ClientConfig::read(json!({"nats": {}})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the configuration's nats.servers is wrong: name at least one server, such as nats://localhost:4222"
        );
    }
}

//! The service's configuration: built in code, or read from the original's JSON file.

mod detectors;
mod file;
mod time_zones;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kryten_client::NatsConfig;
use kryten_client::config::UnknownKey;

use crate::store::{DatabaseUrl, DatabaseUrlError};
use crate::tally::Rules;

pub use time_zones::TimeZones;

/// The phrases that count as kudos where the database has none.
pub const DEFAULT_PHRASES: [&str; 3] = ["lol", "rofl", "haha"];
/// The port on which the original serves health and metrics.
pub const DEFAULT_PORT: u16 = 28282;

/// How often the robot's state is compared with what the events told.
pub const DEFAULT_REFRESH: Duration = Duration::from_secs(300);

/// A channel to count.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema,
)]
#[schemars(inline)]
pub struct ChannelConfig {
    /// The CyTube host.
    pub domain: String,
    /// The channel as its robot has it configured.
    pub channel: String,
}

/// Where others find health and metrics, as lifecycle messages tell them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
}

/// Everything that the service needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name in lifecycle subjects; `userstats` for peers to recognise it.
    pub service_name: String,
    /// How to reach NATS.
    pub nats: NatsConfig,
    /// The channels to count, at least one.
    pub channels: Vec<ChannelConfig>,
    /// The SQLite file; made where it is missing.
    pub database: PathBuf,
    /// A database of PostgreSQL, to be used instead of the file.
    pub database_url: Option<DatabaseUrl>,
    /// Where to serve HTTP; `None` where the router is mounted elsewhere.
    pub http: Option<SocketAddr>,
    /// What lifecycle messages say of health and metrics.
    pub health_endpoint: Option<Endpoint>,
    /// As above.
    pub metrics_endpoint: Option<Endpoint>,
    /// How often users are counted.
    pub snapshot_interval: Duration,
    /// How often the robot's state is loaded again and compared with what the events told; `None` for never.
    pub refresh_interval: Option<Duration>,
    /// Trigger phrases for a database that has none.
    pub default_phrases: Vec<String>,
    /// How often to send a heartbeat; `None` for never.
    pub heartbeat_interval: Option<Duration>,
    /// Whether to answer discovery polls.
    pub answers_discovery: bool,
    /// What counts.
    pub rules: Rules,
    /// In which zones hours are told.
    pub time_zones: TimeZones,
    /// The least level to log, in `tracing`'s spelling.
    pub log_level: &'static str,
    /// Keys of the file that nobody reads; the service logs them when it starts.
    pub unknown_keys: Vec<UnknownKey>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read or is of the wrong shape.
    #[error(transparent)]
    File(#[from] kryten_client::config::ConfigError),
    /// The address of the database cannot be used.
    #[error("database.url: {0}")]
    DatabaseUrl(#[source] DatabaseUrlError),
    /// A value is missing or impossible.
    #[error("{key}: {problem}")]
    Value {
        /// The key, such as `channels[0].domain`.
        key: String,
        /// What is wrong with it and what would be right.
        problem: &'static str,
    },
}

impl ConfigError {
    fn value(key: impl Into<String>, problem: &'static str) -> Self {
        Self::Value {
            key: key.into(),
            problem,
        }
    }
}

impl Config {
    /// A configuration with everything else as the original has it, without an HTTP listener of its own.
    pub fn new(
        nats: NatsConfig,
        channels: Vec<ChannelConfig>,
        database: impl Into<PathBuf>,
    ) -> Self {
        Self {
            service_name: "userstats".to_owned(),
            nats,
            channels,
            database: database.into(),
            database_url: None,
            http: None,
            health_endpoint: None,
            metrics_endpoint: None,
            snapshot_interval: Duration::from_secs(300),
            refresh_interval: Some(DEFAULT_REFRESH),
            default_phrases: DEFAULT_PHRASES.map(str::to_owned).to_vec(),
            heartbeat_interval: Some(Duration::from_secs(30)),
            answers_discovery: true,
            rules: Rules::default(),
            time_zones: TimeZones::default(),
            log_level: "info",
            unknown_keys: Vec::new(),
        }
    }

    /// Reads the original's JSON configuration.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key that is wrong, before anything is started.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::read(kryten_client::config::load(path)?)
    }

    /// Reads a loaded configuration.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read(whole: serde_json::Value) -> Result<Self, ConfigError> {
        let config = file::read(whole)?;
        config.check()?;
        Ok(config)
    }

    /// The JSON Schema of the file.
    pub fn schema() -> serde_json::Value {
        file::schema()
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.nats.addresses().is_empty() {
            return Err(ConfigError::value(
                "nats.servers",
                "name at least one NATS server, such as nats://localhost:4222",
            ));
        }
        if self.channels.is_empty() {
            return Err(ConfigError::value("channels", "name at least one channel"));
        }
        for (at, channel) in self.channels.iter().enumerate() {
            let key = |field| format!("channels[{at}].{field}");
            if channel.domain.trim().is_empty() {
                return Err(ConfigError::value(
                    key("domain"),
                    "name the CyTube host, such as cytu.be",
                ));
            }
            if kryten_protocol::subject::channel_events(&channel.channel).is_err() {
                return Err(ConfigError::value(
                    key("channel"),
                    "name the channel; letters, digits, '-' and '_' are possible",
                ));
            }
        }
        if self.snapshot_interval.is_zero() {
            return Err(ConfigError::value(
                "snapshots.interval_seconds",
                "give a number of seconds above 0",
            ));
        }
        let unusable = kryten_protocol::subject::lifecycle(&self.service_name, "startup").is_err();
        if unusable || self.service_name.trim().is_empty() {
            return Err(ConfigError::value(
                "service.name",
                "name the service; letters, digits, '-' and '_' are possible, and its peers know it as userstats",
            ));
        }
        Ok(())
    }
}

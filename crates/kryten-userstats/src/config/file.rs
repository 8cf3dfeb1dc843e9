//! The original's JSON file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use kryten_client::NatsConfig;
use serde::Deserialize;
use serde_json::Value;

use super::{ChannelConfig, Config, ConfigError, DEFAULT_PORT, Endpoint};

#[derive(Debug, Deserialize)]
struct File {
    nats: NatsConfig,
    #[serde(default)]
    channels: Vec<ChannelConfig>,
    #[serde(default)]
    service: Service,
    metrics: Option<Metrics>,
    #[serde(default)]
    database: Database,
    #[serde(default)]
    snapshots: Snapshots,
    #[serde(default)]
    kudos: Kudos,
    log_level: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Service {
    name: String,
    enable_heartbeat: bool,
    heartbeat_interval: u64,
    enable_discovery: bool,
    health_port: Option<u16>,
    metrics_port: Option<u16>,
    health_path: Option<String>,
    metrics_path: Option<String>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            name: "userstats".to_owned(),
            enable_heartbeat: true,
            heartbeat_interval: 30,
            enable_discovery: true,
            health_port: None,
            metrics_port: None,
            health_path: None,
            metrics_path: None,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Metrics {
    port: u16,
    /// Ours: the address to listen on.
    host: Option<IpAddr>,
    health_path: Option<String>,
    metrics_path: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Database {
    path: PathBuf,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            path: "data/userstats.db".into(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Snapshots {
    interval_seconds: f64,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            interval_seconds: 300.0,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kudos {
    default_phrases: Option<Vec<String>>,
}

pub(super) fn read(value: Value) -> Result<Config, ConfigError> {
    let file: File = kryten_client::config::read(value)?;
    let mut config = Config::new(file.nats, file.channels, file.database.path);
    config.service_name = file.service.name.trim().to_lowercase().replace('.', "-");
    config.log_level = log_level(file.log_level.as_deref())?;
    config.snapshot_interval = Duration::try_from_secs_f64(file.snapshots.interval_seconds)
        .map_err(|_| {
            ConfigError::value(
                "snapshots.interval_seconds",
                "give a number of seconds above 0",
            )
        })?;
    if let Some(phrases) = file.kudos.default_phrases {
        config.default_phrases = phrases;
    }
    config.heartbeat_interval = heartbeat(&file.service)?;
    config.answers_discovery = file.service.enable_discovery;
    let port = file.metrics.as_ref().map_or(DEFAULT_PORT, |m| m.port);
    if port == 0 {
        return Err(ConfigError::value(
            "metrics.port",
            "give a port from 1 to 65535",
        ));
    }
    let host = file.metrics.as_ref().and_then(|metrics| metrics.host);
    config.http = Some(SocketAddr::new(
        host.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        port,
    ));
    advertise(&mut config, &file.service, file.metrics.as_ref());
    Ok(config)
}

/// Without a `metrics` object lifecycle messages name no endpoint, as in the original.
fn advertise(config: &mut Config, service: &Service, metrics: Option<&Metrics>) {
    let endpoint = |own: Option<u16>, paths: [Option<&String>; 2], fallback: &str| {
        let port = own.or(metrics.map(|metrics| metrics.port))?;
        let path = paths.into_iter().flatten().next();
        Some(Endpoint {
            port,
            path: path.map_or_else(|| fallback.to_owned(), Clone::clone),
        })
    };
    config.health_endpoint = endpoint(
        service.health_port,
        [
            service.health_path.as_ref(),
            metrics.and_then(|metrics| metrics.health_path.as_ref()),
        ],
        "/health",
    );
    config.metrics_endpoint = endpoint(
        service.metrics_port,
        [
            service.metrics_path.as_ref(),
            metrics.and_then(|metrics| metrics.metrics_path.as_ref()),
        ],
        "/metrics",
    );
}

fn heartbeat(service: &Service) -> Result<Option<Duration>, ConfigError> {
    if !(5..=300).contains(&service.heartbeat_interval) {
        return Err(ConfigError::value(
            "service.heartbeat_interval",
            "give whole seconds from 5 to 300",
        ));
    }
    Ok(service
        .enable_heartbeat
        .then(|| Duration::from_secs(service.heartbeat_interval)))
}

fn log_level(name: Option<&str>) -> Result<&'static str, ConfigError> {
    match name.unwrap_or("INFO").to_ascii_uppercase().as_str() {
        "DEBUG" | "NOTSET" => Ok("debug"),
        "INFO" => Ok("info"),
        "WARN" | "WARNING" => Ok("warn"),
        "ERROR" | "CRITICAL" | "FATAL" => Ok("error"),
        _ => Err(ConfigError::value(
            "log_level",
            "give DEBUG, INFO, WARNING, ERROR or CRITICAL",
        )),
    }
}

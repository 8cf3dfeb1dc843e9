//! The original's JSON file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use kryten_client::NatsConfig;
use kryten_client::config::lenient;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::answers::{Answers, Privacy, answers};
use super::detectors::{Compat, Detectors, rules};
use super::{ChannelConfig, Config, ConfigError, DEFAULT_PORT, Endpoint, TimeZones};

/// What is counted, where it is kept and where it is told.
// Each field's text is also its description in the JSON Schema.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(
    title = "The statistics' configuration",
    description = "The keys of kryten-userstats."
)]
struct File {
    /// How to reach NATS.
    nats: NatsConfig,
    /// The channels to count.
    #[serde(default)]
    #[schemars(length(min = 1))]
    channels: Vec<Channel>,
    /// The time zone in which hours are told, by its name in the IANA database; a channel may have its own.
    #[schemars(extend("default" = "UTC"))]
    timezone: Option<String>,
    /// What the service says of itself in lifecycle messages.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    service: Service,
    /// Where health, metrics and the page are served; on port 28282 of all addresses without it.
    metrics: Option<Metrics>,
    /// Where the counts are kept.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    database: Database,
    /// How often users are counted.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    snapshots: Snapshots,
    /// The state that the robot keeps in KV.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    state: State,
    /// The past, counted once: see `backfill.run`.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    backfill: Backfill,
    /// Answers to `!stats`, `!top` and `!kudos` in the channel, said by the robot.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    answers: Answers,
    /// What people may wish of what is known of them.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    privacy: Privacy,
    /// What counts as kudos.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    kudos: Kudos,
    /// What counts beyond what the original's detectors find; all off, as there.
    #[serde(default)]
    #[schemars(extend("default" = {}))]
    detectors: Detectors,
    /// `strict` counts and answers as the original does, with the defects that change a number or a reply.
    #[serde(default)]
    #[schemars(extend("default" = "mended"))]
    compat: Compat,
    /// The least level that is logged: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.
    #[schemars(extend("default" = "INFO"))]
    log_level: Option<String>,
    /// Whether the log is text for people, or one JSON object a line for machines.
    #[serde(default)]
    #[schemars(extend("default" = "text"))]
    log_format: LogFormat,
    /// How long the original waits for one event, in seconds. Read by the original only.
    #[serde(default, rename = "handler_timeout")]
    #[schemars(with = "f64", extend("deprecated" = true))]
    _handler_timeout: IgnoredAny,
    /// Read by the original, and not used there either.
    #[serde(default, rename = "retry_attempts")]
    #[schemars(with = "f64", extend("deprecated" = true))]
    _retry_attempts: IgnoredAny,
    /// Read by the original, and not used there either.
    #[serde(default, rename = "retry_delay")]
    #[schemars(with = "f64", extend("deprecated" = true))]
    _retry_delay: IgnoredAny,
    /// Read by the original, and not used there either.
    #[serde(default, rename = "max_concurrent_handlers")]
    #[schemars(with = "f64", extend("deprecated" = true))]
    _max_concurrent_handlers: IgnoredAny,
    /// Read by the original, and not used there either.
    #[serde(default, rename = "chat_min_delay")]
    #[schemars(with = "f64", extend("deprecated" = true))]
    _chat_min_delay: IgnoredAny,
    /// Read by the original, and not used there either.
    #[serde(default, rename = "chat_jitter")]
    #[schemars(with = "f64", extend("deprecated" = true))]
    _chat_jitter: IgnoredAny,
}

/// A channel to count.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
struct Channel {
    /// The CyTube host.
    domain: String,
    /// The channel as its robot has it configured.
    channel: String,
    /// The time zone in which this channel's hours are told, such as `Europe/Berlin`.
    timezone: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
struct Service {
    /// The name in lifecycle subjects; peers know it as `userstats`.
    #[schemars(extend("default" = "userstats"))]
    name: String,
    /// Of the original; lifecycle messages always tell the program's own version.
    #[serde(rename = "version")]
    #[schemars(with = "Option<String>", extend("deprecated" = true))]
    _version: IgnoredAny,
    /// Read by the original, and not used there either.
    #[serde(rename = "enable_lifecycle")]
    #[schemars(with = "Option<bool>", extend("deprecated" = true))]
    _enable_lifecycle: IgnoredAny,
    /// Whether a heartbeat is sent.
    #[schemars(extend("default" = true))]
    #[serde(deserialize_with = "lenient::flag")]
    enable_heartbeat: bool,
    /// How often it is sent, in whole seconds.
    #[schemars(range(min = 5, max = 300), extend("default" = 30))]
    #[serde(deserialize_with = "lenient::number")]
    heartbeat_interval: u64,
    /// Whether discovery polls are answered.
    #[schemars(extend("default" = true))]
    #[serde(deserialize_with = "lenient::flag")]
    enable_discovery: bool,
    /// The port of `/health` as lifecycle messages tell it; that of `metrics` without it.
    #[serde(deserialize_with = "lenient::number")]
    health_port: Option<u16>,
    /// The port of `/metrics` as lifecycle messages tell it; that of `metrics` without it.
    #[serde(deserialize_with = "lenient::number")]
    metrics_port: Option<u16>,
    /// The path of `/health` as lifecycle messages tell it.
    health_path: Option<String>,
    /// The path of `/metrics` as lifecycle messages tell it.
    metrics_path: Option<String>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            name: "userstats".to_owned(),
            _version: IgnoredAny,
            _enable_lifecycle: IgnoredAny,
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

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
struct Metrics {
    /// The port.
    #[schemars(range(min = 1))]
    #[serde(deserialize_with = "lenient::number")]
    port: u16,
    /// The address to listen on.
    #[schemars(extend("default" = "0.0.0.0"))]
    host: Option<IpAddr>,
    /// The path of `/health` as lifecycle messages tell it.
    health_path: Option<String>,
    /// The path of `/metrics` as lifecycle messages tell it.
    metrics_path: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
struct Database {
    /// The SQLite file; it is made with its folder where it is missing.
    #[schemars(extend("default" = "data/userstats.db"))]
    path: PathBuf,
    /// A PostgreSQL database instead of the file: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    #[schemars(with = "Option<String>")]
    url: Option<SecretString>,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            path: "data/userstats.db".into(),
            url: None,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
struct Snapshots {
    /// The time between two counts, in seconds.
    #[schemars(extend("default" = 300, "exclusiveMinimum" = 0))]
    #[serde(deserialize_with = "lenient::number")]
    interval_seconds: f64,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            interval_seconds: 300.0,
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
struct Backfill {
    /// The folder with recordings (`.jsonl`) and the robot's audit logs of chat (`.log`).
    folder: Option<PathBuf>,
    /// What is counted at each start, as far as it is not counted yet: `stream`, or names of files in the folder.
    #[schemars(extend("default" = []))]
    at_start: Vec<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
struct State {
    /// The time after which it is loaded again and compared with what the events told, in seconds; 0 for never.
    #[schemars(extend("default" = 300, "minimum" = 0))]
    #[serde(deserialize_with = "lenient::number")]
    refresh_seconds: Option<f64>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
struct Kudos {
    /// The phrases that count, for a database that has none yet.
    #[schemars(extend("default" = ["lol", "rofl", "haha"]))]
    default_phrases: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum LogFormat {
    #[default]
    Text,
    Json,
}

pub(super) fn schema() -> Value {
    kryten_client::config::schema::<File>()
}

pub(super) fn read(value: Value) -> Result<Config, ConfigError> {
    let unknown_keys = kryten_client::config::unknown_keys(&value, &schema());
    let file: File = kryten_client::config::read(value)?;
    let mut time_zones = TimeZones::default();
    if let Some(name) = &file.timezone {
        time_zones.set_usual(name)?;
    }
    let mut channels = Vec::new();
    for (at, channel) in file.channels.into_iter().enumerate() {
        let named = ChannelConfig {
            domain: channel.domain,
            channel: channel.channel,
        };
        if let Some(zone) = &channel.timezone {
            time_zones.set(&format!("channels[{at}].timezone"), named.clone(), zone)?;
        }
        channels.push(named);
    }
    let mut config = Config::new(file.nats, channels, file.database.path);
    if let Some(url) = &file.database.url {
        let url = url.expose_secret().parse();
        config.database_url = Some(url.map_err(ConfigError::DatabaseUrl)?);
    }
    config.time_zones = time_zones;
    config.unknown_keys = unknown_keys;
    config.service_name = file.service.name.trim().to_lowercase().replace('.', "-");
    config.rules = rules(file.compat, file.detectors)?;
    config.privacy_by_command = file.privacy.by_command();
    config.answers = answers(&file.answers, &file.privacy, config.rules.as_original)?;
    config.log_level = log_level(file.log_level.as_deref())?;
    config.log_format = match file.log_format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    config.snapshot_interval = Duration::try_from_secs_f64(file.snapshots.interval_seconds)
        .map_err(|_| {
            ConfigError::value(
                "snapshots.interval_seconds",
                "give a number of seconds above 0",
            )
        })?;
    for name in &file.backfill.at_start {
        if name != "stream" && file.backfill.folder.is_none() {
            return Err(ConfigError::value(
                "backfill.folder",
                "name the folder in which the files of backfill.at_start are",
            ));
        }
    }
    config.backfill_folder = file.backfill.folder;
    config.backfill_at_start = file.backfill.at_start;
    if let Some(seconds) = file.state.refresh_seconds {
        let period = Duration::try_from_secs_f64(seconds).map_err(|_| {
            ConfigError::value(
                "state.refresh_seconds",
                "give a number of seconds, 0 for never",
            )
        })?;
        config.refresh_interval = Some(period).filter(|period| !period.is_zero());
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(more: Value) -> Value {
        let mut file = json!({
            "nats": {"servers": ["nats://localhost"]}, "channels": [{"domain": "cytu.be", "channel": "lounge"}],
        });
        let fields = more.as_object().unwrap().clone();
        file.as_object_mut().unwrap().extend(fields);
        file
    }

    #[test]
    fn numbers_and_booleans_may_be_texts_as_variables_give_them() {
        let config = read(file(json!({
            "metrics": {"port": "28300"},
            "service": {"heartbeat_interval": "15", "health_port": 28301.0, "enable_discovery": "false"},
            "snapshots": {"interval_seconds": "60"},
            "state": {"refresh_seconds": "0"},
            "answers": {"enabled": "yes", "person_seconds": "1.5"},
            "detectors": {"bare_emotes": "true"},
        })))
        .unwrap();
        assert_eq!(config.http.unwrap().port(), 28300);
        assert_eq!(config.heartbeat_interval, Some(Duration::from_secs(15)));
        assert_eq!(config.health_endpoint.unwrap().port, 28301);
        assert_eq!(config.metrics_endpoint.unwrap().port, 28300);
        assert_eq!(config.snapshot_interval, Duration::from_secs(60));
        assert_eq!(config.refresh_interval, None);
        assert!(config.answers.in_chat && !config.answers_discovery && config.rules.bare_emotes);
        assert_eq!(config.answers.person_every, Duration::from_millis(1500));
    }

    #[test]
    fn a_number_that_is_none_is_named_by_its_key() {
        for (section, problem) in [
            (
                json!({"metrics": {"port": "x"}}),
                "metrics.port is wrong: it must be a number",
            ),
            (
                json!({"service": {"heartbeat_interval": 7.5}}),
                "service.heartbeat_interval is wrong: invalid type, expected u64",
            ),
            (
                json!({"service": {"enable_heartbeat": "x"}}),
                "service.enable_heartbeat is wrong: it must be true or false",
            ),
        ] {
            let error = read(file(section)).unwrap_err().to_string();
            assert_eq!(error, format!("the configuration's {problem}"));
        }
    }
}

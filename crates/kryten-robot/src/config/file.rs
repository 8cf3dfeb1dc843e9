//! Reading the original's JSON file: which keys there are, and what it takes for true.

mod commands;
mod sections;

use std::path::Path;
use std::time::Duration;

use kryten_client::config::{self, ConfigError, NatsConfig, lenient};
use kryten_protocol::cytube::is_truthy;
use kryten_protocol::state::is_bucket_name;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{ChannelConfig, DEFAULT_OUTBOX_BYTES, DEFAULT_PARTS_GRACE, HealthAddress, RobotConfig};
use crate::commands::allowed::PatternError;
use crate::lease::Times;

/// Why a robot's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RobotConfigError {
    /// The file cannot be loaded, or a section cannot be read.
    #[error(transparent)]
    Load(#[from] ConfigError),
    /// A section is not there.
    #[error("Missing required section: {0}")]
    MissingSection(&'static str),
    /// A section is no object.
    #[error("Section '{0}' must be a dictionary")]
    NotASection(&'static str),
    /// A key is not there.
    #[error("Missing required field: {0}")]
    MissingField(&'static str),
    /// The list of servers is empty.
    #[error("Field 'nats.servers' cannot be empty")]
    NoServers,
    /// The channel's name cannot be part of a bucket name.
    #[error(
        "cytube.channel {0:?} is no CyTube channel name; use 1 to 30 letters, digits, '-' or '_'"
    )]
    BadChannel(String),
    /// The list of channels is none.
    #[error(
        "Field 'channels' must be a list of objects such as {{\"channel\": \"lounge\"}}, with at least one"
    )]
    BadChannels,
    /// A number is out of its range, or is none.
    #[error("{key} must be {wanted}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// A pattern in `commands.allow` or `commands.deny` that stands for nothing.
    #[error("in commands.allow or commands.deny {0}")]
    BadPattern(#[from] PatternError),
    /// The level is none that the original knows.
    #[error("Invalid log_level: '{0}'. Expected one of: CRITICAL, DEBUG, ERROR, INFO, WARNING")]
    BadLogLevel(String),
}

/// Loads a configuration file.
///
/// The environment variables `KRYTEN_CYTUBE_USER`, `KRYTEN_CYTUBE_PASSWORD` and `KRYTEN_NATS_URL` replace what the file
/// says, as in the original.
///
/// # Errors
/// [`RobotConfigError`] naming what is missing or wrong.
pub fn load(path: &Path) -> Result<RobotConfig, RobotConfigError> {
    loaded(&config::load(path)?, path, &super::schema())
}

/// Reads what was loaded from `path`; keys that are not in `schema` are noted.
///
/// # Errors
/// As [`load`].
pub fn loaded(whole: &Value, path: &Path, schema: &Value) -> Result<RobotConfig, RobotConfigError> {
    let config = from_value(whole, |name| std::env::var(name).ok())?;
    Ok(RobotConfig {
        unknown_keys: config::unknown_keys(whole, schema),
        path: Some(path.to_owned()),
        ..config
    })
}

/// Reads a loaded file; `env` tells the environment's variables.
///
/// # Errors
/// As [`load`].
pub fn from_value(
    root: &Value,
    env: impl Fn(&str) -> Option<String>,
) -> Result<RobotConfig, RobotConfigError> {
    let empty = Map::new();
    let root = root
        .as_object()
        .ok_or(RobotConfigError::MissingSection("cytube"))?;
    let cytube = required_section(root, "cytube")?;
    let nats = read_nats(required_section(root, "nats")?, env("KRYTEN_NATS_URL"))?;
    let commands = optional_section(root, "commands")?.unwrap_or(&empty);
    let health = optional_section(root, "health")?.unwrap_or(&empty);
    let guest_mode = is_true(cytube.get("guest_mode"), false);
    let mut channels = read_channels(root, cytube)?;
    for channel in &mut channels {
        channel.anonymous = guest_mode;
        channel.user = env("KRYTEN_CYTUBE_USER").or(channel.user.take());
        channel.password = env("KRYTEN_CYTUBE_PASSWORD")
            .map(SecretString::from)
            .or(channel.password.take());
    }
    Ok(RobotConfig {
        nats,
        channels,
        commands_enabled: !guest_mode && is_true(commands.get("enabled"), false),
        allowed: commands::allowed(commands)?,
        remote_shutdown: is_true(commands.get("remote_shutdown"), true),
        pm_ranks: commands::pm_ranks(commands)?,
        counting: sections::counting(root.get("state_counting")),
        audit: Some(sections::audit(root.get("logging"))),
        guest_mode,
        path: None,
        command_times: commands::times(commands)?,
        health: read_health(health)?,
        log_level: read_log_level(root.get("log_level"))?,
        log_format: read_log_format(root.get("log_format"))?,
        outbox_bytes: DEFAULT_OUTBOX_BYTES,
        parts_grace: DEFAULT_PARTS_GRACE,
        lease: read_lease(optional_section(root, "lease")?.unwrap_or(&empty))?,
        verify: sections::verify(optional_section(root, "verify")?.unwrap_or(&empty))?,
        unknown_keys: Vec::new(),
    })
}

fn required_section<'a>(
    root: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a Map<String, Value>, RobotConfigError> {
    optional_section(root, name)?.ok_or(RobotConfigError::MissingSection(name))
}

fn optional_section<'a>(
    root: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a Map<String, Value>>, RobotConfigError> {
    match root.get(name) {
        None => Ok(None),
        Some(section) => section
            .as_object()
            .map(Some)
            .ok_or(RobotConfigError::NotASection(name)),
    }
}

/// Ours: each entry of `channels` is a channel, with the keys of `cytube` where it does not have its own.
fn read_channels(
    root: &Map<String, Value>,
    cytube: &Map<String, Value>,
) -> Result<Vec<ChannelConfig>, RobotConfigError> {
    let entries = match root.get("channels") {
        None | Some(Value::Null) => return Ok(vec![read_channel(cytube)?]),
        Some(Value::Array(entries)) if !entries.is_empty() => entries,
        Some(_) => return Err(RobotConfigError::BadChannels),
    };
    let channel = |entry: &Value| {
        let entry = entry.as_object().ok_or(RobotConfigError::BadChannels)?;
        let mut merged = cytube.clone();
        merged.extend(entry.clone());
        read_channel(&merged)
    };
    entries.iter().map(channel).collect()
}

fn read_channel(cytube: &Map<String, Value>) -> Result<ChannelConfig, RobotConfigError> {
    let domain = text(cytube, "domain").ok_or(RobotConfigError::MissingField("cytube.domain"))?;
    let name = text(cytube, "channel").ok_or(RobotConfigError::MissingField("cytube.channel"))?;
    if domain.is_empty() {
        return Err(RobotConfigError::MissingField("cytube.domain"));
    }
    if !is_bucket_name(&name) {
        return Err(RobotConfigError::BadChannel(name));
    }
    let secret = |key: &str| {
        text(cytube, key)
            .filter(|secret| !secret.is_empty())
            .map(SecretString::from)
    };
    let usual = ChannelConfig::new(domain, name);
    Ok(ChannelConfig {
        url: text(cytube, "url").filter(|url| !url.is_empty()),
        channel_password: secret("channel_password"),
        user: text(cytube, "user"),
        password: secret("password"),
        aggressive_reconnect: is_true(cytube.get("aggressive_reconnect"), false),
        reconnect_base: seconds(cytube, "cytube.reconnect_base_delay", usual.reconnect_base)?,
        reconnect_max: seconds(cytube, "cytube.reconnect_max_delay", usual.reconnect_max)?,
        ca_file: text(cytube, "ca_file").map(Into::into),
        ..usual
    })
}

fn read_nats(
    nats: &Map<String, Value>,
    url: Option<String>,
) -> Result<NatsConfig, RobotConfigError> {
    if !nats.contains_key("servers") && !nats.contains_key("url") {
        return Err(RobotConfigError::MissingField("nats.servers (or nats.url)"));
    }
    if nats
        .get("servers")
        .and_then(Value::as_array)
        .is_some_and(Vec::is_empty)
    {
        return Err(RobotConfigError::NoServers);
    }
    let mut config: NatsConfig =
        config::read(Value::Object(nats.clone())).map_err(|error| error.within("nats"))?;
    if let Some(url) = url {
        config.servers = vec![url];
    }
    Ok(config)
}

fn read_health(health: &Map<String, Value>) -> Result<Option<HealthAddress>, RobotConfigError> {
    if !is_true(health.get("enabled"), true) {
        return Ok(None);
    }
    let port = match health.get("port") {
        None => 8080,
        Some(port) => kryten_protocol::cytube::whole_number(port)
            .and_then(|port| u16::try_from(port).ok())
            .ok_or(RobotConfigError::BadValue {
                key: "health.port",
                wanted: "a port from 0 to 65535",
            })?,
    };
    Ok(Some(HealthAddress {
        host: text(health, "host").unwrap_or_else(|| "0.0.0.0".to_owned()),
        port,
    }))
}

/// Ours: `lease.enabled` and `lease.seconds`, after which a robot without a sign counts as dead.
fn read_lease(lease: &Map<String, Value>) -> Result<Option<Times>, RobotConfigError> {
    if !is_true(lease.get("enabled"), true) {
        return Ok(None);
    }
    let usual = Times::default();
    let expiry = seconds(lease, "lease.seconds", usual.expiry)?;
    Ok(Some(Times::with_expiry(expiry)))
}

fn read_log_level(level: Option<&Value>) -> Result<String, RobotConfigError> {
    let level = match level {
        None => return Ok("INFO".to_owned()),
        Some(Value::String(level)) => level.to_uppercase(),
        // Not shown: another section may have come to stand here, with what is secret in it.
        Some(_) => return Err(RobotConfigError::BadLogLevel("no text".to_owned())),
    };
    match level.as_str() {
        "CRITICAL" | "DEBUG" | "ERROR" | "INFO" | "WARNING" => Ok(level),
        _ => Err(RobotConfigError::BadLogLevel(level)),
    }
}

/// Ours.
fn read_log_format(format: Option<&Value>) -> Result<&'static str, RobotConfigError> {
    match format.map_or(Some("text"), Value::as_str) {
        Some("text") => Ok("text"),
        Some("json") => Ok("json"),
        _ => Err(RobotConfigError::BadValue {
            key: "log_format",
            wanted: "text or json",
        }),
    }
}

/// `name` is the whole name of the key, for the error.
fn seconds(
    section: &Map<String, Value>,
    name: &'static str,
    usual: Duration,
) -> Result<Duration, RobotConfigError> {
    let key = name.rsplit('.').next().unwrap_or(name);
    match section.get(key) {
        None => Ok(usual),
        Some(value) => lenient::number_of(value)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .filter(|wait| !wait.is_zero())
            .ok_or(RobotConfigError::BadValue {
                key: name,
                wanted: "a number of seconds above 0",
            }),
    }
}

fn text(section: &Map<String, Value>, key: &str) -> Option<String> {
    match section.get(key)? {
        Value::Null => None,
        Value::String(text) => Some(text.trim().to_owned()),
        other => Some(other.to_string()),
    }
}

fn is_true(value: Option<&Value>, otherwise: bool) -> bool {
    value.map_or(otherwise, is_truthy)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<RobotConfig, String> {
        from_value(&value, |_| None).map_err(|error| error.to_string())
    }

    #[test]
    fn the_originals_keys_and_defaults_are_read() {
        let config = read(json!({
            "cytube": {"domain": " cytu.be ", "channel": "420Grindhouse", "channel_password": " cpw ", "user": "Bot",
                       "password": "secret"},
            "nats": {"servers": "nats://localhost:4222", "user": "u", "password": "p"},
            "commands": {"enabled": "false"}, "unknown": 1
        }))
        .unwrap();
        let channel = &config.channels[0];
        assert_eq!(
            (channel.domain.as_str(), channel.channel.as_str()),
            ("cytu.be", "420Grindhouse")
        );
        assert_eq!(config.nats.servers, ["nats://localhost:4222"]);
        assert!(
            config.commands_enabled,
            "the text \"false\" is true, as in the original"
        );
        assert_eq!(
            config.health,
            Some(HealthAddress {
                host: "0.0.0.0".into(),
                port: 8080
            })
        );
        let printed = format!("{config:?}");
        assert!(
            !printed.contains("secret") && !printed.contains("cpw"),
            "{printed}"
        );
    }

    #[test]
    fn numbers_may_be_texts_as_variables_give_them() {
        let config = read(json!({
            "cytube": {"domain": "cytu.be", "channel": "c", "reconnect_base_delay": "0.5"},
            "nats": {"servers": ["nats://localhost"], "connect_timeout": "3", "user": " u ", "password": 12345},
            "health": {"port": "8081"}, "commands": {"effect_seconds": "4", "pm_rank": "2"},
        }))
        .unwrap();
        assert_eq!(
            config.channels[0].reconnect_base,
            Duration::from_millis(500)
        );
        assert_eq!(config.nats.connect_timeout, Duration::from_secs(3));
        assert_eq!(config.nats.user.as_deref(), Some("u"));
        assert_eq!(config.health.unwrap().port, 8081);
        assert_eq!(config.command_times.effect, Duration::from_secs(4));
        assert_eq!(config.pm_ranks.ask, 2.0);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_in_the_originals_words() {
        let nats = json!({"servers": ["nats://localhost"]});
        let cytube = json!({"domain": "cytu.be", "channel": "c"});
        for (config, error) in [
            (json!({"nats": nats}), "Missing required section: cytube"),
            (json!({"cytube": cytube}), "Missing required section: nats"),
            (
                json!({"cytube": 1, "nats": nats}),
                "Section 'cytube' must be a dictionary",
            ),
            (
                json!({"cytube": {"domain": "d"}, "nats": nats}),
                "Missing required field: cytube.channel",
            ),
            (
                json!({"cytube": cytube, "nats": {}}),
                "Missing required field: nats.servers (or nats.url)",
            ),
            (
                json!({"cytube": cytube, "nats": {"servers": []}}),
                "Field 'nats.servers' cannot be empty",
            ),
            (
                json!({"cytube": cytube, "nats": nats, "log_level": "loud"}),
                "Invalid log_level: 'LOUD'. Expected one of: CRITICAL, DEBUG, ERROR, INFO, WARNING",
            ),
            (
                json!({"cytube": cytube, "nats": nats, "health": {"port": 70000}}),
                "health.port must be a port from 0 to 65535",
            ),
        ] {
            assert_eq!(read(config).unwrap_err(), error);
        }
        let error =
            read(json!({"cytube": cytube, "nats": nats, "log_level": {"password": "hunter2"}}));
        assert!(!error.unwrap_err().contains("hunter2"));
        let unusable =
            read(json!({"cytube": {"domain": "d", "channel": "no such!"}, "nats": nats}));
        assert!(unusable.unwrap_err().contains("is no CyTube channel name"));
    }

    #[test]
    fn several_channels_share_what_they_do_not_say_themselves() {
        let cytube = json!({"domain": "cytu.be", "user": "Bot", "password": "p"});
        let nats = json!({"servers": ["nats://localhost"]});
        let channels =
            json!([{"channel": "a"}, {"channel": "b", "domain": "other.tv", "user": "Else"}]);
        let config = read(json!({"cytube": cytube, "nats": nats, "channels": channels})).unwrap();
        let names: Vec<_> = config
            .channels
            .iter()
            .map(|one| {
                (
                    one.domain.as_str(),
                    one.channel.as_str(),
                    one.user.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            names,
            [
                ("cytu.be", "a", Some("Bot")),
                ("other.tv", "b", Some("Else"))
            ]
        );
        for wrong in [json!([]), json!("a"), json!(["a"])] {
            let error =
                read(json!({"cytube": cytube, "nats": nats, "channels": wrong})).unwrap_err();
            assert!(error.contains("'channels' must be a list"), "{error}");
        }
        let error = read(json!({"cytube": cytube, "nats": nats, "channels": [{}]})).unwrap_err();
        assert_eq!(error, "Missing required field: cytube.channel");
    }

    #[test]
    fn how_robots_share_a_channel_is_read() {
        let with = |lease: Value| {
            read(
                json!({"cytube": {"domain": "d", "channel": "c"}, "nats": {"url": "nats://x"}, "lease": lease}),
            )
        };
        let seconds = |lease: Value| {
            with(lease)
                .unwrap()
                .lease
                .map(|times| times.expiry.as_secs())
        };
        assert_eq!(seconds(json!({})), Some(5));
        assert_eq!(seconds(json!({"seconds": 20})), Some(20));
        assert_eq!(seconds(json!({"enabled": false})), None);
        let error = with(json!({"seconds": 0})).unwrap_err();
        assert_eq!(error, "lease.seconds must be a number of seconds above 0");
    }

    #[test]
    fn the_environment_replaces_the_account_and_the_server() {
        let file = json!({"cytube": {"domain": "d", "channel": "c", "user": "a"}, "nats": {"url": "nats://x"}});
        let env = |name: &str| match name {
            "KRYTEN_CYTUBE_USER" => Some("b".to_owned()),
            "KRYTEN_NATS_URL" => Some("nats://y".to_owned()),
            _ => None,
        };
        let config = from_value(&file, env).unwrap();
        assert_eq!(config.channels[0].user.as_deref(), Some("b"));
        assert_eq!(config.nats.servers, ["nats://y"]);
    }
}

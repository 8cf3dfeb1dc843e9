//! A configuration file with every key of the original library, read by both.

use std::time::Duration;

use anyhow::{Context, ensure};
use kryten_client::config::ClientConfig;
use serde_json::{Value, json};

use super::{Report, Sides, same};

/// The original's models, and where their fields stand in the file.
const MODELS: [(&str, &str); 5] = [
    ("KrytenConfig", ""),
    ("NatsConfig", "/nats"),
    ("ChannelConfig", "/channels/0"),
    ("ServiceConfig", "/service"),
    ("MetricsConfig", "/metrics"),
];
/// Methods of theirs among the fields.
const METHODS: [&str; 2] = ["from_json", "from_yaml"];

fn file() -> Value {
    json!({
        "nats": {
            "servers": ["nats://localhost:4222", "nats://localhost:4223"], "user": "bot", "password": "hunter2",
            "token": null, "tls_cert": null, "tls_key": null, "tls_ca": null, "connect_timeout": 7,
            "reconnect_time_wait": 3, "max_reconnect_attempts": 9, "ping_interval": 60,
        },
        "channels": [{"domain": "cytu.be", "channel": "420Grindhouse"}],
        "service": {
            "name": "greeter", "version": "2.0", "enable_lifecycle": true, "enable_heartbeat": false,
            "heartbeat_interval": 15, "enable_discovery": false, "health_port": 8080, "health_path": "/h",
            "metrics_port": 9090, "metrics_path": "/m",
        },
        "metrics": {"port": 9091, "health_path": "/hh", "metrics_path": "/mm"},
        "retry_attempts": 5, "retry_delay": 2.5, "handler_timeout": 12.5, "max_concurrent_handlers": 10,
        "log_level": "WARNING", "chat_min_delay": 0.25, "chat_jitter": 0,
    })
}

pub(crate) async fn run(sides: &mut Sides, report: &mut Report) {
    let name = "a file with every key of kryten-py is read alike, and no key is unknown";
    report.add(name, check(sides).await);
}

async fn check(sides: &mut Sides) -> anyhow::Result<()> {
    let file = file();
    let surface = sides.python.ask(json!({"do": "surface"})).await?;
    let names = surface["config"].as_array().context("no names")?;
    for name in names.iter().filter_map(Value::as_str) {
        let Some((model, field)) = name.split_once('.') else {
            continue;
        };
        if METHODS.contains(&field) {
            continue;
        }
        let at = MODELS
            .iter()
            .find(|(name, _)| *name == model)
            .context("an unknown model")?
            .1;
        ensure!(
            file.pointer(&format!("{at}/{field}")).is_some(),
            "{name} is not in the file"
        );
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("config.json");
    std::fs::write(&path, file.to_string())?;
    let theirs = sides
        .python
        .ask(json!({"do": "read_config", "path": path}))
        .await?;
    let (ours, whole) = ClientConfig::load(&path, &[])?;
    ensure!(
        ClientConfig::unknown_keys(&whole, &[]).is_empty(),
        "a key is unknown"
    );
    let text = |at: &str| {
        theirs
            .pointer(at)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let seconds = |at: &str| {
        theirs
            .pointer(at)
            .and_then(Value::as_f64)
            .map(Duration::from_secs_f64)
    };
    same(theirs["nats"]["servers"].clone(), json!(ours.nats.servers))?;
    same(text("/nats/user"), ours.nats.user.clone())?;
    same(
        seconds("/nats/connect_timeout"),
        Some(ours.nats.connect_timeout),
    )?;
    same(
        seconds("/nats/reconnect_time_wait"),
        Some(ours.nats.reconnect_time_wait),
    )?;
    same(
        theirs["nats"]["max_reconnect_attempts"].as_i64(),
        Some(ours.nats.max_reconnect_attempts),
    )?;
    same(
        seconds("/nats/ping_interval"),
        Some(ours.nats.ping_interval),
    )?;
    same(
        text("/channels/0/domain"),
        Some(ours.channels[0].domain.clone()),
    )?;
    same(
        text("/channels/0/channel"),
        Some(ours.channels[0].channel.clone()),
    )?;
    let service = ours.service.as_ref().context("no service")?;
    same(text("/service/name"), Some(service.name.clone()))?;
    same(text("/service/version"), Some(service.version.clone()))?;
    same(
        theirs["service"]["enable_heartbeat"].as_bool(),
        Some(service.enable_heartbeat),
    )?;
    same(
        seconds("/service/heartbeat_interval"),
        Some(service.heartbeat_interval),
    )?;
    same(
        theirs["service"]["enable_discovery"].as_bool(),
        Some(service.enable_discovery),
    )?;
    same(
        theirs["service"]["health_port"].clone(),
        json!(service.health_port),
    )?;
    same(
        theirs["service"]["metrics_path"].clone(),
        json!(service.metrics_path),
    )?;
    let metrics = ours.metrics.as_ref().context("no metrics")?;
    same(theirs["metrics"]["port"].clone(), json!(metrics.port))?;
    same(seconds("/handler_timeout"), Some(ours.handler_timeout))?;
    same(text("/log_level"), Some(ours.log_level.clone()))?;
    same(seconds("/chat_min_delay"), Some(ours.chat_min_delay))?;
    same(seconds("/chat_jitter"), Some(ours.chat_jitter))
}

//! `system.*`: how the robot is, what it has done, what it is configured with, and its end.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kryten_client::config::without_user_part;
use kryten_protocol::cytube::whole_number;
use kryten_protocol::time::WireTime;
use serde_json::{Map, Value, json};

use super::read::Asked;
use super::reload;
use crate::channel_view::ChannelView;
use crate::office::Office;
use crate::stop_asked::StopAsked;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What stands in the place of a password in `system.config`, as in the original.
const REDACTED: &str = "***REDACTED***";
/// The longest delay of a shutdown, in seconds.
const LONGEST_DELAY: i64 = 300;

pub(super) async fn answer(office: &Office, asked: &Asked) -> Result<Value, String> {
    match asked.command.as_str() {
        "system.ping" => Ok(ping(office)),
        "system.version" => Ok(json!({ "version": VERSION })),
        "system.channels" => {
            let channel = |served: &ChannelView| json!({"domain": served.id.domain, "channel": served.id.channel, "connected": served.is_in()});
            let channels: Vec<Value> = office.views().iter().map(channel).collect();
            Ok(json!({ "channels": channels }))
        }
        "system.health" => Ok(health(office)),
        "system.stats" => Ok(stats(office)),
        "system.services" => Ok(office.services().to_json(crate::now())),
        "system.config" => Ok(config(office)),
        "system.reload" => Ok(reload(office, asked.fields.get("config_path")).await),
        "system.loglevel" => log_level(office, &asked.fields),
        "system.shutdown" => shutdown(office, &asked.fields),
        other => Err(format!("Unknown command: {other}")),
    }
}

fn all_in(office: &Office) -> bool {
    let views = office.views();
    !views.is_empty() && views.iter().all(|served| served.is_in())
}

/// What both of the original's responders say of the robot's one channel; of several the first is told.
fn of_first_channel(office: &Office, data: &mut Value) {
    if let Some(first) = office.views().first() {
        data["channel"] = first.id.channel.clone().into();
        data["domain"] = first.id.domain.clone().into();
    }
    if let Some(address) = &office.config.health {
        data["metrics_endpoint"] =
            format!("http://{}:{}/health", address.host, address.port).into();
    }
}

fn ping(office: &Office) -> Value {
    let mut data = json!({
        "pong": true, "timestamp": crate::now(), "uptime_seconds": uptime(office), "service": "robot",
        "version": VERSION, "cytube_connected": all_in(office),
    });
    of_first_channel(office, &mut data);
    data
}

/// Whether all is well, in the words of `status`.
pub(crate) fn health(office: &Office) -> Value {
    let nats = office.client.is_connected();
    let status = match (nats, all_in(office)) {
        (true, true) => "healthy",
        _ => "unhealthy",
    };
    let (done, failed) = office.queries.counts();
    let views = office.views();
    let reports: Vec<_> = views.iter().map(ChannelView::report).collect();
    let mut data = json!({
        "service": "robot", "status": status, "version": VERSION, "uptime_seconds": uptime(office),
        "nats_connected": nats, "nats_reconnect_count": reconnects(office), "cytube_connected": all_in(office),
        "queries_processed": done + failed, "queries_failed": failed, "channels": reports,
    });
    of_first_channel(office, &mut data);
    data
}

fn stats(office: &Office) -> Value {
    let second = office.second();
    let sum = |count: fn(&ChannelView) -> u64| -> u64 { office.views().iter().map(count).sum() };
    let rate = |window: usize| -> f64 {
        let channels = office.views();
        let channels = channels.iter();
        channels
            .map(|served| served.status.event_rate(window))
            .sum()
    };
    let stored = sum(|served| served.status.events_stored.load(Ordering::Relaxed));
    let lost = sum(|served| {
        let status = &served.status;
        status.events_dropped.load(Ordering::Relaxed)
            + status.events_too_large.load(Ordering::Relaxed)
    });
    let views = office.views();
    let last = views
        .iter()
        .filter_map(|served| served.status.last_event())
        .max_by_key(|(at, _)| at.micros());
    let (last_time, last_type) = last.unzip();
    let commands = office.commands.counts();
    let legacy = office.legacy.counts();
    let queries = office.queries.counts();
    let last_command = office.commands.last().unzip();
    let counting = office.live().counting;
    let counts: Vec<_> = views
        .iter()
        .map(|served| served.lock().count(&counting))
        .collect();
    let connected_since = views
        .first()
        .and_then(|served| served.status.connected_since());
    let reconnect_count = sum(|served| {
        served
            .status
            .connects
            .load(Ordering::Relaxed)
            .saturating_sub(1)
    });
    let is_connected = office.client.is_connected();
    let server = office.client.nats().server_info();
    json!({
        "service": "robot", "version": VERSION, "uptime_seconds": uptime(office),
        "events": {
            "total_published": stored, "failed": lost, "rate_1min": rate(60), "rate_5min": rate(300),
            "last_event_time": last_time, "last_event_type": last_type,
        },
        "commands": {
            "total_received": commands.0 + commands.1 + legacy.0 + legacy.1,
            "succeeded": commands.0 + legacy.0, "failed": commands.1 + legacy.1,
            "rate_1min": office.commands.per_second(60, second) + office.legacy.per_second(60, second),
            "rate_5min": office.commands.per_second(300, second) + office.legacy.per_second(300, second),
            "last_command_time": last_command.0, "last_command_type": last_command.1,
        },
        "queries": {
            "processed": queries.0 + queries.1, "failed": queries.1,
            "rate_1min": office.queries.per_second(60, second),
        },
        "connections": {
            "cytube": {
                "connected": all_in(office), "connected_since": connected_since,
                "last_event_time": last_time, "reconnect_count": reconnect_count,
            },
            "nats": {
                "connected": is_connected,
                "connected_since": (is_connected && reconnects(office) == 0).then_some(office.started_at),
                "connected_url": format!("{}:{}", server.host, server.port),
                "reconnect_count": reconnects(office),
            },
        },
        "state": {
            "users": counts.iter().map(|counts| counts.users).sum::<usize>(),
            "playlist": counts.iter().map(|counts| counts.items).sum::<usize>(),
            "emotes": counts.iter().map(|counts| counts.emotes).sum::<usize>(),
        },
        "memory": memory(),
        "commands_processed": commands.0 + commands.1, "messages_published": stored,
        "events_published": stored, "nats_errors": lost,
        "bytes_sent": sum(|served| served.status.bytes_published.load(Ordering::Relaxed)),
        "cytube_commands_processed": legacy.0 + legacy.1, "cytube_commands_succeeded": legacy.0,
        "cytube_commands_failed": legacy.1,
    })
}

fn uptime(office: &Office) -> f64 {
    office.lifecycle.uptime().as_secs_f64()
}

fn reconnects(office: &Office) -> u64 {
    office.client.connections().saturating_sub(1)
}

/// As Linux tells it; zeros elsewhere.
fn memory() -> Value {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let megabytes = |name: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kilobytes.unwrap_or(0.0) / 1024.0
    };
    json!({"rss_mb": megabytes("VmRSS:"), "vms_mb": megabytes("VmSize:")})
}

fn config(office: &Office) -> Value {
    let config = &office.config;
    let live = office.live();
    let first = config.channels.first();
    let servers: Vec<String> = config
        .nats
        .addresses()
        .into_iter()
        .map(without_user_part)
        .collect();
    let health = match &config.health {
        Some(address) => json!({"enabled": true, "host": address.host, "port": address.port}),
        None => json!({"enabled": false, "host": null, "port": null}),
    };
    let logging = match &config.audit {
        Some(audit) => json!({
            "base_path": audit.base_path, "admin_operations": audit.admin_operations,
            "playlist_operations": audit.playlist_operations, "chat_messages": audit.chat_messages,
            "command_audit": audit.command_audit,
        }),
        None => Value::Null,
    };
    json!({
        "cytube": {
            "domain": first.map(|channel| &channel.domain), "channel": first.map(|channel| &channel.channel),
            "user": first.and_then(|channel| channel.user.as_ref()), "password": REDACTED,
        },
        "nats": {
            "servers": servers, "user": config.nats.user,
            "password": config.nats.password.as_ref().map(|_| REDACTED),
            "max_reconnect_attempts": config.nats.max_reconnect_attempts,
            "reconnect_time_wait": config.nats.reconnect_time_wait.as_secs(),
        },
        "health": health,
        "commands": {"enabled": live.commands_enabled, "remote_shutdown": live.remote_shutdown},
        "logging": logging,
        "log_level": live.log_level,
    })
}

/// Reads the configuration again; of other files only those beside it, so that nobody can ask what is on our disk.
pub(crate) async fn reload(office: &Office, path: Option<&Value>) -> Value {
    let Some(own) = &office.config.path else {
        return reload::failure("the robot was not started from a configuration file".to_owned());
    };
    let path = match path.and_then(Value::as_str).filter(|path| !path.is_empty()) {
        None => own.as_path(),
        Some(path) if Path::new(path).parent() == own.parent() => Path::new(path),
        Some(path) => {
            return reload::failure(format!(
                "{path} is not in the folder of the robot's own configuration file"
            ));
        }
    };
    if !path.is_file() {
        return reload::failure(format!("Configuration file not found: {}", path.display()));
    }
    let new = match crate::config::load(path) {
        Ok(new) => new,
        Err(error) => return reload::failure(format!("Failed to load configuration: {error}")),
    };
    let mut outcome = reload::compare(&office.config, &office.live(), &new);
    office.set_live(outcome.live.clone());
    outcome.take(office.channels.reload(new.channels).await);
    let reply = reload::reply(&outcome);
    tracing::info!(changes = %reply["changes"], errors = %reply["errors"], "the configuration was read again");
    reply
}

/// Until the next start; the level of the configuration is what `system.reload` changes.
fn log_level(office: &Office, fields: &Map<String, Value>) -> Result<Value, String> {
    let mut told = Ok(Value::Null);
    office.log_levels.send_if_modified(|levels| {
        let before = levels.clone();
        told = levels.command(fields);
        *levels != before
    });
    if let Ok(levels) = &told {
        tracing::info!(%levels, "the levels of the log were asked for");
    }
    told
}

fn shutdown(office: &Office, fields: &Map<String, Value>) -> Result<Value, String> {
    if !office.live().remote_shutdown {
        return Err("a shutdown over NATS is switched off (commands.remote_shutdown)".to_owned());
    }
    let delay = match fields.get("delay_seconds") {
        None | Some(Value::Null) => 0,
        Some(value) => whole_number(value)
            .filter(|_| !value.is_boolean())
            .ok_or("delay_seconds must be a number")?,
    };
    if !(0..=LONGEST_DELAY).contains(&delay) {
        return Err(format!(
            "delay_seconds must be between 0 and {LONGEST_DELAY}"
        ));
    }
    let reason = fields.get("reason").and_then(Value::as_str);
    let reason = reason
        .unwrap_or("Remote shutdown via system.shutdown")
        .to_owned();
    let delay_seconds = delay.unsigned_abs();
    office.stop_after(
        Duration::from_secs(delay_seconds),
        StopAsked::shutdown(reason.as_str()),
    );
    let at = WireTime::from_micros(crate::now().micros() + delay * 1_000_000);
    Ok(json!({
        "success": true, "message": "Shutdown initiated", "delay_seconds": delay,
        "shutdown_time": at, "reason": reason,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_on_linux() {
        assert!(memory()["rss_mb"].as_f64().unwrap() > 1.0);
    }
}

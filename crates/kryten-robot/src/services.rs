//! The services that have announced themselves, as `system.services` tells them. Pure.

use std::collections::BTreeMap;

use kryten_protocol::time::WireTime;
use serde_json::{Map, Value, json};

/// Without a sign for so long a service is called stale.
pub const STALE_AFTER_SECONDS: f64 = 90.0;
/// Without a sign for so long it is forgotten.
const FORGOTTEN_AFTER_SECONDS: f64 = 24.0 * 3600.0;
/// More services than that are nonsense on the bus.
const MOST: usize = 500;

/// What is known of each service.
#[derive(Debug, Default)]
pub struct Services {
    records: BTreeMap<String, Record>,
}

#[derive(Debug)]
struct Record {
    version: String,
    hostname: String,
    first_seen: WireTime,
    last_heartbeat: WireTime,
    last_startup: WireTime,
    heartbeat_count: u64,
    health: Endpoint,
    metrics: Endpoint,
    metadata: Value,
}

#[derive(Debug)]
struct Endpoint {
    port: Option<u64>,
    path: String,
}

impl Endpoint {
    fn read(payload: &Value, name: &str) -> Self {
        let endpoint = &payload["metadata"]["endpoints"][name];
        let path = endpoint["path"].as_str().map(str::to_owned);
        Self {
            port: endpoint["port"].as_u64().filter(|port| *port > 0),
            path: path.unwrap_or_else(|| format!("/{name}")),
        }
    }

    fn url(&self, hostname: &str) -> Option<String> {
        Some(format!("http://{hostname}:{}{}", self.port?, self.path))
    }
}

impl Services {
    /// One lifecycle message: `startup`, `heartbeat` or `shutdown`; others and nonsense change nothing.
    pub fn apply(&mut self, what: &str, payload: &Value, now: WireTime) {
        let Some(name) = payload["service"].as_str().filter(|name| !name.is_empty()) else {
            return;
        };
        // A time without a zone, or of a clock that is ahead, would never be stale.
        let sent = payload["timestamp"].as_str().and_then(WireTime::parse);
        let at = sent.map_or(now, |sent| sent.min(now));
        match what {
            "startup" => self.start(name, payload, at),
            "heartbeat" => match self.records.get_mut(name) {
                Some(record) => {
                    record.last_heartbeat = at;
                    record.heartbeat_count += 1;
                }
                None => self.start(name, payload, at),
            },
            "shutdown" => _ = self.records.remove(name),
            _ => {}
        }
        self.records
            .retain(|_, record| age(record.last_heartbeat, now) < FORGOTTEN_AFTER_SECONDS);
    }

    /// The data of `system.services`.
    pub fn to_json(&self, now: WireTime) -> Value {
        let records: Vec<Value> = self
            .records
            .iter()
            .map(|(name, record)| record.to_json(name, now))
            .collect();
        let active = records
            .iter()
            .filter(|record| record["is_stale"] == false)
            .count();
        json!({"services": records, "count": records.len(), "active_count": active})
    }

    /// Each service with its version.
    pub fn versions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.records
            .iter()
            .map(|(name, record)| (name.as_str(), record.version.as_str()))
    }

    fn start(&mut self, name: &str, payload: &Value, at: WireTime) {
        if self.records.len() >= MOST && !self.records.contains_key(name) {
            return;
        }
        let text = |field: &str| payload[field].as_str().unwrap_or("unknown").to_owned();
        let known = self.records.remove(name);
        let record = Record {
            version: text("version"),
            hostname: text("hostname"),
            first_seen: known.as_ref().map_or(at, |known| known.first_seen),
            last_heartbeat: at,
            last_startup: at,
            heartbeat_count: known.map_or(0, |known| known.heartbeat_count),
            health: Endpoint::read(payload, "health"),
            metrics: Endpoint::read(payload, "metrics"),
            metadata: without_secrets(payload),
        };
        self.records.insert(name.to_owned(), record);
    }
}

impl Record {
    fn to_json(&self, name: &str, now: WireTime) -> Value {
        let silent_for = age(self.last_heartbeat, now);
        json!({
            "name": name, "version": self.version, "hostname": self.hostname,
            "first_seen": self.first_seen, "last_heartbeat": self.last_heartbeat,
            "last_startup": self.last_startup, "heartbeat_count": self.heartbeat_count,
            "seconds_since_heartbeat": silent_for, "is_stale": silent_for > STALE_AFTER_SECONDS,
            "health_port": self.health.port, "health_path": self.health.path,
            "health_url": self.health.url(&self.hostname),
            "metrics_port": self.metrics.port, "metrics_path": self.metrics.path,
            "metrics_url": self.metrics.url(&self.hostname),
            "metadata": self.metadata,
        })
    }
}

fn age(since: WireTime, now: WireTime) -> f64 {
    (now.micros() - since.micros()).max(0) as f64 / 1e6
}

/// What a service says of itself is given on, but not a list of servers, which may hold passwords.
fn without_secrets(payload: &Value) -> Value {
    let mut fields: Map<String, Value> = payload.as_object().cloned().unwrap_or_default();
    fields.shift_remove("servers");
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> WireTime {
        WireTime::from_millis(1_795_363_003_000 + seconds * 1000)
    }

    #[test]
    fn a_service_is_known_from_its_start_until_it_stops_and_stale_in_between() {
        let mut services = Services::default();
        let startup = json!({
            "service": "userstats", "version": "0.7.1", "hostname": "vm", "timestamp": at(0).to_string(),
            "metadata": {"endpoints": {"health": {"port": 28282, "path": "/ok"}}},
        });
        services.apply("startup", &startup, at(1));
        services.apply(
            "heartbeat",
            &json!({"service": "userstats", "timestamp": at(30).to_string()}),
            at(30),
        );
        let reply = services.to_json(at(31));
        let record = &reply["services"][0];
        assert_eq!(
            (record["name"].as_str(), record["heartbeat_count"].as_u64()),
            (Some("userstats"), Some(1))
        );
        assert_eq!(record["health_url"], "http://vm:28282/ok");
        assert_eq!(
            (&record["metrics_url"], record["metrics_path"].as_str()),
            (&Value::Null, Some("/metrics"))
        );
        assert_eq!(
            (
                record["is_stale"].as_bool(),
                record["seconds_since_heartbeat"].as_f64()
            ),
            (Some(false), Some(1.0))
        );
        assert_eq!(services.to_json(at(121))["active_count"], 0);
        services.apply("shutdown", &startup, at(122));
        assert_eq!(services.to_json(at(122))["count"], 0);
    }

    #[test]
    fn nonsense_and_times_without_a_zone_do_no_harm() {
        let mut services = Services::default();
        for payload in [
            json!(7),
            json!({}),
            json!({"service": ""}),
            json!({"service": 3}),
        ] {
            services.apply("startup", &payload, at(0));
        }
        assert_eq!(services.to_json(at(0))["count"], 0);
        let naive = json!({"service": "a", "timestamp": "2026-11-22T15:56:43"});
        services.apply("startup", &naive, at(0));
        let ahead = json!({"service": "b", "timestamp": at(9999).to_string()});
        services.apply("heartbeat", &ahead, at(0));
        let reply = services.to_json(at(200));
        assert_eq!(
            (reply["count"].as_u64(), reply["active_count"].as_u64()),
            (Some(2), Some(0))
        );
        for number in 0..1000 {
            services.apply(
                "startup",
                &json!({"service": format!("s{number}")}),
                at(200),
            );
        }
        assert_eq!(services.to_json(at(200))["count"], 500);
        services.apply("heartbeat", &json!({"service": "s1"}), at(200 + 25 * 3600));
        assert_eq!(services.to_json(at(200 + 25 * 3600))["count"], 1);
    }
}

//! Every key of the robot's file, as types: what the JSON Schema is made of, and by which unknown keys are told.
//!
//! The values are read by hand in the file beside this one, since the original takes more for true and for text than a
//! schema should offer.
#![expect(dead_code, reason = "only the schema is made of these")]

use std::path::PathBuf;

use kryten_client::NatsConfig;
use schemars::JsonSchema;
use serde_json::Value;

/// The JSON Schema of the robot's configuration file.
pub fn schema() -> Value {
    kryten_client::config::schema::<File>()
}

/// One channel of one CyTube host, and where its events go.
#[derive(JsonSchema)]
#[schemars(
    title = "The robot's configuration",
    description = "The keys of kryten-robot. `kryten robot --config FILE` and `kryten up --config FILE` read it.",
    extend("anyOf" = [
        {"required": ["channels"]},
        {"properties": {"cytube": {"required": ["domain", "channel"]}}}
    ])
)]
struct File {
    /// The channel, and who enters it. KRYTEN_CYTUBE_USER and KRYTEN_CYTUBE_PASSWORD in the environment replace the
    /// account.
    cytube: Channel,
    /// Several channels instead of the one in `cytube`, which says what these do not say themselves.
    #[schemars(length(min = 1))]
    channels: Option<Vec<Channel>>,
    /// How to reach NATS. KRYTEN_NATS_URL in the environment replaces the servers.
    nats: NatsConfig,
    /// How several robots with the same channel agree which one serves it.
    lease: Option<Lease>,
    /// How often the state is compared with CyTube's playlist and with KV, and mended.
    verify: Option<Verify>,
    /// Whether commands are taken.
    commands: Option<Commands>,
    /// Where `/health` and `/metrics` are served.
    health: Option<Health>,
    /// The least level that is logged.
    #[schemars(extend("default" = "INFO"))]
    log_level: Option<LogLevel>,
    /// Whether the log is text for people, or one JSON object a line for machines.
    #[schemars(extend("default" = "text"))]
    log_format: Option<LogFormat>,
    /// The files of the audit logs.
    logging: Option<Logging>,
    /// What is counted in `state.all` and `system.stats`.
    state_counting: Option<StateCounting>,
    /// The page of `kryten up`, which reads the same file; `kryten robot` passes it over.
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    web: Option<Value>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Channel {
    /// The CyTube host, such as `cytu.be`. Required, here or in each entry of `channels`.
    domain: Option<String>,
    /// The channel; goes into events and bucket names as it is. Required unless there are `channels`.
    #[schemars(length(min = 1, max = 30), regex(pattern = "^\\s*[A-Za-z0-9_-]+\\s*$"))]
    channel: Option<String>,
    /// Where to ask for the socket, instead of `https://` and the domain.
    url: Option<String>,
    /// The channel's password.
    channel_password: Option<String>,
    /// The account's or guest's name.
    user: Option<String>,
    /// The account's password; without it `user` is a guest. Write `${NAME}` to take it from the environment.
    password: Option<String>,
    /// Whether a kick is followed by a new attempt.
    #[schemars(extend("default" = false))]
    aggressive_reconnect: Option<bool>,
    /// The first wait before a new attempt, in seconds.
    #[schemars(extend("default" = 5, "exclusiveMinimum" = 0))]
    reconnect_base_delay: Option<f64>,
    /// The longest wait before a new attempt, in seconds.
    #[schemars(extend("default" = 300, "exclusiveMinimum" = 0))]
    reconnect_max_delay: Option<f64>,
    /// How often the original tries again before it gives up. We never do.
    #[schemars(extend("deprecated" = true))]
    reconnect_max_attempts: Option<u64>,
    /// Whether the robot only looks on: without a name and without NATS.
    guest_mode: Option<bool>,
    /// A PEM file with certificates to trust besides the system's.
    ca_file: Option<PathBuf>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Commands {
    /// Whether commands that act on CyTube are taken.
    #[schemars(extend("default" = false))]
    enabled: Option<bool>,
    /// The only commands that are taken, by name (`kick`) or by the beginning of names (`playlist.*`, `state.*`, `/*` for
    /// what is typed as a chat line); without it all. All names of a command are one.
    allow: Option<Vec<String>>,
    /// Commands that are not taken, also where `allow` has them.
    #[schemars(extend("default" = []))]
    deny: Option<Vec<String>>,
    /// Whether `system.shutdown`, a group restart and a private message end the robot.
    #[schemars(extend("default" = true))]
    remote_shutdown: Option<bool>,
    /// The least rank of who may send `system:about` and `system:help` in private; without it anybody may.
    pm_rank: Option<f64>,
    /// The least rank of who may send all other `system:` messages.
    #[schemars(extend("default" = 4))]
    pm_control_rank: Option<f64>,
    /// The least ranks for single `system:` messages, instead of the two above.
    pm_ranks: Option<PmRanks>,
    /// For how many seconds the effect of a command is waited for.
    #[schemars(extend("default" = 3, "exclusiveMinimum" = 0))]
    effect_seconds: Option<f64>,
    /// The same where CyTube has to look something up, such as a video.
    #[schemars(extend("default" = 8, "exclusiveMinimum" = 0))]
    look_up_seconds: Option<f64>,
    /// A chat line that has waited for so many seconds is not said any more.
    #[schemars(extend("default" = 3, "exclusiveMinimum" = 0))]
    chat_expiry_seconds: Option<f64>,
    /// Any other command that has waited for so many seconds is not done any more.
    #[schemars(extend("default" = 10, "exclusiveMinimum" = 0))]
    expiry_seconds: Option<f64>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct PmRanks {
    /// For `system:about`.
    about: Option<f64>,
    /// For `system:help`.
    help: Option<f64>,
    /// For `system:health`.
    health: Option<f64>,
    /// For `system:reconnect`.
    reconnect: Option<f64>,
    /// For `system:reload`.
    reload: Option<f64>,
    /// For `system:shutdown`.
    shutdown: Option<f64>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Lease {
    /// Whether a robot waits while another one serves the channel.
    #[schemars(extend("default" = true))]
    enabled: Option<bool>,
    /// After how many seconds without a sign a robot counts as dead.
    #[schemars(extend("default" = 5, "exclusiveMinimum" = 0))]
    seconds: Option<f64>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Verify {
    /// Whether that is done by itself; `state.verify` does it in any case.
    #[schemars(extend("default" = true))]
    enabled: Option<bool>,
    /// After how many minutes again.
    #[schemars(extend("default" = 15, "exclusiveMinimum" = 0))]
    minutes: Option<f64>,
    /// After how many minutes a second connection, without a name, looks again what users and emotes CyTube has; 0 for
    /// never.
    #[schemars(extend("default" = 60, "minimum" = 0))]
    look_minutes: Option<f64>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Health {
    /// Whether they are served.
    #[schemars(extend("default" = true))]
    enabled: Option<bool>,
    /// The address to listen on.
    #[schemars(extend("default" = "0.0.0.0"))]
    host: Option<String>,
    /// The port; 0 for any free one.
    #[schemars(extend("default" = 8080))]
    port: Option<u16>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "UPPERCASE")]
enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
enum LogFormat {
    Text,
    Json,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Logging {
    /// The folder of the files.
    base_path: Option<String>,
    /// The file of moderation.
    admin_operations: Option<String>,
    /// The file of playlist changes.
    playlist_operations: Option<String>,
    /// The file of chat lines.
    chat_messages: Option<String>,
    /// The file of commands.
    command_audit: Option<String>,
    /// The file of connections.
    connection_events: Option<String>,
    /// In its documents only.
    format: Option<Value>,
    /// In its documents only.
    level: Option<Value>,
    /// In its documents only.
    output: Option<Value>,
    /// In its documents only.
    file_path: Option<Value>,
    /// In its documents only.
    max_bytes: Option<Value>,
    /// In its documents only.
    backup_count: Option<Value>,
    /// In its documents only.
    component_levels: Option<Value>,
    /// In its documents only.
    correlation_id: Option<Value>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct StateCounting {
    /// Whether users who are away are left out.
    users_exclude_afk: Option<bool>,
    /// The least rank of users who are counted.
    users_min_rank: Option<f64>,
    /// Whether temporary items are left out.
    playlist_exclude_temp: Option<bool>,
    /// The longest item that is counted, in seconds; 0 for all.
    playlist_max_duration: Option<f64>,
    /// Whether disabled emotes are left out.
    emotes_only_enabled: Option<bool>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::config::file::from_value;

    /// The default of every key of a section, as the schema tells it.
    fn defaults(section: &Value) -> Value {
        let mut defaults = Map::new();
        for (name, property) in section["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default") {
                defaults.insert(name.clone(), default.clone());
            }
        }
        defaults.into()
    }

    #[test]
    fn the_defaults_that_the_schema_tells_are_those_of_the_reader() {
        let schema = schema();
        let least = json!({
            "cytube": {"domain": "cytu.be", "channel": "Lounge"}, "nats": {"servers": ["nats://localhost:4222"]},
        });
        let mut all = least.clone();
        for (section, of) in schema["properties"].as_object().unwrap() {
            let of = match of.get("anyOf") {
                Some(choices) if of.get("properties").is_none() => &choices[0],
                _ => of,
            };
            match of.get("properties") {
                Some(_) => {
                    for (name, default) in defaults(of).as_object().unwrap() {
                        if name != "servers" {
                            all[section][name] = default.clone();
                        }
                    }
                }
                None => all[section] = of["default"].clone(),
            }
        }
        all["log_level"] = "INFO".into();
        all["log_format"] = "text".into();
        assert!(all["cytube"].as_object().unwrap().len() >= 5, "{all}");
        assert!(all["health"].as_object().unwrap().len() == 3, "{all}");
        let read = |value: &Value| format!("{:?}", from_value(value, |_| None).unwrap());
        assert_eq!(read(&all), read(&least));
        assert_eq!(kryten_client::config::unknown_keys(&all, &schema), []);
    }
}

//! Configurations in all three formats: an error or a configuration, and a secret in neither.

use kryten_client::config::{self, ClientConfig};
use rand::rngs::StdRng;
use serde_json::Value;

use super::must;
use crate::corpus::CONFIGURATIONS;
use crate::mutate;

const SECRET: &str = "S3CRET-MARKER";
const SECRET_KEYS: [&str; 5] = [
    "password",
    "token",
    "nkey_seed",
    "channel_password",
    "servers",
];

pub(super) fn make(random: &mut StdRng) -> Vec<u8> {
    mutate::message(random, &CONFIGURATIONS)
}

pub(super) fn check(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    for format in ["c.json", "c.yaml", "c.toml"] {
        let parsed = config::parse(format.as_ref(), &text);
        let shown = match &parsed {
            Ok(value) => read(value),
            Err(error) => format!("{error} {error:?}"),
        };
        let may_show = parsed
            .as_ref()
            .is_ok_and(|value| is_elsewhere(value, "", false));
        must(may_show || !shown.contains(SECRET), || {
            format!("a secret is shown: {shown}")
        })?;
    }
    Ok(())
}

/// Everything that reading it shows.
fn read(value: &Value) -> String {
    let client = ClientConfig::read(value.clone());
    let unknown = ClientConfig::unknown_keys(value, &["cytube"]);
    let robot = kryten_robot::config::from_value(value, |_| None);
    let userstats = kryten_userstats::Config::read(value.clone());
    let mut shown = format!("{client:?} {robot:?} {unknown:?} {userstats:?}");
    if let Err(error) = &userstats {
        shown += &error.to_string();
    }
    if let Ok(client) = &client {
        shown += &format!(
            "{:?}",
            client.nats.check().map_err(|error| error.to_string())
        );
    }
    if let Err(error) = &client {
        shown += &error.to_string();
    }
    if let Err(error) = &robot {
        shown += &error.to_string();
    }
    shown
}

/// Whether the mangling has put the secret where none belongs: into a key, or a value of another key. In an address only
/// what stands before an `@` is secret.
fn is_elsewhere(value: &Value, path: &str, in_secret: bool) -> bool {
    match value {
        Value::String(text) => {
            let in_clear = text.replace("S3CRET-MARKER@", "");
            let is_address = path == "servers" || text.contains("://");
            text.contains(SECRET) && (!in_secret || is_address && in_clear.contains(SECRET))
        }
        Value::Array(items) => items.iter().any(|item| is_elsewhere(item, path, in_secret)),
        Value::Object(fields) => fields.iter().any(|(name, field)| {
            let is_section = path == "nats" || path == "cytube";
            let of_secret = in_secret || is_section && SECRET_KEYS.contains(&name.as_str());
            let inner = match name.as_str() {
                name if path.is_empty() || name == "servers" => name,
                _ => "inside",
            };
            name.contains(SECRET) || is_elsewhere(field, inner, of_secret)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

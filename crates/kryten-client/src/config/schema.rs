//! JSON Schemas of configuration files, made from the types, and the keys that are in none of them.

use std::fmt;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// A key that is read by nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key, such as `nats.pasword`.
    pub key: String,
    /// The known key that is most like it.
    pub nearest: Option<String>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not known and ignored", self.key)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest}?"),
            None => Ok(()),
        }
    }
}

/// Logs each unknown key.
pub fn warn_of(unknown: &[UnknownKey]) {
    for key in unknown {
        tracing::warn!(key = %key.key, "the configuration's {key}");
    }
}

/// The JSON Schema of a type, with everything in place: no references.
pub fn schema<T: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    join_lines(&mut schema);
    schema
}

/// A description is a comment of the source, which breaks lines where the source does.
fn join_lines(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match field {
                    Value::String(text) if name == "description" => {
                        let lines: Vec<&str> = text.lines().map(str::trim).collect();
                        *text = lines.join(" ").trim().to_owned();
                    }
                    _ => join_lines(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(join_lines),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The keys of a configuration that its schema does not have, in the file's order, each once.
pub fn unknown_keys(configuration: &Value, schema: &Value) -> Vec<UnknownKey> {
    let mut unknown = Vec::new();
    walk(configuration, &[schema], "", &mut unknown);
    if unknown.is_empty() {
        return Vec::new();
    }
    let mut known = Vec::new();
    list(schema, "", &mut known);
    let mut found: Vec<UnknownKey> = Vec::new();
    for (shape, key) in unknown {
        if !found.iter().any(|other| other.key == key) {
            let nearest = nearest(&shape, &known);
            found.push(UnknownKey { key, nearest });
        }
    }
    found
}

/// Each unknown key in two forms: as the schema has it (`channels[].domian`), and where it stands.
fn walk(value: &Value, schemas: &[&Value], place: &str, unknown: &mut Vec<(String, String)>) {
    walk_at(value, schemas, (place, place), unknown);
}

fn walk_at(
    value: &Value,
    schemas: &[&Value],
    (shape, place): (&str, &str),
    unknown: &mut Vec<(String, String)>,
) {
    match value {
        Value::Object(fields) => {
            let objects = alternatives(schemas, "properties");
            if objects.is_empty() {
                return;
            }
            for (name, field) in fields {
                let key = (joined(shape, name), joined(place, name));
                let known: Vec<&Value> = objects.iter().filter_map(|o| o.get(name)).collect();
                if !known.is_empty() {
                    walk_at(field, &known, (&key.0, &key.1), unknown);
                // Where editors look for the schema.
                } else if !(place.is_empty() && name == "$schema") {
                    unknown.push(key);
                }
            }
        }
        Value::Array(items) => {
            let of_items = alternatives(schemas, "items");
            for (at, item) in items.iter().enumerate() {
                let key = (format!("{shape}[]"), format!("{place}[{at}]"));
                walk_at(item, &of_items, (&key.0, &key.1), unknown);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A keyword of these schemas and of those that they offer as alternatives.
fn alternatives<'a>(schemas: &[&'a Value], keyword: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for schema in schemas {
        found.extend(schema.get(keyword));
        for choice in ["anyOf", "oneOf", "allOf"] {
            let choices = schema.get(choice).and_then(Value::as_array);
            let choices: Vec<&Value> = choices.into_iter().flatten().collect();
            found.extend(alternatives(&choices, keyword));
        }
    }
    found
}

fn joined(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    }
}

/// All keys of a schema, as `channels[].domain`.
fn list(schema: &Value, place: &str, known: &mut Vec<String>) {
    for properties in alternatives(&[schema], "properties") {
        for (name, property) in properties.as_object().unwrap_or(&Map::new()) {
            let key = joined(place, name);
            list(property, &key, known);
            known.push(key);
        }
    }
    for items in alternatives(&[schema], "items") {
        list(items, &format!("{place}[]"), known);
    }
}

/// A key of the same section that is written nearly so, else one of this name in another section.
fn nearest(shape: &str, known: &[String]) -> Option<String> {
    let split = |key: &str| match key.rsplit_once('.') {
        Some((section, name)) => (section.to_owned(), name.to_lowercase()),
        None => (String::new(), key.to_lowercase()),
    };
    let (section, name) = split(shape);
    let nearest = |allowed: usize, same_section: bool| {
        let candidates = known.iter().filter_map(|key| {
            let (of, candidate) = split(key);
            let distance = strsim::damerau_levenshtein(&name, &candidate);
            let fits = distance <= allowed && (of == section) == same_section;
            fits.then_some((distance, key))
        });
        candidates.min_by_key(|(distance, _)| *distance)
    };
    let allowed = match name.chars().count() {
        0..=3 => 1,
        4..=8 => 2,
        _ => 3,
    };
    let found = nearest(allowed, true).or_else(|| nearest(1, false));
    found.map(|(_, key)| key.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{ClientConfig, NatsConfig};

    fn told(configuration: Value, schema: &Value) -> Vec<String> {
        let unknown = unknown_keys(&configuration, schema);
        unknown.iter().map(UnknownKey::to_string).collect()
    }

    #[test]
    fn an_unknown_key_is_told_with_its_path_and_the_nearest_known_one() {
        let schema = schema::<ClientConfig>();
        assert_eq!(
            told(
                json!({
                    "nats": {"servers": [], "pasword": "x", "Token": "x", "zzzzzz": 1},
                    "channels": [{"domian": "a", "channel": "b"}, {"domian": "c"}],
                    "chanels": [], "password": "x", "$schema": "there", "service": {"heartbeat-interval": 5},
                }),
                &schema
            ),
            [
                "nats.pasword is not known and ignored; did you mean nats.password?",
                "nats.Token is not known and ignored; did you mean nats.token?",
                "nats.zzzzzz is not known and ignored",
                "channels[0].domian is not known and ignored; did you mean channels[].domain?",
                "channels[1].domian is not known and ignored; did you mean channels[].domain?",
                "chanels is not known and ignored; did you mean channels?",
                "password is not known and ignored; did you mean nats.password?",
                "service.heartbeat-interval is not known and ignored; did you mean service.heartbeat_interval?",
            ]
        );
        assert_eq!(told(json!([1, "x", null]), &schema), [""; 0]);
        assert_eq!(
            told(json!({"nats": 7, "channels": {"a": 1}}), &schema),
            [""; 0]
        );
    }

    #[test]
    fn every_key_that_is_read_has_a_description_and_no_default_is_a_secret() {
        let schema = schema::<NatsConfig>();
        let properties = schema["properties"].as_object().unwrap();
        assert!(
            !properties.contains_key("name"),
            "that is no key of the file"
        );
        for (name, property) in properties {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{name}: {property}");
            assert!(!description.contains('\n'), "{name}");
        }
        assert_eq!(properties["connect_timeout"]["default"], json!(10));
        assert_eq!(properties["ping_interval"]["type"], json!("number"));
    }
}

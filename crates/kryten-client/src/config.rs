//! Configuration files: TOML or YAML by extension, else JSON, `${NAME}` from the environment, unknown keys told, and a JSON
//! Schema from the types.

mod client;
mod expand;
pub mod lenient;
mod nats;
mod schema;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use client::{ChannelConfig, ClientConfig, MetricsConfig, ServiceConfig};
pub use nats::{NatsConfig, without_user_part};
pub use schema::{UnknownKey, schema, unknown_keys, warn_of};

/// Why a configuration could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not in the format that the extension names, or not in JSON where it names none.
    #[error("the configuration {path} is not valid {format}{place}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// Where, as far as the parser tells; never the text itself, which may hold a secret.
        place: Place,
    },
    /// A value names an environment variable that is not set.
    #[error(
        "the configuration's {key} names the environment variable {variable}, which is not set"
    )]
    Undefined {
        /// The variable.
        variable: String,
        /// The key, such as `nats.password`.
        key: String,
    },
    /// A value is of the wrong kind.
    #[error("the configuration's {key} is wrong: {problem}")]
    Invalid {
        /// The key, such as `nats.servers`.
        key: String,
        /// What is wrong, without the value.
        problem: String,
    },
}

impl ConfigError {
    /// The same error of a section that was read by itself: its key begins with the section's name.
    #[must_use]
    pub fn within(self, section: &str) -> Self {
        let of = |key: String| match key.as_str() {
            "" | "." => section.to_owned(),
            key => format!("{section}.{key}"),
        };
        match self {
            Self::Invalid { key, problem } => Self::Invalid {
                key: of(key),
                problem,
            },
            Self::Undefined { variable, key } => Self::Undefined {
                variable,
                key: of(key),
            },
            other => other,
        }
    }
}

/// A place in a configuration file, where the parser knows one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(Option<(usize, usize)>);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some((line, column)) => write!(f, " at line {line} column {column}"),
            None => Ok(()),
        }
    }
}

/// Loads a configuration file into a JSON value, `${NAME}` replaced inside text values.
///
/// # Errors
/// [`ConfigError`] when the file cannot be read or parsed, or names an undefined variable.
pub fn load(path: &Path) -> Result<Value, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut value = parse(path, &text)?;
    expand::expand(&mut value, &|name| std::env::var(name).ok())?;
    Ok(value)
}

/// Reads a loaded configuration, or a section of it, into a type.
///
/// # Errors
/// [`ConfigError::Invalid`] naming the key that is wrong.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(value).map_err(|error| ConfigError::Invalid {
        key: error.path().to_string(),
        problem: without_values(&error.inner().to_string()),
    })
}

/// Parses a text in the format that the path's extension names, in JSON where it names none, as the originals do with
/// any file; `${NAME}` stays as it is.
///
/// # Errors
/// [`ConfigError`] when the text is not in that format.
pub fn parse(path: &Path, text: &str) -> Result<Value, ConfigError> {
    let syntax = |format, place| ConfigError::Syntax {
        path: path.to_owned(),
        format,
        place: Place(place),
    };
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    match extension.to_ascii_lowercase().as_str() {
        "toml" => toml::from_str(text).map_err(|error| {
            let place = error.span().map(|span| line_and_column(text, span.start));
            syntax("TOML", place)
        }),
        "yaml" | "yml" => serde_saphyr::from_str(text).map_err(|error| {
            let place = error.location();
            let place = place.map(|place| (place.line() as usize, place.column() as usize));
            syntax("YAML", place)
        }),
        other => {
            let format = match other {
                "json" => "JSON",
                _ => "JSON (its name ends in none of .toml, .yaml and .yml)",
            };
            let text = text.trim_start_matches('\u{feff}');
            serde_json::from_str(text)
                .map_err(|error| syntax(format, Some((error.line(), error.column()))))
        }
    }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// serde quotes a value of the wrong kind, which may be a password in the wrong place.
fn without_values(problem: &str) -> String {
    let Some(expected) = problem.rfind("expected ") else {
        return problem.to_owned();
    };
    match problem.split_once(": ") {
        Some((kind @ ("invalid type" | "invalid value" | "invalid length"), _)) => {
            format!("{kind}, {}", &problem[expected..])
        }
        _ => problem.to_owned(),
    }
}

#[cfg(test)]
mod tests;

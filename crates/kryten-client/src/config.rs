//! Configuration files: JSON, TOML or YAML by extension, `${NAME}` from the environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why a configuration could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Loads a configuration file into a JSON value, `${NAME}` replaced inside text values.
///
/// # Errors
/// [`ConfigError`] when the file cannot be read or parsed, or names an undefined variable.
pub fn load(path: &Path) -> Result<Value, ConfigError> {
    let _ = path;
    unimplemented!()
}

/// Reads a loaded configuration, or a section of it, into a type.
///
/// # Errors
/// [`ConfigError`] naming the key that is wrong.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, ConfigError> {
    let _ = value;
    unimplemented!()
}

/// The `nats` section: where the servers are and how to log in.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct NatsConfig {
    /// The servers' addresses.
    pub servers: Vec<String>,
    /// The user.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<SecretString>,
    /// A token instead of user and password.
    pub token: Option<SecretString>,
    /// How long one attempt to connect may take.
    pub connect_timeout: Duration,
    /// The name under which the server lists this connection.
    pub name: Option<String>,
    /// Whether connecting succeeds at once and goes on trying in the background when no server answers.
    pub retry_on_initial_connect: bool,
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            user: None,
            password: None,
            token: None,
            connect_timeout: Duration::from_secs(10),
            name: None,
            retry_on_initial_connect: false,
        }
    }
}

impl NatsConfig {
    /// One server, without credentials except those in the address.
    pub fn for_url(url: impl Into<String>) -> Self {
        Self {
            servers: vec![url.into()],
            ..Self::default()
        }
    }

    /// The same, with user and password.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self.password = Some(SecretString::from(password.into()));
        self
    }

    /// The same, under a name that the server lists.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

//! The `nats` section.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};

/// The `nats` section: where the servers are and how to log in.
///
/// Keys that are not listed here are ignored, as the originals do.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct NatsConfig {
    /// The servers' addresses; a list, or one text.
    #[serde(deserialize_with = "one_or_many")]
    pub servers: Vec<String>,
    /// The older form of `servers`; used only where that is empty.
    pub url: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<SecretString>,
    /// A token instead of user and password.
    pub token: Option<SecretString>,
    /// How long one attempt to connect may take; seconds in the file.
    #[serde(deserialize_with = "seconds")]
    pub connect_timeout: Duration,
    /// The longest wait between two attempts to connect again; seconds in the file. We never wait longer than one
    /// second, since an absent server costs others nothing.
    #[serde(deserialize_with = "seconds")]
    pub reconnect_time_wait: Duration,
    /// How often the originals try again before they give up. We read it and never give up.
    pub max_reconnect_attempts: i64,
    /// How often an idle connection is tested; seconds in the file.
    #[serde(deserialize_with = "seconds")]
    pub ping_interval: Duration,
    /// The name under which the server lists this connection.
    #[serde(skip)]
    pub name: Option<String>,
    /// Whether connecting succeeds at once and goes on trying in the background when no server answers.
    #[serde(skip)]
    pub retry_on_initial_connect: bool,
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            url: None,
            user: None,
            password: None,
            token: None,
            connect_timeout: Duration::from_secs(10),
            reconnect_time_wait: Duration::from_secs(2),
            max_reconnect_attempts: -1,
            // The originals' two minutes would leave a dead connection unnoticed for as long.
            ping_interval: Duration::from_secs(20),
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

    /// The addresses to try.
    pub fn addresses(&self) -> Vec<&str> {
        if self.servers.is_empty() {
            self.url.iter().map(|url| url.trim()).collect()
        } else {
            self.servers.iter().map(|server| server.trim()).collect()
        }
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts")]
    enum Servers {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Servers::deserialize(deserializer)? {
        Servers::One(server) => vec![server],
        Servers::Many(servers) => servers,
    })
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| de::Error::custom("it must be a number of seconds, 0 or more"))
}

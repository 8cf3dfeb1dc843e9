//! The `nats` section.

mod shown;

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};

use super::lenient;
pub use shown::without_user_part;

/// The `nats` section: where the servers are, how to log in, and what certificates to trust and to show.
// Each field's text is also its description in the JSON Schema.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(rename = "nats", extend("anyOf" = [{"required": ["servers"]}, {"required": ["url"]}]))]
#[serde(default)]
pub struct NatsConfig {
    /// The servers' addresses, such as `nats://localhost:4222` or `tls://nats.example.org`: a list, or one text. The
    /// next one is tried where one does not answer.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany", extend("default" = []))]
    pub servers: Vec<String>,
    /// The older form of `servers`; used only where that is empty.
    pub url: Option<String>,
    /// The user.
    #[serde(deserialize_with = "lenient::text")]
    pub user: Option<String>,
    /// The user's password. Write `${NAME}` to take it from the environment.
    #[schemars(with = "Option<String>")]
    #[serde(deserialize_with = "lenient::secret")]
    pub password: Option<SecretString>,
    /// A token instead of user and password.
    #[schemars(with = "Option<String>")]
    pub token: Option<SecretString>,
    /// The seed of a user's NKey (`SU…`), instead of a password.
    #[schemars(with = "Option<String>")]
    pub nkey_seed: Option<SecretString>,
    /// A file that holds the seed of a user's NKey; read at every connection.
    pub nkey_seed_file: Option<PathBuf>,
    /// A credentials file (`.creds`) with a user's JWT and seed; read at every connection.
    pub credentials_file: Option<PathBuf>,
    /// A PEM file with the certificates of the authorities to trust, instead of the system's.
    pub tls_ca: Option<PathBuf>,
    /// A PEM file with the certificate that we show to the server; together with `tls_key`.
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with the private key of `tls_cert`.
    pub tls_key: Option<PathBuf>,
    /// Whether to refuse a server that offers no TLS. Without a value: where an address is `tls://` or one of the other
    /// `tls_` keys is there. The server's certificate is always verified.
    #[serde(deserialize_with = "lenient::flag")]
    pub tls_required: Option<bool>,
    /// Whether TLS begins before the server introduces itself, as its `handshake_first` wants it.
    #[schemars(extend("default" = false))]
    #[serde(deserialize_with = "lenient::flag")]
    pub tls_handshake_first: bool,
    /// The JetStream domain that keeps stream and buckets, such as `hub`, where that is not the server's own.
    pub jetstream_domain: Option<String>,
    /// The prefix of JetStream's subjects, where another account gives access to its own; instead of
    /// `jetstream_domain`, and `$JS.API` where neither is there.
    pub jetstream_prefix: Option<String>,
    /// What the subjects of answers to us begin with, instead of `_INBOX`: where a user may only hear its own, so that
    /// nobody hears another's answers.
    pub inbox_prefix: Option<String>,
    /// The key by which robot and statistics know that an event is the robot's: 64 hexadecimal digits, the same for both
    /// and for nobody else. The robot seals with it what it publishes, and statistics count what is sealed.
    #[schemars(with = "Option<String>")]
    pub seal_key: Option<SecretString>,
    /// On how many servers of a cluster the stream and the buckets that we create are kept, 1 to 5. Without a value 1, and
    /// what is there already is taken as it is.
    #[schemars(range(min = 1, max = 5))]
    #[serde(deserialize_with = "lenient::number")]
    pub replicas: Option<u8>,
    /// How long one attempt to connect may take, in seconds.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0), extend("default" = 10))]
    pub connect_timeout: Duration,
    /// The longest wait between two attempts to connect again, in seconds. We never wait longer than one second, since
    /// an absent server costs others nothing.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0), extend("default" = 2))]
    pub reconnect_time_wait: Duration,
    /// How often the originals try again before they give up. We read it and never give up.
    #[schemars(extend("default" = -1))]
    #[serde(deserialize_with = "lenient::number")]
    pub max_reconnect_attempts: i64,
    /// Whether the originals connect again. We read it and always do.
    #[schemars(extend("default" = true))]
    #[serde(deserialize_with = "lenient::flag")]
    pub allow_reconnect: bool,
    /// How often an idle connection is tested, in seconds; 1 or more.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 1), extend("default" = 20))]
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
            nkey_seed: None,
            nkey_seed_file: None,
            credentials_file: None,
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
            tls_required: None,
            tls_handshake_first: false,
            jetstream_domain: None,
            jetstream_prefix: None,
            inbox_prefix: None,
            seal_key: None,
            replicas: None,
            connect_timeout: Duration::from_secs(10),
            reconnect_time_wait: Duration::from_secs(2),
            max_reconnect_attempts: -1,
            allow_reconnect: true,
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

    /// Whether a server without TLS is refused, as far as that does not depend on its address.
    pub(crate) fn requires_tls(&self) -> bool {
        let names_files = [&self.tls_ca, &self.tls_cert, &self.tls_key]
            .iter()
            .any(|file| file.is_some());
        self.tls_required
            .unwrap_or(names_files || self.tls_handshake_first)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text or a list of texts")]
#[schemars(inline)]
enum OneOrMany {
    /// One address.
    One(String),
    /// Several addresses.
    Many(Vec<String>),
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(server) => vec![server],
        OneOrMany::Many(servers) => servers,
    })
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds: f64 = lenient::number(deserializer)?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| de::Error::custom("it must be a number of seconds, 0 or more"))
}

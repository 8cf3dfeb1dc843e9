//! What of a `nats` section can be wrong before any server is asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::ServerAddr;
use async_nats::rustls::pki_types::pem::{self, PemObject};
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use kryten_protocol::seal::{SealKey, SealKeyError};
use secrecy::ExposeSecret;

use super::credentials::Credentials;
use crate::config::{NatsConfig, without_user_part};

/// What is wrong with a `nats` section.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// No server address, or one that is none.
    #[error("{url:?} is no NATS address; write it as nats://host:4222")]
    BadUrl {
        /// The address without credentials.
        url: String,
    },
    /// Two keys that exclude each other.
    #[error("nats.{first} and nats.{second} exclude each other; keep one of them")]
    Contradiction {
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Two keys that belong together.
    #[error("nats.{given} needs nats.{missing} beside it")]
    Half {
        /// The key that is there.
        given: &'static str,
        /// The key that is not.
        missing: &'static str,
    },
    /// A file that is named cannot be read.
    #[error("cannot read {path}, which nats.{key} names: {source}", path = path.display())]
    Unreadable {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file that is named holds something else.
    #[error("{path}, which nats.{key} names, holds no {wanted}", path = path.display())]
    WrongContent {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// A number of servers that no stream can be kept on.
    #[error("nats.replicas is {given}; it is on how many servers each stream is kept, 1 to 5")]
    BadReplicas {
        /// The number.
        given: u8,
    },
    /// An idle connection cannot be tested that often.
    #[error(
        "nats.ping_interval is {given}; it is after how many seconds an idle connection is tested, 1 or more, such as 20"
    )]
    BadPingInterval {
        /// The seconds.
        given: f64,
    },
    /// The key for seals is none.
    #[error("nats.seal_key cannot be used: {0}")]
    BadSealKey(#[source] SealKeyError),
    /// The seed is none of a user.
    #[error(
        "nats.nkey_seed is no NKey seed of a user; that is a text of 58 characters and begins with SU"
    )]
    BadSeed,
    /// A name that cannot be part of a subject.
    #[error(
        "nats.{key} {text:?} cannot be part of a NATS subject; use letters, digits, '-', '_' and '$'"
    )]
    BadName {
        /// The key.
        key: &'static str,
        /// The name.
        text: String,
    },
}

/// The prefix of JetStream's subjects where nothing else is configured.
pub(super) const USUAL_API: &str = "$JS.API";

/// The least time between two tests of an idle connection, as the originals have it. Without any the client would fail
/// for good.
const LEAST_PING_INTERVAL: Duration = Duration::from_secs(1);

/// A checked `nats` section.
pub(super) struct Settings {
    /// Without credentials, since async-nats shows addresses in its log.
    pub(super) servers: Vec<ServerAddr>,
    pub(super) credentials: Credentials,
    pub(super) api_prefix: String,
    pub(super) inbox_prefix: Option<String>,
    pub(super) seal_key: Option<SealKey>,
    pub(super) replicas: Option<usize>,
    /// Whether we show a certificate of our own.
    pub(super) has_certificate: bool,
    pub(super) has_ca: bool,
    pub(super) requires_tls: bool,
}

impl Settings {
    pub(super) fn of(config: &NatsConfig) -> Result<Self, SettingError> {
        let servers = parse_addresses(config)?;
        let credentials = Credentials::of(config, &servers)?;
        check_tls(config)?;
        check_ping_interval(config)?;
        Ok(Self {
            servers: servers.into_iter().map(without_credentials).collect(),
            credentials,
            api_prefix: api_prefix(config)?,
            inbox_prefix: inbox_prefix(config)?,
            seal_key: seal_key(config)?,
            replicas: replicas(config)?,
            has_certificate: config.tls_cert.is_some(),
            has_ca: config.tls_ca.is_some(),
            requires_tls: config.requires_tls(),
        })
    }

    /// The addresses as errors name them.
    pub(super) fn shown(&self) -> String {
        let shown = self.servers.iter();
        let shown: Vec<String> = shown
            .map(|s| format!("{}:{}", s.host(), s.port()))
            .collect();
        shown.join(", ")
    }
}

impl NatsConfig {
    /// Checks everything that can be wrong before any server is asked: addresses, files, keys that exclude each other.
    ///
    /// # Errors
    /// [`SettingError`] naming the key.
    pub fn check(&self) -> Result<(), SettingError> {
        Settings::of(self).map(|_| ())
    }
}

fn without_credentials(server: ServerAddr) -> ServerAddr {
    let mut url = server.clone().into_inner();
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared
        .ok()
        .and_then(|()| ServerAddr::from_url(url).ok())
        .unwrap_or(server)
}

fn parse_addresses(config: &NatsConfig) -> Result<Vec<ServerAddr>, SettingError> {
    let mut servers = Vec::new();
    for address in config.addresses() {
        let parsed: Option<ServerAddr> = address.parse().ok();
        // The web socket forms parse as well, and are not built in.
        let usable = parsed.filter(|server| {
            matches!(server.scheme(), "nats" | "tls") && !server.host().is_empty()
        });
        servers.push(usable.ok_or_else(|| SettingError::BadUrl {
            url: without_user_part(address),
        })?);
    }
    if servers.is_empty() {
        return Err(SettingError::BadUrl { url: String::new() });
    }
    Ok(servers)
}

fn check_ping_interval(config: &NatsConfig) -> Result<(), SettingError> {
    match config.ping_interval {
        interval if interval < LEAST_PING_INTERVAL => Err(SettingError::BadPingInterval {
            given: interval.as_secs_f64(),
        }),
        _ => Ok(()),
    }
}

/// The TLS files, read once for an error that names them; the connection reads them again each time.
fn check_tls(config: &NatsConfig) -> Result<(), SettingError> {
    const CERTIFICATE: &str = "certificate in PEM form";
    if let Some(path) = &config.tls_ca {
        read_certificates("tls_ca", path, CERTIFICATE)?;
    }
    match (&config.tls_cert, &config.tls_key) {
        (None, None) => return Ok(()),
        (Some(_), None) => {
            return Err(SettingError::Half {
                given: "tls_cert",
                missing: "tls_key",
            });
        }
        (None, Some(_)) => {
            return Err(SettingError::Half {
                given: "tls_key",
                missing: "tls_cert",
            });
        }
        (Some(certificate), Some(key)) => {
            read_certificates("tls_cert", certificate, CERTIFICATE)?;
            let read = PrivateKeyDer::from_pem_file(key);
            read.map_err(|error| pem_error("tls_key", key, "private key in PEM form", error))?;
        }
    }
    Ok(())
}

fn read_certificates(
    key: &'static str,
    path: &Path,
    wanted: &'static str,
) -> Result<(), SettingError> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| pem_error(key, path, wanted, error))?;
    match found.is_empty() {
        true => Err(wrong_content(key, path, wanted)),
        false => Ok(()),
    }
}

fn pem_error(
    key: &'static str,
    path: &Path,
    wanted: &'static str,
    error: pem::Error,
) -> SettingError {
    match error {
        pem::Error::Io(source) => SettingError::Unreadable {
            key,
            path: path.to_owned(),
            source,
        },
        _ => wrong_content(key, path, wanted),
    }
}

pub(super) fn wrong_content(key: &'static str, path: &Path, wanted: &'static str) -> SettingError {
    SettingError::WrongContent {
        key,
        path: path.to_owned(),
        wanted,
    }
}

/// The prefix of JetStream's subjects, without the dot after it.
fn api_prefix(config: &NatsConfig) -> Result<String, SettingError> {
    let text = |value: &Option<String>| {
        let text = value.as_deref().map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let domain = text(&config.jetstream_domain);
    let prefix = text(&config.jetstream_prefix);
    match (domain, prefix) {
        (None, None) => Ok(USUAL_API.to_owned()),
        (Some(domain), None) => {
            if domain.contains('.') {
                return Err(bad_name("jetstream_domain", domain));
            }
            usable("jetstream_domain", &domain)?;
            Ok(format!("$JS.{domain}.API"))
        }
        (None, Some(prefix)) => {
            let prefix = prefix.trim_end_matches('.');
            usable("jetstream_prefix", prefix)?;
            Ok(prefix.to_owned())
        }
        (Some(_), Some(_)) => Err(SettingError::Contradiction {
            first: "jetstream_domain",
            second: "jetstream_prefix",
        }),
    }
}

/// What the subjects of answers begin with, without the dot after it.
fn inbox_prefix(config: &NatsConfig) -> Result<Option<String>, SettingError> {
    let Some(prefix) = config.inbox_prefix.as_deref().map(str::trim) else {
        return Ok(None);
    };
    usable("inbox_prefix", prefix)?;
    Ok(Some(prefix.to_owned()))
}

fn seal_key(config: &NatsConfig) -> Result<Option<SealKey>, SettingError> {
    let Some(text) = &config.seal_key else {
        return Ok(None);
    };
    let key = SealKey::parse(text.expose_secret());
    key.map(Some).map_err(SettingError::BadSealKey)
}

/// On how many servers streams are kept; the servers take no more than five.
fn replicas(config: &NatsConfig) -> Result<Option<usize>, SettingError> {
    match config.replicas {
        Some(given) if !(1..=5).contains(&given) => Err(SettingError::BadReplicas { given }),
        replicas => Ok(replicas.map(usize::from)),
    }
}

fn usable(key: &'static str, name: &str) -> Result<(), SettingError> {
    let is_token = |token: &str| {
        let is_usable = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '$' | '/' | '=');
        !token.is_empty() && token.chars().all(is_usable)
    };
    match name.split('.').all(is_token) {
        true => Ok(()),
        false => Err(bad_name(key, name.to_owned())),
    }
}

fn bad_name(key: &'static str, text: String) -> SettingError {
    SettingError::BadName { key, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(domain: Option<&str>, prefix: Option<&str>) -> Result<String, String> {
        let config = NatsConfig {
            jetstream_domain: domain.map(str::to_owned),
            jetstream_prefix: prefix.map(str::to_owned),
            ..NatsConfig::default()
        };
        api_prefix(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_domain_or_a_prefix_names_the_jetstream() {
        assert_eq!(prefix(None, Some(" ")).unwrap(), "$JS.API");
        assert_eq!(prefix(Some("hub"), None).unwrap(), "$JS.hub.API");
        assert_eq!(prefix(None, Some("from.a.")).unwrap(), "from.a");
        for (domain, other) in [
            (Some("a b"), None),
            (Some("a.b"), None),
            (Some("a*"), None),
            (None, Some("a..b")),
            (None, Some(">")),
        ] {
            let error = prefix(domain, other).unwrap_err();
            assert!(
                error.contains("cannot be part of a NATS subject"),
                "{error}"
            );
        }
        assert_eq!(
            prefix(Some("hub"), Some("x")).unwrap_err(),
            "nats.jetstream_domain and nats.jetstream_prefix exclude each other; keep one of them"
        );
    }

    #[test]
    fn a_prefix_of_answers_is_part_of_a_subject() {
        let prefix = |text: &str| {
            let config = NatsConfig {
                inbox_prefix: Some(text.to_owned()),
                ..NatsConfig::default()
            };
            inbox_prefix(&config).map_err(|error| error.to_string())
        };
        assert_eq!(prefix(" _INBOX_bot ").unwrap().unwrap(), "_INBOX_bot");
        for wrong in ["", "a b", "a.*", ">", "a."] {
            assert!(
                prefix(wrong).unwrap_err().contains("nats.inbox_prefix"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_stream_is_kept_on_one_to_five_servers() {
        let replicas = |given| {
            let config = NatsConfig {
                replicas: given,
                ..NatsConfig::default()
            };
            replicas(&config).map_err(|error| error.to_string())
        };
        assert_eq!(replicas(None), Ok(None));
        assert_eq!(replicas(Some(3)), Ok(Some(3)));
        for given in [0, 6] {
            let error = replicas(Some(given)).unwrap_err();
            assert!(error.starts_with("nats.replicas is"), "{error}");
        }
    }

    #[test]
    fn an_idle_connection_is_tested_every_second_at_most() {
        let check = |ping_interval| {
            let config = NatsConfig {
                ping_interval,
                ..NatsConfig::for_url("nats://localhost")
            };
            config.check().map_err(|error| error.to_string())
        };
        assert_eq!(check(LEAST_PING_INTERVAL), Ok(()));
        for given in [Duration::ZERO, LEAST_PING_INTERVAL / 2] {
            let error = check(given).unwrap_err();
            let (key, advice) = ("nats.ping_interval is 0", "1 or more");
            assert!(error.starts_with(key) && error.contains(advice), "{error}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_told_without_its_credentials() {
        for address in [
            "nats://bob:hunter2@host:x",
            "ws://bob:hunter2@host",
            "nats://",
        ] {
            let error = parse_addresses(&NatsConfig::for_url(address)).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("is no NATS address"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(parse_addresses(&NatsConfig::default()).is_err());
    }
}

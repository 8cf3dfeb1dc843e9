//! The connection to NATS.

mod credentials;
mod error;
mod events;
mod life;
mod line;
mod settings;
mod subscription;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{AuthError, ConnectOptions, jetstream};
use kryten_protocol::seal::SealKey;
use rand::RngExt;
use tokio_util::sync::CancellationToken;

use crate::config::NatsConfig;
use crate::kv::KeyLocks;
pub use error::{ConnectError, TlsProblem};
use events::Ear;
pub(crate) use events::Events;
pub(crate) use life::Life;
use line::{Current, Line};
pub use settings::SettingError;
use settings::Settings;
pub use subscription::Subscription;

/// The longest wait before the next attempt to connect again.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// A connection to NATS; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    line: Arc<Line>,
    /// `$JS.API`, or where else JetStream is asked.
    api_prefix: Arc<str>,
    /// On how many servers the stream and the buckets are kept that we create.
    replicas: Option<usize>,
    seal_key: Option<Arc<SealKey>>,
    key_locks: Arc<KeyLocks>,
}

/// What a connection is made of, as often as it has to be made.
struct Wiring {
    config: NatsConfig,
    settings: Arc<Settings>,
}

impl Wiring {
    fn options(&self, events: &Arc<Events>) -> ConnectOptions {
        let credentials = self.settings.credentials.clone();
        let log_in = move |nonce: Vec<u8>| {
            let answer = credentials.answer(&nonce).map_err(|error| {
                // A file that was changed; the next attempt reads it again.
                tracing::warn!(%error, "cannot log in to NATS");
                AuthError::new(error)
            });
            std::future::ready(answer)
        };
        let ear = Ear::new(events, None);
        with_config(ConnectOptions::with_auth_callback(log_in), &self.config)
            .max_reconnects(None)
            .event_callback(move |event| {
                ear.hear(event);
                std::future::ready(())
            })
    }
}

impl Settings {
    async fn connect(&self, options: ConnectOptions) -> Result<Current, ConnectError> {
        let options = match &self.inbox_prefix {
            Some(prefix) => options.custom_inbox_prefix(prefix),
            None => options,
        };
        let connecting = options.connect(self.servers.clone());
        let nats = connecting
            .await
            .map_err(|error| ConnectError::new(self, error))?;
        Ok(Current {
            jetstream: jetstream::with_prefix(nats.clone(), &self.api_prefix),
            nats: Arc::new(nats),
        })
    }
}

impl Client {
    /// Connects. A connection that once stood is made again for ever, whatever the configuration says.
    ///
    /// # Errors
    /// [`ConnectError`] that tells apart: a wrong configuration, no server, wrong credentials, TLS, no answer in time.
    pub async fn connect(config: &NatsConfig) -> Result<Self, ConnectError> {
        let wiring = Wiring {
            config: config.clone(),
            settings: Arc::new(Settings::of(config)?),
        };
        let settings = Arc::clone(&wiring.settings);
        let events = Arc::new(Events::default());
        let mut options = wiring.options(&events);
        if config.retry_on_initial_connect {
            options = options.retry_on_initial_connect();
        }
        let current = settings.connect(options).await?;
        let deaths = events.deaths();
        let client = Self::new(&settings, Line::new(current, events));
        tokio::spawn(line::revive(Arc::downgrade(&client.line), wiring, deaths));
        Ok(client)
    }

    /// Connects, and never again: when the connection ends, `ended` is cancelled and nothing more is sent.
    pub(crate) async fn connect_once(
        config: &NatsConfig,
        ended: CancellationToken,
    ) -> Result<Self, ConnectError> {
        let settings = Settings::of(config)?;
        let credentials = settings.credentials.clone();
        let stood = Arc::new(AtomicBool::new(false));
        let stands = Arc::clone(&stood);
        // The client always tries to connect again; refusing to log in is the one way to keep it from going on.
        let log_in = move |nonce: Vec<u8>| {
            let answer = match stood.load(Ordering::SeqCst) {
                true => Err(AuthError::new("this connection has one life")),
                false => credentials.answer(&nonce).map_err(AuthError::new),
            };
            std::future::ready(answer)
        };
        let events = Arc::new(Events::default());
        let ear = Ear::new(&events, Some(ended));
        let options = with_config(ConnectOptions::with_auth_callback(log_in), config)
            .max_reconnects(settings.servers.len())
            .event_callback(move |event| {
                ear.hear(event);
                std::future::ready(())
            });
        let current = settings.connect(options).await?;
        stands.store(true, Ordering::SeqCst);
        Ok(Self::new(&settings, Line::new(current, events)))
    }

    fn new(settings: &Settings, line: Arc<Line>) -> Self {
        Self {
            line,
            api_prefix: settings.api_prefix.as_str().into(),
            replicas: settings.replicas,
            seal_key: settings.seal_key.clone().map(Arc::new),
            key_locks: Arc::default(),
        }
    }

    /// The NATS client below. It is another one after the library's own task has died, so whoever keeps it for long
    /// asks again.
    pub fn nats(&self) -> Arc<async_nats::Client> {
        self.line.nats()
    }

    /// The JetStream context below; see [`Client::nats`].
    pub fn jetstream(&self) -> jetstream::Context {
        self.line.jetstream()
    }

    /// The largest message that the server takes, in bytes.
    pub fn max_payload(&self) -> usize {
        self.nats().max_payload()
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        self.line.events.is_alive() && self.nats().connection_state() == State::Connected
    }

    /// How often the connection was made, the first time included.
    pub fn connections(&self) -> u64 {
        self.line.events.connections()
    }

    /// Returns when the connection stands; at once where it does.
    pub async fn connected(&self) {
        while !self.is_connected() {
            self.line.events.changed().await;
        }
    }

    /// The subject of a request to JetStream.
    pub(crate) fn api_subject(&self, endpoint: &str) -> String {
        format!("{}.{endpoint}", self.api_prefix)
    }

    /// The subject under which a key-value bucket takes what is stored under `subject`: where JetStream is elsewhere,
    /// its prefix goes before it, as every NATS client has it.
    pub(crate) fn put_subject<'a>(&self, subject: &'a str) -> Cow<'a, str> {
        match &*self.api_prefix {
            settings::USUAL_API => Cow::Borrowed(subject),
            prefix => Cow::Owned(format!("{prefix}.{subject}")),
        }
    }

    /// Whether JetStream is not that of the servers that we are connected to, so that a link between them may fail while
    /// our connection stands.
    pub(crate) fn has_jetstream_elsewhere(&self) -> bool {
        &*self.api_prefix != settings::USUAL_API
    }

    /// On how many servers the configuration wants streams to be kept.
    pub(crate) fn replicas(&self) -> Option<usize> {
        self.replicas
    }

    /// The key for seals on events and state, `nats.seal_key` of the configuration.
    pub fn seal_key(&self) -> Option<&SealKey> {
        self.seal_key.as_deref()
    }

    pub(crate) fn connection_events(&self) -> &Events {
        &self.line.events
    }

    pub(crate) fn key_locks(&self) -> &KeyLocks {
        &self.key_locks
    }
}

/// How long one request to the server may take.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

fn with_config(options: ConnectOptions, config: &NatsConfig) -> ConnectOptions {
    let options = options
        .connection_timeout(config.connect_timeout)
        .ping_interval(config.ping_interval)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .reconnect_delay_callback(reconnect_delay)
        .require_tls(config.requires_tls());
    let options = match &config.tls_ca {
        Some(file) => options.add_root_certificates(file.clone()),
        None => options,
    };
    let options = match (&config.tls_cert, &config.tls_key) {
        (Some(certificate), Some(key)) => {
            options.add_client_certificate(certificate.clone(), key.clone())
        }
        _ => options,
    };
    let options = match config.tls_handshake_first {
        true => options.tls_first(),
        false => options,
    };
    match &config.name {
        Some(name) => options.name(name),
        None => options,
    }
}

/// At once, then doubled up to [`LONGEST_DELAY`], half of it random so that many clients do not come all together.
fn reconnect_delay(attempt: usize) -> Duration {
    let doublings = match attempt {
        0 | 1 => return Duration::ZERO,
        later => (later - 2).min(10),
    };
    let delay = Duration::from_millis(20 << doublings).min(LONGEST_DELAY);
    delay.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_second_and_no_further() {
        assert_eq!(reconnect_delay(1), Duration::ZERO);
        assert!(reconnect_delay(2) <= Duration::from_millis(20));
        for attempt in 8..200 {
            let delay = reconnect_delay(attempt);
            assert!(
                delay >= LONGEST_DELAY / 2 && delay <= LONGEST_DELAY,
                "{delay:?}"
            );
        }
    }
}

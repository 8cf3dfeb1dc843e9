//! The connection to NATS.

mod credentials;
mod error;
mod events;
mod life;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{AuthError, ConnectOptions, Event, ServerAddr, jetstream};
use rand::RngExt;
use tokio_util::sync::CancellationToken;

use crate::config::NatsConfig;
use crate::kv::KeyLocks;
use credentials::Credentials;
pub use error::ConnectError;
pub(crate) use events::Events;
pub(crate) use life::Life;

/// The longest wait before the next attempt to connect again.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// A connection to NATS; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    nats: async_nats::Client,
    jetstream: jetstream::Context,
    events: Arc<Events>,
    key_locks: Arc<KeyLocks>,
}

impl Client {
    /// Connects. A connection that once stood is made again for ever, whatever the configuration says.
    ///
    /// # Errors
    /// [`ConnectError`] that tells apart: no server, wrong credentials, TLS, bad address, no answer in time.
    pub async fn connect(config: &NatsConfig) -> Result<Self, ConnectError> {
        let credentials = Credentials::of(config, &parse_addresses(config)?);
        let events = Arc::new(Events::default());
        let heard = Arc::clone(&events);
        let mut options = with_config(credentials.to_options(), config)
            .max_reconnects(None)
            .event_callback(move |event| {
                heard.hear(event);
                std::future::ready(())
            });
        if config.retry_on_initial_connect {
            options = options.retry_on_initial_connect();
        }
        Self::with_options(config, options, events).await
    }

    /// Connects, and never again: when the connection ends, `ended` is cancelled and nothing more is sent.
    pub(crate) async fn connect_once(
        config: &NatsConfig,
        ended: CancellationToken,
    ) -> Result<Self, ConnectError> {
        let servers = parse_addresses(config)?;
        let credentials = Credentials::of(config, &servers);
        let stood = Arc::new(AtomicBool::new(false));
        let stands = Arc::clone(&stood);
        // The client always tries to connect again; refusing to log in is the one way to keep it from going on.
        let log_in = move |_nonce| {
            let answer = match stood.load(Ordering::SeqCst) {
                true => Err(AuthError::new("this connection has one life")),
                false => Ok(credentials.to_auth()),
            };
            std::future::ready(answer)
        };
        let events = Arc::new(Events::default());
        let heard = Arc::clone(&events);
        let options = with_config(ConnectOptions::with_auth_callback(log_in), config)
            .max_reconnects(servers.len())
            .event_callback(move |event| {
                if matches!(event, Event::Disconnected | Event::Closed) {
                    ended.cancel();
                }
                heard.hear(event);
                std::future::ready(())
            });
        let client = Self::with_options(config, options, events).await?;
        stands.store(true, Ordering::SeqCst);
        Ok(client)
    }

    async fn with_options(
        config: &NatsConfig,
        options: ConnectOptions,
        events: Arc<Events>,
    ) -> Result<Self, ConnectError> {
        let servers = parse_addresses(config)?;
        let shown: Vec<String> = servers.iter().map(without_credentials).collect();
        let connecting = options.connect(servers);
        let nats = connecting
            .await
            .map_err(|error| ConnectError::new(shown.join(", "), error))?;
        Ok(Self {
            jetstream: jetstream::new(nats.clone()),
            nats,
            events,
            key_locks: Arc::default(),
        })
    }

    /// The NATS client below.
    pub fn nats(&self) -> &async_nats::Client {
        &self.nats
    }

    /// The JetStream context below.
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// The largest message that the server takes, in bytes.
    pub fn max_payload(&self) -> usize {
        self.nats.max_payload()
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }

    /// How often the connection was made, the first time included.
    pub fn connections(&self) -> u64 {
        self.events.connections()
    }

    /// Returns when the connection stands; at once where it does.
    pub async fn connected(&self) {
        while !self.is_connected() {
            self.events.changed().await;
        }
    }

    pub(crate) fn connection_events(&self) -> &Events {
        &self.events
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
        .reconnect_delay_callback(reconnect_delay);
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

fn parse_addresses(config: &NatsConfig) -> Result<Vec<ServerAddr>, ConnectError> {
    let mut servers = Vec::new();
    for address in config.addresses() {
        let parsed = address.parse().map_err(|_| ConnectError::BadUrl {
            url: without_user_part(address),
        });
        servers.push(parsed?);
    }
    if servers.is_empty() {
        return Err(ConnectError::BadUrl { url: String::new() });
    }
    Ok(servers)
}

fn without_credentials(server: &ServerAddr) -> String {
    format!("{}:{}", server.host(), server.port())
}

fn without_user_part(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((_, host)) => host.to_owned(),
        None => address.to_owned(),
    }
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

    #[test]
    fn addresses_are_shown_without_credentials() {
        let config = NatsConfig::for_url("nats://bob:hunter2@host:x");
        let error = parse_addresses(&config).unwrap_err();
        assert!(matches!(&error, ConnectError::BadUrl { url } if url == "host:x"));
        let config = NatsConfig::for_url("nats://bob:hunter2@host:4333");
        assert_eq!(
            without_credentials(&parse_addresses(&config).unwrap()[0]),
            "host:4333"
        );
        assert!(parse_addresses(&NatsConfig::default()).is_err());
    }
}

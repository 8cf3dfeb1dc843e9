//! Who may see the page, and from where.

mod file;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use axum::http::HeaderName;
use secrecy::{ExposeSecret, SecretString};

pub use file::WebFile;

/// A token that can be guessed is none.
const SHORTEST_TOKEN: usize = 16;
/// Ten a second: a person never gets there, a script that reads pages one by one does.
const USUAL_REQUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(600).expect("it is not 0");

/// Settings of the page.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What visitors have to know; `None` for nothing.
    pub token: Option<SecretString>,
    /// The proxy that logs visitors in; `None` where there is none.
    pub proxy: Option<ProxyConfig>,
    /// Names besides `localhost` under which the page is asked for, where nobody has to log in.
    pub names: Vec<String>,
    /// How many requests one address may make in a minute.
    pub requests_per_minute: NonZeroU32,
    /// Whether the KV browser is there; `None` for where the page listens on this machine only.
    pub kv: Option<bool>,
}

/// A proxy in front of the page.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// The addresses that it connects from; nobody else's headers are believed.
    pub addresses: Vec<IpAddr>,
    /// The header in which it names the person that it has logged in.
    pub user_header: HeaderName,
}

/// Why the settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// Everybody could see the page.
    #[error(
        "on {0} everybody who reaches this machine would see the page; give a token, or name the proxy that logs people in"
    )]
    OpenToAll(IpAddr),
    /// The token is too short.
    #[error(
        "the token of the page has {0} characters; take at least {SHORTEST_TOKEN} that nobody guesses"
    )]
    ShortToken(usize),
    /// The proxy has no address.
    #[error("name the address from which the proxy connects")]
    NoProxyAddress,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self::on(SocketAddr::from((Ipv4Addr::LOCALHOST, 8088)))
    }
}

impl WebConfig {
    /// The usual settings, at an address.
    pub fn on(listen: SocketAddr) -> Self {
        Self {
            listen,
            token: None,
            proxy: None,
            names: Vec::new(),
            requests_per_minute: USUAL_REQUESTS_PER_MINUTE,
            kv: None,
        }
    }

    /// Whether the KV browser is there: what stands in buckets is for operators.
    pub fn shows_kv(&self) -> bool {
        self.kv
            .unwrap_or(self.listen.ip().is_loopback() && self.proxy.is_none())
    }

    /// Whether whoever reaches the page sees it.
    pub(crate) fn is_open(&self) -> bool {
        self.token.is_none() && self.proxy.is_none()
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// [`ConfigProblem`].
    pub fn check(&self) -> Result<(), ConfigProblem> {
        if let Some(token) = &self.token {
            let length = token.expose_secret().chars().count();
            if length < SHORTEST_TOKEN {
                return Err(ConfigProblem::ShortToken(length));
            }
        }
        if self
            .proxy
            .as_ref()
            .is_some_and(|proxy| proxy.addresses.is_empty())
        {
            return Err(ConfigProblem::NoProxyAddress);
        }
        if self.is_open() && !self.listen.ip().is_loopback() {
            return Err(ConfigProblem::OpenToAll(self.listen.ip()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elsewhere_than_on_the_loopback_there_is_a_token_or_a_proxy() {
        let mut config = WebConfig::on("0.0.0.0:8088".parse().unwrap());
        assert!(matches!(config.check(), Err(ConfigProblem::OpenToAll(_))));
        config.token = Some("0123456789abcde".into());
        assert_eq!(config.check(), Err(ConfigProblem::ShortToken(15)));
        config.token = Some("0123456789abcdef".into());
        assert_eq!(config.check(), Ok(()));
        assert!(!config.shows_kv());
        config.token = None;
        config.proxy = Some(ProxyConfig {
            addresses: Vec::new(),
            user_header: HeaderName::from_static("x-forwarded-user"),
        });
        assert_eq!(config.check(), Err(ConfigProblem::NoProxyAddress));
        assert_eq!(WebConfig::default().check(), Ok(()));
        assert!(WebConfig::default().shows_kv());
    }
}

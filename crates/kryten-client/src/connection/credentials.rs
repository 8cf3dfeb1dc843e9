//! How to log in.

use async_nats::{Auth, ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use crate::config::NatsConfig;

/// User and password, or a token: from the configuration, or else from an address, whose part before the `@`
/// async-nats leaves alone.
#[derive(Clone, Default)]
pub(super) struct Credentials {
    user: Option<String>,
    password: Option<String>,
    token: Option<String>,
}

impl Credentials {
    pub(super) fn of(config: &NatsConfig, servers: &[ServerAddr]) -> Self {
        let show = |secret: &SecretString| secret.expose_secret().to_owned();
        if config.user.is_some() || config.token.is_some() {
            return Self {
                user: config.user.clone(),
                password: config.password.as_ref().map(show),
                token: config.token.as_ref().map(show),
            };
        }
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let found = servers
            .iter()
            .find_map(|server| Some((server.username()?, server.password())));
        match found {
            Some((user, Some(password))) => Self {
                user: Some(plain(user)),
                password: Some(plain(password)),
                token: None,
            },
            Some((token, None)) => Self {
                token: Some(plain(token)),
                ..Self::default()
            },
            None => Self::default(),
        }
    }

    pub(super) fn to_auth(&self) -> Auth {
        let mut auth = Auth::new();
        auth.username.clone_from(&self.user);
        auth.password.clone_from(&self.password);
        auth.token.clone_from(&self.token);
        auth
    }

    pub(super) fn to_options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new();
        if let Some(token) = &self.token {
            options = options.token(token.clone());
        }
        if let Some(user) = &self.user {
            let password = self.password.clone().unwrap_or_default();
            options = options.user_and_password(user.clone(), password);
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &NatsConfig) -> (Option<String>, Option<String>, Option<String>) {
        let servers: Vec<ServerAddr> = config
            .addresses()
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        let found = Credentials::of(config, &servers);
        (found.user, found.password, found.token)
    }

    #[test]
    fn an_address_may_carry_them_and_the_configuration_goes_first() {
        let some = |text: &str| Some(text.to_owned());
        let address = NatsConfig::for_url("nats://bob:p%40ss@host:1");
        assert_eq!(of(&address), (some("bob"), some("p@ss"), None));
        let configured = address.with_user("ann", "word");
        assert_eq!(of(&configured), (some("ann"), some("word"), None));
        let token = NatsConfig::for_url("nats://s3cret@host:1");
        assert_eq!(of(&token), (None, None, some("s3cret")));
        assert_eq!(
            of(&NatsConfig::for_url("nats://host:1")),
            (None, None, None)
        );
    }
}

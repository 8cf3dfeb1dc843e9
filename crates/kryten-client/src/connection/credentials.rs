//! How to log in.

use std::fs;
use std::path::{Path, PathBuf};

use async_nats::{Auth, ServerAddr};
use nkeys::{KeyPair, KeyPairType};
use percent_encoding::percent_decode_str;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::settings::{SettingError, wrong_content};
use crate::config::NatsConfig;

/// The one way to log in: from the configuration, or else from an address, whose part before the `@` async-nats leaves
/// alone.
#[derive(Clone)]
pub(super) enum Credentials {
    Nothing,
    User {
        user: String,
        password: SecretString,
    },
    Token(SecretString),
    Seed(SecretString),
    SeedFile(PathBuf),
    CredsFile(PathBuf),
}

impl Credentials {
    /// # Errors
    /// [`SettingError`] when two ways are given, or a file or seed cannot be used.
    pub(super) fn of(config: &NatsConfig, servers: &[ServerAddr]) -> Result<Self, SettingError> {
        let given = |secret: &Option<SecretString>| {
            let secret = secret.clone();
            secret.filter(|secret| !secret.expose_secret().trim().is_empty())
        };
        let user = config.user.as_deref().map(str::trim);
        let user = user.filter(|user| !user.is_empty());
        let file = |path: &Option<PathBuf>| {
            let path = path.clone();
            path.filter(|path| !path.as_os_str().is_empty())
        };
        let ways = [
            (
                "credentials_file",
                file(&config.credentials_file).map(Self::CredsFile),
            ),
            (
                "nkey_seed_file",
                file(&config.nkey_seed_file).map(Self::SeedFile),
            ),
            ("nkey_seed", given(&config.nkey_seed).map(Self::Seed)),
            (
                "user",
                user.map(|user| Self::User {
                    user: user.to_owned(),
                    password: config.password.clone().unwrap_or_default(),
                }),
            ),
            ("token", given(&config.token).map(Self::Token)),
        ];
        let mut ways = ways.into_iter().filter_map(|(key, way)| Some((key, way?)));
        let Some((first, way)) = ways.next() else {
            return Ok(Self::in_address(servers));
        };
        match ways.next() {
            // The originals send the user then.
            Some(("token", _)) if first == "user" => {}
            Some((second, _)) => return Err(SettingError::Contradiction { first, second }),
            None => {}
        }
        way.answer(b"")?;
        Ok(way)
    }

    fn in_address(servers: &[ServerAddr]) -> Self {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let found = servers
            .iter()
            .find_map(|server| Some((server.username()?, server.password())));
        match found {
            Some((user, Some(password))) => Self::User {
                user: plain(user),
                password: plain(password).into(),
            },
            Some((token, None)) => Self::Token(plain(token).into()),
            None => Self::Nothing,
        }
    }

    /// What is sent to the server, whose nonce is signed where a key is ours.
    pub(super) fn answer(&self, nonce: &[u8]) -> Result<Auth, SettingError> {
        let mut auth = Auth::new();
        match self {
            Self::Nothing => {}
            Self::User { user, password } => {
                auth.username = Some(user.clone());
                auth.password = Some(password.expose_secret().to_owned());
            }
            Self::Token(token) => auth.token = Some(token.expose_secret().to_owned()),
            Self::Seed(seed) => {
                let key = user_key(seed.expose_secret()).ok_or(SettingError::BadSeed)?;
                sign(&mut auth, &key, nonce);
                auth.nkey = Some(key.public_key());
            }
            Self::SeedFile(path) => {
                let text = read("nkey_seed_file", path)?;
                // Such files may hold remarks.
                let key = text.lines().find_map(user_key);
                let key = key.ok_or_else(|| {
                    wrong_content("nkey_seed_file", path, "NKey seed of a user (SU…)")
                })?;
                sign(&mut auth, &key, nonce);
                auth.nkey = Some(key.public_key());
            }
            Self::CredsFile(path) => {
                let text = read("credentials_file", path)?;
                let (jwt, key) = jwt_and_key(&text).ok_or_else(|| {
                    let wanted = "user JWT with its seed, as `nsc generate creds` writes them";
                    wrong_content("credentials_file", path, wanted)
                })?;
                sign(&mut auth, &key, nonce);
                auth.jwt = Some(jwt.to_owned());
            }
        }
        Ok(auth)
    }

    /// What to look at when the server refuses us.
    pub(super) fn advice(&self) -> String {
        match self {
            Self::Nothing => {
                "none were given; name nats.user and nats.password, or write nats://user:password@host:4222"
                    .into()
            }
            Self::User { .. } => "check nats.user and nats.password".into(),
            Self::Token(_) => "check nats.token".into(),
            Self::Seed(_) | Self::SeedFile(_) => {
                let auth = self.answer(b"").ok();
                let key = auth.and_then(|auth| auth.nkey).unwrap_or_default();
                format!("it must know the user with the public NKey {key}")
            }
            Self::CredsFile(path) => format!(
                "check that {} is of its operator and account, and neither expired nor revoked",
                path.display()
            ),
        }
    }
}

fn read(key: &'static str, path: &Path) -> Result<Zeroizing<String>, SettingError> {
    let read = fs::read_to_string(path).map(Zeroizing::new);
    read.map_err(|source| SettingError::Unreadable {
        key,
        path: path.to_owned(),
        source,
    })
}

fn user_key(seed: &str) -> Option<KeyPair> {
    let key = KeyPair::from_seed(seed.trim()).ok()?;
    matches!(key.key_pair_type(), KeyPairType::User).then_some(key)
}

/// Without a nonce nothing is signed: the server did not ask.
fn sign(auth: &mut Auth, key: &KeyPair, nonce: &[u8]) {
    auth.signature = match nonce.is_empty() {
        true => None,
        false => key.sign(nonce).ok(),
    };
}

/// The JWT is the first line that looks like one, the seed the first that is one; both stand between lines of dashes.
fn jwt_and_key(text: &str) -> Option<(&str, KeyPair)> {
    let is_jwt = |line: &&str| line.starts_with("eyJ") && line.split('.').count() == 3;
    let jwt = text.lines().map(str::trim).find(is_jwt)?;
    let key = text.lines().find_map(user_key)?;
    Some((jwt, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &NatsConfig) -> [Option<String>; 3] {
        let servers: Vec<ServerAddr> = config
            .addresses()
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        let found = Credentials::of(config, &servers).unwrap();
        let auth = found.answer(b"").unwrap();
        [auth.username, auth.password, auth.token]
    }

    #[test]
    fn an_address_may_carry_them_and_the_configuration_goes_first() {
        let some = |text: &str| Some(text.to_owned());
        let address = NatsConfig::for_url("nats://bob:p%40ss@host:1");
        assert_eq!(of(&address), [some("bob"), some("p@ss"), None]);
        let configured = address.with_user("ann", "word");
        assert_eq!(of(&configured), [some("ann"), some("word"), None]);
        let token = NatsConfig::for_url("nats://s3cret@host:1");
        assert_eq!(of(&token), [None, None, some("s3cret")]);
        let empty = NatsConfig::for_url("nats://host:1").with_user("", "");
        assert_eq!(of(&empty), [None, None, None]);
    }

    #[test]
    fn two_ways_to_log_in_and_a_bad_seed_are_refused() {
        let error = |config: &NatsConfig| Credentials::of(config, &[]).err().unwrap().to_string();
        let operator = KeyPair::new_operator().seed().unwrap();
        let both = NatsConfig {
            nkey_seed: Some(KeyPair::new_user().seed().unwrap().into()),
            ..NatsConfig::default().with_user("bob", "hunter2")
        };
        assert_eq!(
            error(&both),
            "nats.nkey_seed and nats.user exclude each other; keep one of them"
        );
        let wrong = NatsConfig {
            nkey_seed: Some(operator.clone().into()),
            ..NatsConfig::default()
        };
        assert!(error(&wrong).contains("begins with SU"));
        assert!(!error(&wrong).contains(&operator));
        let absent = NatsConfig {
            credentials_file: Some("/nonexistent.creds".into()),
            ..NatsConfig::default()
        };
        assert!(
            error(&absent)
                .starts_with("cannot read /nonexistent.creds, which nats.credentials_file names: ")
        );
    }
}

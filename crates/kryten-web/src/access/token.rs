//! A token, and the cookie that stands for it.

use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The cookie that stands for the token.
pub(super) const COOKIE: &str = "kryten_session";

/// Digests, so that comparing takes as long for a good guess as for a bad one, and the cookie does not tell the token.
#[derive(Debug)]
pub(super) struct Token {
    digest: [u8; 32],
    cookie: String,
    cookie_digest: [u8; 32],
}

impl Token {
    pub(super) fn new(token: &SecretString) -> Self {
        let token = token.expose_secret();
        let cookie = digest(&format!("kryten-web session {token}"));
        let cookie = hex::encode(cookie);
        Self {
            digest: digest(token),
            cookie_digest: digest(&cookie),
            cookie,
        }
    }

    pub(super) fn is(&self, given: &str) -> bool {
        digest(given) == self.digest
    }

    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Whether a request carries it: as a bearer, or in the cookie.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|given| given.to_str().ok())
            .and_then(|given| given.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if bearer.is_some_and(|(_, given)| self.is(given.trim())) {
            return true;
        }
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .any(|(name, value)| name == COOKIE && digest(value) == self.cookie_digest)
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
